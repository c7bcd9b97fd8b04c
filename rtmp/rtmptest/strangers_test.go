package rtmptest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/internal/strangers"
	"github.com/seed-3309b198/reelfront/rtmp/rtmptest"
)

// root is the folder that the players' server plays.
const root = "../.."

// reels are the files that are played, with their codecs.
var reels = []struct{ path, codecs string }{
	{"rtmp/rtmptest/clips/clip.flv", "avc aac"},
	{"rtmp/rtmptest/clips/clip.mp4", "avc aac"},
	{"rtmp/rtmptest/clips/clip.mp3", "mp3"},
	{"flv/testdata/avc-aac.flv", "avc aac"},
	{"flv/testdata/h263-mp3.flv", "h263 mp3"},
	{"flv/testdata/nellymoser.flv", "nellymoser"},
	{"flv/testdata/screen-adpcm.flv", "screen adpcm"},
	{"flv/testdata/speex.flv", "speex"},
	{"flv/mp4/testdata/moovlast.mp4", "avc aac"},
	{"flv/mp4/testdata/edits.mp4", "avc aac"},
	{"flv/mp4/testdata/fragments.mp4", "avc aac"},
	{"flv/mp4/testdata/nostss.mp4", "avc"},
	{"flv/mp4/testdata/clip.mov", "avc aac"},
	{"flv/mp4/testdata/mp3.mp4", "mp3"},
	{"flv/mp3/testdata/cbr.mp3", "mp3"},
	{"flv/mp3/testdata/vbr-xing.mp3", "mp3"},
	{"flv/mp3/testdata/mpeg25-8000.mp3", "mp3-8k"},
}

// players are other people's clients. Each is given a URL as its users would give it, and tells what it received;
// where it cannot tell the end of a stream it reads as many packets as there should be.
var players = []struct {
	name   string
	codecs string // that it takes; "" for all
	play   func(t *testing.T, srv *rtmptest.Server, path string, want film) film
}{
	{"ffprobe", "", playFFprobe},
	{"rtmpdump", "", playRTMPDump},
	{"gstreamer", "", playGStreamer},
	{"gortmplib", "avc aac mp3", playGortmplib},
	{"joy4", "avc aac", playJoy4},
}

func TestStrangersPlay(t *testing.T) {
	t.Parallel()
	strangers.Path(t, "ffprobe")
	srv := rtmptest.NewServer(t, os.DirFS(root))
	for _, reel := range reels {
		t.Run(reel.path, func(t *testing.T) {
			t.Parallel()
			want := timelines(t, filepath.Join(root, reel.path))
			require.NotZero(t, want[0].count())
			for _, player := range players {
				if takes(player.codecs, reel.codecs) {
					t.Run(player.name, func(t *testing.T) {
						t.Parallel()
						requireFilm(t, want, player.play(t, srv, reel.path, want[0]))
					})
				}
			}
		})
	}
}

func takes(client, codecs string) bool {
	for codec := range strings.FieldsSeq(codecs) {
		if client != "" && !slices.Contains(strings.Fields(client), codec) {
			return false
		}
	}
	return true
}

// A file that is not there: every client that understands a refusal ends by itself, and says that it failed.
func TestStrangersMissing(t *testing.T) {
	t.Parallel()
	srv := rtmptest.NewServer(t, rtmptest.Clips())
	out := filepath.Join(t.TempDir(), "out.flv")
	for name, command := range map[string][]string{
		"ffprobe":   {"ffprobe", "-v", "error", srv.URL + "/missing.mp4"},
		"ffmpeg":    {"ffmpeg", "-v", "error", "-i", srv.URL + "/missing.flv", "-f", "null", "-"},
		"rtmpdump":  {"rtmpdump", "-r", srv.URL + "/mp4:missing.mp4", "-o", out},
		"gstreamer": {"gst-launch-1.0", "rtmp2src", "location=" + srv.URL + "/missing.mp4", "!", "fakesink"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := strangers.Run(t, command[0], command[1:]...)
			require.Error(t, got.Err, got.Stderr)
			require.Less(t, got.Took.Seconds(), 10.0)
		})
	}
	t.Run("gortmplib", func(t *testing.T) {
		t.Parallel()
		_, err := dialGortmplib(t, srv.URL+"#missing")
		require.ErrorContains(t, err, "NetStream.Play.StreamNotFound")
	})
}

// An application that is not there.
func TestStrangersRejected(t *testing.T) {
	t.Parallel()
	srv := rtmptest.NewServer(t, rtmptest.Clips())
	url := "rtmp://" + srv.Listener.Addr().String() + "/other"
	out := filepath.Join(t.TempDir(), "out.flv")
	for name, command := range map[string][]string{
		"ffprobe":   {"ffprobe", "-v", "error", url + "/clip"},
		"rtmpdump":  {"rtmpdump", "-r", url + "/clip", "-o", out},
		"gstreamer": {"gst-launch-1.0", "rtmp2src", "location=" + url + "/clip", "!", "fakesink"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := strangers.Run(t, command[0], command[1:]...)
			require.Error(t, got.Err, got.Stderr)
			require.Less(t, got.Took.Seconds(), 10.0)
		})
	}
	t.Run("gortmplib", func(t *testing.T) {
		t.Parallel()
		_, err := dialGortmplib(t, url+"#clip")
		require.ErrorContains(t, err, "NetConnection.Connect.Rejected")
	})
}

// TestStrangersBreakOff holds that a player ends by itself when a file gives out in the middle of it.
func TestStrangersBreakOff(t *testing.T) {
	t.Parallel()
	for program, args := range map[string][]string{
		"ffmpeg":   {"-v", "quiet", "-f", "null", "/dev/null", "-i"},
		"rtmpdump": {"-q", "-o", "/dev/null", "-r"},
	} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			strangers.Path(t, program)
			srv := rtmptest.NewServer(t, rtmptest.Clips())
			srv.Fail(&rtmptest.Fault{Err: errors.New("gone"), Tags: 10})
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			_ = exec.CommandContext(ctx, program, append(args, srv.URL+"/mp4:clip.mp4")...).Run()
			require.NoError(t, ctx.Err(), "it did not end")
		})
	}
}
