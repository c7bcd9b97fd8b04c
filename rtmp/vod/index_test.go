package vod

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/origin"
)

func mustPlay(t *testing.T, h *Handler, name string) {
	t.Helper()
	s, err := connect(t, h, "vod").Play(t.Context(), play(name))
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

func TestIndexShared(t *testing.T) {
	t.Parallel()
	o := &fakeOrigin{}
	o.put("a.flv", `"1"`)
	h, _, calls := newHandler(o)
	mustPlay(t, h, "a.flv")
	mustPlay(t, h, "flv:a")
	require.EqualValues(t, 1, calls.Load())
	o.put("a.flv", `"2"`)
	mustPlay(t, h, "a")
	require.EqualValues(t, 2, calls.Load(), "another version has an index of its own")
}

func TestIndexOfUnknownVersionNotShared(t *testing.T) {
	t.Parallel()
	o := &fakeOrigin{objects: map[string]origin.Info{"a": {Size: 100}}}
	h, _, calls := newHandler(o)
	mustPlay(t, h, "a")
	mustPlay(t, h, "a")
	require.EqualValues(t, 2, calls.Load())
}

func TestIndexSpaces(t *testing.T) {
	t.Parallel()
	shared := new(IndexCache)
	plays := func(spaces ...string) (n int32) {
		for _, space := range spaces {
			o := &fakeOrigin{}
			o.put("a", `"1"`)
			h, _, calls := newHandler(o)
			h.Index, h.Space = shared, space
			mustPlay(t, h, "a")
			n += calls.Load()
		}
		return n
	}
	require.EqualValues(t, 1, plays("films", "films"))
	require.EqualValues(t, 2, plays("music", "", "films"), "handlers without a space share with nobody")
}

func TestIndexBytes(t *testing.T) {
	t.Parallel()
	o := &fakeOrigin{}
	for i := range 4 {
		o.put(fmt.Sprintf("%d.flv", i), `"1"`)
	}
	h, f, calls := newHandler(o)
	h.Index = &IndexCache{Bytes: 2500}
	mustPlay(t, h, "0.flv")
	mustPlay(t, h, "1.flv")
	mustPlay(t, h, "0.flv")
	require.EqualValues(t, 2, calls.Load())
	mustPlay(t, h, "2.flv") // 1 goes, as it was used least recently
	mustPlay(t, h, "0.flv")
	require.EqualValues(t, 3, calls.Load())
	mustPlay(t, h, "1.flv")
	require.EqualValues(t, 4, calls.Load())
	require.EqualValues(t, 2000, h.Index.used)

	f.bytes = 2600 // an index that has grown too large is kept no longer
	mustPlay(t, h, "1.flv")
	require.Zero(t, h.Index.used)
	require.Empty(t, h.Index.files)
	require.Zero(t, h.Index.recent.Len())

	h.Index = &IndexCache{Bytes: -1}
	mustPlay(t, h, "1.flv")
	require.Empty(t, h.Index.files)
}

// The first viewer leaves while the index is being built; the second gets it all the same, and it is built once.
func TestIndexOutlivesItsFirstViewer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &fakeOrigin{}
		o.put("a", `"1"`)
		h, f, _ := newHandler(o)
		built, calls := make(chan struct{}), new(atomic.Int32)
		h.demux = func(ctx context.Context, in flv.Input, _ string) (flv.File, error) {
			calls.Add(1)
			<-built
			_, err := in.Window(ctx, 0, 1)
			return f, errors.Join(err, ctx.Err())
		}
		a := connect(t, h, "vod")
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := a.Play(ctx, play("a"))
			require.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		for range 3 {
			wg.Go(func() {
				s, err := a.Play(t.Context(), play("a"))
				require.NoError(t, err)
				require.NoError(t, s.Close())
			})
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(built)
		wg.Wait()
		require.EqualValues(t, 1, calls.Load())
		require.Zero(t, o.open.Load())
		require.Empty(t, h.own.builds)
	})
}

// Nobody waits any more, so the build ends; who comes then gets another.
func TestIndexGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &fakeOrigin{}
		o.put("a", `"1"`)
		h, f, calls := newHandler(o)
		ready := h.demux
		h.demux = func(ctx context.Context, _ flv.Input, _ string) (flv.File, error) {
			<-ctx.Done()
			time.Sleep(time.Second) // an origin that is slow to notice
			return f, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := connect(t, h, "vod").Play(ctx, play("a"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		h.demux = ready
		mustPlay(t, h, "a")
		require.EqualValues(t, 1, calls.Load())
		time.Sleep(2 * time.Second)
		require.Zero(t, o.open.Load())
		require.Len(t, h.own.files, 1)
	})
}

// A panic in a demuxer costs those who wanted the file, and nobody else.
func TestIndexPanic(t *testing.T) {
	t.Parallel()
	o := &fakeOrigin{}
	o.put("a", `"1"`)
	o.put("b", `"1"`)
	h, _, _ := newHandler(o)
	ready := h.demux
	h.demux = func(ctx context.Context, in flv.Input, key string) (flv.File, error) {
		if key == "a" {
			var none []int
			_ = none[runtime.NumGoroutine()]
		}
		return ready(ctx, in, key)
	}
	a := connect(t, h, "vod")
	for range 2 {
		require.Panics(t, func() { _, _ = a.Play(t.Context(), play("a")) })
	}
	mustPlay(t, h, "b")
	require.Empty(t, h.own.builds)
}

func BenchmarkPlay(b *testing.B) {
	o := &fakeOrigin{}
	o.put("dir/film.mp4", `"1"`)
	f := &fakeFile{info: flv.Info{Tracks: avcAndAAC}, bytes: 1000}
	h := &Handler{Origin: o, demux: demuxTo(f, new(atomic.Int32))}
	m, _ := Split("vod/mp4:dir", "vod")
	a := &app{h: h, mount: m}
	r := play("mp4:film?Expires=1&Signature=x&Key-Pair-Id=y")
	b.ReportAllocs()
	for b.Loop() {
		o.asked = o.asked[:0]
		s, err := a.Play(b.Context(), r)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
