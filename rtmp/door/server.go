package door

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"
)

// Server lets connections in. Set its fields before the first call of Serve and leave them alone from then on; only Handle
// is required.
//
// For fields that limit something, zero means the default and negative means no limit.
type Server struct {
	// Handle is given each connection on which RTMP is to be spoken, from its first byte on, on a goroutine of its own. It
	// closes the connection, on which the read deadline of Handshake is in force.
	Handle func(*Conn)
	// HTTP, when set, answers the HTTP requests that are not RTMPT's; without it they get 404.
	HTTP http.Handler
	// TLSConfig, when set, lets clients speak TLS on every listener.
	TLSConfig *tls.Config
	// TrustedProxies are the addresses whose PROXY headers (versions 1 and 2) and X-Forwarded-For count for the viewer's
	// address; none by default.
	TrustedProxies []netip.Prefix

	Connections int           // at once, those of HTTP included; 50,000
	Handshake   time.Duration // from the first byte to the end of what Handle makes of it; 10 s
	Write       time.Duration // a write without progress; 5 min

	// Logger is told of what goes wrong; nil means slog.Default().
	Logger *slog.Logger

	// Set by the first Serve.
	terms terms
	tls   *tls.Config // TLSConfig, as it is used

	running sync.WaitGroup // goroutines of connections

	mu        sync.Mutex
	stopped   bool
	listeners map[net.Listener]struct{}
	live      int                // goroutines of connections
	entering  map[*Conn]struct{} // of these, those that are not Handle's yet
	web       *web               // nil before the first HTTP connection
}

// Serve accepts connections on l, which it closes, until Stop, and then returns net.ErrClosed. Any number of listeners may be
// served at once.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	if !s.track(l) {
		return net.ErrClosed
	}
	defer s.untrack(l)
	var pause time.Duration
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			s.start(nc)
		case s.isStopped():
			return net.ErrClosed
		case errors.Is(err, net.ErrClosed):
			return err
		default:
			// Out of descriptors, mostly: accepting again at once would only burn the CPU that could free some.
			pause = min(max(2*pause, acceptPause), longestAcceptPause)
			s.logger().Warn("accept failed", "err", err, "retry", pause)
			time.Sleep(pause)
		}
	}
}

func (s *Server) track(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	if s.listeners == nil {
		s.listeners = make(map[net.Listener]struct{})
		s.entering = make(map[*Conn]struct{})
		s.terms = terms{epoch: time.Now(), write: s.write()}
		s.tls = tlsConfig(s.TLSConfig)
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) untrack(l net.Listener) {
	s.mu.Lock()
	delete(s.listeners, l)
	s.mu.Unlock()
}

func (s *Server) isStopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped
}

// start serves a connection, or closes it where there is no room for it.
func (s *Server) start(nc net.Conn) {
	c := newConn(nc, &s.terms)
	if !s.admit(c) {
		nc.Close()
		return
	}
	go s.serve(c)
}

func (s *Server) admit(c *Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := s.live
	if s.web != nil {
		open += s.web.open()
	}
	if s.stopped || open >= s.connections() {
		return false
	}
	s.live++
	s.entering[c] = struct{}{}
	s.running.Add(1)
	return true
}

// serve finds out how a connection comes and hands it on. A panic costs one connection.
func (s *Server) serve(c *Conn) {
	defer s.leave(c)
	defer func() {
		if v := recover(); v != nil {
			s.logger().Error("panic", "remote", c.RemoteAddr(), "panic", v, "stack", string(debug.Stack()))
			c.Close()
		}
	}()
	web, err := s.enter(c)
	if err == nil {
		err = s.entered(c)
	}
	switch {
	case err != nil:
		c.Close()
		s.logger().Debug("connection ended", "remote", c.RemoteAddr(), "err", err)
	case web:
		s.serveWeb(c)
	default:
		s.Handle(c)
	}
}

// entered notes that a connection is to be handed on, which Stop no longer closes.
func (s *Server) entered(c *Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.entering, c)
	if s.stopped {
		return net.ErrClosed
	}
	return nil
}

func (s *Server) leave(c *Conn) {
	s.mu.Lock()
	delete(s.entering, c)
	s.live--
	s.mu.Unlock()
	s.running.Done()
}

// Stop closes the listeners, and the connections of which it is not known yet how they come. Handle is not called any more.
// HTTP goes on, and tunnels with it.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	for l := range s.listeners {
		l.Close()
	}
	for c := range s.entering {
		c.Close()
	}
}

// End stops the server, waits for all calls of Handle to return, gives the clients of tunnels a while to fetch what was said
// last, and HTTP requests to finish, and then cuts them off. It returns when all of the server's goroutines have ended.
func (s *Server) End(linger time.Duration) {
	s.Stop()
	s.running.Wait()
	s.mu.Lock()
	w := s.web
	s.mu.Unlock()
	if w != nil {
		w.end(linger)
	}
}

func (s *Server) logger() *slog.Logger {
	if s.Logger != nil {
		return s.Logger
	}
	return slog.Default()
}
