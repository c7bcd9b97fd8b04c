package rtmp

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-3309b198/reelfront/rtmp/tunnel"
)

// What the inner HTTP server allows a request.
const (
	webHeaderBytes = 16 << 10
	webReadTime    = time.Minute
	webIdleTime    = 2 * time.Minute
)

// web is the HTTP server inside of a Server: it takes the connections that speak HTTP, and yields the tunnels in them.
type web struct {
	srv     *Server
	http    http.Server
	tunnels tunnel.Handler
	queue   chan net.Conn
	closed  chan struct{}
	running sync.WaitGroup // its two loops and its connections
	open    atomic.Int32   // connections
}

// serveWeb gives a connection to the HTTP server, which it starts with the first one.
func (s *Server) serveWeb(nc net.Conn, secure bool) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrServerClosed
	}
	if s.web == nil {
		s.web = newWeb(s)
		s.web.start()
	}
	w := s.web
	w.running.Add(1)
	w.open.Add(1)
	s.mu.Unlock()
	if err := nc.SetReadDeadline(time.Time{}); err != nil {
		w.gone()
		return err
	}
	select {
	case w.queue <- &webConn{Conn: nc, secure: secure, web: w}:
		return errWeb
	case <-w.closed:
		w.gone()
		return ErrServerClosed
	}
}

func (w *web) gone() {
	w.open.Add(-1)
	w.running.Done()
}

func newWeb(s *Server) *web {
	w := &web{srv: s, queue: make(chan net.Conn), closed: make(chan struct{})}
	w.tunnels.RemoteAddr = s.forwarded
	w.tunnels.Next = s.HTTP
	w.http = http.Server{
		Handler:           http.HandlerFunc(w.serve),
		ReadHeaderTimeout: s.Limits.handshake(),
		ReadTimeout:       webReadTime,
		IdleTimeout:       webIdleTime,
		MaxHeaderBytes:    webHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.logger().Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
			return context.WithValue(ctx, webConnKey{}, nc)
		},
	}
	return w
}

func (w *web) start() {
	w.running.Go(func() { _ = w.http.Serve(w) })
	w.running.Go(func() {
		for {
			nc, err := w.tunnels.Accept()
			if err != nil {
				return
			}
			w.srv.start(nc)
		}
	})
}

// serve tells the tunnels of TLS, which net/http does not see through our connections.
func (w *web) serve(rw http.ResponseWriter, r *http.Request) {
	if nc, ok := r.Context().Value(webConnKey{}).(*webConn); ok && nc.secure {
		r.TLS = &tls.ConnectionState{HandshakeComplete: true}
	}
	w.tunnels.ServeHTTP(rw, r)
}

// end closes what is open and waits for it.
func (w *web) end() {
	w.http.Close()
	w.tunnels.Close()
	w.running.Wait()
}

// Accept, Close and Addr make web the listener of its HTTP server.
func (w *web) Accept() (net.Conn, error) {
	select {
	case nc := <-w.queue:
		return nc, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

// Close is called once, by the HTTP server's Close.
func (w *web) Close() error {
	close(w.closed)
	return nil
}

func (w *web) Addr() net.Addr { return &net.TCPAddr{} }

// webConn is a connection of the HTTP server.
type webConn struct {
	net.Conn
	secure bool
	web    *web
	once   sync.Once
}

type webConnKey struct{}

func (c *webConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.web.gone)
	return err
}
