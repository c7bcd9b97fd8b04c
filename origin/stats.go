package origin

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Stats is what a Cache has done since it was made.
type Stats struct {
	// Blocks that readers wanted: found in memory, found on disk, or fetched from the origin (Misses). Coalesced are those
	// for which another fetch was under way already.
	MemoryHits, DiskHits, Misses, Coalesced uint64
	// Bytes from each tier: whole blocks from memory and disk, what was read of the origin.
	MemoryBytes, DiskBytes, OriginBytes uint64
	// Opens by readers that needed no origin, those among them that were refused so (NegativeHits), and those answered with
	// what had expired, since the origin did not answer (Stale).
	FreshHits, NegativeHits, Stale uint64
	// What was asked of origins: opens, revalidations of expired objects among them, and objects found changed.
	OriginOpens, Revalidations, Changed uint64
	// Faults of origins: attempts that failed, attempts made again, second requests beside slow ones, times that an origin
	// asked for fewer requests, times that one was given up for a while.
	OriginErrors, Retries, Hedges, Throttled, BreakerOpened uint64
	// Blocks on disk that were damaged and removed, and writes to the disk that failed or were left out for being too many.
	DiskDamaged, DiskSkipped uint64
	// OriginLatency counts requests of origins by how long they took: OriginLatency[i] those below 1 ms << i that are not
	// counted before it, the last one all others.
	OriginLatency [16]uint64
	// What is held at present.
	MemoryUsed, DiskUsed int64
	Readers              int
}

// counters are the Stats that only grow.
type counters struct {
	memoryHits, diskHits, misses, coalesced    atomic.Uint64
	memoryBytes, diskBytes, originBytes        atomic.Uint64
	freshHits, negativeHits, stale             atomic.Uint64
	opens, revalidations, changed              atomic.Uint64
	errors, retries, hedges, throttled, broken atomic.Uint64
	diskDamaged, diskSkipped                   atomic.Uint64
	latencies                                  [len(Stats{}.OriginLatency)]atomic.Uint64
}

func (c *counters) latency(d time.Duration) {
	i := bits.Len64(uint64(max(d, 0) / time.Millisecond))
	c.latencies[min(i, len(c.latencies)-1)].Add(1)
}

// Stats returns the counts of this moment. It may be called at any time.
func (c *Cache) Stats() Stats {
	c.start()
	n := &c.count
	s := Stats{
		MemoryHits: n.memoryHits.Load(), DiskHits: n.diskHits.Load(), Misses: n.misses.Load(), Coalesced: n.coalesced.Load(),
		MemoryBytes: n.memoryBytes.Load(), DiskBytes: n.diskBytes.Load(), OriginBytes: n.originBytes.Load(),
		FreshHits: n.freshHits.Load(), NegativeHits: n.negativeHits.Load(), Stale: n.stale.Load(),
		OriginOpens: n.opens.Load(), Revalidations: n.revalidations.Load(), Changed: n.changed.Load(),
		OriginErrors: n.errors.Load(), Retries: n.retries.Load(), Hedges: n.hedges.Load(), Throttled: n.throttled.Load(),
		BreakerOpened: n.broken.Load(), DiskDamaged: n.diskDamaged.Load(), DiskSkipped: n.diskSkipped.Load(),
	}
	for i := range n.latencies {
		s.OriginLatency[i] = n.latencies[i].Load()
	}
	if c.memory != nil {
		s.MemoryUsed = int64(c.memory.WeightedSize())
	}
	if c.disk != nil {
		s.DiskUsed = c.disk.usedBytes()
	}
	c.readersMu.Lock()
	s.Readers = len(c.readers)
	c.readersMu.Unlock()
	return s
}
