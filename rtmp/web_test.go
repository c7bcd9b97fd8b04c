package rtmp

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestWebIsHTTP1 has a client that would rather speak HTTP/2.
func TestWebIsHTTP1(t *testing.T) {
	t.Parallel()
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, tls.VersionName(r.TLS.Version)) })
	m := certify(&Server{HTTP: pages})
	m.TLSConfig.NextProtos = []string{"h2", "acme-tls/1"}
	m.open(t, newCinema())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: m.roots}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get("https://" + m.addr)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, 1, resp.ProtoMajor)
	require.Equal(t, "TLS 1.3", string(body))

	nc := tls.Client(m.dial(t), &tls.Config{RootCAs: m.roots, ServerName: "127.0.0.1", NextProtos: []string{"acme-tls/1"}})
	require.NoError(t, nc.Handshake())
	require.Equal(t, "acme-tls/1", nc.ConnectionState().NegotiatedProtocol)
}

// TestCloseWaitsForPages holds that Close and Shutdown return after the last handler, even one that has taken its
// connection over.
func TestCloseWaitsForPages(t *testing.T) {
	t.Parallel()
	pages := map[string]func(w http.ResponseWriter, r *http.Request){
		"waits for the client": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"reads":                func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) },
		"hijacks": func(w http.ResponseWriter, _ *http.Request) {
			nc, _, _ := http.NewResponseController(w).Hijack()
			_, _ = io.Copy(io.Discard, nc)
			nc.Close()
		},
	}
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ended atomic.Bool
			began := make(chan struct{})
			m := newManor(t, &Server{HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(began)
				page(w, r)
				ended.Store(true)
			})}, newCinema())
			_, err := io.WriteString(m.dial(t), "POST /page HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345")
			require.NoError(t, err)
			<-began
			require.NoError(t, m.Server.Close())
			if name != "hijacks" { // whose goroutine the server has given away
				require.True(t, ended.Load())
			}
		})
	}
}

func TestShutdownLetsPagesFinish(t *testing.T) {
	t.Parallel()
	began, finish := make(chan struct{}), make(chan struct{})
	m := newManor(t, &Server{HTTP: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(began)
		<-finish
		fmt.Fprint(w, "in full")
	})}, newCinema())
	nc := m.dial(t)
	_, err := io.WriteString(nc, "GET /page HTTP/1.0\r\n\r\n")
	require.NoError(t, err)
	<-began
	over := make(chan error, 1)
	go func() { over <- m.Shutdown(t.Context()) }()
	for !m.isClosed() {
		time.Sleep(time.Millisecond)
	}
	close(finish)
	reply, err := io.ReadAll(nc)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(reply), "in full"), "%s", reply)
	require.NoError(t, <-over)
}

func TestPanicOfPage(t *testing.T) {
	t.Parallel()
	m := newManor(t, &Server{HTTP: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("broken page") })}, newCinema())
	nc := m.dial(t)
	_, err := io.WriteString(nc, "GET /page HTTP/1.0\r\n\r\n")
	require.NoError(t, err)
	_, err = io.ReadAll(nc)
	require.NoError(t, err)
	m.log.mu.Lock()
	defer m.log.mu.Unlock()
	require.Contains(t, m.log.b.String(), "broken page")
	require.Contains(t, m.log.b.String(), "level=ERROR")
}

// TestTunnelLimit opens tunnels and abandons them: they count against the limit of connections.
func TestTunnelLimit(t *testing.T) {
	t.Parallel()
	m := newManor(t, &Server{Limits: Limits{Connections: 5}}, newCinema())
	nc := m.dial(t)
	in := bufio.NewReader(nc)
	for i := range 20 {
		_, err := io.WriteString(nc, "POST /open/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n\x00")
		require.NoError(t, err)
		resp, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		require.Equal(t, i < 5, resp.StatusCode == 200, "%d: %s", i, resp.Status)
	}
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

// TestSilenceBehindProxy holds that a trusted proxy's connections have the same deadline, with the header and without.
func TestSilenceBehindProxy(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"", "PROXY TCP4 203.0.113.9 192.0.2.1 4000 1935\r\n", "PROXY TCP4 203.0.1"} {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			m := newManor(t, &Server{TrustedProxies: loopback(), Limits: Limits{Handshake: 50 * time.Millisecond}}, newCinema())
			nc := m.dial(t)
			_, err := io.WriteString(nc, header)
			require.NoError(t, err)
			_, err = nc.Read(make([]byte, 1))
			require.ErrorIs(t, err, io.EOF)
		})
	}
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
