package tunnel

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func FuzzParsePath(f *testing.F) {
	for _, path := range []string{
		"", "/", "*", "/open/1", "/fcs/ident2", "/fcs/ident", "/send/0123456789abcdef0123456789ABCDEF/17",
		"/idle/0123456789abcdef0123456789abcdef/0", "/close/x/999999999999999999", "/send//1", "send/x/1", "/send/x/1/",
		"/idle/é/1",
	} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got := parsePath(path)
		require.GreaterOrEqual(t, got.seq, int64(0))
		if got.verb == verbNone || got.verb == verbIdent || got.verb == verbOpen {
			require.Zero(t, got.seq)
			require.Zero(t, got.id)
			return
		}
		if !got.known {
			return
		}
		// What was understood can be said again.
		verb := map[verb]string{verbSend: "send", verbIdle: "idle", verbClose: "close"}[got.verb]
		again := fmt.Sprintf("/%s/%s/%d", verb, got.id, got.seq)
		require.Equal(t, got, parsePath(again))
		head, digits, _ := strings.Cut(strings.ToLower(path[1:])[len(verb)+1:], "/")
		require.Equal(t, got.id.String(), head)
		require.Equal(t, fmt.Sprint(got.seq), strings.TrimLeft(digits, "0")+strings.Repeat("0", zeroIf(got.seq)))
	})
}

func zeroIf(n int64) int {
	if n == 0 {
		return 1
	}
	return 0
}

// model is what a session should do, in the plainest way: FuzzSession plays one request after the other to both.
type model struct {
	next    int64
	toRead  []byte // by the server
	toFetch []byte // by the client
	last    string // the last reply
	closed  bool   // by the server
	over    bool   // no request but the last again
	gone    bool
}

// expect is what a request gets.
func (m *model) expect(verb string, seq int64, body string, reply int) (int, string) {
	switch {
	case m.gone:
		return 404, ""
	case seq == m.next-1:
		return 200, m.last
	case seq < m.next:
		return 200, "?"
	case m.over:
		return 404, ""
	case seq > m.next:
		m.gone = true
		return 404, ""
	}
	m.next++
	if verb == "send" && !m.closed {
		m.toRead = append(m.toRead, body...)
	}
	if verb == "close" {
		m.toFetch, m.over, m.last = nil, true, "\x00"
		return 200, m.last
	}
	m.last = "\x01" + string(m.toFetch[:reply])
	if reply == 0 {
		m.last = "?"
		if m.closed {
			m.over, m.last = true, "\x00"
		}
	}
	m.toFetch = m.toFetch[reply:]
	return 200, m.last
}

// FuzzSession plays a script of requests, reads and writes to a session. Each step is two bytes: what, and how much.
func FuzzSession(f *testing.F) {
	f.Add([]byte("\x00\x05\x01\x05\x03\x10\x01\x00\x02\x00\x04\xff\x03\xff\x01\x01\x05\x00\x01\x00\x01\x00"))
	f.Add([]byte("\x00\x10\x06\x02\x00\x10"))
	f.Add([]byte("\x03\xff\x03\xff\x01\x00\x07\x01\x07\x02\x02\x00\x07\x01\x01\x00"))
	f.Add(bytes.Repeat([]byte{0, 255, 4, 200, 3, 255, 1, 0, 7, 1}, 20))
	f.Add(bytes.Repeat([]byte{1, 0}, 60))
	f.Fuzz(func(t *testing.T, script []byte) {
		script = script[:min(len(script), 400)]
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		synctest.Test(t, func(t *testing.T) { playScript(t, script) })
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20))
	})
}

func playScript(t *testing.T, script []byte) {
	const maxReply = 5000
	h := &Handler{MaxReply: maxReply, MaxPending: 40_000, Expiry: -1}
	defer closeAll(t, h)
	id, c := established(t, h)
	m := &model{next: 1, last: "\x01"}
	source := randomBytes(1 << 20)
	request := func(verb string, seq int64, body string) {
		fit := min(len(m.toFetch), maxReply)
		w := call(h, fmt.Sprintf("/%s/%s/%d", verb, id, seq), []byte(body))
		if n := w.Body.Len() - 1; seq == m.next && n > 0 && n < fit {
			fit = n // a reply ends with a block
		}
		code, reply := m.expect(verb, seq, body, fit)
		require.Equal(t, code, w.Code)
		require.Equal(t, fmt.Sprint(w.Body.Len()), w.Header().Get("Content-Length"))
		if reply == "?" {
			require.Equal(t, 1, w.Body.Len())
			require.Contains(t, "\x01\x03\x05\x09\x11\x21", w.Body.String())
			return
		}
		require.Equal(t, reply, w.Body.String())
	}
	for ; len(script) >= 2; script = script[2:] {
		amount := int(script[1]) * 37
		switch script[0] % 8 {
		case 0:
			if len(m.toRead) < 40_000 {
				request("send", m.next, string(source[:amount]))
			}
		case 1:
			request("idle", m.next, "\x00")
		case 2:
			request("send", m.next-1, "again")
		case 3:
			_ = c.SetWriteDeadline(time.Now().Add(time.Millisecond))
			n, err := c.Write(source[1 : 1+amount])
			require.True(t, err != nil || n == amount)
			m.toFetch = append(m.toFetch, source[1:1+n]...)
		case 4:
			readScripted(t, c, m, amount)
		case 5:
			require.NoError(t, c.Close())
			m.closed, m.toRead = true, nil
		case 6:
			if len(m.toRead) < 40_000 { // else a send request waits in vain
				request([]string{"send", "idle", "close"}[amount%3], m.next+int64(script[1]%3), "x")
			}
		case 7:
			request("idle", max(0, m.next-int64(script[1])), "x")
		}
		_, out := queued(c)
		require.LessOrEqual(t, out, 40_000)
	}
}

// readScripted reads once, and compares.
func readScripted(t *testing.T, c *Conn, m *model, amount int) {
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	p := make([]byte, amount)
	n, err := c.Read(p)
	require.True(t, bytes.HasPrefix(m.toRead, p[:n]))
	m.toRead = m.toRead[n:]
	switch {
	case amount == 0 || err == nil:
	case m.closed:
		require.Error(t, err)
	case m.over:
		require.ErrorIs(t, err, io.EOF)
	case m.gone:
		require.ErrorIs(t, err, ErrSessionGone)
	default:
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	}
}

// FuzzHandler answers any request, however odd, without harm.
func FuzzHandler(f *testing.F) {
	f.Add("POST", "/open/1", "\x00", int64(1))
	f.Add("POST", "/send/ID/0", "hello", int64(5))
	f.Add("POST", "/idle/ID/9", "", int64(-1))
	f.Add("POST", "/close/ID/0", "\x00", int64(1<<30))
	f.Add("GET", "/fcs/ident2", "", int64(0))
	f.Fuzz(func(t *testing.T, method, path, body string, length int64) {
		synctest.Test(t, func(t *testing.T) {
			h := &Handler{MaxRequest: 10_000}
			defer closeAll(t, h)
			id, c := established(t, h)
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
			r.Method, r.ContentLength = method, length
			r.URL.Path = strings.Replace(path, "ID", id, 1)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			require.Contains(t, []int{200, 404, 405, 413}, w.Code)
			require.Equal(t, fmt.Sprint(w.Body.Len()), w.Header().Get("Content-Length"))
			in, _ := queued(c)
			require.LessOrEqual(t, in, 10_000)
			require.LessOrEqual(t, len(h.all()), 2)
		})
	})
}
