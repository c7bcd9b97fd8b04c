package origin_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/origin"
)

func TestReaderFetchesAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(20 * block)
		f := newFake("film", data)
		f.latency = 100 * time.Millisecond
		r := readFilm(t, &origin.Cache{BlockBytes: block}, f)

		mustWindow(t, r, 0, 100)
		mustWindow(t, r, block-100, 100)
		mustWindow(t, r, 0, 100)

		begin := time.Now()
		waited := 0
		for off := int64(0); off+1000 < 10*block; off += 1000 {
			at := time.Now()
			mustWindow(t, r, off, 1000)
			if time.Since(at) > 0 {
				waited++
			}
			time.Sleep(10 * time.Millisecond) // 100 kB/s
		}
		require.Zero(t, waited, "a viewer at this pace never waits")
		require.NotZero(t, time.Since(begin))

		at := time.Now()
		mustWindow(t, r, 15*block, 1000)
		require.Equal(t, 100*time.Millisecond, time.Since(at), "a seek costs one round trip")
		_, reads, _ := f.counts()
		require.LessOrEqual(t, reads, 13, "ten, one ahead, the end, and one where it went")
	})
}

func TestReaderOutpacesTheOrigin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(64 * block)
		f := newFake("film", data)
		f.latency = 100 * time.Millisecond
		cache := &origin.Cache{BlockBytes: block, ReadAheadBytes: 8 * block}
		defer closeCache(t, cache)
		o := cache.Wrap("s", f)
		begin := time.Now()
		require.Equal(t, data, mustReadAll(t, o, "film"))
		require.Less(t, time.Since(begin), 64*100*time.Millisecond/4, "blocks are fetched side by side")
		_, reads, _ := f.counts()
		require.Equal(t, 64, reads)
	})
}

// TestReaderCalmsDown has a viewer that has outpaced the origin for long read on at leisure.
func TestReaderCalmsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const hurried, calm = 150, 40
		f := newFake("film", randomBytes((hurried+calm+10)*block))
		f.latency = 100 * time.Millisecond
		r := readFilm(t, &origin.Cache{BlockBytes: block, ReadAheadBytes: 8 * block}, f)
		read := func(from, to int64) {
			for off := from * block; off < to*block; off += block / 4 {
				mustWindow(t, r, off, block/4)
			}
		}
		begin := time.Now()
		read(0, hurried)
		require.Less(t, time.Since(begin), hurried*100*time.Millisecond/6, "eight side by side, however long it goes on")
		for i := int64(hurried); i < hurried+calm; i++ {
			time.Sleep(time.Second)
			read(i, i+1)
		}
		synctest.Wait()
		f.mu.Lock()
		defer f.mu.Unlock()
		require.LessOrEqual(t, f.order[len(f.order)-1], int64((hurried+calm)*block), "one ahead")
	})
}

// TestReaderKeepsNoCopies has a viewer hold nothing of a window that crossed from one block into the next.
func TestReaderKeepsNoCopies(t *testing.T) {
	t.Parallel()
	data := randomBytes(3 * block)
	r := readFilm(t, &origin.Cache{BlockBytes: block}, newFake("film", data))
	w := mustWindow(t, r, block-100, 200)
	require.Equal(t, data[block-100:block+100], w)
	copied := weak.Make(&w[0])
	collect()
	require.Nil(t, copied.Value())
	mustWindow(t, r, block+100, 200)
}

// TestReaderForgetsFaults has a block fail that is fetched ahead, some time before its viewer comes to it.
func TestReaderForgetsFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(3 * block)
		f := newFake("film", data)
		r := readFilm(t, &origin.Cache{BlockBytes: block, MemoryBytes: -1, Guard: origin.Guard{BreakFor: time.Second}}, f)
		mustWindow(t, r, 0, 10)
		f.breaks(always(fails))
		mustWindow(t, r, block-10, 10)
		time.Sleep(5 * time.Second)
		_, _, before := f.counts()
		f.breaks(nil)
		require.Equal(t, data[block:block+10], mustWindow(t, r, block, 10))
		_, _, after := f.counts()
		require.Equal(t, before+block, after)
	})
}

// TestReaderCallsOff has a viewer seek away from blocks that are on their way.
func TestReaderCallsOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("film", randomBytes(20*block))
		r := readFilm(t, &origin.Cache{BlockBytes: block, MemoryBytes: -1}, f)
		mustWindow(t, r, 0, 10)
		f.latency = time.Second
		mustWindow(t, r, block-10, 10)
		synctest.Wait()
		f.mu.Lock()
		require.Equal(t, 1, f.now, "the next block is on its way")
		f.mu.Unlock()
		r.Release()
		synctest.Wait()
		f.mu.Lock()
		require.Zero(t, f.now, "and is called off")
		f.mu.Unlock()
	})
}

// TestReaderBegins counts the round trips of one who opens a film: looks at its beginning, its end and a large index.
func TestReaderBegins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(20*block + 100)
		f := newFake("film", data)
		f.latency = 50 * time.Millisecond
		begin := time.Now()
		r := readFilm(t, &origin.Cache{BlockBytes: block}, f)
		for _, c := range []struct {
			off   int64
			n     int
			trips int
		}{{0, 100, 2}, {20*block + 50, 50, 2}, {block / 2, 6 * block, 3}, {10, 10, 3}, {12 * block, 100, 4}} {
			require.Equal(t, data[c.off:c.off+int64(c.n)], mustWindow(t, r, c.off, c.n))
			require.Equal(t, time.Duration(c.trips)*50*time.Millisecond, time.Since(begin), "%v", c)
		}
	})
}

// TestReaderSpreads has windows over many blocks, none of which is here, take one round trip, wherever the reader was before.
func TestReaderSpreads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(100*block + 100)
		f := newFake("film", data)
		f.latency = 50 * time.Millisecond
		r := readFilm(t, &origin.Cache{BlockBytes: block}, f)
		for _, c := range []struct{ from, blocks int64 }{{0, 3}, {40, 5}, {45, 2}, {60, 16}, {20, 4}, {90, 10}} {
			begin := time.Now()
			off, n := c.from*block+10, int(c.blocks*block)
			require.Equal(t, data[off:off+int64(n)], mustWindow(t, r, off, n))
			require.LessOrEqual(t, time.Since(begin), 50*time.Millisecond, "%v", c)
		}
		r.Release()
		begin := time.Now()
		require.Equal(t, data[99*block+10:100*block+10], mustWindow(t, r, 99*block+10, block))
		require.Zero(t, time.Since(begin), "what was released is still cached")
		_, reads, _ := f.counts()
		require.LessOrEqual(t, reads, 45+1, "each block once, but for the film's end, which may be called off before it is wanted")
	})
}

// TestReaderAndTheEnd has a film's end fetched with its beginning only where it can be kept until it is read.
func TestReaderAndTheEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ memory, reads int64 }{
		"roomy": {16 * block, 2}, "small": {15 * block, 1}, "none": {-1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake("film", randomBytes(40*block))
				obj := openFilm(t, &origin.Cache{BlockBytes: block, MemoryBytes: c.memory}, f)
				for range 2 { // the second reader finds the beginning where the first has left it
					r := origin.NewReader(obj)
					mustWindow(t, r, 0, 100)
					synctest.Wait()
					defer r.Close()
				}
				_, reads, _ := f.counts()
				require.EqualValues(t, c.reads, reads)
			})
		})
	}
}

func TestReaderByTurns(t *testing.T) {
	t.Parallel()
	data := randomBytes(40 * block)
	f := newFake("film", data)
	r := readFilm(t, &origin.Cache{BlockBytes: block, MemoryBytes: 3 * block}, f)
	for i := int64(0); i < 20*block; i += 1000 {
		for _, off := range []int64{i, i + 20*block - 1000} {
			require.Equal(t, data[off:off+1000], mustWindow(t, r, off, 1000))
		}
	}
	_, reads, _ := f.counts()
	require.LessOrEqual(t, reads, 44, "two places are read side by side without fetching again")
}

func TestReaderHoldsNothingWhenIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(block)
		f := newFake("film", data)
		// Without a memory tier a block lives while somebody holds it.
		r := readFilm(t, &origin.Cache{BlockBytes: block, MemoryBytes: -1}, f)
		reads := func() int {
			synctest.Wait()
			collect()
			require.Equal(t, data[100:200], mustWindow(t, r, 100, 100))
			_, reads, _ := f.counts()
			return reads
		}
		require.Equal(t, 1, reads())
		for range 10 {
			time.Sleep(5 * time.Second)
			require.Equal(t, 1, reads(), "held while it is used")
		}
		time.Sleep(21 * time.Second)
		synctest.Wait()
		require.Equal(t, 2, reads(), "given up after a while")
		r.Release()
		require.Equal(t, 3, reads(), "given up when told so")
	})
}

func BenchmarkReaderWindow(b *testing.B) {
	data := randomBytes(4 << 20)
	cache := &origin.Cache{}
	defer cache.Close()
	obj, err := cache.Wrap("s", newFake("film", data)).Open(context.Background(), "film")
	require.NoError(b, err)
	defer obj.Close()
	for _, c := range []struct {
		name string
		step int64
	}{{"same block", 1000}, {"next block", 1 << 20}, {"next block, with a look ahead", 600 << 10}} {
		b.Run(c.name, func(b *testing.B) {
			r := origin.NewReader(obj)
			defer r.Close()
			for off := int64(0); off < r.Size(); off += 1 << 20 {
				_, _ = r.Window(context.Background(), off, 1)
			}
			b.ReportAllocs()
			off := int64(0)
			for b.Loop() {
				if _, err := r.Window(context.Background(), off, 1000); err != nil {
					b.Fatal(err)
				}
				if off += c.step; off+1000 > r.Size() {
					off = 0
				}
			}
		})
	}
}
