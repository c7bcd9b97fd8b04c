package rtmptest

import (
	"errors"
	"net"
	"sync"
)

// Fault is what a server does wrong, on purpose: it ends plays with Err, or breaks off connections after Bytes.
type Fault struct {
	// Err ends each play, and is told to the client as rtmp.StatusOf has it: fs.ErrNotExist, a *rtmp.StatusError, or any
	// other error.
	Err error
	// Tags is how many tags of the play are sent before Err; 0 refuses the play.
	Tags int

	// Bytes is how many bytes of each connection are sent, handshake and all, before it is closed without a word. 0 is no
	// bound.
	Bytes int64
	// Hang has the connection stay open behind Bytes, silent, until the client hangs up. Without Bytes it is plays that
	// are never answered.
	Hang bool
}

// Fail has the server do f wrong from now on, in plays that begin and on connections that are accepted; nil ends it.
func (s *Server) Fail(f *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = Fault{}
	if f != nil {
		s.fault = *f
	}
}

func (s *Server) failing() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}

// listener accepts connections that break off where the server's fault says so.
type listener struct {
	net.Listener
	s *Server
}

func (l *listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	f := l.s.failing()
	if err != nil || f.Bytes <= 0 {
		return nc, err
	}
	return &brokenConn{Conn: nc, left: f.Bytes, hang: f.Hang, closed: make(chan struct{})}, nil
}

var errCut = errors.New("rtmptest: connection cut as Fault.Bytes says")

// brokenConn sends some bytes and no more. The server makes one Write at a time.
type brokenConn struct {
	net.Conn
	left    int64
	hang    bool
	closing sync.Once
	closed  chan struct{}
}

func (c *brokenConn) Write(p []byte) (int, error) {
	if int64(len(p)) <= c.left {
		n, err := c.Conn.Write(p)
		c.left -= int64(n)
		return n, err
	}
	n, err := c.Conn.Write(p[:c.left])
	c.left -= int64(n)
	if err != nil {
		return n, err
	}
	if c.hang {
		<-c.closed
		return n, net.ErrClosed
	}
	return n, errors.Join(errCut, c.Close())
}

func (c *brokenConn) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
