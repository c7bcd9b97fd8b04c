package origin_test

import (
	"container/list"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/origin"
)

// The simulation: films of 40 blocks, watched by Zipf's law from their beginning for a part of their length, with a cache of a
// tenth of them all.
const (
	zipfFilms, zipfBlocks = 200, 40
	zipfBlock             = 4 << 10
	zipfCached            = zipfFilms * zipfBlocks / 10
)

type session struct{ film, blocks int }

func sessions(n int) []session {
	rnd := rand.New(rand.NewPCG(7, 7))
	zipf := rand.NewZipf(rnd, 1.1, 1, zipfFilms-1)
	s := make([]session, n)
	for i := range s {
		s[i] = session{int(zipf.Uint64()), 1 + rnd.IntN(zipfBlocks)}
		if i%10 == 9 {
			s[i] = session{i / 10 % zipfFilms, zipfBlocks} // somebody who goes through them all
		}
	}
	return s
}

// lru is the hit ratio of a plain LRU cache.
func lru(sessions []session) float64 {
	byUse, at := list.New(), map[[2]int]*list.Element{}
	hits, all := 0, 0
	for _, s := range sessions {
		for b := range s.blocks {
			k := [2]int{s.film, b}
			all++
			if e := at[k]; e != nil {
				hits++
				byUse.MoveToFront(e)
				continue
			}
			at[k] = byUse.PushFront(k)
			if byUse.Len() > zipfCached {
				delete(at, byUse.Remove(byUse.Back()).([2]int))
			}
		}
	}
	return float64(hits) / float64(all)
}

// simulate is the hit ratio of a Cache.
func simulate(tb testing.TB, sessions []session) float64 {
	f := newFake("0", nil)
	names := make([]string, zipfFilms)
	data := make([]byte, zipfBlocks*zipfBlock)
	for i := range names {
		names[i] = fmt.Sprintf("film%d", i)
		f.put(names[i], data, "v")
	}
	cache := &origin.Cache{MemoryBytes: zipfCached * zipfBlock, BlockBytes: zipfBlock}
	o := cache.Wrap("s", f)
	p := make([]byte, 1)
	for i, s := range sessions {
		obj, err := o.Open(tb.Context(), names[s.film])
		require.NoError(tb, err)
		for b := range s.blocks {
			_, err := obj.ReadAt(tb.Context(), p, int64(b*zipfBlock))
			require.NoError(tb, err)
		}
		require.NoError(tb, obj.Close())
		if i%25 == 0 {
			runtime.GC() // what was dropped is not to be found again by chance
		}
	}
	stats := cache.Stats()
	require.NoError(tb, cache.Close())
	return float64(stats.MemoryHits) / float64(stats.MemoryHits+stats.Misses)
}

func TestHitRatio(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short: it simulates many viewers")
	}
	t.Parallel()
	s := sessions(2000)
	plain, ours := lru(s), simulate(t, s)
	t.Logf("hit ratio: %.1f %%, plain LRU %.1f %%", 100*ours, 100*plain)
	require.Greater(t, ours, plain)
}

func BenchmarkHitRatio(b *testing.B) {
	s := sessions(2000)
	for b.Loop() {
		b.ReportMetric(100*simulate(b, s), "hit%")
		b.ReportMetric(100*lru(s), "lru-hit%")
	}
}
