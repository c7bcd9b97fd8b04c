package rtmp

import (
	"errors"
	"net"
	"os"
	"sync"
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

	mu    sync.Mutex
	given time.Time // the deadline of writes that somebody has set; zero for none
	armed time.Time // the one that is in force
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
		if err := c.armWrite(); err != nil {
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

// SetWriteDeadline sets a deadline that progress does not put off, as HTTP and TLS have for replies and for their end.
func (c *meteredConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.given, c.armed = t, time.Time{}
	c.mu.Unlock()
	return c.armWrite()
}

// SetDeadline sets both deadlines.
func (c *meteredConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// armWrite sets the deadline of the next write, if it is not about right already: TLS writes records of 16 KiB, and
// setting one costs about as much as copying half of that.
func (c *meteredConn) armWrite() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	deadline := time.Now().Add(c.writeTimeout)
	if !c.given.IsZero() && c.given.Before(deadline) {
		deadline = c.given
	}
	if early := deadline.Sub(c.armed); 0 <= early && early < min(time.Second, c.writeTimeout/16) {
		return nil
	}
	c.armed = deadline
	return c.Conn.SetWriteDeadline(deadline)
}

// CloseWrite tells the client that nothing more will come, where the transport can.
func (c *meteredConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
