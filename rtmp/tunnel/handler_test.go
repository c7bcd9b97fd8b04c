package tunnel

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// call makes one request of h without a network.
func call(h http.Handler, path string, body []byte) *httptest.ResponseRecorder {
	return callFrom(context.Background(), h, path, bytes.NewReader(body))
}

func callFrom(ctx context.Context, h http.Handler, path string, body io.Reader) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodPost, path, body))
	return w
}

// open opens a session and returns its id.
func open(t testing.TB, h *Handler) string {
	t.Helper()
	w := call(h, "/open/1", []byte{0})
	require.Equal(t, http.StatusOK, w.Code)
	id, ok := strings.CutSuffix(w.Body.String(), "\n")
	require.True(t, ok)
	require.Len(t, id, 32)
	return id
}

// established is a session that was accepted: its next sequence number is 1.
func established(t testing.TB, h *Handler) (id string, c *Conn) {
	t.Helper()
	id = open(t, h)
	require.Equal(t, http.StatusOK, call(h, "/send/"+id+"/0", []byte{3}).Code)
	accepted, err := h.Accept()
	require.NoError(t, err)
	_, err = io.ReadFull(accepted, make([]byte, 1))
	require.NoError(t, err)
	return id, accepted.(*Conn)
}

func closeAll(t testing.TB, h *Handler) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = h.Shutdown(ctx)
	requireNoSessions(t, h)
}

func requireNoSessions(t testing.TB, h *Handler) {
	h.mu.Lock()
	defer h.mu.Unlock()
	require.Empty(t, h.sessions)
	require.Empty(t, h.perAddr)
}

func TestRequests(t *testing.T) {
	t.Parallel()
	h := new(Handler)
	server := serve(t, h)
	id := open(t, h)
	unknown := hex.EncodeToString(make([]byte, 16))
	for _, tc := range []struct {
		method, path, body string
		code               int
		reply              string
	}{
		{"POST", "/fcs/ident2", "\x00", 404, ""},
		{"POST", "/fcs/ident", "\x00", 404, ""},
		{"GET", "/fcs/ident2", "", 404, ""},
		{"POST", "/idle/" + id + "/0", "\x00", 200, "\x01"},
		{"POST", "/send/" + id + "/1", "hello", 200, "\x01"},
		{"POST", "/send/" + strings.ToUpper(id) + "/2", "", 200, "\x01"},
		{"POST", "/send/" + id + "/0003", "", 200, "\x01"},
		{"POST", "/close/" + id + "/4", "\x00", 200, "\x00"},
		{"POST", "/close/" + id + "/4", "\x00", 200, "\x00"},
		{"POST", "/idle/" + id + "/5", "\x00", 404, ""},
		{"POST", "/idle/" + unknown + "/0", "\x00", 404, ""},
		{"POST", "/send/" + unknown + "/0", strings.Repeat("x", 100<<10), 404, ""},
		{"POST", "/close/" + unknown + "/0", "\x00", 404, ""},
		{"POST", "/idle/" + id[:31] + "/5", "\x00", 404, ""},
		{"POST", "/idle/" + id + "0/5", "\x00", 404, ""},
		{"POST", "/idle/zz" + id[2:] + "/5", "\x00", 404, ""},
		{"POST", "/idle/" + id + "/-1", "\x00", 404, ""},
		{"POST", "/idle/" + id + "/+1", "\x00", 404, ""},
		{"POST", "/idle/" + id + "/", "\x00", 404, ""},
		{"POST", "/idle/" + id, "\x00", 404, ""},
		{"POST", "/idle/" + id + "/1/2", "\x00", 404, ""},
		{"POST", "/idle/" + id + "/9223372036854775808", "\x00", 404, ""},
		{"POST", "/idle//1", "\x00", 404, ""},
		{"POST", "/open/2", "\x00", 404, ""},
		{"POST", "/open", "\x00", 404, ""},
		{"POST", "/", "\x00", 404, ""},
		{"GET", "/open/1", "", 405, ""},
		{"HEAD", "/idle/" + id + "/1", "", 405, ""},
		{"PUT", "/send/" + id + "/1", "hello", 405, ""},
		{"GET", "/crossdomain.xml", "", 404, ""},
	} {
		t.Run(tc.method+tc.path, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), tc.method, server.URL+tc.path, strings.NewReader(tc.body))
			require.NoError(t, err)
			resp, err := http.DefaultTransport.RoundTrip(req)
			require.NoError(t, err)
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, tc.code, resp.StatusCode)
			require.Equal(t, tc.reply, string(got))
			require.False(t, resp.Close, "the connection stays open")
			require.Empty(t, resp.TransferEncoding)
			if tc.method != "HEAD" {
				require.EqualValues(t, len(tc.reply), resp.ContentLength)
			}
			if tc.code == 200 {
				require.Equal(t, "application/x-fcs", resp.Header.Get("Content-Type"))
			}
			if tc.code == 405 {
				require.Equal(t, "POST", resp.Header.Get("Allow"))
			}
		})
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestOtherPathsGoToNext(t *testing.T) {
	t.Parallel()
	h := &Handler{Next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })}
	require.Equal(t, http.StatusTeapot, call(h, "/crossdomain.xml", nil).Code)
	require.Equal(t, http.StatusTeapot, call(h, "/send/x", nil).Code)
	require.Equal(t, http.StatusTeapot, call(h, "/send/x/y", nil).Code)
	require.Equal(t, http.StatusNotFound, call(h, "/send/x/1", nil).Code)
	require.Equal(t, http.StatusNotFound, call(h, "/fcs/ident2", nil).Code)
}

func TestSessionIDsDiffer(t *testing.T) {
	t.Parallel()
	h := new(Handler)
	defer closeAll(t, h)
	seen := make(map[string]bool)
	for range 1000 {
		seen[open(t, h)] = true
	}
	require.Len(t, seen, 1000)
}

func TestBodyTooLarge(t *testing.T) {
	t.Parallel()
	h := new(Handler)
	defer closeAll(t, h)
	id := open(t, h)
	unread := iotest.ErrReader(fmt.Errorf("the body was read"))
	for _, path := range []string{"/open/1", "/send/" + id + "/0", "/idle/" + id + "/0"} {
		r := httptest.NewRequest(http.MethodPost, path, unread)
		r.ContentLength = 1 << 30
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Equal(t, http.StatusRequestEntityTooLarge, w.Code)

		if strings.HasPrefix(path, "/idle/") {
			continue
		}
		endless := strings.NewReader(strings.Repeat("x", defaultMaxRequest+1))
		r = httptest.NewRequest(http.MethodPost, path, endless)
		r.ContentLength = -1
		w = httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Equal(t, http.StatusRequestEntityTooLarge, w.Code)
	}
	require.Equal(t, http.StatusOK, call(h, "/send/"+id+"/0", make([]byte, defaultMaxRequest)).Code)
	// What an idle request brings is left to net/http.
	require.Equal(t, http.StatusOK, callFrom(t.Context(), h, "/idle/"+id+"/1", unread).Code)
}

// The body of a request that broke off is not taken; the request comes again.
func TestBodyBrokenOff(t *testing.T) {
	t.Parallel()
	h := new(Handler)
	defer closeAll(t, h)
	id, c := established(t, h)
	broken := io.MultiReader(strings.NewReader("hel"), iotest.ErrReader(io.ErrUnexpectedEOF))
	require.Equal(t, http.StatusBadRequest, callFrom(t.Context(), h, "/send/"+id+"/1", broken).Code)
	require.Equal(t, http.StatusOK, call(h, "/send/"+id+"/1", []byte("hello")).Code)
	got := make([]byte, 100)
	n, err := c.Read(got)
	require.NoError(t, err)
	require.Equal(t, "hello", string(got[:n]))
	require.Equal(t, http.StatusBadRequest, callFrom(t.Context(), h, "/open/1", broken).Code)
}

func TestRemoteAddr(t *testing.T) {
	t.Parallel()
	told := &net.TCPAddr{IP: net.IPv4(203, 0, 113, 9), Port: 7}
	for _, tc := range []struct {
		name, peer string
		hook       func(*http.Request) net.Addr
		want       string
	}{
		{"peer", "192.0.2.1:1234", nil, "192.0.2.1:1234"},
		{"peer6", "[2001:db8::1]:1234", nil, "[2001:db8::1]:1234"},
		{"unix", "@", nil, "@"},
		{"told", "192.0.2.1:1234", func(r *http.Request) net.Addr { return told }, told.String()},
		{"not told", "192.0.2.1:1234", func(r *http.Request) net.Addr { return nil }, "192.0.2.1:1234"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := &Handler{RemoteAddr: tc.hook}
			defer closeAll(t, h)
			r := httptest.NewRequest(http.MethodPost, "/open/1", nil)
			r.RemoteAddr = tc.peer
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			id := strings.TrimSpace(w.Body.String())
			// Later requests come from elsewhere.
			require.Equal(t, http.StatusOK, call(h, "/send/"+id+"/0", []byte{3}).Code)
			c, err := h.Accept()
			require.NoError(t, err)
			require.Equal(t, tc.want, c.RemoteAddr().String())
			require.NotEmpty(t, c.RemoteAddr().Network())
			require.Equal(t, "rtmpt", c.LocalAddr().String())
			require.False(t, c.(*Conn).Secure())
		})
	}
}

func TestHousehold(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ addr, want string }{
		{"192.0.2.1:1", "192.0.2.1"},
		{"[::ffff:192.0.2.1]:1", "192.0.2.1"},
		{"[2001:db8:1:2:3:4:5:6]:1", "2001:db8:1:2::"},
		{"[fe80::1%eth0]:1", "fe80::"},
	} {
		require.Equal(t, netip.MustParseAddr(tc.want), household(addr(tc.addr)), tc.addr)
	}
	require.Equal(t, netip.Addr{}, household(addr("@")))
}

func TestSessionLimits(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		h    *Handler
		want int
	}{
		{"sessions", &Handler{MaxSessions: 5}, 5},
		{"per address", &Handler{MaxPerAddr: 3, MaxSessions: -1}, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := tc.h
			defer closeAll(t, h)
			id := open(t, h)
			for range tc.want - 1 {
				open(t, h)
			}
			require.Equal(t, http.StatusServiceUnavailable, call(h, "/open/1", nil).Code)
			h.lookup(parsePath("/close/" + id + "/0")).abort(true)
			open(t, h)
		})
	}
}

// Sessions that nobody uses cost little and end.
func TestAbandonedSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 10_000
		h := &Handler{MaxPerAddr: -1}
		for i := range n {
			id := open(t, h)
			if i%2 == 0 { // half of them spoke, and were spoken to
				require.Equal(t, http.StatusOK, call(h, "/send/"+id+"/0", make([]byte, 1537)).Code)
				c, err := h.Accept()
				require.NoError(t, err)
				_, err = c.Write(make([]byte, 3073))
				require.NoError(t, err)
			}
		}
		require.Len(t, h.all(), n)
		time.Sleep(defaultExpiry - time.Second)
		require.Len(t, h.all(), n)
		time.Sleep(time.Second)
		synctest.Wait()
		requireNoSessions(t, h)
	})
}

// A session at rest takes less than 2 KiB.
func TestMemoryOfSession(t *testing.T) {
	const n = 5000
	h := &Handler{MaxPerAddr: -1}
	defer closeAll(t, h)
	before := heapInUse()
	for range n {
		id, _ := established(t, h)
		require.Equal(t, http.StatusOK, call(h, "/send/"+id+"/1", nil).Code)
	}
	each := (int64(heapInUse()) - int64(before)) / n
	t.Logf("%d bytes a session", each)
	require.Less(t, each, int64(2<<10))
}

func TestListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := new(Handler)
		require.Equal(t, "rtmpt", h.Addr().Network())
		silent := open(t, h)
		waiting := open(t, h)
		_, c := established(t, h)
		require.Equal(t, http.StatusOK, call(h, "/send/"+waiting+"/0", []byte{3}).Code)

		require.NoError(t, h.Close())
		_, err := h.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		require.Equal(t, http.StatusServiceUnavailable, call(h, "/open/1", nil).Code)
		require.Equal(t, http.StatusNotFound, call(h, "/idle/"+silent+"/0", nil).Code)
		require.Equal(t, http.StatusNotFound, call(h, "/idle/"+waiting+"/1", nil).Code)
		require.Len(t, h.all(), 1, "the one that was accepted lives on")

		ended := make(chan error)
		go func() { ended <- h.Shutdown(t.Context()) }()
		synctest.Wait()
		select {
		case <-ended:
			t.Fatal("Shutdown did not wait")
		default:
		}
		_, err = c.Write([]byte("bye"))
		require.NoError(t, err)
		require.NoError(t, c.Close())
		id := c.id.String()
		require.Equal(t, "\x01bye", call(h, "/idle/"+id+"/1", nil).Body.String())
		require.Equal(t, "\x00", call(h, "/idle/"+id+"/2", nil).Body.String())
		require.NoError(t, <-ended)
	})
}

func TestShutdownEndsTheRest(t *testing.T) {
	t.Parallel()
	h := new(Handler)
	id, c := established(t, h)
	held := make(chan int)
	go func() { held <- call(h, "/idle/"+id+"/1", nil).Code }()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, h.Shutdown(ctx), context.DeadlineExceeded)
	require.Contains(t, []int{200, 404}, <-held)
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, ErrSessionGone)
	require.Empty(t, h.all())
}

func TestCloseUnblocksAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := new(Handler)
		got := make(chan error)
		go func() {
			_, err := h.Accept()
			got <- err
		}()
		synctest.Wait()
		require.NoError(t, h.Close())
		require.ErrorIs(t, <-got, net.ErrClosed)
	})
}
