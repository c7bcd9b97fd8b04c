package origin_test

import (
	"context"
	"io/fs"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestStats reads a cache's counts while it is in use, and holds the last ones against what its origin has seen.
func TestStats(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(4 * block)
		f := newFake("film", data)
		f.latency = 50 * time.Millisecond
		f.fault = func(n int) fault { return map[int]fault{2: fails, 4: throttles}[n] }
		cache := diskCache(dir, 0)
		o := cache.Wrap("s", f)
		watching, end := context.WithCancel(t.Context())
		var wg, watcher sync.WaitGroup
		watcher.Go(func() {
			for last := uint64(0); watching.Err() == nil; time.Sleep(time.Millisecond) {
				n := cache.Stats().OriginBytes
				if n < last {
					t.Error("a count goes backwards")
				}
				last = n
			}
		})
		for range 3 {
			wg.Go(func() {
				if got, err := readAll(context.Background(), o, "film", 1000); err != nil || string(got) != string(data) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
			})
		}
		wg.Wait()
		end()
		watcher.Wait()
		for range 2 {
			_, err := o.Open(t.Context(), "none")
			require.ErrorIs(t, err, fs.ErrNotExist)
		}
		mustReadAll(t, o, "film")
		s := cache.Stats()
		require.EqualValues(t, 4, s.Misses)
		require.EqualValues(t, len(data), s.OriginBytes)
		require.EqualValues(t, 2, s.OriginOpens)
		require.EqualValues(t, 1, s.OriginErrors)
		require.EqualValues(t, 1, s.Throttled)
		require.EqualValues(t, 2, s.Retries)
		require.EqualValues(t, 2, s.FreshHits)
		require.EqualValues(t, 1, s.NegativeHits)
		require.NotZero(t, s.Coalesced)
		require.NotZero(t, s.MemoryHits)
		require.Equal(t, s.MemoryHits*block, s.MemoryBytes)
		require.EqualValues(t, len(data), s.MemoryUsed)
		require.Zero(t, s.Readers)
		calls := uint64(0)
		for _, n := range s.OriginLatency {
			calls += n
		}
		require.EqualValues(t, f.calls, calls)
		require.Equal(t, calls, s.OriginLatency[6], "each took 50 ms: between 32 and 64")
		closeCache(t, cache)

		again := diskCache(dir, 0)
		mustReadAll(t, again.Wrap("s", f), "film")
		s = again.Stats()
		require.EqualValues(t, 4, s.DiskHits)
		require.EqualValues(t, len(data), s.DiskBytes)
		require.Zero(t, s.Misses)
		require.NotZero(t, s.DiskUsed)
		closeCache(t, again)
	})
}
