package rtmptest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

// appName is the application that the servers of NewServer have.
const appName = "vod"

// closePatience is how long Close waits before it says what for.
const closePatience = 5 * time.Second

// Server is an RTMP server on a port of the loopback interface. It ends with its test.
type Server struct {
	// URL is that of the application, without a slash at its end: "rtmp://127.0.0.1:40001/vod". It is set by Start.
	URL string
	// Listener may be replaced before Start.
	Listener net.Listener
	// Config may be changed before Start. Where it has no Logger, the server's log goes to the test's.
	Config *rtmp.Server

	t        testing.TB
	patience time.Duration
	served   chan struct{} // closed when Serve has returned; nil before Start
	closing  sync.Once

	mu      sync.Mutex
	fault   Fault
	viewers map[*viewer]struct{}
}

// NewServer starts a server that plays the files of fsys.
func NewServer(t testing.TB, fsys fs.FS) *Server {
	return NewHandlerServer(t, &vod.Handler{App: appName, Origin: origin.FS(fsys)})
}

// NewHandlerServer starts a server with a handler.
func NewHandlerServer(t testing.TB, h rtmp.Handler) *Server {
	s := NewUnstartedServer(t, h)
	s.Start()
	return s
}

// NewUnstartedServer returns a server that listens already but accepts nobody before Start, so that its Config can be
// changed.
func NewUnstartedServer(t testing.TB, h rtmp.Handler) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("rtmptest: %v", err)
	}
	s := &Server{
		Listener: l,
		Config:   &rtmp.Server{Handler: h},
		t:        t,
		patience: closePatience,
		viewers:  make(map[*viewer]struct{}),
	}
	t.Cleanup(s.Close)
	return s
}

// Start starts a server of NewUnstartedServer.
func (s *Server) Start() {
	s.t.Helper()
	if s.served != nil {
		s.t.Fatal("rtmptest: server started twice")
	}
	s.URL = fmt.Sprintf("rtmp://%s/%s", s.Listener.Addr(), appName)
	s.Config.Handler = &handler{Handler: s.Config.Handler, s: s}
	if s.Config.Logger == nil {
		s.Config.Logger = slog.New(slog.NewTextHandler(testLog{s.t}, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	}
	s.served = make(chan struct{})
	go func() {
		defer close(s.served)
		if err := s.Config.Serve(&listener{Listener: s.Listener, s: s}); !errors.Is(err, rtmp.ErrServerClosed) {
			s.t.Errorf("rtmptest: %v", err)
		}
	}()
}

// Close cuts all connections and waits for the server's goroutines; the end of the test calls it. After five seconds it
// logs whom it waits for, and waits on. Handlers must return when their context ends.
func (s *Server) Close() { s.closing.Do(s.close) }

func (s *Server) close() {
	if s.served == nil {
		if err := s.Listener.Close(); err != nil {
			s.t.Logf("rtmptest: %v", err)
		}
		return
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		if err := s.Config.Close(); err != nil {
			s.t.Errorf("rtmptest: %v", err)
		}
		<-s.served
	}()
	patience := time.NewTimer(s.patience)
	defer patience.Stop()
	select {
	case <-closed:
	case <-patience.C:
		s.t.Logf("rtmptest: Close has been waiting for %s for %s", s.patience, strings.Join(s.present(), "; "))
		<-closed
	}
}

// present says who is connected, and what for.
func (s *Server) present() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for v := range s.viewers {
		all = append(all, fmt.Sprintf("%s in %s", v.addr, v.doing))
	}
	return all
}

// viewer is a connection, from its connect command to its end.
type viewer struct {
	addr  string
	doing string // guarded by Server.mu
}

func (s *Server) join(r *rtmp.ConnectRequest) *viewer {
	v := &viewer{addr: "?", doing: fmt.Sprintf("Connect of %q", r.App)}
	if r.RemoteAddr != nil {
		v.addr = r.RemoteAddr.String()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.viewers[v] = struct{}{}
	return v
}

func (s *Server) leave(v *viewer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.viewers, v)
}

func (s *Server) note(v *viewer, doing string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v.doing = doing
}

// testLog writes to a test's log.
type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log("rtmptest: " + strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey && len(groups) == 0 {
		return slog.Attr{}
	}
	return a
}

// handler is the test's handler, with the server's faults. Its apps have all of the optional interfaces and do, where the
// test's have them not, what the server would do itself.
type handler struct {
	rtmp.Handler
	s *Server
}

func (h *handler) Connect(ctx context.Context, r *rtmp.ConnectRequest) (rtmp.App, error) {
	v := h.s.join(r)
	inner, err := h.Handler.Connect(ctx, r)
	if err != nil || inner == nil {
		h.s.leave(v)
		return nil, err
	}
	h.s.note(v, "no play")
	return &app{App: inner, s: h.s, viewer: v}, nil
}
