package door

import (
	"bufio"
	"bytes"
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
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// porch is a server with every door, on one TCP listener. It repeats what it is told.
type porch struct {
	*Server
	addr  string
	roots *x509.CertPool
	log   *lockedBuffer
	came  chan caller
}

// caller is a connection that came, and what was known of it then.
type caller struct {
	*Conn
	scheme        Scheme
	remote, local string
	gone          chan struct{} // closed when Handle returns
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

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newPorch(t *testing.T, s *Server) *porch {
	t.Helper()
	p := certify(s)
	p.open(t)
	return p
}

// certify gives a server a certificate.
func certify(s *Server) *porch {
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	defer certified.Close()
	p := &porch{Server: s, roots: x509.NewCertPool()}
	p.roots.AddCert(certified.Certificate())
	s.TLSConfig = &tls.Config{Certificates: certified.TLS.Certificates}
	return p
}

func (p *porch) open(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p.addr = l.Addr().String()
	p.serve(t, l)
}

func (p *porch) serve(t *testing.T, l net.Listener) {
	p.log = new(lockedBuffer)
	p.came = make(chan caller, 100)
	p.Logger = slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if p.Handle == nil {
		p.Handle = p.repeat
	}
	served := make(chan error, 1)
	go func() { served <- p.Serve(l) }()
	t.Cleanup(func() {
		p.End(0)
		require.ErrorIs(t, <-served, net.ErrClosed)
	})
}

func (p *porch) repeat(c *Conn) {
	defer c.Close()
	gone := make(chan struct{})
	defer close(gone)
	p.came <- caller{c, c.Scheme(), c.RemoteAddr().String(), c.LocalAddr().String(), gone}
	_, _ = io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c})
}

// nobody holds that no connection was handed on.
func (p *porch) nobody(t *testing.T) {
	t.Helper()
	require.Empty(t, p.came)
}

func (p *porch) dial(t *testing.T) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", p.addr)
	require.NoError(t, err)
	t.Cleanup(func() { nc.Close() })
	require.NoError(t, nc.SetDeadline(time.Now().Add(20*time.Second)))
	return nc
}

// requireRepeated holds that a connection is repeated.
func requireRepeated(t *testing.T, nc net.Conn, what string) {
	t.Helper()
	go func() { _, _ = io.WriteString(nc, what) }()
	got := make([]byte, len(what))
	_, err := io.ReadFull(nc, got)
	require.NoError(t, err)
	require.Equal(t, what, string(got))
}

func hostOnly(addr string) string {
	host, _, _ := net.SplitHostPort(addr)
	return host
}

func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

// TestDoors goes through every door of one listener, to and fro.
func TestDoors(t *testing.T) {
	t.Parallel()
	p := newPorch(t, &Server{})
	long := strings.Repeat("much to say; ", 100_000)
	for _, scheme := range []string{"rtmp", "rtmps", "rtmpt", "rtmpts"} {
		t.Run(scheme, func(t *testing.T) {
			s, ok := ParseScheme(scheme)
			require.True(t, ok)
			d := &Dialer{TLSConfig: &tls.Config{RootCAs: p.roots}}
			nc, err := d.Dial(t.Context(), s, p.addr)
			require.NoError(t, err)
			defer nc.Close()
			for _, first := range []string{"\x03", "and ", long} {
				requireRepeated(t, nc, first)
			}
			c := <-p.came
			require.Equal(t, s, c.scheme)
			require.Equal(t, "127.0.0.1", hostOnly(c.remote))
			require.Equal(t, p.addr, c.local)
			require.NoError(t, nc.Close())
			<-c.gone
			require.GreaterOrEqual(t, c.Received(), uint64(len(long)))
			require.GreaterOrEqual(t, c.Sent(), uint64(len(long)))
			require.Greater(t, c.Age(), c.Silent())
		})
	}
}

// TestFirstBytes holds that what was looked at is read, however it came.
func TestFirstBytes(t *testing.T) {
	t.Parallel()
	p := newPorch(t, &Server{TrustedProxies: loopback()})
	header := "PROXY TCP4 203.0.113.9 192.0.2.1 4000 1935\r\n"
	for _, sent := range []string{"\x03", "\x06 and more", "\x08" + strings.Repeat("x", 1000), "\x09"} {
		for _, header := range []string{"", header} {
			for _, secure := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d %v %v", len(sent), header != "", secure), func(t *testing.T) {
					nc := p.dial(t)
					_, err := io.WriteString(nc, header)
					require.NoError(t, err)
					if secure {
						nc = tls.Client(nc, &tls.Config{RootCAs: p.roots, ServerName: "127.0.0.1"})
					}
					requireRepeated(t, nc, sent)
					requireRepeated(t, nc, "again")
					c := <-p.came
					require.Equal(t, header != "", c.remote == "203.0.113.9:4000", c.remote)
					require.Equal(t, header != "", c.local == "192.0.2.1:1935", c.local)
					require.Equal(t, secure, c.scheme.Secure)
				})
			}
		}
	}
}

// TestListenerWithTLS has a host that wraps its listener itself.
func TestListenerWithTLS(t *testing.T) {
	t.Parallel()
	p := certify(&Server{HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.TLS != nil) })})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p.addr = l.Addr().String()
	l, p.TLSConfig = tls.NewListener(l, p.TLSConfig), nil
	p.serve(t, l)
	client := &tls.Config{RootCAs: p.roots, ServerName: "127.0.0.1"}
	requireRepeated(t, tls.Client(p.dial(t), client), "\x03")
	require.True(t, (<-p.came).scheme.Secure)
	page := tls.Client(p.dial(t), client)
	_, err = io.WriteString(page, "GET / HTTP/1.0\r\n\r\n")
	require.NoError(t, err)
	reply, err := io.ReadAll(page)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(reply), "true"), "%s", reply)
}

func TestWebPaths(t *testing.T) {
	t.Parallel()
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "page %s %v", r.URL.Path, r.TLS != nil) })
	p := newPorch(t, &Server{HTTP: pages})
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.roots}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for url, want := range map[string]string{"http://": "page /crossdomain.xml false", "https://": "page /crossdomain.xml true"} {
		resp, err := client.Get(url + p.addr + "/crossdomain.xml")
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, want, string(body))
	}
	resp, err := client.Post("http://"+p.addr+"/fcs/ident2", "application/x-fcs", strings.NewReader("\x00"))
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, 404, resp.StatusCode)
}

// TestRefuse holds what is turned away, and that it costs the server nothing.
func TestRefuse(t *testing.T) {
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
	p := &porch{Server: &Server{}}
	p.open(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			nc := p.dial(t)
			_, err := io.WriteString(nc, tt.send)
			require.NoError(t, err)
			line, _ := bufio.NewReader(nc).ReadString('\n')
			require.True(t, strings.HasPrefix(line, tt.want), "%q", line)
			if tt.want == "" {
				require.Empty(t, line)
			}
		})
	}
	p.nobody(t)
}

func TestTrustedProxyMayLeaveTheHeaderOut(t *testing.T) {
	t.Parallel()
	p := newPorch(t, &Server{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	requireRepeated(t, p.dial(t), "\x03")
	require.Equal(t, "127.0.0.1", hostOnly((<-p.came).remote))
}

// TestProxyChain has an HTTP proxy behind one that sends PROXY headers: X-Forwarded-For counts if the former is trusted.
func TestProxyChain(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8")}
	s := &Server{TrustedProxies: trusted}
	s.HTTP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, s.forwarded(r)) })
	p := newPorch(t, s)
	for told, want := range map[string]string{"10.0.0.5": "203.0.113.9:0", "198.51.100.7": "198.51.100.7:4000"} {
		nc := p.dial(t)
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

func TestProxyHeader(t *testing.T) {
	t.Parallel()
	viewer := &net.TCPAddr{IP: net.IPv4(203, 0, 113, 9), Port: 4000}
	front := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80}
	v6 := &net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 4000}
	local := &proxyproto.Header{Version: 2, Command: proxyproto.LOCAL, TransportProtocol: proxyproto.UNSPEC}
	long := proxyproto.HeaderProxyFromAddrs(2, viewer, front)
	require.NoError(t, long.SetTLVs([]proxyproto.TLV{{Type: proxyproto.PP2_TYPE_NOOP, Value: make([]byte, 1000)}}))
	tests := []struct {
		name          string
		header        *proxyproto.Header
		remote, local string // empty where the proxy says nothing
	}{
		{"version 1", proxyproto.HeaderProxyFromAddrs(1, viewer, front), "203.0.113.9:4000", "192.0.2.1:80"},
		{"version 2", proxyproto.HeaderProxyFromAddrs(2, viewer, front), "203.0.113.9:4000", "192.0.2.1:80"},
		{"IPv6", proxyproto.HeaderProxyFromAddrs(2, v6, v6), "[2001:db8::1]:4000", "[2001:db8::1]:4000"},
		{"with more in it", long, "203.0.113.9:4000", "192.0.2.1:80"},
		{"of its own", local, "", ""},
	}
	p := newPorch(t, &Server{TrustedProxies: loopback()})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			header, err := tt.header.Format()
			require.NoError(t, err)
			nc := p.dial(t)
			half := 0 // version 1 has to come at once (The PROXY protocol, 2.1)
			if tt.header.Version == 2 {
				half = len(header) / 2
			}
			_, err = nc.Write(header[:half])
			require.NoError(t, err)
			_, err = nc.Write(header[half:])
			require.NoError(t, err)
			requireRepeated(t, nc, "\x03 and what comes behind")
			c := <-p.came
			if tt.remote == "" {
				tt.remote, tt.local = nc.LocalAddr().String(), p.addr
			}
			require.Equal(t, tt.remote, c.remote)
			require.Equal(t, tt.local, c.local)
		})
	}
	for _, broken := range []string{"PROXY TCP4 203.0.113.9\r\n", "PROXY TCP4 a b 1 2\r\n\x03", "PROXY " + strings.Repeat("x", 300)} {
		nc := p.dial(t)
		_, err := io.WriteString(nc, broken)
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, nc) // ends by a close or, as bytes lie unread, by a reset
		p.nobody(t)
	}
}

// TestLimit has the connections of HTTP and of RTMP counted together.
func TestLimit(t *testing.T) {
	t.Parallel()
	p := newPorch(t, &Server{Connections: 2})
	requireRepeated(t, p.dial(t), "\x03")
	page := p.dial(t)
	_, err := io.WriteString(page, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(page), nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	_, err = p.dial(t).Read(make([]byte, 1))
	require.Error(t, err)
}

// TestStop holds that who has come is left in peace, and who is still at the door is not.
func TestStop(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := certify(&Server{})
	p.addr = l.Addr().String()
	accepts := make(chan struct{}, 10)
	p.serve(t, &countedListener{l, accepts})
	inside, outside := p.dial(t), p.dial(t)
	requireRepeated(t, inside, "\x03")
	for range 3 { // when the third connection is waited for, both have come
		<-accepts
	}
	p.Stop()
	_, err = outside.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	requireRepeated(t, inside, "still here")
	require.NoError(t, inside.Close())
	p.End(time.Minute)
	require.ErrorIs(t, p.Serve(closedListener(t)), net.ErrClosed)
}

// countedListener says when it is asked for a connection.
type countedListener struct {
	net.Listener
	accepts chan<- struct{}
}

func (l *countedListener) Accept() (net.Conn, error) {
	l.accepts <- struct{}{}
	return l.Listener.Accept()
}

func closedListener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l
}

func TestPanicOfHandle(t *testing.T) {
	t.Parallel()
	p := newPorch(t, &Server{Handle: func(*Conn) { panic("broken handler") }})
	nc := p.dial(t)
	_, err := io.WriteString(nc, "\x03")
	require.NoError(t, err)
	_, err = nc.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	require.Contains(t, p.log.String(), "broken handler")
}

// TestHangUp has the server say its last word while bytes of the client lie unread, which would have the kernel reset the
// connection if it were closed at once.
func TestHangUp(t *testing.T) {
	t.Parallel()
	p := newPorch(t, &Server{Handle: func(c *Conn) {
		defer c.Close()
		_, _ = io.WriteString(c, "last word")
		c.HangUp(10 * time.Second)
	}})
	for _, scheme := range []Scheme{{}, {Secure: true}, {Tunnelled: true}} {
		t.Run(scheme.String(), func(t *testing.T) {
			d := &Dialer{TLSConfig: &tls.Config{RootCAs: p.roots}}
			nc, err := d.Dial(t.Context(), scheme, p.addr)
			require.NoError(t, err)
			defer nc.Close()
			_, err = io.WriteString(nc, "\x03"+strings.Repeat("unread", 10_000))
			require.NoError(t, err)
			got, err := io.ReadAll(nc)
			require.NoError(t, err)
			require.Equal(t, "last word", string(got))
		})
	}
}
