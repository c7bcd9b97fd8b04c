package web_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/origin/origintest"
	"github.com/seed-3309b198/reelfront/origin/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site serves files from memory as a common web server does.
type site struct {
	etags   bool // else Last-Modified alone
	mu      sync.Mutex
	version int
	files   map[string]file
}

type file struct {
	data    []byte
	version int
}

func (s *site) put(key string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.files[key] = file{data, s.version}
}

func (s *site) remove(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.files, key)
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	f, ok := s.files[strings.TrimPrefix(r.URL.Path, "/media/")]
	s.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	modified := time.Unix(1_000_000_000+int64(f.version), 0)
	if s.etags {
		w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprint("v", f.version)))
		modified = time.Time{}
	}
	http.ServeContent(w, r, "", modified, bytes.NewReader(f.data))
}

func newSite(t *testing.T, etags bool) origintest.Fixture {
	s := &site{etags: etags, files: map[string]file{}}
	o := open(t, s)
	return origintest.Fixture{
		Origin: o,
		Put:    func(_ *testing.T, key string, data []byte) { s.put(key, data) },
		Remove: func(_ *testing.T, key string) { s.remove(key) },
	}
}

// open returns an origin over a server with a handler.
func open(t *testing.T, h http.Handler) *web.Origin {
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	o, err := web.New(srv.URL+"/media/?token=secret", nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, o.Close()) })
	return o
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, etags := range map[string]bool{"ETag": true, "Last-Modified": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origintest.Run(t, func(t *testing.T) origintest.Fixture { return newSite(t, etags) })
		})
	}
	t.Run("cached", func(t *testing.T) {
		t.Parallel()
		origintest.Run(t, func(t *testing.T) origintest.Fixture {
			f := newSite(t, true)
			c := &origin.Cache{TTL: -1, MinTTL: -1, NegativeTTL: -1}
			t.Cleanup(func() { require.NoError(t, c.Close()) })
			f.Origin = c.Wrap("s", f.Origin)
			return f
		})
	})
}

// answer is what a server says to every request.
func answer(status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		if status == http.StatusPartialContent || status == http.StatusOK {
			_, _ = io.WriteString(w, "x")
		}
	}
}

func TestOpenAnswers(t *testing.T) {
	t.Parallel()
	any := errors.New("any")
	for name, c := range map[string]struct {
		h    http.Handler
		want error
	}{
		"sound":                {answer(206, "Content-Range", "bytes 0-0/10"), nil},
		"not found":            {answer(404), fs.ErrNotExist},
		"gone":                 {answer(410), fs.ErrNotExist},
		"unauthorised":         {answer(401), fs.ErrPermission},
		"forbidden":            {answer(403), fs.ErrPermission},
		"throttled":            {answer(429, "Retry-After", "7"), origin.ErrThrottled},
		"unavailable":          {answer(503), origin.ErrThrottled},
		"broken":               {answer(500), any},
		"no ranges":            {answer(200, "Content-Length", "99999"), any},
		"one byte, no range":   {answer(200, "Content-Length", "1"), nil},
		"no length":            {answer(206, "Content-Range", "bytes 0-0/*"), any},
		"no range":             {answer(206), any},
		"nonsense":             {answer(206, "Content-Range", "bytes 9-1/-5"), any},
		"too large a number":   {answer(206, "Content-Range", "bytes 0-0/99999999999999999999"), any},
		"encoded":              {answer(206, "Content-Range", "bytes 0-0/10", "Content-Encoding", "gzip"), any},
		"unsatisfiable":        {answer(416, "Content-Range", "bytes */5"), any},
		"empty, unsatisfiable": {answer(416, "Content-Range", "bytes */0"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			obj, err := open(t, c.h).Open(t.Context(), "film")
			if c.want == nil {
				require.NoError(t, err)
				require.NoError(t, obj.Close())
				return
			}
			require.Error(t, err)
			require.NotContains(t, err.Error(), "secret")
			if c.want != any {
				require.ErrorIs(t, err, c.want)
			}
			var after interface{ RetryAfter() time.Duration }
			if name == "throttled" {
				require.ErrorAs(t, err, &after)
				require.Equal(t, 7*time.Second, after.RetryAfter())
			}
		})
	}
}

// TestReadAnswers has a server go wrong after an object was opened.
func TestReadAnswers(t *testing.T) {
	t.Parallel()
	any := errors.New("any")
	data := strings.Repeat("0123456789", 10)
	for name, c := range map[string]struct {
		header []string
		status int
		body   string
		want   error
	}{
		"sound":             {[]string{"Content-Range", "bytes 10-19/100", "ETag", `"a"`}, 206, "0123456789", nil},
		"another version":   {[]string{"Content-Range", "bytes 10-19/100", "ETag", `"b"`}, 206, "0123456789", origin.ErrChanged},
		"another size":      {[]string{"Content-Range", "bytes 10-19/101", "ETag", `"a"`}, 206, "0123456789", origin.ErrChanged},
		"another range":     {[]string{"Content-Range", "bytes 11-20/100", "ETag", `"a"`}, 206, "0123456789", any},
		"all of it":         {nil, 200, data, origin.ErrChanged},
		"removed":           {nil, 404, "", origin.ErrChanged},
		"precondition":      {nil, 412, "", origin.ErrChanged},
		"shorter":           {nil, 416, "", origin.ErrChanged},
		"broken":            {nil, 502, "", any},
		"short":             {[]string{"Content-Range", "bytes 10-19/100", "ETag", `"a"`}, 206, "01234", io.ErrUnexpectedEOF},
		"no longer allowed": {nil, 403, "", fs.ErrPermission},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("If-Range") == "" {
					answer(206, "Content-Range", "bytes 0-0/100", "ETag", `"a"`)(w, r)
					return
				}
				for i := 0; i+1 < len(c.header); i += 2 {
					w.Header().Set(c.header[i], c.header[i+1])
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			obj, err := o.Open(t.Context(), "film")
			require.NoError(t, err)
			defer obj.Close()
			p := make([]byte, 10)
			n, err := obj.ReadAt(context.Background(), p, 10)
			switch c.want {
			case nil:
				require.NoError(t, err)
				require.Equal(t, "0123456789", string(p[:n]))
			case any:
				require.Error(t, err)
				require.NotErrorIs(t, err, origin.ErrChanged)
			default:
				require.ErrorIs(t, err, c.want)
			}
		})
	}
}

func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	s := &site{etags: true, files: map[string]file{}}
	s.put("film", make([]byte, 1<<20))
	conns := map[string]bool{}
	o := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conns[r.RemoteAddr] = true
		s.ServeHTTP(w, r)
	}))
	obj, err := o.Open(t.Context(), "film")
	require.NoError(t, err)
	for off := range 10 {
		_, err := obj.ReadAt(t.Context(), make([]byte, 100_000), int64(off*100_000))
		require.NoError(t, err)
	}
	require.Len(t, conns, 1)
}

func TestNew(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "media", "ftp://host/", "http://", "file:///x", "http://h\x7f/"} {
		_, err := web.New(url, nil)
		require.Error(t, err, "%q", url)
	}
	client := &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		require.Equal(t, "http://h/a%2Fb/c%2Bd%20e%23?q=1", r.URL.String())
		require.Equal(t, "Bearer x", r.Header.Get("Authorization"))
		return nil, errors.New("no network")
	})}
	o, err := web.New("http://h/a%2Fb?q=1", &web.Options{Client: client, Header: http.Header{"Authorization": {"Bearer x"}}})
	require.NoError(t, err)
	_, err = o.Open(t.Context(), "c+d e#")
	require.ErrorContains(t, err, "no network")
	require.NotContains(t, err.Error(), "q=1")
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestEmptyAnswer has a server promise a range and send nothing: that is not the end of the object.
func TestEmptyAnswer(t *testing.T) {
	t.Parallel()
	o := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") == "bytes=0-0" {
			w.Header().Set("Content-Range", "bytes 0-0/1000")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write([]byte{1})
			return
		}
		if r.Header.Get("Range") == "bytes=20-29" {
			panic(http.ErrAbortHandler) // nor is a connection that is closed instead
		}
		w.Header().Set("Content-Range", "bytes 10-19/1000")
		w.WriteHeader(http.StatusPartialContent)
	}))
	obj, err := o.Open(t.Context(), "film")
	require.NoError(t, err)
	for _, off := range []int64{10, 20} {
		n, err := obj.ReadAt(t.Context(), make([]byte, 10), off)
		require.Zero(t, n)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.NotErrorIs(t, err, io.EOF)
	}
}
