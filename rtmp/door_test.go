package rtmp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pires/go-proxyproto"
	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
	"github.com/seed-3309b198/reelfront/rtmp/handshake"
)

// manor is a server with every door, on one TCP listener.
type manor struct {
	*Server
	addr  string
	roots *x509.CertPool

	mu       sync.Mutex
	requests []*ConnectRequest
}

func newManor(t *testing.T, s *Server, app *cinema) *manor {
	t.Helper()
	m := certify(s)
	m.open(t, app)
	return m
}

// certify gives a server a certificate.
func certify(s *Server) *manor {
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	defer certified.Close()
	m := &manor{Server: s, roots: x509.NewCertPool()}
	m.roots.AddCert(certified.Certificate())
	s.TLSConfig = &tls.Config{Certificates: certified.TLS.Certificates}
	return m
}

func (m *manor) open(t *testing.T, app *cinema) {
	t.Helper()
	s := m.Server
	s.Logger = slog.New(slog.DiscardHandler)
	s.Handler = HandlerFunc(func(_ context.Context, r *ConnectRequest) (App, error) {
		if r.App == "closed" {
			return nil, &StatusError{Code: CodeConnectRejected, Application: "closed today"}
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.requests = append(m.requests, r)
		return app, nil
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	m.addr = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.ErrorIs(t, <-served, ErrServerClosed)
	})
}

// last is the latest connect.
func (m *manor) last() *ConnectRequest {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.requests) == 0 {
		return nil
	}
	return m.requests[len(m.requests)-1]
}

func (m *manor) dial(t *testing.T) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", m.addr)
	require.NoError(t, err)
	t.Cleanup(func() { nc.Close() })
	require.NoError(t, nc.SetDeadline(time.Now().Add(20*time.Second)))
	return nc
}

// variants are all the ways into a server: scheme and handshake.
var variants = []struct {
	name, scheme string
	handshake    *handshake.ClientOptions
}{
	{"plain", "rtmp", &handshake.ClientOptions{}},
	{"digest, scheme 0", "rtmp", &handshake.ClientOptions{Digest: handshake.Scheme0, Strict: true}},
	{"digest, scheme 1", "rtmp", &handshake.ClientOptions{Digest: handshake.Scheme1, Strict: true}},
	{"RTMPE 6", "rtmpe", nil},
	{"RTMPE 8", "rtmpe", &handshake.ClientOptions{Protocol: handshake.RTMPEXTEA}},
	{"RTMPE 9", "rtmpe", &handshake.ClientOptions{Protocol: handshake.RTMPEBlowfish}},
	{"RTMPT", "rtmpt", nil},
	{"RTMPTE", "rtmpte", nil},
	{"RTMPS", "rtmps", nil},
	{"RTMPTS", "rtmpts", nil},
}

// TestDoors plays, seeks, pauses, is refused and ends through every door of one listener.
func TestDoors(t *testing.T) {
	t.Parallel()
	app := newCinema()
	gone := make(chan Event, 1)
	app.events = func(e Event) {
		if e.Kind == EventDisconnect {
			gone <- e
		}
	}
	m := newManor(t, &Server{}, app)
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			c, statuses := m.client(t, v.scheme, v.handshake, "vod")
			require.NoError(t, c.Connect(t.Context()))
			require.Equal(t, v.scheme, m.last().Protocol)
			require.Equal(t, "127.0.0.1", hostOnly(m.last().RemoteAddr))
			require.Equal(t, m.addr, m.last().LocalAddr.String())
			s := c.seat(t)
			film := footage(t, app.films["film"], 0)

			requireStatus(t, s.Play(t.Context(), "missing", nil), CodePlayStreamNotFound)
			require.NoError(t, s.Play(t.Context(), "film", nil))
			require.Equal(t, film, watch(t, s)[1:])

			require.NoError(t, s.Seek(7*time.Second))
			require.Equal(t, footage(t, app.films["film"], 7*time.Second), watch(t, s)[1:])

			require.NoError(t, s.SetBufferLength(time.Second))
			require.NoError(t, s.Play(t.Context(), "film", nil))
			require.NoError(t, s.Pause(true))
			statuses.await(CodePauseNotify)
			require.NoError(t, s.SetBufferLength(time.Hour))
			require.NoError(t, s.Pause(false))
			statuses.await(CodeUnpauseNotify)
			require.Equal(t, film, watch(t, s)[1:], "a pause loses nothing")

			require.NoError(t, c.Close())
			end := <-gone
			require.NoError(t, end.Err)
			require.Equal(t, v.scheme, end.Connect.Protocol)
			require.Greater(t, end.BytesSent, uint64(3073+2*len(film)*12))
			require.Greater(t, end.BytesReceived, uint64(3073))
		})
	}
}

// statuses are the codes that a client was told.
type statuses chan string

func (s statuses) await(code string) {
	for got := range s {
		if got == code {
			return
		}
	}
}

// client shakes hands through one of the doors.
func (m *manor) client(t *testing.T, scheme string, shake *handshake.ClientOptions, app string) (*Client, statuses) {
	t.Helper()
	told := make(statuses, 100)
	opts := &ClientOptions{
		Handshake: shake, TLSConfig: &tls.Config{RootCAs: m.roots}, App: app,
		OnStatus: func(s Status) { told <- s.Code },
	}
	c, err := Dial(t.Context(), scheme+"://"+m.addr+"/"+app+"/film", opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c, told
}

// TestDoorsReject has each variant's client refused: it is told why, and told of the end at once.
func TestDoorsReject(t *testing.T) {
	t.Parallel()
	m := newManor(t, &Server{}, newCinema())
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			c, _ := m.client(t, v.scheme, v.handshake, "closed")
			require.Equal(t, "closed today", requireStatus(t, c.Connect(t.Context()), CodeConnectRejected).Application)
		})
	}
}

// TestDoorsShutDown has every variant's viewer told of a shutdown, in the midst of a film.
func TestDoorsShutDown(t *testing.T) {
	t.Parallel()
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			m := newManor(t, &Server{}, newCinema())
			c, _ := m.client(t, v.scheme, v.handshake, "vod")
			require.NoError(t, c.Connect(t.Context()))
			s := c.seat(t)
			require.NoError(t, s.SetBufferLength(0))
			require.NoError(t, s.Play(t.Context(), "film", nil))
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			over := make(chan error, 1)
			go func() { over <- m.Shutdown(ctx) }()
			for {
				if _, err := s.ReadTag(t.Context()); err != nil {
					requireStatus(t, err, CodeConnectAppShutdown)
					break
				}
			}
			require.NoError(t, c.Close())
			require.ErrorIs(t, <-over, context.DeadlineExceeded)
		})
	}
}

func hostOnly(addr net.Addr) string {
	host, _, _ := net.SplitHostPort(addr.String())
	return host
}

// connectOver shakes hands and connects on a connection, plainly.
func connectOver(t *testing.T, nc net.Conn) {
	t.Helper()
	peer, err := handshake.Client(nc, nil)
	require.NoError(t, err)
	_, err = nc.Write(encoder{128}.command(nil, 3, 0, 0, "connect", 1.0, amf.Object{{Key: "app", Value: "vod"}}))
	require.NoError(t, err)
	in := chunk.NewReader(peer.Conn, chunk.Limits{})
	for {
		msg, err := in.ReadMessage()
		require.NoError(t, err)
		if msg.Type == chunk.TypeCommandAMF0 {
			return
		}
	}
}

func TestProxyProtocol(t *testing.T) {
	t.Parallel()
	source := &net.TCPAddr{IP: net.IPv4(203, 0, 113, 9), Port: 4000}
	front := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80}
	for _, version := range []byte{1, 2} {
		for _, trusted := range []bool{true, false} {
			t.Run(fmt.Sprintf("v%d trusted %v", version, trusted), func(t *testing.T) {
				s := &Server{}
				if trusted {
					s.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
				}
				m := newManor(t, s, newCinema())
				nc := m.dial(t)
				_, err := proxyproto.HeaderProxyFromAddrs(version, source, front).WriteTo(nc)
				require.NoError(t, err)
				if !trusted {
					_, _ = io.Copy(io.Discard, nc) // ends by a close or, as bytes lie unread, by a reset
					require.Nil(t, m.last())
					return
				}
				connectOver(t, nc)
				require.Equal(t, "203.0.113.9:4000", m.last().RemoteAddr.String())
				require.Equal(t, "192.0.2.1:80", m.last().LocalAddr.String())
			})
		}
	}
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here")
	}
	m := newManor(t, &Server{}, newCinema())
	go func() { _ = m.Serve(l) }()
	for _, scheme := range []string{"rtmp", "rtmpt"} {
		c, err := Dial(t.Context(), scheme+"://"+l.Addr().String()+"/vod", nil)
		require.NoError(t, err)
		require.NoError(t, c.Connect(t.Context()))
		require.Equal(t, "::1", hostOnly(m.last().RemoteAddr))
		require.Equal(t, l.Addr().String(), m.last().LocalAddr.String())
		require.NoError(t, c.Close())
	}
}

func TestShutdownEndsTunnels(t *testing.T) {
	t.Parallel()
	m := newManor(t, &Server{}, newCinema())
	c, err := Dial(t.Context(), "rtmpt://"+m.addr+"/vod", nil)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Connect(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, m.Shutdown(ctx))
}

// TestLastWordOfTunnel holds that a shutdown leaves a tunnel's client the time to fetch what was said last, and no more.
func TestLastWordOfTunnel(t *testing.T) {
	t.Parallel()
	m := newManor(t, &Server{}, newCinema())
	c, _ := m.client(t, "rtmpt", nil, "vod")
	require.NoError(t, c.Connect(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, m.Shutdown(ctx), context.Canceled)
	_, err := c.CreateStream(t.Context())
	requireStatus(t, err, CodeConnectAppShutdown)
}

// TestTrickle sends a byte every nine seconds through each door, which its deadline ends and not the tenth second after
// the last byte.
func TestTrickle(t *testing.T) {
	tests := []struct {
		name, first string
		within      time.Duration
	}{
		{"nothing", "", 10 * time.Second},
		{"RTMP", "\x03", 10 * time.Second},
		{"RTMPE", "\x06", 10 * time.Second},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 10 * time.Second},
		{"HTTP, its header", "G", 20 * time.Second},
		{"RTMPT, a body", "POST /open/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n", time.Minute},
		{"HTTP, a body", "POST /page HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n", 90 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := certify(&Server{HTTP: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })}).Server
			bubble(t, s, func(t *testing.T, h *house) {
				nc := h.dial()
				defer nc.Close()
				began := time.Now()
				go func() { _, _ = io.Copy(io.Discard, nc) }()
				rest := tt.first
				for {
					if _, err := io.WriteString(nc, rest); err != nil {
						break
					}
					require.Less(t, time.Since(began), tt.within+9*time.Second)
					rest = "x"
					time.Sleep(9 * time.Second)
					synctest.Wait()
				}
			})
		})
	}
}
