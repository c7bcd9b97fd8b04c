package origin_test

import (
	"context"
	"io/fs"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/origin"
)

const block = 64 << 10

func TestCacheFreshness(t *testing.T) {
	t.Parallel()
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where a bubble's clock starts
	for name, c := range map[string]struct {
		control string
		expires time.Time
		cache   *origin.Cache
		want    time.Duration
	}{
		"default":             {want: 24 * time.Hour},
		"a field":             {cache: &origin.Cache{TTL: time.Minute}, want: time.Minute},
		"max-age":             {control: "public, max-age=7200", want: 2 * time.Hour},
		"below the minimum":   {control: "max-age=1", want: time.Hour},
		"no minimum":          {control: "max-age=60", cache: &origin.Cache{MinTTL: -1}, want: time.Minute},
		"no-cache":            {control: "no-cache, max-age=7200", want: time.Hour},
		"above the maximum":   {control: "max-age=99999999999999999999", cache: &origin.Cache{MaxTTL: 48 * time.Hour}, want: 48 * time.Hour},
		"expires":             {expires: start.Add(3 * time.Hour), want: 3 * time.Hour},
		"expired":             {expires: start.Add(-3 * time.Hour), want: time.Hour},
		"max-age and expires": {control: `max-age="7200"`, expires: start.Add(9 * time.Hour), want: 2 * time.Hour},
		"nonsense":            {control: "max-age=x,,=", want: 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				data := randomBytes(3 * block)
				f := newFake("film", nil)
				f.set("film", data, origin.Info{ETag: "v1", CacheControl: c.control, Expires: c.expires})
				cache := c.cache
				if cache == nil {
					cache = &origin.Cache{}
				}
				cache.BlockBytes = block
				defer closeCache(t, cache)
				o := cache.Wrap("s", f)
				mustReadAll(t, o, "film")
				time.Sleep(c.want - time.Second)
				mustReadAll(t, o, "film")
				opens, reads, _ := f.counts()
				require.Equal(t, 1, opens)
				require.Equal(t, 3, reads)

				time.Sleep(2 * time.Second)
				require.Equal(t, data, mustReadAll(t, o, "film"))
				opens, reads, _ = f.counts()
				require.Equal(t, 2, opens, "revalidated")
				require.Equal(t, 3, reads, "the same version is not read again")

				f.put("film", data[:block], "v2")
				time.Sleep(49 * time.Hour)
				require.Equal(t, data[:block], mustReadAll(t, o, "film"))
				require.EqualValues(t, 2, cache.Stats().Revalidations)
				require.EqualValues(t, 1, cache.Stats().Changed)
			})
		})
	}
}

func TestCacheNegative(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("film", nil)
		cache := &origin.Cache{}
		defer closeCache(t, cache)
		o := cache.Wrap("s", f)
		for range 3 {
			_, err := o.Open(t.Context(), "none")
			require.ErrorIs(t, err, fs.ErrNotExist)
		}
		opens, _, _ := f.counts()
		require.Equal(t, 1, opens)
		f.put("none", []byte("now"), "v1")
		time.Sleep(6 * time.Second)
		require.Equal(t, "now", string(mustReadAll(t, o, "none")))

		f.breaks(always(forbids))
		for range 3 {
			_, err := o.Open(t.Context(), "film")
			require.ErrorIs(t, err, fs.ErrPermission)
		}
		opens, _, _ = f.counts()
		require.Equal(t, 3, opens)
		for _, key := range []string{"", "/film", "a//b", "..", "a\\b"} {
			_, err := o.Open(t.Context(), key)
			require.ErrorIs(t, err, fs.ErrNotExist)
		}
		opens, _, _ = f.counts()
		require.Equal(t, 3, opens, "an origin is not asked for what is no key")
	})
}

func TestCacheStaleIfError(t *testing.T) {
	t.Parallel()
	for name, what := range map[string]fault{"error": fails, "hang": hangs, "throttled": throttles} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				data := randomBytes(3 * block)
				f := newFake("film", data)
				cache := &origin.Cache{BlockBytes: block, StaleIfError: 2 * time.Hour}
				defer closeCache(t, cache)
				o := cache.Wrap("s", f)
				mustReadAll(t, o, "film")
				f.breaks(always(what))
				time.Sleep(25 * time.Hour)
				begin := time.Now()
				require.Equal(t, data, mustReadAll(t, o, "film"))
				require.LessOrEqual(t, time.Since(begin), 2*time.Second)
				require.EqualValues(t, 1, cache.Stats().Stale)

				time.Sleep(time.Hour)
				f.breaks(nil)
				f.put("film", data[:10], "v2")
				mustReadAll(t, o, "film")
				time.Sleep(time.Minute)
				require.Equal(t, data[:10], mustReadAll(t, o, "film"), "the origin is back")

				f.breaks(always(what))
				time.Sleep(27 * time.Hour)
				_, err := o.Open(t.Context(), "film")
				require.Error(t, err)
				require.NotErrorIs(t, err, fs.ErrNotExist)
			})
		})
	}
}

func TestCacheFetchesOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(10*block + 5)
		f := newFake("film", data)
		f.latency = 50 * time.Millisecond
		cache := &origin.Cache{BlockBytes: block}
		defer closeCache(t, cache)
		o := cache.Wrap("s", f)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if got, err := readAll(context.Background(), o, "film", 5000); err != nil || string(got) != string(data) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
			})
		}
		wg.Wait()
		opens, reads, bytes := f.counts()
		require.Equal(t, 1, opens)
		require.Equal(t, 11, reads)
		require.EqualValues(t, len(data), bytes)
		s := cache.Stats()
		require.EqualValues(t, 11, s.Misses)
		require.EqualValues(t, len(data), s.OriginBytes)
		require.NotZero(t, s.Coalesced)
		require.EqualValues(t, 0, s.Readers)
		synctest.Wait()
		require.Equal(t, f.opens, f.closed, "the origin's objects are closed")
	})
}

func TestCacheOutlivesItsFirstCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(block)
		f := newFake("film", data)
		f.latency = time.Second
		obj := openFilm(t, &origin.Cache{}, f)
		first, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		read := func(ctx context.Context) {
			r := origin.NewReader(obj)
			defer r.Close()
			_, err := r.Window(ctx, 0, 10)
			errs <- err
		}
		go read(first)
		synctest.Wait()
		go read(t.Context())
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-errs, context.Canceled)
		require.NoError(t, <-errs)
		_, reads, _ := f.counts()
		require.Equal(t, 1, reads)
	})
}

func TestCacheEndsWhatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("film", randomBytes(block))
		obj := openFilm(t, &origin.Cache{}, f)
		f.breaks(always(hangs))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		_, err := obj.ReadAt(ctx, make([]byte, 10), 0)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		synctest.Wait()
		f.mu.Lock()
		require.Zero(t, f.now, "the origin's call has ended too")
		f.mu.Unlock()
		require.Equal(t, time.Second, time.Since(begin))
	})
}

func TestCacheChanged(t *testing.T) {
	t.Parallel()
	data := randomBytes(4 * block)
	f := newFake("film", data)
	cache := &origin.Cache{BlockBytes: block}
	r := readFilm(t, cache, f)
	mustWindow(t, r, 0, 10)
	other := randomBytes(5 * block)[block:]
	f.put("film", other, "v2")
	require.Equal(t, data[20:30], mustWindow(t, r, 20, 10), "what is cached of the old version")
	_, err := r.Window(t.Context(), 2*block, 10)
	require.ErrorIs(t, err, origin.ErrChanged)
	_, err = r.Window(t.Context(), block-5, 10)
	require.ErrorIs(t, err, origin.ErrChanged)
	require.Equal(t, other, mustReadAll(t, cache.Wrap("s", f), "film"), "a new viewer gets the new version at once")
	require.Equal(t, data[:10], mustWindow(t, r, 0, 10))
	f.remove("film")
	_, err = r.Window(t.Context(), 2*block, 10)
	require.ErrorIs(t, err, origin.ErrChanged)
}

func TestCacheSpaces(t *testing.T) {
	t.Parallel()
	f := newFake("film", randomBytes(10))
	g := newFake("film", []byte("other"))
	cache := &origin.Cache{}
	defer closeCache(t, cache)
	mustReadAll(t, cache.Wrap("one", f), "film")
	mustReadAll(t, cache.Wrap("two", f), "film")
	_, reads, _ := f.counts()
	require.Equal(t, 2, reads, "two spaces share nothing")
	require.Equal(t, randomBytes(10), mustReadAll(t, cache.Wrap("one", g), "film"), "what is fresh outlives a change of origin")
	opens, _, _ := g.counts()
	require.Zero(t, opens)
}

// TestCacheGuards checks that an origin in two spaces is asked by one guard.
func TestCacheGuards(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("film", randomBytes(10*block))
		f.latency = 100 * time.Millisecond
		cache := &origin.Cache{BlockBytes: block, Guard: origin.Guard{Parallel: 2}}
		defer closeCache(t, cache)
		var wg sync.WaitGroup
		for _, space := range []string{"one", "two"} {
			o := cache.Wrap(space, f)
			for range 4 {
				wg.Go(func() { mustReadAll(t, o, "film") })
			}
		}
		wg.Wait()
		require.Equal(t, 2, f.most)
	})
}

func TestCachePurge(t *testing.T) {
	t.Parallel()
	f := newFake("a/1", randomBytes(10))
	f.put("a/2", randomBytes(11), "v1")
	f.put("b", randomBytes(12), "v1")
	cache := &origin.Cache{}
	defer closeCache(t, cache)
	o := cache.Wrap("s", f)
	fill := func() {
		for _, key := range []string{"a/1", "a/2", "b"} {
			mustReadAll(t, o, key)
		}
	}
	fill()
	for _, c := range []struct {
		space, pattern string
		want           int
	}{{"s", "a/1", 1}, {"s", "a/*", 2}, {"s", "*", 3}, {"s", "a", 0}, {"t", "*", 0}, {"s", "", 0}} {
		opens, reads, _ := f.counts()
		require.Equal(t, c.want, cache.Purge(c.space, c.pattern), "%v", c)
		fill()
		opens2, reads2, _ := f.counts()
		require.Equal(t, c.want, opens2-opens, "%v", c)
		require.Equal(t, c.want, reads2-reads, "%v", c)
	}
}

func TestCacheClosed(t *testing.T) {
	t.Parallel()
	f := newFake("film", randomBytes(2*block))
	cache := &origin.Cache{BlockBytes: block}
	o := cache.Wrap("s", f)
	obj, err := o.Open(t.Context(), "film")
	require.NoError(t, err)
	closeCache(t, cache)
	closeCache(t, cache)
	_, err = obj.ReadAt(t.Context(), make([]byte, 1), 0)
	require.Error(t, err)
	require.NoError(t, obj.Close())
	require.NoError(t, obj.Close())
	_, err = o.Open(t.Context(), "film")
	require.Error(t, err)
}

func TestCacheWithoutMemory(t *testing.T) {
	t.Parallel()
	data := randomBytes(5 * block)
	f := newFake("film", data)
	cache := &origin.Cache{MemoryBytes: -1, BlockBytes: block, ReadAheadBytes: -1}
	defer closeCache(t, cache)
	require.Equal(t, data, mustReadAll(t, cache.Wrap("s", f), "film"))
	_, reads, _ := f.counts()
	require.Equal(t, 5, reads)
}
