package tunnel

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"
)

// serve is an HTTP server in front of h; both end with the test.
func serve(t testing.TB, h *Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(func() { stop(t, h, server) })
	return server
}

func stop(t testing.TB, h *Handler, server *httptest.Server) {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	_ = h.Shutdown(now)
	server.Close()
	requireNoSessions(t, h)
}

// pair is both ends of a tunnel. The client has sent first, without which nothing would be accepted.
func pair(t testing.TB, h *Handler, base string, opts *Options) (client net.Conn, server *Conn) {
	t.Helper()
	client, err := Dial(t.Context(), base, opts)
	require.NoError(t, err)
	t.Cleanup(func() { client.Close() })
	_, err = client.Write([]byte{3})
	require.NoError(t, err)
	accepted, err := h.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { accepted.Close() })
	first := make([]byte, 1)
	_, err = io.ReadFull(accepted, first)
	require.NoError(t, err)
	require.Equal(t, []byte{3}, first)
	return client, accepted.(*Conn)
}

func randomBytes(n int) []byte {
	source := rand.NewChaCha8([32]byte{1})
	p := make([]byte, n)
	_, _ = source.Read(p)
	return p
}

func TestConnsAreNetConns(t *testing.T) {
	for _, tc := range []struct {
		name    string
		swapped bool
	}{{"client first", false}, {"server first", true}} {
		t.Run(tc.name, func(t *testing.T) {
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				h := new(Handler)
				server := httptest.NewServer(h)
				c1, err = Dial(context.Background(), server.URL, nil)
				if err != nil {
					return nil, nil, nil, err
				}
				if _, err = c1.Write([]byte{3}); err != nil {
					return nil, nil, nil, err
				}
				if c2, err = h.Accept(); err != nil {
					return nil, nil, nil, err
				}
				if _, err = io.ReadFull(c2, make([]byte, 1)); err != nil {
					return nil, nil, nil, err
				}
				near, far := c1, c2
				if tc.swapped {
					c1, c2 = c2, c1
				}
				return c1, c2, func() {
					far.Close()
					near.Close()
					ctx, cancel := context.WithCancel(context.Background())
					cancel()
					_ = h.Shutdown(ctx)
					server.Close()
				}, nil
			})
		})
	}
}

func TestBothWays(t *testing.T) {
	t.Parallel()
	h := new(Handler)
	client, server := pair(t, h, serve(t, h).URL, nil)
	exchangeAtOnce(t, client, server, randomBytes(3<<20))
}

// exchangeAtOnce sends want both ways.
func exchangeAtOnce(t *testing.T, a, b net.Conn, want []byte) {
	t.Helper()
	receive := func(c net.Conn) <-chan []byte {
		got := make(chan []byte, 1)
		go func() {
			p := make([]byte, len(want))
			n, _ := io.ReadFull(c, p)
			got <- p[:n]
		}()
		return got
	}
	for _, c := range []net.Conn{a, b} {
		go func() { _, _ = c.Write(want) }()
	}
	atA, atB := receive(a), receive(b)
	require.True(t, bytes.Equal(want, <-atA))
	require.True(t, bytes.Equal(want, <-atB))
}

// A server that echoes writes before it reads on: neither side may wait for the other for ever.
func TestEcho(t *testing.T) {
	t.Parallel()
	const size = 4 << 20
	want := randomBytes(size)
	h := new(Handler)
	client, server := pair(t, h, serve(t, h).URL, nil)
	go func() { _, _ = io.CopyBuffer(struct{ io.Writer }{server}, server, make([]byte, 300<<10)) }()
	written := make(chan error, 1)
	go func() {
		_, err := client.Write(want)
		written <- err
	}()
	got := make([]byte, size)
	_, err := io.ReadFull(client, got)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got))
	require.NoError(t, <-written)
}

func TestCloseByServerIsFlushed(t *testing.T) {
	t.Parallel()
	want := randomBytes(200 << 10)
	h := new(Handler)
	client, server := pair(t, h, serve(t, h).URL, nil)
	_, err := server.Write(want)
	require.NoError(t, err)
	require.NoError(t, server.Close())
	got, err := io.ReadAll(client)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got))
	require.Eventually(t, func() bool { _, err = client.Write([]byte{1}); return err != nil }, time.Second, time.Millisecond)
	require.ErrorIs(t, err, errPeerClosed)
	_, err = server.Read(make([]byte, 1))
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = server.Write(make([]byte, 1))
	require.ErrorIs(t, err, net.ErrClosed)
	require.ErrorIs(t, server.SetDeadline(time.Now()), net.ErrClosed)
	require.NoError(t, server.Close())
}

func TestCloseByClientIsFlushed(t *testing.T) {
	t.Parallel()
	want := randomBytes(200 << 10)
	h := new(Handler)
	client, server := pair(t, h, serve(t, h).URL, nil)
	_, err := client.Write(want)
	require.NoError(t, err)
	require.NoError(t, client.Close())
	require.NoError(t, client.Close())
	got, err := io.ReadAll(server)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got))
	_, err = server.Write([]byte{1})
	require.ErrorIs(t, err, errPeerClosed)
	_, err = client.Write([]byte{1})
	require.ErrorIs(t, err, net.ErrClosed)
}

// Close does not wait for the reply to an idle request.
func TestCloseWhileIdling(t *testing.T) {
	t.Parallel()
	h := &Handler{IdleHold: time.Hour}
	client, server := pair(t, h, serve(t, h).URL, nil)
	require.Eventually(t, func() bool { return busy(server) }, 5*time.Second, time.Millisecond)
	require.NoError(t, client.Close())
	_, err := server.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

func TestSessionLostAtServer(t *testing.T) {
	t.Parallel()
	h := new(Handler)
	client, server := pair(t, h, serve(t, h).URL, nil)
	server.abort(true)
	_, err := client.Read(make([]byte, 1))
	require.ErrorIs(t, err, ErrSessionGone)
	_, err = client.Write([]byte{1})
	require.ErrorIs(t, err, ErrSessionGone)
	_, err = server.Read(make([]byte, 1))
	require.ErrorIs(t, err, ErrSessionGone)
}

func TestOverTLS(t *testing.T) {
	t.Parallel()
	h := new(Handler)
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(func() { stop(t, h, server) })
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	client, accepted := pair(t, h, server.URL, &Options{TLSConfig: &tls.Config{RootCAs: roots, NextProtos: []string{"h2"}}})
	require.True(t, accepted.Secure())
	require.Equal(t, server.Listener.Addr(), client.RemoteAddr())
	require.Equal(t, client.LocalAddr().String(), accepted.RemoteAddr().String())
	require.Equal(t, server.Listener.Addr().String(), accepted.LocalAddr().String())
	_, err := accepted.Write([]byte("hello"))
	require.NoError(t, err)
	got := make([]byte, 5)
	_, err = io.ReadFull(client, got)
	require.NoError(t, err)
	require.Equal(t, "hello", string(got))
}

// A forward proxy by way of the caller's own http.Client.
func TestThroughForwardProxy(t *testing.T) {
	t.Parallel()
	h := new(Handler)
	server := serve(t, h)
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	proxied := make(chan string, 100)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case proxied <- r.URL.Host:
		default:
		}
		r.RequestURI = ""
		resp, err := transport.RoundTrip(r)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		w.Header().Set("Content-Length", resp.Header.Get("Content-Length"))
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	t.Cleanup(proxy.Close)
	address, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	own := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(address)}}
	t.Cleanup(own.CloseIdleConnections)
	client, accepted := pair(t, h, server.URL, &Options{Client: own})
	want := randomBytes(300 << 10)
	go func() { _, _ = accepted.Write(want); accepted.Close() }()
	got, err := io.ReadAll(client)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got))
	require.Equal(t, strings.TrimPrefix(server.URL, "http://"), <-proxied)
}

func TestDialFailures(t *testing.T) {
	t.Parallel()
	reply := func(code int, body string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	for _, tc := range []struct{ name, base, message string }{
		{"scheme", "rtmpt://host", "not the base URL"},
		{"path", "http://host/app", "not the base URL"},
		{"no host", "http://", "not the base URL"},
		{"garbage", "http://%zz", "invalid URL escape"},
		{"refused", reply(http.StatusForbidden, "no"), "open: the server answered 403 Forbidden"},
		{"not found", reply(http.StatusNotFound, "no"), "open: the server answered 404 Not Found"},
		{"redirect", reply(http.StatusFound, ""), "open: the server answered 302 Found"},
		{"empty id", reply(http.StatusOK, "\n"), "not a session id"},
		{"endless id", reply(http.StatusOK, strings.Repeat("x", 1000)), "not a session id"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Dial(t.Context(), tc.base, nil)
			require.ErrorContains(t, err, tc.message)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Dial(ctx, "http://127.0.0.1:1", nil)
	require.ErrorIs(t, err, context.Canceled)
}

// flaky drops the connection instead of answering some requests, after they were processed or before.
type flaky struct {
	next http.Handler
	n    atomic.Int64
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := f.n.Add(1)
	switch {
	case r.URL.Path == "/open/1" || n%3 == 0:
		f.next.ServeHTTP(w, r)
	case n%3 == 1:
		panic(http.ErrAbortHandler)
	default:
		f.next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
}

// Replies that were lost are asked for again, and nothing is read twice.
func TestLostReplies(t *testing.T) {
	t.Parallel()
	h := &Handler{IdleHold: time.Millisecond}
	server := httptest.NewServer(&flaky{next: h})
	t.Cleanup(func() { stop(t, h, server) })
	client, accepted := pair(t, h, server.URL, nil)
	exchangeAtOnce(t, client, accepted, randomBytes(500<<10))
}

// A server that answers nothing useful ends the stream, and with an error that is neither a time-out nor an end.
func TestBadReplies(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		reply http.HandlerFunc
	}{
		{"no interval byte", func(w http.ResponseWriter, r *http.Request) {}},
		{"endless", func(w http.ResponseWriter, r *http.Request) {
			for range clientReply/4096 + 2 {
				_, _ = w.Write(make([]byte, 4096))
			}
		}},
		{"server error", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadGateway) }},
		{"dropped", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.HandleFunc("/open/1", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "1\n") })
			mux.HandleFunc("/", tc.reply)
			server := httptest.NewServer(mux)
			defer server.Close()
			client, err := Dial(t.Context(), server.URL, nil)
			require.NoError(t, err)
			defer client.Close()
			_, err = client.Read(make([]byte, 1))
			require.Error(t, err)
			require.NotErrorIs(t, err, io.EOF)
			var timeout net.Error
			require.NotErrorAs(t, err, &timeout)
			require.NotContains(t, err.Error(), "/idle/1/")
		})
	}
}
