package rtmp_test

import (
	"bytes"
	"compress/zlib"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/internal/strangers"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

// station is a server of the test data, with every door.
type station struct {
	*rtmp.Server
	addr string

	mu    sync.Mutex
	plays []*rtmp.ConnectRequest
}

func newStation(t *testing.T, s *rtmp.Server) *station {
	t.Helper()
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	s.TLSConfig = &tls.Config{Certificates: certified.TLS.Certificates}
	certified.Close()
	st := &station{Server: s}
	s.Logger = slog.New(slog.DiscardHandler)
	s.Handler = &vod.Handler{Origin: origin.FS(os.DirFS(".."))}
	s.OnEvent = func(e rtmp.Event) {
		if e.Kind == rtmp.EventPlay {
			st.mu.Lock()
			defer st.mu.Unlock()
			st.plays = append(st.plays, e.Connect)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	st.addr = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.ErrorIs(t, <-served, rtmp.ErrServerClosed)
	})
	return st
}

// played are the connections on which something was played since the last call.
func (s *station) played() []*rtmp.ConnectRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	plays := s.plays
	s.plays = nil
	return plays
}

// clips are one of each container, by stream name.
var clips = []struct {
	name  string
	bytes int // the least that a recording has
}{
	{"flv/testdata/avc-aac", 20_000},
	{"mp4:flv/mp4/testdata/faststart.mp4", 10_000},
	{"mp3:flv/mp3/testdata/cbr", 10_000},
}

// rtmpdump runs with a HOME of its own, because it remembers the hashes of SWF files there.
func rtmpdump(t *testing.T, args ...string) strangers.Outcome {
	t.Helper()
	return strangers.Run(t, "env", append([]string{"HOME=" + t.TempDir(), strangers.Path(t, "rtmpdump")}, args...)...)
}

// record has rtmpdump play a stream into a file, and returns that. Its status is 2 where the last packet begins before
// 99.9 % of the stream's duration.
func record(t *testing.T, url, name string, args ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.flv")
	got := rtmpdump(t, append([]string{"-r", url, "-y", name, "-o", out}, args...)...)
	if got.Err != nil {
		require.Contains(t, got.Stderr, "Download may be incomplete", got.Err)
	}
	file, err := os.ReadFile(out)
	require.NoError(t, err)
	return file
}

func TestRTMPDumpThroughEveryDoor(t *testing.T) {
	t.Parallel()
	strangers.Path(t, "rtmpdump")
	s := newStation(t, &rtmp.Server{})
	for _, clip := range clips {
		want := record(t, "rtmp://"+s.addr+"/vod", clip.name)
		require.Greater(t, len(want), clip.bytes)
		s.played()
		for _, scheme := range []string{"rtmpe", "rtmpt", "rtmpte", "rtmps", "rtmpts"} {
			t.Run(scheme+" "+clip.name, func(t *testing.T) {
				got := record(t, scheme+"://"+s.addr+"/vod", clip.name)
				require.True(t, bytes.Equal(want, got), "%d bytes, want the %d of rtmp", len(got), len(want))
				plays := s.played()
				require.Len(t, plays, 1)
				require.Equal(t, scheme, plays[0].Protocol)
			})
		}
	}
}

// framecrc has ffmpeg list the packets of a stream with their times and checksums.
func framecrc(t *testing.T, url, name string) string {
	t.Helper()
	got := strangers.Run(t, "ffmpeg", "-v", "error", "-rtmp_buffer", "3600000", "-rtmp_app", "vod", "-rtmp_playpath", name,
		"-i", url, "-c", "copy", "-f", "framecrc", "-")
	require.NoError(t, got.Err, got.Stderr)
	return string(got.Stdout)
}

func TestFFmpegThroughEveryDoor(t *testing.T) {
	t.Parallel()
	strangers.Path(t, "ffmpeg")
	s := newStation(t, &rtmp.Server{})
	for _, clip := range clips {
		want := framecrc(t, "rtmp://"+s.addr+"/vod", clip.name)
		require.Greater(t, strings.Count(want, "\n"), 50)
		s.played()
		for _, scheme := range []string{"rtmpt", "rtmps", "rtmpts"} {
			t.Run(scheme+" "+clip.name, func(t *testing.T) {
				require.Equal(t, want, framecrc(t, scheme+"://"+s.addr+"/vod", clip.name))
				plays := s.played()
				require.Len(t, plays, 1)
				require.Equal(t, scheme, plays[0].Protocol)
			})
		}
	}
}

// rtmpdump, when refused, ends where the server closes.
func TestRTMPDumpRejectedThroughEveryDoor(t *testing.T) {
	t.Parallel()
	strangers.Path(t, "rtmpdump")
	s := newStation(t, &rtmp.Server{})
	for _, scheme := range []string{"rtmp", "rtmpe", "rtmpt", "rtmpte", "rtmps", "rtmpts"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			got := rtmpdump(t, "-r", scheme+"://"+s.addr+"/closed", "-y", "clip", "-o", filepath.Join(t.TempDir(), "out.flv"))
			require.Error(t, got.Err, got.Stderr)
			require.Contains(t, got.Stderr, "server sent error")
		})
	}
}

// TestSWFVerificationOfRTMPDump has rtmpdump fetch a SWF file, compressed or not, and prove that it has it.
func TestSWFVerificationOfRTMPDump(t *testing.T) {
	t.Parallel()
	strangers.Path(t, "rtmpdump")
	files := map[string]string{
		"/plain.swf": "FWS\x0a\x26\x00\x00\x00thirty bytes of a Flash movie.",
		"/other.swf": "FWS\x0a\x26\x00\x00\x00thirty bytes of another movie.",
		"/zlib.swf":  "CWS\x0a\x26\x00\x00\x00" + deflated(t, "thirty bytes of a Flash movie."),
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Date(2009, 9, 1, 10, 0, 0, 0, time.UTC), strings.NewReader(files[r.URL.Path]))
	}))
	t.Cleanup(site.Close)
	accepted, err := rtmp.HashSWF(strings.NewReader(files["/plain.swf"]))
	require.NoError(t, err)
	s := newStation(t, &rtmp.Server{
		VerifySWF: func(*rtmp.ConnectRequest) []rtmp.SWF { return []rtmp.SWF{{}, accepted} },
		Limits:    rtmp.Limits{SWF: time.Second},
	})
	for _, scheme := range []string{"rtmp", "rtmpe", "rtmpt", "rtmps"} {
		for _, file := range []string{"/plain.swf", "/zlib.swf"} {
			t.Run(scheme+" "+file, func(t *testing.T) {
				t.Parallel()
				// In real time, so that it lasts longer than the time of grace.
				got := record(t, scheme+"://"+s.addr+"/vod", "flv/testdata/avc-aac", "-R", "-b", "1000", "-B", "3", "-W", site.URL+file)
				require.NotEmpty(t, got)
			})
		}
		for name, args := range map[string][]string{"wrong": {"-W", site.URL + "/other.swf"}, "none": {"-R", "-b", "1000"}} {
			t.Run(scheme+" "+name, func(t *testing.T) {
				t.Parallel()
				out := filepath.Join(t.TempDir(), "out.flv")
				args := append([]string{"-r", scheme + "://" + s.addr + "/vod", "-y", "flv/testdata/avc-aac", "-o", out}, args...)
				got := rtmpdump(t, args...)
				require.Error(t, got.Err, got.Stderr)
			})
		}
	}
}

func deflated(t *testing.T, s string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, err := w.Write([]byte(s))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}
