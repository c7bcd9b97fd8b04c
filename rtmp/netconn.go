package rtmp

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// meteredConn counts a connection's bytes, notes when the client was last heard, and lets a write take as long as it
// makes progress. It lies directly over the transport: a TLS or RC4 layer could not go on after half a write.
type meteredConn struct {
	net.Conn
	epoch        time.Time
	writeTimeout time.Duration

	received, sent atomic.Uint64
	heard          atomic.Int64 // time since epoch, in ns
}

func newMeteredConn(nc net.Conn, writeTimeout time.Duration) *meteredConn {
	return &meteredConn{Conn: nc, epoch: time.Now(), writeTimeout: writeTimeout}
}

func (c *meteredConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.received.Add(uint64(n))
		c.heard.Store(int64(time.Since(c.epoch)))
	}
	return n, err
}

// silent is how long the client has not sent a byte.
func (c *meteredConn) silent() time.Duration {
	return time.Since(c.epoch) - time.Duration(c.heard.Load())
}

func (c *meteredConn) Write(p []byte) (int, error) {
	done := 0
	for {
		if err := c.SetWriteDeadline(time.Now().Add(c.writeTimeout)); err != nil {
			return done, err
		}
		n, err := c.Conn.Write(p[done:])
		done += n
		c.sent.Add(uint64(n))
		if n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return done, err
		}
	}
}

// CloseWrite tells the client that nothing more will come, where the transport can.
func (c *meteredConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
