package origin

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/maypok86/otter/v2"
)

// Cache keeps blocks of objects, one budget for many origins, and remembers for how long an object need not be looked up
// again. Each block is fetched once, however many viewers want it. The zero value works; the fields are set before the first
// use and not changed after it. In each field zero means the default and a negative value means none.
//
// Freshness is CloudFront's for RTMP: an object is taken to be what it was for TTL, or for as long as its Cache-Control
// (max-age) or Expires says, between MinTTL and MaxTTL; then it is looked up again, and what is kept of it stays good if it
// is the same version. Bytes of two versions are never mixed: a viewer whose version is gone from the origin and from the
// cache gets ErrChanged.
type Cache struct {
	// MemoryBytes bounds the blocks kept in memory. The default is 256 MiB. Beside it, each Reader in use holds the block
	// that it reads, or two where a film's sound lies apart from its pictures, and its read-ahead.
	MemoryBytes int64
	// Dir is a directory for more blocks, beside those in memory, of DirBytes at most; 10 GiB by default. It belongs to this
	// Cache alone, which locks it until Close; it is made where it does not exist. What it holds outlasts the program: after
	// a start each object is looked up once, and the blocks of versions that still are there are read from the disk. ""
	// means none.
	Dir      string
	DirBytes int64
	// BlockBytes is the size of a block, and of a read of the origin. The default is 1 MiB.
	BlockBytes int
	// ReadAheadBytes bounds what a Reader fetches ahead of its viewer. It is reached by viewers that outpace the origin; for
	// others it is one block. The default is 4 MiB.
	ReadAheadBytes int64

	// TTL is for how long an object is fresh that does not say so itself. The default is 24 h.
	TTL time.Duration
	// MinTTL and MaxTTL bound what an object says. The defaults are 1 h and 100 years.
	MinTTL, MaxTTL time.Duration
	// NegativeTTL is for how long an object that does not exist, or may not be read, is not looked up again. The default is
	// 5 s: CloudFront's 5 minutes would surprise whoever uploads a file after a play of it has failed.
	NegativeTTL time.Duration
	// StaleIfError is for how long after its time an object is still served when the origin does not answer. The default is
	// 24 h.
	StaleIfError time.Duration

	// Guard is how origins are asked. An Origin that a Guard has wrapped already keeps that one.
	Guard Guard

	once    sync.Once
	ctx     context.Context // of all that the cache does by itself; ended by Close
	cancel  context.CancelFunc
	memory  *otter.Cache[blockKey, *block] // nil without a memory tier
	disk    *disk                          // nil without a disk tier
	failed  error                          // why there is no disk tier, though Dir is set
	entries *otter.Cache[entryKey, *entry]
	fetches flights[blockKey, *block]
	opens   flights[lookupKey, *entry]
	purges  atomic.Uint64 // how many there were; what began before one is not kept
	count   counters

	guardsMu sync.Mutex
	guards   map[Origin]*guarded

	liveMu sync.Mutex
	live   map[blockKey]weak.Pointer[block] // blocks that somebody holds, whether the memory tier does or not

	readersMu sync.Mutex
	readers   map[weak.Pointer[Reader]]struct{} // weak: a Reader that nobody closes is no leak
	sweeper   *time.Timer                       // runs while there are readers
}

// versionID is a hash of all that tells one version of an object in one space from every other.
type versionID [16]byte

type blockKey struct {
	version versionID
	index   int64
}

// block is a piece of a version. Its data is never written to once it is shared.
type block struct {
	start int64 // in the object
	data  []byte
	of    *version
}

func (c *Cache) start() {
	c.once.Do(func() {
		c.ctx, c.cancel = context.WithCancel(context.Background())
		c.guards = make(map[Origin]*guarded)
		c.live = make(map[blockKey]weak.Pointer[block])
		c.readers = make(map[weak.Pointer[Reader]]struct{})
		c.opens.drop = func(e *entry) { e.release() }
		if n := defaulted(c.MemoryBytes, defaultMemoryBytes); n > 0 {
			c.memory = otter.Must(&otter.Options[blockKey, *block]{
				MaximumWeight: uint64(n),
				Weigher:       func(_ blockKey, b *block) uint32 { return uint32(len(b.data)) },
			})
		}
		c.entries = otter.Must(&otter.Options[entryKey, *entry]{MaximumSize: maxEntries})
		if n := defaulted(c.DirBytes, defaultDirBytes); c.Dir != "" && n > 0 {
			c.disk, c.failed = openDisk(c.ctx, c.Dir, n, &c.count, c.purges.Load)
		}
		c.sweeper = time.AfterFunc(never, c.sweep)
		c.sweeper.Stop()
	})
}

// Prepare makes the cache ready: it sees what Dir holds. It is the one way to learn that Dir cannot be used; without it the
// first use prepares the cache, and does without a directory that cannot be used.
func (c *Cache) Prepare() error {
	c.start()
	if c.failed != nil {
		return fmt.Errorf("origin: cache directory: %w", c.failed)
	}
	return nil
}

func (c *Cache) blockBytes() int64 {
	return int64(min(max(defaulted(c.BlockBytes, defaultBlockBytes), minBlockBytes), maxBlockBytes))
}

// Wrap returns o behind the cache. What is kept is kept under space: two origins in one space are taken for one and the
// same, so that what is fresh outlives a change of origin, and one origin in two spaces is cached twice. It has one Guard in
// both, though, if its type is comparable, as pointers are.
func (c *Cache) Wrap(space string, o Origin) *Cached {
	c.start()
	return &Cached{c: c, space: space, origin: c.guard(o)}
}

// guard returns o behind its guard. There are as many as there are origins: a few.
func (c *Cache) guard(o Origin) *guarded {
	if !reflect.ValueOf(o).Comparable() {
		return c.Guard.wrap(o, &c.count)
	}
	c.guardsMu.Lock()
	defer c.guardsMu.Unlock()
	g := c.guards[o]
	if g == nil {
		g = c.Guard.wrap(o, &c.count)
		c.guards[o] = g
	}
	return g
}

// Purge forgets what is kept of the objects of a space that pattern names: one key, or all keys with a prefix when it ends
// in "*". The next Open looks them up again. Viewers who are reading go on with the version that they have, from the origin.
// It returns how many objects it knew of.
func (c *Cache) Purge(space, pattern string) int {
	c.start()
	match := func(s, key string) bool {
		prefix, ok := strings.CutSuffix(pattern, "*")
		return s == space && (key == pattern || ok && strings.HasPrefix(key, prefix))
	}
	c.purges.Add(1)
	n := 0
	for k := range c.entries.All() {
		if match(k.space, k.key) {
			c.entries.Invalidate(k)
			n++
		}
	}
	if c.memory != nil {
		for k, b := range c.memory.All() {
			if match(b.of.space, b.of.key) {
				c.memory.Invalidate(k)
			}
		}
	}
	if c.disk != nil {
		c.disk.purge(match)
	}
	c.liveMu.Lock()
	defer c.liveMu.Unlock()
	for k, w := range c.live {
		if b := w.Value(); b != nil && match(b.of.space, b.of.key) {
			delete(c.live, k)
		}
	}
	return n
}

// Close forgets everything but what is on disk, ends all fetches and waits for them. Whoever still reads gets an error.
func (c *Cache) Close() error {
	c.start()
	c.cancel()
	c.opens.close()
	c.fetches.close()
	c.sweeper.Stop()
	if c.disk != nil {
		<-c.disk.finished
	}
	if c.memory != nil {
		c.memory.InvalidateAll()
		c.memory.StopAllGoroutines()
	}
	c.entries.InvalidateAll()
	c.entries.StopAllGoroutines()
	return nil
}

// kept returns a block that is in memory: in the memory tier, or held by a Reader.
func (c *Cache) kept(k blockKey) *block {
	if c.memory != nil {
		if b, ok := c.memory.GetIfPresent(k); ok {
			return b
		}
	}
	purges := c.purges.Load()
	c.liveMu.Lock()
	b := c.live[k].Value()
	c.liveMu.Unlock()
	if b != nil && c.memory != nil {
		c.memory.Set(k, b) // wanted once more: it has a better claim now
		if c.purges.Load() != purges {
			c.drop(k)
		}
	}
	return b
}

// keep puts a block into memory, unless there was a purge since its fetch began.
func (c *Cache) keep(k blockKey, b *block, purges uint64) {
	c.liveMu.Lock()
	c.live[k] = weak.Make(b)
	c.liveMu.Unlock()
	runtime.AddCleanup(b, c.forget, k)
	if c.memory != nil {
		c.memory.Set(k, b)
	}
	if c.purges.Load() != purges {
		c.drop(k)
	}
}

// roomy tells whether the memory tier keeps a block until somebody comes back to it, films being as they are.
func (c *Cache) roomy(blockBytes int64) bool {
	return c.memory != nil && int64(c.memory.GetMaximum()) >= roomyBlocks*blockBytes
}

func (c *Cache) drop(k blockKey) {
	c.liveMu.Lock()
	delete(c.live, k)
	c.liveMu.Unlock()
	if c.memory != nil {
		c.memory.Invalidate(k)
	}
}

// forget removes what the collector has found nobody to hold.
func (c *Cache) forget(k blockKey) {
	c.liveMu.Lock()
	defer c.liveMu.Unlock()
	if w, ok := c.live[k]; ok && w.Value() == nil {
		delete(c.live, k)
	}
}

// enrol and dismiss keep the list of readers, from which sweep takes the blocks of those that are not used. No timer runs
// while there is none.
func (c *Cache) enrol(r *Reader) {
	c.readersMu.Lock()
	defer c.readersMu.Unlock()
	c.readers[weak.Make(r)] = struct{}{}
	if len(c.readers) == 1 {
		c.sweeper.Reset(idleRelease)
	}
}

func (c *Cache) dismiss(r *Reader) {
	c.readersMu.Lock()
	defer c.readersMu.Unlock()
	delete(c.readers, weak.Make(r))
	if len(c.readers) == 0 {
		c.sweeper.Stop()
	}
}

func (c *Cache) sweep() {
	c.readersMu.Lock()
	defer c.readersMu.Unlock()
	for w := range c.readers {
		if r := w.Value(); r != nil {
			r.releaseIdle()
		} else {
			delete(c.readers, w)
		}
	}
	if len(c.readers) > 0 && c.ctx.Err() == nil {
		c.sweeper.Reset(idleRelease)
	}
}
