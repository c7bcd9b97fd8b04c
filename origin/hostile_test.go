package origin_test

import (
	"context"
	"io"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/origin"
)

// hooked is an origin with something done before each answer.
type hooked struct {
	origin.Origin
	opened func(origin.Object) origin.Object // with what Open is about to return
	read   func(off int64)                   // before a read
	closed func()
}

func (o *hooked) Open(ctx context.Context, key string) (origin.Object, error) {
	obj, err := o.Origin.Open(ctx, key)
	if err == nil && o.opened != nil {
		obj = o.opened(obj)
	}
	if err == nil {
		obj = &hookedObject{obj, o}
	}
	return obj, err
}

type hookedObject struct {
	origin.Object
	o *hooked
}

func (o *hookedObject) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if o.o.read != nil {
		o.o.read(off)
	}
	return o.Object.ReadAt(ctx, p, off)
}

func (o *hookedObject) Close() error {
	if o.o.closed != nil {
		o.o.closed()
	}
	return o.Object.Close()
}

// TestOriginPanics has an origin panic in calls that the cache makes on goroutines of its own: that goes on in those who
// wait, and nothing is left behind.
func TestOriginPanics(t *testing.T) {
	t.Parallel()
	for _, hedge := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			data := randomBytes(3 * block)
			f := newFake("film", data)
			f.latency = 10 * time.Millisecond
			panics := false
			o := &hooked{Origin: f, read: func(int64) {
				if panics {
					panic("out of order")
				}
			}}
			cache := &origin.Cache{BlockBytes: block, MemoryBytes: -1, Guard: origin.Guard{Hedge: hedge, Parallel: 1}}
			defer closeCache(t, cache)
			films := cache.Wrap("s", o)
			for range 30 {
				mustReadAll(t, films, "film")
				collect()
			}
			panics = true
			for range 3 {
				requirePanics(t, func() { mustReadAll(t, films, "film") })
				collect()
			}
			o.opened = func(origin.Object) origin.Object { panic("out of order") }
			requirePanics(t, func() { _, _ = cache.Wrap("other", o).Open(t.Context(), "film") })
			panics, o.opened = false, nil
			require.Equal(t, data, mustReadAll(t, films, "film"))
		})
	}
}

func requirePanics(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		require.Contains(t, recover(), "out of order\n\ngoroutine", "with the stack of where it was")
	}()
	f()
}

// TestBreakerAfterAPanic has the one call panic that tries an origin again after it was left alone.
func TestBreakerAfterAPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("film", []byte("data"))
		o := &hooked{Origin: f}
		guard := origin.Guard{Attempts: 1, BreakAfter: 1, BreakFor: time.Second}.Wrap(o)
		f.breaks(always(fails))
		_, err := guard.Open(t.Context(), "film")
		require.ErrorIs(t, err, errFake)
		f.breaks(nil)
		o.opened = func(origin.Object) origin.Object { panic("out of order") }
		time.Sleep(2 * time.Second)
		require.Panics(t, func() { _, _ = guard.Open(t.Context(), "film") })
		o.opened = nil
		time.Sleep(2 * time.Second)
		_, err = guard.Open(t.Context(), "film")
		require.NoError(t, err)
	})
}

// TestThrottlingHoldsTheQueue has an origin ask to be left alone while calls wait for their turn.
func TestThrottlingHoldsTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("film", []byte("data"))
		f.latency = 100 * time.Millisecond
		begin := time.Now()
		var mu sync.Mutex
		var starts []time.Duration
		f.fault = func(call int) fault { // as the call starts
			mu.Lock()
			defer mu.Unlock()
			starts = append(starts, time.Since(begin))
			if call < 2 {
				return throttles
			}
			return none
		}
		o := origin.Guard{Parallel: 2}.Wrap(f)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				_, err := o.Open(context.Background(), "film")
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, at := range starts[2:] {
			require.GreaterOrEqual(t, at, 3*time.Second, "calls began at %v", starts)
		}
		require.LessOrEqual(t, time.Since(begin), 5*time.Second)
	})
}

// TestLateReadAhead has read-ahead wait behind what other viewers wait for, until its time is nearly up and its own viewer
// comes.
func TestLateReadAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(20 * block)
		f := newFake("film", data)
		obj := openFilm(t, &origin.Cache{BlockBytes: block, MemoryBytes: -1, Guard: origin.Guard{Parallel: 1}}, f)
		r := origin.NewReader(obj)
		defer r.Close()
		mustWindow(t, r, 0, 10)
		synctest.Wait()
		f.latency = 8 * time.Second
		var wg sync.WaitGroup
		read := func(index int64) {
			wg.Go(func() {
				_, err := obj.ReadAt(context.Background(), make([]byte, 10), index*block)
				if err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		read(10)
		mustWindow(t, r, block-10, 10) // looks ahead
		read(11)
		read(12)
		for i := range 5 {
			time.Sleep(5 * time.Second)
			if i == 0 {
				read(13) // until 32 s
			}
			mustWindow(t, r, block-10, 10)
		}
		read(1) // another viewer
		begin := time.Now()
		require.Equal(t, data[block:block+10], mustWindow(t, r, block, 10))
		require.LessOrEqual(t, time.Since(begin), 20*time.Second)
		wg.Wait()
	})
}

// TestLargeWindow reads a window of more blocks than are fetched side by side.
func TestLargeWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(100 * block)
		f := newFake("film", data)
		f.latency = 50 * time.Millisecond
		r := readFilm(t, &origin.Cache{BlockBytes: block}, f)
		begin := time.Now()
		require.Equal(t, data[10:80*block+10], mustWindow(t, r, 10, 80*block))
		require.LessOrEqual(t, time.Since(begin), 6*50*time.Millisecond)
	})
}

// TestWaitingTakesNoMemory has many viewers wait for their turn at an origin that hangs.
func TestWaitingTakesNoMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const viewers = 100
		data := make([]byte, viewers<<20)
		f := newFake("film", data)
		obj := openFilm(t, &origin.Cache{MemoryBytes: -1, Guard: origin.Guard{Parallel: 2, AttemptTimeout: -1}}, f)
		f.breaks(always(hangs))
		ctx, cancel := context.WithCancel(t.Context())
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var wg sync.WaitGroup
		for i := range int64(viewers) {
			wg.Go(func() { _, _ = obj.ReadAt(ctx, make([]byte, 1), i<<20) })
		}
		synctest.Wait()
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(viewers<<20/10))
		cancel()
		wg.Wait()
	})
}

// TestPurgeDuringLookup purges an object while it is being looked up: who opens it then gets what is there since.
func TestPurgeDuringLookup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("film", []byte("old"))
		o := &hooked{Origin: f, opened: func(obj origin.Object) origin.Object {
			time.Sleep(time.Second)
			return obj
		}}
		cache := &origin.Cache{}
		defer closeCache(t, cache)
		films := cache.Wrap("s", o)
		var wg sync.WaitGroup
		wg.Go(func() {
			if obj, err := films.Open(context.Background(), "film"); err == nil {
				_ = obj.Close()
			}
		})
		synctest.Wait()
		f.put("film", []byte("new"), "v2")
		cache.Purge("s", "film")
		require.Equal(t, "new", string(mustReadAll(t, films, "film")))
		wg.Wait()
		require.Equal(t, "new", string(mustReadAll(t, films, "film")))
	})
}

// TestChangedDuringLookup has a viewer find an object changed just after it was found unchanged by a look at the origin.
func TestChangedDuringLookup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("film", randomBytes(10*block))
		o := &hooked{Origin: f}
		cache := &origin.Cache{BlockBytes: block, TTL: time.Minute, MinTTL: -1}
		defer closeCache(t, cache)
		films := cache.Wrap("s", o)
		obj, err := films.Open(t.Context(), "film")
		require.NoError(t, err)
		defer obj.Close()
		_, err = obj.ReadAt(t.Context(), make([]byte, 1), 0)
		require.NoError(t, err)
		time.Sleep(2 * time.Minute)
		changed := randomBytes(10*block + 1)
		o.closed = func() { // of the object that the look was for, which is not needed
			o.closed = nil
			f.put("film", changed, "v2")
			_, err := obj.ReadAt(t.Context(), make([]byte, 1), 5*block)
			require.ErrorIs(t, err, origin.ErrChanged)
		}
		old, err := films.Open(t.Context(), "film")
		require.NoError(t, err)
		defer old.Close()
		require.Nil(t, o.closed)
		require.Equal(t, changed, mustReadAll(t, films, "film"))
	})
}

// TestDiskFileGrown has a file of a block grow beyond anything that is to be read into memory.
func TestDiskFileGrown(t *testing.T) {
	dir := t.TempDir()
	data := randomBytes(4 * block)
	fillDisk(t, dir, data)
	paths, _ := diskFiles(t, dir)
	require.NoError(t, os.Truncate(paths[0], 200<<20))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, reads := fillDisk(t, dir, data)
	runtime.ReadMemStats(&after)
	require.Equal(t, 1, reads)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(100<<20))
}

// TestDiskFileThatCannotBeOpened has a good file not open for a while, as when the program has too many others open.
func TestDiskFileThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	data := randomBytes(block)
	fillDisk(t, dir, data)
	paths, _ := diskFiles(t, dir)
	f := newFake("film", data)
	cache := diskCache(dir, 0)
	cache.MemoryBytes = -1
	defer closeCache(t, cache)
	require.NoError(t, cache.Prepare())
	films := cache.Wrap("s", f)

	require.NoError(t, os.Rename(paths[0], paths[0]+".away"))
	if err := os.Symlink(paths[0], paths[0]); err != nil {
		t.Skip("needs symbolic links:", err)
	}
	require.Equal(t, data, mustReadAll(t, films, "film"))
	_, reads, _ := f.counts()
	require.Equal(t, 1, reads)
	require.NoError(t, os.Rename(paths[0]+".away", paths[0]))
	collect()
	require.Equal(t, data, mustReadAll(t, films, "film"))
	_, reads, _ = f.counts()
	require.Equal(t, 1, reads)
	require.NotZero(t, cache.Stats().DiskHits)
	require.Zero(t, cache.Stats().DiskDamaged)
}

// TestCloseTwice closes a cache with both tiers more than once.
func TestCloseTwice(t *testing.T) {
	t.Parallel()
	cache := diskCache(t.TempDir(), 0)
	require.NoError(t, cache.Prepare())
	closeCache(t, cache)
	closeCache(t, cache)
	require.Zero(t, cache.Purge("s", "*"))
}

// TestEndTooSoon has an origin say of the middle of an object that it is the end: nobody is to take it for one.
func TestEndTooSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("film", randomBytes(3*block))
		f.fault = func(call int) fault {
			if call < 2 {
				return none
			}
			return ends
		}
		guard := origin.Guard{Attempts: 1}.Wrap(f)
		for range 2 {
			obj, err := guard.Open(t.Context(), "film")
			require.NoError(t, err)
			n, err := obj.ReadAt(t.Context(), make([]byte, 1), 0)
			require.Less(t, n, 2)
			require.NotErrorIs(t, err, io.EOF)
			obj, err = f.Open(t.Context(), "film")
			require.NoError(t, err)
			r := origin.NewReader(obj) // without a cache
			_, err = r.Window(t.Context(), 0, 10)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.NotErrorIs(t, err, io.EOF)
		}
	})
}
