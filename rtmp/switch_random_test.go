package rtmp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/internal/strangers"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

// pipes is a listener whose connections are net.Pipes, for tests in fake time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (l *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	l.conns <- theirs
	return ours, nil
}

// ffmpeg runs FFmpeg, which must have nothing to say.
func ffmpeg(t *testing.T, args ...string) {
	t.Helper()
	got := strangers.Run(t, "ffmpeg", append([]string{"-nostdin", "-v", "error"}, args...)...)
	require.NoError(t, got.Err, got.Stderr)
	require.Empty(t, got.Stderr)
}

const filmSeconds = 20

// renditions makes a film at three bitrates, as FLV and as MP4, with B-frames: those of the name "aligned" with a key frame
// every 12 frames, and those of "unaligned" at intervals that differ.
func makeRenditions(t *testing.T, dir string) {
	args := []string{
		"-f", "lavfi", "-i", "testsrc2=size=128x72:rate=25",
		"-f", "lavfi", "-i", "sine=frequency=500:sample_rate=44100",
	}
	for _, alignment := range []string{"aligned", "unaligned"} {
		for i, rate := range []string{"300", "700", "1500"} {
			interval := "12"
			if alignment == "unaligned" {
				interval = []string{"10", "17", "25"}[i]
			}
			args = append(args, "-map", "0:v", "-map", "1:a", "-t", fmt.Sprint(filmSeconds),
				"-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-bf", "2", "-b:v", rate+"k",
				"-g", interval, "-keyint_min", interval, "-sc_threshold", "0",
				"-c:a", "aac", "-b:a", "64k", filepath.Join(dir, alignment+rate+".mp4"))
		}
	}
	ffmpeg(t, args...)
	films, err := filepath.Glob(filepath.Join(dir, "*.mp4"))
	require.NoError(t, err)
	for _, film := range films {
		ffmpeg(t, "-i", film, "-c", "copy", strings.TrimSuffix(film, "mp4")+"flv")
	}
}

// TestSwitchAtRandom switches between renditions while it plays, seeks and pauses, and has FFmpeg decode what came.
func TestSwitchAtRandom(t *testing.T) {
	dir := t.TempDir()
	makeRenditions(t, dir)
	for _, alignment := range []string{"aligned", "unaligned"} {
		for _, types := range [][2]string{{"mp4", "mp4"}, {"flv", "flv"}, {"mp4", "flv"}} {
			for i, pair := range [][2]string{{"300", "1500"}, {"300", "700"}, {"700", "1500"}} {
				if types[0] != types[1] && i > 0 {
					break
				}
				names := [2]string{types[0] + ":" + alignment + pair[0] + "." + types[0], types[1] + ":" + alignment + pair[1] + "." + types[1]}
				t.Run(strings.Join(names[:], " "), func(t *testing.T) {
					t.Parallel()
					out := filepath.Join(t.TempDir(), "out.flv")
					synctest.Test(t, func(t *testing.T) { zap(t, dir, names, out, uint64(i)) })
					ffmpeg(t, "-xerror", "-i", out, "-f", "null", "-")
				})
			}
		}
	}
}

// zap switches 200 times between two streams, and writes what came to a file.
func zap(t *testing.T, dir string, names [2]string, out string, seed uint64) {
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	srv := &rtmp.Server{Handler: &vod.Handler{Origin: origin.FS(os.DirFS(dir))}}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	defer func() {
		require.NoError(t, srv.Close())
		require.ErrorIs(t, <-served, rtmp.ErrServerClosed)
	}()
	var completed atomic.Int32
	client, err := rtmp.Dial(t.Context(), "rtmp://host/vod", &rtmp.ClientOptions{DialContext: l.dial, OnStatus: func(s rtmp.Status) {
		if s.Code == rtmp.CodePlayTransitionComplete {
			completed.Add(1)
		}
	}})
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.Connect(t.Context()))
	stream, err := client.CreateStream(t.Context())
	require.NoError(t, err)
	require.NoError(t, stream.SetBufferLength(time.Second))
	require.NoError(t, stream.Play(t.Context(), names[0], nil))

	file, err := os.Create(out)
	require.NoError(t, err)
	defer file.Close()
	v := newViewer(t, file)
	dice := rand.New(rand.NewPCG(seed, 1))
	for switches, next := 0, 20; switches < 200; {
		tag, err := stream.ReadTag(t.Context())
		if errors.Is(err, io.EOF) {
			require.NoError(t, stream.Seek(0))
			v.seek()
			continue
		}
		if status := (*rtmp.StatusError)(nil); errors.As(err, &status) {
			require.Equal(t, "The stream has no key frame to switch at.", status.Description)
			require.True(t, v.fresh || v.any > 1000*(filmSeconds-5), "refused in mid-film at %d", v.any)
			continue
		}
		require.NoError(t, err)
		v.watch(&tag)
		if next--; next > 0 {
			continue
		}
		next = dice.IntN(60)
		switch n := dice.IntN(20); {
		case n == 0:
			require.NoError(t, stream.Seek(time.Duration(dice.IntN(filmSeconds*1000))*time.Millisecond))
			v.seek()
		case n == 1:
			require.NoError(t, stream.Pause(true))
			time.Sleep(time.Duration(dice.IntN(5000)) * time.Millisecond)
			require.NoError(t, stream.Pause(false))
		default:
			switches++
			require.NoError(t, stream.Play2(t.Context(), rtmp.TransitionSwitch, names[dice.IntN(2)], nil))
		}
	}
	require.Greater(t, completed.Load(), int32(30), "switches made")
}

// viewer checks that what comes is continuous, and writes it to a file on a timeline that never goes back.
type viewer struct {
	t     *testing.T
	file  *flv.Writer
	shift uint32
	wrote uint32
	last  map[flv.TagType]uint32 // timestamp of the last frame since the last seek
	fresh bool
	any   uint32
}

func newViewer(t *testing.T, w io.Writer) *viewer {
	file, err := flv.NewWriter(w, nil)
	require.NoError(t, err)
	return &viewer{t: t, file: file, last: make(map[flv.TagType]uint32), fresh: true}
}

func (v *viewer) seek() {
	clear(v.last)
	v.fresh = true
}

// frameMillis is how long a frame is, rounded up.
var frameMillis = map[flv.TagType]uint32{flv.TagVideo: 40, flv.TagAudio: 24}

func (v *viewer) watch(tag *flv.Tag) {
	if tag.Type == flv.TagVideo && tag.Data[1] == 2 {
		return // the end of a sequence, which FFmpeg writes behind the last audio with an earlier time
	}
	if v.fresh {
		v.fresh, v.any = false, tag.Timestamp
		v.shift = v.wrote + 500 - tag.Timestamp // a seek leaves frames that are shown after those that follow
	}
	require.GreaterOrEqual(v.t, tag.Timestamp, v.any, "a step back")
	v.any = tag.Timestamp
	if frame := frameMillis[tag.Type]; frame > 0 && !tag.SequenceHeader() {
		if last, ok := v.last[tag.Type]; ok {
			require.LessOrEqual(v.t, tag.Timestamp-last, 2*frame, "a gap at %d", last)
		}
		v.last[tag.Type] = tag.Timestamp
	}
	written := tag.Clone()
	written.Timestamp += v.shift
	v.wrote = written.Timestamp
	require.NoError(v.t, v.file.Write(&written))
}

// BenchmarkSwitchFile is what a switch costs where the file is known: it is opened, its first tag is read, and it goes to a
// key frame.
func BenchmarkSwitchFile(b *testing.B) {
	for _, name := range []string{"mp4:demo.mp4", "flv:demo"} {
		b.Run(name, func(b *testing.B) {
			h := &vod.Handler{Origin: origin.FS(os.DirFS("../examples/edge/demo"))}
			app, err := h.Connect(b.Context(), &rtmp.ConnectRequest{App: "vod"})
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				src, err := app.Play(b.Context(), &rtmp.PlayRequest{Name: name, Length: -1})
				require.NoError(b, err)
				_, err = src.Next(b.Context())
				require.NoError(b, err)
				_, err = src.Seek(b.Context(), 6*time.Second)
				require.NoError(b, err)
				for range 3 { // two sequence headers and the key frame
					_, err = src.Next(b.Context())
					require.NoError(b, err)
				}
				require.NoError(b, src.Close())
			}
		})
	}
}
