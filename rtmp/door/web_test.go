package door

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestWebIsHTTP1 has a client that would rather speak HTTP/2.
func TestWebIsHTTP1(t *testing.T) {
	t.Parallel()
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, tls.VersionName(r.TLS.Version)) })
	p := certify(&Server{HTTP: pages})
	p.TLSConfig.NextProtos = []string{"h2", "acme-tls/1"}
	p.open(t)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.roots}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get("https://" + p.addr)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, 1, resp.ProtoMajor)
	require.Equal(t, "TLS 1.3", string(body))

	nc := tls.Client(p.dial(t), &tls.Config{RootCAs: p.roots, ServerName: "127.0.0.1", NextProtos: []string{"acme-tls/1"}})
	require.NoError(t, nc.Handshake())
	require.Equal(t, "acme-tls/1", nc.ConnectionState().NegotiatedProtocol)
}

// TestEndWaitsForPages holds that End returns after the last handler, even one that has taken its connection over.
func TestEndWaitsForPages(t *testing.T) {
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
			p := newPorch(t, &Server{HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(began)
				page(w, r)
				ended.Store(true)
			})})
			_, err := io.WriteString(p.dial(t), "POST /page HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345")
			require.NoError(t, err)
			<-began
			p.End(0)
			if name != "hijacks" { // whose goroutine the server has given away
				require.True(t, ended.Load())
			}
		})
	}
}

func TestEndLetsPagesFinish(t *testing.T) {
	t.Parallel()
	began, finish := make(chan struct{}), make(chan struct{})
	p := newPorch(t, &Server{HTTP: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(began)
		<-finish
		fmt.Fprint(w, "in full")
	})})
	nc := p.dial(t)
	_, err := io.WriteString(nc, "GET /page HTTP/1.0\r\n\r\n")
	require.NoError(t, err)
	<-began
	p.Stop()
	over := make(chan struct{})
	go func() {
		p.End(10 * time.Second)
		close(over)
	}()
	close(finish)
	reply, err := io.ReadAll(nc)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(reply), "in full"), "%s", reply)
	<-over
}

func TestPanicOfPage(t *testing.T) {
	t.Parallel()
	p := newPorch(t, &Server{HTTP: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("broken page") })})
	nc := p.dial(t)
	_, err := io.WriteString(nc, "GET /page HTTP/1.0\r\n\r\n")
	require.NoError(t, err)
	_, err = io.ReadAll(nc)
	require.NoError(t, err)
	require.Contains(t, p.log.String(), "broken page")
	require.Contains(t, p.log.String(), "level=ERROR")
}

// TestTunnelLimit opens tunnels and abandons them: they count against the limit of connections.
func TestTunnelLimit(t *testing.T) {
	t.Parallel()
	p := newPorch(t, &Server{Connections: 5})
	nc := p.dial(t)
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

// TestSilenceBehindProxy holds that a trusted proxy's connections have the same deadline, with the header and without.
func TestSilenceBehindProxy(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"", "PROXY TCP4 203.0.113.9 192.0.2.1 4000 1935\r\n", "PROXY TCP4 203.0.1"} {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			p := newPorch(t, &Server{TrustedProxies: loopback(), Handshake: 50 * time.Millisecond})
			nc := p.dial(t)
			_, err := io.WriteString(nc, header)
			require.NoError(t, err)
			_, err = nc.Read(make([]byte, 1))
			require.ErrorIs(t, err, io.EOF)
		})
	}
}
