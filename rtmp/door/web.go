package door

import (
	"context"
	"crypto/tls"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-3309b198/reelfront/rtmp/tunnel"
)

// web is the HTTP server inside of a Server: it takes the connections that speak HTTP, and yields the tunnels in them.
type web struct {
	srv     *Server
	http    http.Server
	tunnels tunnel.Handler
	queue   chan net.Conn
	closed  chan struct{}
	cancel  context.CancelFunc // of all requests: a handler that leaves a body unread would not learn of a closed connection
	running sync.WaitGroup     // its two loops and its connections

	mu    sync.Mutex
	conns map[*webConn]struct{}
}

// webConn is a connection of the HTTP server.
type webConn struct {
	*Conn
	web      *web
	state    *tls.ConnectionState // nil without TLS
	once     sync.Once
	hijacked atomic.Bool
}

type webConnKey struct{}

// serveWeb gives a connection to the HTTP server, which it starts with the first one.
func (s *Server) serveWeb(c *Conn) {
	if c.SetReadDeadline(time.Time{}) != nil {
		c.Close()
		return
	}
	wc := s.admitWeb(c)
	select {
	case wc.web.queue <- wc:
	case <-wc.web.closed:
		wc.Close()
		wc.gone()
	}
}

// admitWeb makes a connection known to the HTTP server.
func (s *Server) admitWeb(c *Conn) *webConn {
	wc := &webConn{Conn: c}
	if secure := c.secured(); secure != nil {
		state := secure.ConnectionState()
		wc.state = &state
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.web == nil {
		s.web = newWeb(s)
		s.web.start()
	}
	w := s.web
	wc.web = w
	w.running.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns[wc] = struct{}{}
	return wc
}

// open is the number of connections.
func (w *web) open() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.conns)
}

func newWeb(s *Server) *web {
	w := &web{srv: s, queue: make(chan net.Conn), closed: make(chan struct{}), conns: make(map[*webConn]struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	w.tunnels.RemoteAddr = s.forwarded
	w.tunnels.Next = s.HTTP
	w.tunnels.MaxSessions = s.connections()
	w.http = http.Server{
		Handler:           http.HandlerFunc(w.serve),
		ReadHeaderTimeout: s.handshake(),
		ReadTimeout:       webReadTime,
		IdleTimeout:       webIdleTime,
		MaxHeaderBytes:    webHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.logger().Handler(), slog.LevelDebug),
		ConnState:         webState,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
			return context.WithValue(ctx, webConnKey{}, nc)
		},
	}
	return w
}

// webState learns when a connection's goroutine has ended, which is later than its Close.
func webState(nc net.Conn, state http.ConnState) {
	c := nc.(*webConn)
	switch state {
	case http.StateHijacked:
		c.hijacked.Store(true)
	case http.StateClosed:
		c.gone()
	}
}

// Close says farewell where there is TLS. It leaves the rest to webState, unless a handler has taken the connection from the
// HTTP server.
func (c *webConn) Close() error {
	closing := c.Conn.Close
	if c.tls != nil {
		closing = c.tls.Close
	}
	err := closing()
	if c.hijacked.Load() {
		c.gone()
	}
	return err
}

func (c *webConn) gone() {
	c.once.Do(func() {
		c.web.mu.Lock()
		delete(c.web.conns, c)
		c.web.mu.Unlock()
		c.web.running.Done()
	})
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

// serve tells the handlers of TLS, which net/http does not see through our connections, and the log of their panics.
func (w *web) serve(rw http.ResponseWriter, r *http.Request) {
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler {
			w.srv.logger().Error("panic", "remote", r.RemoteAddr, "panic", v, "stack", string(debug.Stack()))
			panic(http.ErrAbortHandler)
		}
	}()
	if c, ok := r.Context().Value(webConnKey{}).(*webConn); ok {
		r.TLS = c.state
	}
	w.tunnels.ServeHTTP(rw, r)
}

// end lets the clients of tunnels fetch what was said last, and requests finish, for a while. Then it closes what is open and
// waits for it. The HTTP server does not know all connections yet that it has accepted.
func (w *web) end(linger time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), linger)
	defer cancel()
	_ = w.tunnels.Shutdown(ctx)
	_ = w.http.Shutdown(ctx)
	w.http.Close()
	w.cancel()
	w.mu.Lock()
	left := slices.Collect(maps.Keys(w.conns))
	w.mu.Unlock()
	for _, c := range left {
		c.Close()
	}
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

// Close is called once, by the HTTP server.
func (w *web) Close() error {
	close(w.closed)
	return nil
}

func (w *web) Addr() net.Addr { return &net.TCPAddr{} }
