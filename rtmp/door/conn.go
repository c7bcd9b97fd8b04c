package door

import (
	"crypto/tls"
	"io"
	"net"
	"time"

	"github.com/seed-3309b198/reelfront/rtmp/tunnel"
)

// Conn is a connection on which RTMP is spoken, whichever way it came. Its bytes are those of RTMP; it counts those of the
// transport, which with TLS are more.
type Conn struct {
	wire
	tls    *tls.Conn // over wire; nil without TLS of the Server's
	inside peeked    // of what tls has deciphered
	ends   *ends     // nil where no proxy told them
}

// ends are the two ends of a connection as a trusted proxy tells them.
type ends struct{ remote, local net.Addr }

func newConn(nc net.Conn, t *terms) *Conn { return &Conn{wire: newWire(nc, t)} }

func (c *Conn) Read(p []byte) (int, error) {
	if c.tls == nil {
		return c.wire.Read(p)
	}
	if n := c.inside.take(p); n > 0 {
		return n, nil
	}
	return c.tls.Read(p)
}

// Write fails when it makes no progress for Server.Write.
func (c *Conn) Write(p []byte) (int, error) {
	if c.tls == nil {
		return c.wire.Write(p)
	}
	return c.tls.Write(p)
}

// Close closes the transport, without a word. A tunnel's client can still fetch what was written before.
func (c *Conn) Close() error { return c.wire.Conn.Close() }

// HangUp tells the client that nothing more will come, and waits for a while for it to close the connection: closing while its
// bytes lie unread would have the kernel reset the connection and lose what was written last. Close comes after it. It waits for
// no tunnel's client, because closing a tunnel loses nothing.
func (c *Conn) HangUp(patience time.Duration) {
	if c.tunnelled() || c.closeWrite() != nil || c.SetReadDeadline(time.Now().Add(patience)) != nil {
		return
	}
	_, _ = io.Copy(io.Discard, &c.wire)
}

// closeWrite tells the client the end on every layer.
func (c *Conn) closeWrite() error {
	if c.tls != nil {
		if err := c.tls.CloseWrite(); err != nil {
			return err
		}
	}
	return c.wire.closeWrite()
}

// RemoteAddr is the viewer's address: the peer's, or what a trusted proxy says.
func (c *Conn) RemoteAddr() net.Addr {
	if c.ends != nil {
		return c.ends.remote
	}
	return c.wire.RemoteAddr()
}

// LocalAddr is where the viewer connected.
func (c *Conn) LocalAddr() net.Addr {
	if c.ends != nil {
		return c.ends.local
	}
	return c.wire.LocalAddr()
}

// Scheme is the way that the connection came. Whether it is enciphered only the handshake tells.
func (c *Conn) Scheme() Scheme {
	if t, ok := c.wire.Conn.(*tunnel.Conn); ok {
		return Scheme{Tunnelled: true, Secure: t.Secure()}
	}
	return Scheme{Secure: c.secured() != nil}
}

func (c *Conn) tunnelled() bool {
	_, ok := c.wire.Conn.(*tunnel.Conn)
	return ok
}

// secured is the TLS, the Server's or that of the listener; nil where there is none.
func (c *Conn) secured() *tls.Conn {
	if c.tls != nil {
		return c.tls
	}
	theirs, _ := c.wire.Conn.(*tls.Conn)
	return theirs
}

// Received is how many bytes have come.
func (c *Conn) Received() uint64 { return c.received.Load() }

// Sent is how many bytes have been written to the transport.
func (c *Conn) Sent() uint64 { return c.sent.Load() }

// Age is how long ago the connection was accepted.
func (c *Conn) Age() time.Duration { return c.terms.now() - c.began }

// Silent is how long no byte has come.
func (c *Conn) Silent() time.Duration {
	return c.terms.now() - max(c.began, time.Duration(c.heard.Load()))
}
