package rtmptest_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/internal/strangers"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/rtmptest"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

// hour is the buffer that FFmpeg is to state, in ms, so that a server sends all at once.
const hour = "3600000"

func playFFprobe(t *testing.T, srv *rtmptest.Server, path string, _ film) film {
	return probe(t, "-rtmp_buffer", hour, srv.URL+"/"+path)
}

func playRTMPDump(t *testing.T, srv *rtmptest.Server, path string, _ film) film {
	out := filepath.Join(t.TempDir(), "out.flv")
	dump(t, "-r", srv.URL+"/"+path, "-o", out)
	return probe(t, out)
}

// dump runs rtmpdump, whose status is 2 where the last packet begins before 99.9 % of the stream's duration.
func dump(t *testing.T, args ...string) {
	t.Helper()
	got := strangers.Run(t, "rtmpdump", args...)
	if got.Err != nil {
		require.Contains(t, got.Stderr, "Download may be incomplete", got.Err)
	}
}

func playGStreamer(t *testing.T, srv *rtmptest.Server, path string, _ film) film {
	out := filepath.Join(t.TempDir(), "out.flv")
	got := strangers.Run(t, "gst-launch-1.0", "rtmp2src", "location="+srv.URL+"/"+path, "!", "filesink", "location="+out)
	require.NoError(t, got.Err, got.Stderr)
	return probe(t, out)
}

// The six seconds of this reel have key frames at 0, 1, 2 and 4 s.
const longReel = "flv/testdata/avc-aac.flv"

// rtmpdump, in each of the ways that people use it.
func TestRTMPDump(t *testing.T) {
	t.Parallel()
	strangers.Path(t, "ffprobe")
	whole := probe(t, filepath.Join(root, longReel))
	srv := rtmptest.NewUnstartedServer(t, &vod.Handler{Origin: origin.FS(os.DirFS(root))})
	var pauses atomic.Int32
	srv.Config.OnEvent = func(e rtmp.Event) {
		if e.Kind == rtmp.EventPause {
			pauses.Add(1)
		}
	}
	srv.Start()
	url := srv.URL + "/" + longReel
	for name, play := range map[string]struct {
		args []string
		want film
	}{
		"live":      {[]string{"--live"}, whole},
		"real time": {[]string{"-R"}, whole},
		"start":     {[]string{"--start", "4"}, whole.part(4000, 1e9)},
		"stop":      {[]string{"--stop", "3"}, whole.part(0, 3000)},
		"both":      {[]string{"--start", "2", "--stop", "4"}, whole.part(2000, 4000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "out.flv")
			dump(t, append([]string{"-r", url, "-o", out}, play.args...)...)
			got := probe(t, out)
			requireFilm(t, []film{play.want}, got)
			require.InDelta(t, play.want["video"][0].dts, got["video"][0].dts, 50)
		})
	}

	// With a short buffer rtmpdump pauses and goes on at once, to be sent more than real time would allow.
	t.Run("short buffer", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "out.flv")
		dump(t, "-r", url, "-o", out, "-b", "2000")
		requireFilm(t, []film{whole}, probe(t, out))
		require.NotZero(t, pauses.Load())
	})
}

// A download that broke off goes on where it was.
func TestRTMPDumpResume(t *testing.T) {
	t.Parallel()
	strangers.Path(t, "ffprobe")
	srv := rtmptest.NewServer(t, os.DirFS(root))
	out := filepath.Join(t.TempDir(), "out.flv")
	srv.Fail(&rtmptest.Fault{Bytes: 16_000})
	broken := strangers.Run(t, "rtmpdump", "-r", srv.URL+"/"+longReel, "-o", out)
	require.Error(t, broken.Err, broken.Stderr)
	half := probe(t, out)
	whole := probe(t, filepath.Join(root, longReel))
	require.Greater(t, half.count(), 20)
	require.Less(t, half.count(), whole.count())

	srv.Fail(nil)
	dump(t, "-r", srv.URL+"/"+longReel, "-o", out, "--resume")
	requireFilm(t, []film{whole}, probe(t, out))
}

// ffmpeg decodes all of a clip without a complaint, and ends.
func TestFFmpegDecodes(t *testing.T) {
	t.Parallel()
	srv := rtmptest.NewServer(t, rtmptest.Clips())
	for _, name := range []string{"clip", "mp4:clip.mp4", "mp3:clip"} {
		got := strangers.Run(t, "ffmpeg", "-v", "error", "-xerror", "-rtmp_buffer", hour, "-i", srv.URL+"/"+name, "-f", "null", "-")
		require.NoError(t, got.Err, got.Stderr)
		require.Empty(t, got.Stderr)
	}
}

// A seek of FFmpeg's goes to the key frame before, and the times are those of the file. Its buffer is its own, three
// seconds: FFmpeg that has been sent the end of a stream takes it for the end of what it seeks to.
func TestFFmpegSeeks(t *testing.T) {
	t.Parallel()
	srv := rtmptest.NewServer(t, os.DirFS(root))
	want := probe(t, filepath.Join(root, longReel)).part(4000, 1e9)
	got := probe(t, "-read_intervals", "4.5%", srv.URL+"/"+longReel)
	requireFilm(t, []film{want}, got)
	require.InDelta(t, want["video"][0].dts, got["video"][0].dts, 1)
}

// GStreamer plays a clip against its clock, and ends with it.
func TestGStreamerInRealTime(t *testing.T) {
	t.Parallel()
	srv := rtmptest.NewServer(t, rtmptest.Clips())
	got := strangers.Run(t, "gst-launch-1.0", "rtmp2src", "location="+srv.URL+"/clip.flv", "!", "flvdemux", "!", "h264parse", "!",
		"fakesink", "sync=true")
	require.NoError(t, got.Err, got.Stderr)
	require.Greater(t, got.Took.Seconds(), 1.8)
	require.Less(t, got.Took.Seconds(), 10.0)
}
