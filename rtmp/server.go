package rtmp

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-3309b198/reelfront/rtmp/door"
)

// DefaultChunkSize is the chunk size that a Server announces: large, so that a message is one header and one payload.
const DefaultChunkSize = 64 << 10

// ErrServerClosed is what Serve returns after Close or Shutdown.
var ErrServerClosed = errors.New("rtmp: server closed")

var errNoHandler = errors.New("rtmp: the Server has no Handler")

// Server serves RTMP. Set its fields before the first call of Serve and leave them alone from then on; only Handler is
// required.
type Server struct {
	Handler Handler
	// HTTP, when set, answers the HTTP requests that are not RTMPT's; without it they get 404.
	HTTP http.Handler
	// TLSConfig, when set, lets clients speak TLS on every listener.
	TLSConfig *tls.Config
	// TrustedProxies are the addresses whose PROXY headers (versions 1 and 2) and X-Forwarded-For count for the viewer's
	// address; none by default.
	TrustedProxies []netip.Prefix
	// VerifySWF, when set, says by which SWF files a client may play: who does not prove within Limits.SWF that it is one of
	// them is cut off, and who shakes hands without digests, and so cannot, is rejected. None lets everybody play. It is
	// called after Handler.Connect, on the same goroutine.
	VerifySWF func(*ConnectRequest) []SWF
	Limits    Limits
	// ChunkSize is the size of the chunks that are sent; 0 means DefaultChunkSize.
	ChunkSize int
	// Enhanced says when codecs that only Enhanced RTMP carries, HEVC, AV1, Opus and others, are sent.
	Enhanced Enhanced
	// OnEvent, when set, is told what happens on every connection. It must not block.
	OnEvent func(Event)
	// Logger is told of what goes wrong; nil means slog.Default().
	Logger *slog.Logger

	batches sync.Pool
	ids     atomic.Uint32

	mu     sync.Mutex
	epoch  time.Time // of the clock that all players share
	closed bool
	in     *door.Server // nil before it was needed
	conns  map[*conn]struct{}
}

// ListenAndServe listens on a TCP address and serves.
func (s *Server) ListenAndServe(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// Serve accepts connections on l until Close or Shutdown, and then returns ErrServerClosed. It closes l. Any number of
// listeners may be served at once.
func (s *Server) Serve(l net.Listener) error {
	if s.Handler == nil {
		l.Close()
		return errNoHandler
	}
	err := s.doors().Serve(l)
	if s.isClosed() {
		return ErrServerClosed
	}
	return err
}

// doors lets connections in, with what the host has set by the first call.
func (s *Server) doors() *door.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.in == nil {
		s.epoch = time.Now()
		s.conns = make(map[*conn]struct{})
		s.in = &door.Server{
			Handle:         s.serve,
			HTTP:           s.HTTP,
			TLSConfig:      s.TLSConfig,
			TrustedProxies: s.TrustedProxies,
			Connections:    s.Limits.Connections,
			Handshake:      s.Limits.Handshake,
			Write:          s.Limits.Write,
			Logger:         s.Logger,
		}
	}
	return s.in
}

// serve speaks RTMP on a connection, unless the server was closed meanwhile.
func (s *Server) serve(nc *door.Conn) {
	c := newConn(s, nc)
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.conns[c] = struct{}{}
	}
	s.mu.Unlock()
	if closed {
		nc.Close()
		return
	}
	defer s.forget(c)
	c.serve()
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// now is the time since the server's epoch.
func (s *Server) now() time.Duration { return time.Since(s.epoch) }

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// stopAccepting closes the listeners and returns the connections that are left.
func (s *Server) stopAccepting() []*conn {
	s.mu.Lock()
	s.closed = true
	conns := slices.Collect(maps.Keys(s.conns))
	s.mu.Unlock()
	s.doors().Stop()
	return conns
}

// Close ends the server at once: no more connections, and those that are there are cut. It returns when all of its
// goroutines have ended.
func (s *Server) Close() error {
	for _, c := range s.stopAccepting() {
		c.cut(ErrServerClosed)
	}
	s.doors().End(0)
	return nil
}

// Shutdown stops accepting, ends the connections on which nothing plays, and lets the others finish until ctx ends.
// Whoever is left then is told NetConnection.Connect.AppShutdown and cut. It returns when all of the server's goroutines
// have ended: nil when every viewer finished, else ctx's error. The clients of tunnels get two seconds more to fetch what was
// said last; those that come by a connection for each request, as through many proxies, find the listener closed.
func (s *Server) Shutdown(ctx context.Context) error {
	conns := s.stopAccepting()
	for _, c := range conns {
		if !c.playing() {
			c.shutdown()
		}
	}
	finished := make(chan struct{})
	go func() {
		s.doors().End(lingerTime)
		close(finished)
	}()
	select {
	case <-finished:
		return nil
	case <-ctx.Done():
	}
	for _, c := range conns {
		c.shutdown()
	}
	<-finished
	return ctx.Err()
}

func (s *Server) logger() *slog.Logger {
	if s.Logger != nil {
		return s.Logger
	}
	return slog.Default()
}

func (s *Server) chunkSize() int {
	if s.ChunkSize > 0 {
		return s.ChunkSize
	}
	return DefaultChunkSize
}
