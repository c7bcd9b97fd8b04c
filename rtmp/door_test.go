package rtmp

import (
	"bufio"
	"bytes"
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
	"strings"
	"sync"
	"testing"
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
	log   *lockedBuffer

	mu       sync.Mutex
	requests []*ConnectRequest
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
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
	m := &manor{Server: s, roots: x509.NewCertPool(), log: new(lockedBuffer)}
	m.roots.AddCert(certified.Certificate())
	s.TLSConfig = &tls.Config{Certificates: certified.TLS.Certificates}
	return m
}

func (m *manor) open(t *testing.T, app *cinema) {
	t.Helper()
	s := m.Server
	s.Logger = slog.New(slog.NewTextHandler(m.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
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

func TestWebPaths(t *testing.T) {
	t.Parallel()
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "page %s %v", r.URL.Path, r.TLS != nil) })
	m := newManor(t, &Server{HTTP: pages}, newCinema())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: m.roots}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for url, want := range map[string]string{"http://": "page /crossdomain.xml false", "https://": "page /crossdomain.xml true"} {
		resp, err := client.Get(url + m.addr + "/crossdomain.xml")
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, want, string(body))
	}
	resp, err := client.Post("http://"+m.addr+"/fcs/ident2", "application/x-fcs", strings.NewReader("\x00"))
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, 404, resp.StatusCode)
}

// TestDoorsRefuse holds what is turned away, and that it costs the server nothing.
func TestDoorsRefuse(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, send, want string }{
		{"TLS without certificate", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", ""},
		{"unknown byte", "\xff\xff\xff", ""},
		{"lower case", "get / HTTP/1.1\r\n\r\n", ""},
		{"HTTP garbage", "POST GARBAGE\r\n\r\n", "HTTP/1.1 400 Bad Request"},
		{"a gigabyte announced", "POST /send/0123456789abcdef0123456789abcdef/0 HTTP/1.1\r\nHost: h\r\nContent-Length: 1073741824\r\n\r\n", "HTTP/1.1 4"},
		{"endless header", "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", "HTTP/1.1 431"},
		{"PROXY header of a stranger", "PROXY TCP4 203.0.113.9 127.0.0.1 4000 1935\r\n\x03", "HTTP/1.1 400"},
	}
	m := &manor{Server: &Server{}, log: new(lockedBuffer)}
	m.open(t, newCinema())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			nc := m.dial(t)
			_, err := io.WriteString(nc, tt.send)
			require.NoError(t, err)
			line, _ := bufio.NewReader(nc).ReadString('\n')
			require.True(t, strings.HasPrefix(line, tt.want), "%q", line)
			if tt.want == "" {
				require.Empty(t, line)
			}
		})
	}
	require.Nil(t, m.last())
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

func TestTrustedProxyMayLeaveTheHeaderOut(t *testing.T) {
	t.Parallel()
	m := newManor(t, &Server{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}, newCinema())
	connectOver(t, m.dial(t))
	require.Equal(t, "127.0.0.1", hostOnly(m.last().RemoteAddr))
}

// TestProxyChain has an HTTP proxy behind one that sends PROXY headers: X-Forwarded-For counts if the former is trusted.
func TestProxyChain(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8")}
	s := &Server{TrustedProxies: trusted}
	s.HTTP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, s.forwarded(r)) })
	m := newManor(t, s, newCinema())
	for told, want := range map[string]string{"10.0.0.5": "203.0.113.9:0", "198.51.100.7": "198.51.100.7:4000"} {
		nc := m.dial(t)
		_, err := fmt.Fprintf(nc, "PROXY TCP4 %s 192.0.2.1 4000 80\r\nGET / HTTP/1.0\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n", told)
		require.NoError(t, err)
		reply, err := io.ReadAll(nc)
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(string(reply), "\r\n\r\n"+want), "%s", reply)
	}
}

func TestForwarded(t *testing.T) {
	t.Parallel()
	s := &Server{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}
	tests := []struct {
		name, peer string
		headers    []string
		want       string
	}{
		{"no header", "10.0.0.1:80", nil, "10.0.0.1:80"},
		{"a stranger's header", "198.51.100.7:5000", []string{"203.0.113.9"}, "198.51.100.7:5000"},
		{"one hop", "10.0.0.1:80", []string{"203.0.113.9"}, "203.0.113.9:0"},
		{"with a port", "10.0.0.1:80", []string{"203.0.113.9:4000"}, "203.0.113.9:4000"},
		{"forged to the left", "10.0.0.1:80", []string{"192.0.2.1, 203.0.113.9"}, "203.0.113.9:0"},
		{"two proxies", "10.0.0.1:80", []string{"192.0.2.1, 203.0.113.9", "10.0.0.2"}, "203.0.113.9:0"},
		{"proxies alone", "10.0.0.1:80", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3:0"},
		{"garbage", "10.0.0.1:80", []string{"203.0.113.9, <script>"}, "10.0.0.1:80"},
		{"IPv6", "[fd00::1]:80", []string{"[2001:db8::1]"}, "[2001:db8::1]:0"},
		{"mapped IPv4", "[::ffff:10.0.0.1]:80", []string{"203.0.113.9"}, "203.0.113.9:0"},
		{"mapped hop", "10.0.0.1:80", []string{"::ffff:203.0.113.9"}, "203.0.113.9:0"},
		{"zone", "[fd00::1%eth0]:80", []string{"2001:db8::1"}, "[2001:db8::1]:0"},
		{"unknown", "10.0.0.1:80", []string{"203.0.113.9, unknown"}, "10.0.0.1:80"},
		{"empty", "10.0.0.1:80", []string{""}, "10.0.0.1:80"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: tt.peer, Header: http.Header{"X-Forwarded-For": tt.headers}}
			require.Equal(t, tt.want, s.forwarded(r).String())
		})
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

func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }
