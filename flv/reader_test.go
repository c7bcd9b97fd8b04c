package flv

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// interrupted is an Input that fails at the window numbered fail, counted down.
type interrupted struct {
	memory
	fail int
}

var errInterrupted = errors.New("interrupted")

func (in *interrupted) Window(ctx context.Context, off int64, n int) ([]byte, error) {
	if in.fail--; in.fail == 0 {
		return nil, errInterrupted
	}
	return in.memory.Window(ctx, off, n)
}

// TestInterruptions calls Next and Seek again after an error: nothing is lost, nothing comes twice.
func TestInterruptions(t *testing.T) {
	t.Parallel()
	f := newFilm(5)
	f.videoHeader(0, 1)
	f.audioHeader(0, 1)
	f.plain(0, 60, 2, 1500)
	x, tags, times := open(t, f.b)
	in := &interrupted{memory: f.b}
	r := x.NewReader(in)
	requireNext := func(want Tag) {
		in.fail = 1 + int(want.Timestamp)%2
		tag, err := r.Next(t.Context())
		if errors.Is(err, errInterrupted) {
			tag, err = r.Next(t.Context())
		}
		require.NoError(t, err)
		require.Equal(t, want, tag.Clone())
	}
	for _, want := range tags[:100] {
		requireNext(want)
	}
	headers, at := expectSeek(tags, times, 31000)
	for i := range headers {
		headers[i].Timestamp = 30000
	}
	fresh, err := Open(t.Context(), memory(f.b))
	require.NoError(t, err)
	r = fresh.NewReader(in)
	failures := 0
	for fail := 1; ; fail++ {
		in.fail = fail
		got, err := r.Seek(t.Context(), 31*time.Second)
		if errors.Is(err, errInterrupted) {
			failures++
			continue
		}
		require.NoError(t, err)
		require.Equal(t, 30*time.Second, got)
		break
	}
	require.Positive(t, failures)
	for _, want := range append(headers, tags[at:]...) {
		requireNext(want)
	}
	in.fail = 0
	_, err = r.Next(t.Context())
	require.ErrorIs(t, err, io.EOF)
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	f := newFilm(5)
	f.plain(0, 4, 2, 100)
	x, _, _ := open(t, f.b)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := x.NewReader(input(f.b))
	_, err := r.Next(ctx)
	require.ErrorIs(t, err, context.Canceled)
	_, err = r.Seek(ctx, time.Second)
	require.ErrorIs(t, err, context.Canceled)
	_, err = Open(ctx, input(f.b))
	require.ErrorIs(t, err, context.Canceled)
	_, err = r.Next(t.Context())
	require.NoError(t, err)
}

// TestShared lets many viewers seek and play in one index at once.
func TestShared(t *testing.T) {
	t.Parallel()
	f := newFilm(5)
	for i := range 40 {
		f.videoHeader(uint32(i*4000), byte(i))
		f.audioHeader(uint32(i*4000), byte(i))
		f.plain(uint64(i*4000), 4, 2, 1000)
	}
	x, tags, times := open(t, f.b)
	fresh, err := Open(t.Context(), memory(f.b))
	require.NoError(t, err)
	before := fresh.Bytes()
	_ = x
	var viewers sync.WaitGroup
	for viewer := range 8 {
		viewers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(viewer), 0))
			r := fresh.NewReader(memory(f.b))
			for range 20 {
				requireSeek(t, r, tags, times, random.Int64N(160000))
			}
		})
	}
	viewers.Wait()
	require.Greater(t, fresh.Bytes(), before)
	require.Less(t, fresh.Bytes(), 64<<10)
}

func TestNextDoesNotAllocate(t *testing.T) {
	f := newFilm(5)
	f.videoHeader(0, 1)
	f.plain(0, 200, 2, 200)
	x, err := Open(t.Context(), memory(f.b))
	require.NoError(t, err)
	r := x.NewReader(memory(f.b))
	require.Zero(t, testing.AllocsPerRun(5000, func() {
		if _, err := r.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}))
}

func BenchmarkNext(b *testing.B) {
	f := newFilm(5)
	f.videoHeader(0, 1)
	f.plain(0, 200, 2, 1500)
	x, err := Open(b.Context(), memory(f.b))
	require.NoError(b, err)
	r := x.NewReader(memory(f.b))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Next(b.Context()); err != nil {
			r = x.NewReader(memory(f.b))
		}
	}
}

func BenchmarkSeek(b *testing.B) {
	f := newFilm(5)
	f.videoHeader(0, 1)
	f.plain(0, 600, 2, 1500)
	x, err := Open(b.Context(), memory(f.b))
	require.NoError(b, err)
	r := x.NewReader(memory(f.b))
	random := rand.New(rand.NewPCG(1, 1))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Seek(b.Context(), milliseconds(random.Int64N(600000))); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	f := newFilm(5)
	f.videoHeader(0, 1)
	f.plain(0, 600, 2, 1500)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Open(b.Context(), memory(f.b)); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzFile opens, reads and seeks whatever it is given, within bounds of memory and time.
func FuzzFile(f *testing.F) {
	for _, clip := range clips(f) {
		b, err := os.ReadFile(clip)
		require.NoError(f, err)
		f.Add(b[:min(len(b), 16<<10)], int64(1000))
	}
	small := newFilm(5)
	small.metadata(0, nil)
	small.videoHeader(0, 1)
	small.plain(0, 1, 1, 10)
	f.Add(small.b, int64(500))
	f.Fuzz(func(t *testing.T, b []byte, ms int64) {
		if len(b) > 1<<20 {
			return
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		readAll(t, b, ms%(1<<50))
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20))
		require.Less(t, time.Since(began), 5*time.Second)
	})
}

// readAll reads b as a file, and holds what comes to the contract of Reader.
func readAll(t *testing.T, b []byte, ms int64) {
	x, err := Open(t.Context(), memory(b))
	if err != nil {
		require.True(t, errors.Is(err, ErrFormat) || errors.Is(err, ErrNoTrack), err)
		return
	}
	r := x.NewReader(memory(b))
	total := 0
	read := func() {
		for {
			tag, err := r.Next(t.Context())
			if err != nil {
				require.True(t, errors.Is(err, io.EOF) || errors.Is(err, ErrFormat), err)
				return
			}
			total += tag.Len() + tagHeaderSize
		}
	}
	read()
	require.LessOrEqual(t, total, len(b))
	for _, at := range []int64{ms, 0, x.endTime, x.endTime / 2} {
		_, err := r.Seek(t.Context(), milliseconds(at))
		require.NoError(t, err)
		_, _ = r.Next(t.Context())
	}
	read()
	info := x.Info()
	require.NotEmpty(t, info.Tracks)
	require.GreaterOrEqual(t, info.Duration, time.Duration(0))
	_, err = NewWriter(io.Discard, info)
	require.NoError(t, err)
}
