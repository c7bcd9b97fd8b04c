package origin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/origin"
)

var allFaults = map[string]fault{
	"error": fails, "hang": hangs, "deaf": deaf, "short": falls, "drip": drips, "end": ends, "change": changes, "throttle": throttles,
	"forbid": forbids,
}

// TestFaultsAtEachCall breaks each call of an origin in turn, once and from then on, while a viewer watches. The viewer gets
// the film or the beginning of it, and never waits for longer than a deadline.
func TestFaultsAtEachCall(t *testing.T) {
	t.Parallel()
	const blocks, block = 5, 16 << 10
	data := randomBytes(blocks*block - 100)
	flipped := make([]byte, len(data))
	for i := range data {
		flipped[i] = ^data[i]
	}
	for name, what := range allFaults {
		for call := range blocks + 1 {
			for _, lasting := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s at %d, lasting %v", name, call, lasting), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						f := newFake("film", data)
						f.latency = 10 * time.Millisecond
						f.fault = func(n int) fault {
							if n == call || lasting && n > call {
								return what
							}
							return none
						}
						cache := &origin.Cache{BlockBytes: block}
						err := watchThrough(t, cache.Wrap("s", f), data, flipped)
						if !lasting && (what == fails || what == hangs || what == falls || what == drips || what == ends || what == throttles) {
							require.NoError(t, err, "a fault that passes is not felt")
						}
						if lasting && what == changes && call > 0 {
							require.ErrorIs(t, err, origin.ErrChanged)
						}
						close(f.released)
						synctest.Wait()
						closeCache(t, cache)
						require.Zero(t, f.now)
					})
				})
			}
		}
	}
}

// watchThrough reads a film, and holds each window against the same one of versions that the first window fits.
func watchThrough(t *testing.T, o origin.Origin, versions ...[]byte) error {
	begin := time.Now()
	obj, err := o.Open(t.Context(), "film")
	require.LessOrEqual(t, time.Since(begin), 35*time.Second, "Open")
	if err != nil {
		return err
	}
	defer func() { require.NoError(t, obj.Close()) }()
	r := origin.NewReader(obj)
	defer r.Close()
	for off := 0; off < int(r.Size()); off += 3000 {
		n := min(3000, int(r.Size())-off)
		begin := time.Now()
		w, err := r.Window(t.Context(), int64(off), n)
		require.LessOrEqual(t, time.Since(begin), 70*time.Second, "a window, over two blocks at most")
		if err != nil {
			require.NotErrorIs(t, err, io.EOF)
			return err
		}
		versions = slices.DeleteFunc(versions, func(v []byte) bool { return !bytes.Equal(w, v[off:off+n]) })
		require.Len(t, versions, 1, "wrong bytes at %d", off)
	}
	return nil
}

// TestFaultsAtRandom has many viewers watch films of an origin where one call in five goes wrong.
func TestFaultsAtRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				data := randomBytes(8*block + 1)
				f := newFake("film", data)
				f.latency = 20 * time.Millisecond
				var mu sync.Mutex
				rnd := rand.New(rand.NewPCG(seed, 1))
				f.fault = func(int) fault {
					mu.Lock()
					defer mu.Unlock()
					if rnd.IntN(5) > 0 {
						return none
					}
					return []fault{fails, hangs, falls, drips, throttles, ends}[rnd.IntN(6)]
				}
				cache := &origin.Cache{BlockBytes: block, MemoryBytes: 4 * block, Dir: t.TempDir(), Guard: origin.Guard{Hedge: seed > 0}}
				o := cache.Wrap("s", f)
				var wg sync.WaitGroup
				for i := range 50 {
					wg.Go(func() {
						time.Sleep(time.Duration(i) * 37 * time.Millisecond)
						ctx, cancel := context.WithCancel(context.Background())
						defer cancel()
						if i%5 == 0 {
							time.AfterFunc(time.Duration(i)*50*time.Millisecond, cancel)
						}
						got, err := readAll(ctx, o, "film", 7000)
						if string(got) != string(data[:len(got)]) {
							t.Error("wrong bytes")
						}
						if err != nil && ctx.Err() == nil && !errors.Is(err, errFake) && !errors.Is(err, context.DeadlineExceeded) &&
							!errors.Is(err, origin.ErrThrottled) && !errors.Is(err, io.ErrUnexpectedEOF) {
							t.Errorf("an error of no fault's: %v", err)
						}
					})
				}
				wg.Wait()
				closeCache(t, cache)
				require.Zero(t, f.now)
			})
		})
	}
}

// TestColdStart has a thousand viewers start a film of a minute at once that nobody has seen before.
func TestColdStart(t *testing.T) {
	t.Parallel()
	for name, memory := range map[string]int64{"memory": 0, "little memory": 2 << 20, "no memory": -1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const viewers, second = 1000, 1_000_000 / 8
				data := randomBytes(60 * second)
				f := newFake("film", data)
				f.latency = 50 * time.Millisecond
				cache := &origin.Cache{MemoryBytes: memory}
				o := cache.Wrap("s", f)
				var wg sync.WaitGroup
				var stalls, first sync.Map
				for i := range viewers {
					wg.Go(func() {
						time.Sleep(time.Duration(i) * 2 * time.Millisecond)
						begin := time.Now()
						obj, err := o.Open(context.Background(), "film")
						if err != nil {
							t.Error(err)
							return
						}
						defer obj.Close()
						r := origin.NewReader(obj)
						defer r.Close()
						for off := 0; off < len(data); off += second / 2 {
							at := time.Now()
							w, err := r.Window(context.Background(), int64(off), second/2)
							if err != nil || string(w[:99]) != string(data[off:off+99]) || len(w) != second/2 {
								t.Errorf("%d at %d: %v", i, off, err)
								return
							}
							if off == 0 {
								first.Store(i, time.Since(begin))
							} else if d := time.Since(at); d > 0 {
								stalls.Store([2]int{i, off}, d)
							}
							time.Sleep(500 * time.Millisecond)
						}
					})
				}
				wg.Wait()
				first.Range(func(_, d any) bool {
					require.LessOrEqual(t, d, 100*time.Millisecond, "the first bytes come after two round trips")
					return true
				})
				stalls.Range(func(at, d any) bool {
					t.Errorf("viewer and place %v had to wait for %v", at, d)
					return false
				})
				opens, reads, bytes := f.counts()
				require.Equal(t, 1, opens)
				// With too little memory for it, the film's end may be dropped again between its first and its last second.
				require.LessOrEqual(t, bytes, int64(len(data)*105/100))
				if memory == 0 {
					require.Equal(t, 8, reads, "one read of each block")
				}
				closeCache(t, cache)
			})
		})
	}
}
