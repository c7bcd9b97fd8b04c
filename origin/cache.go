package origin

import (
	"context"
	"fmt"
	"io/fs"
	"sync"

	"github.com/maypok86/otter/v2"
)

// Cache keeps blocks of objects in memory, one budget for many origins. Each block is fetched once, however many viewers
// want it. The zero value works; its fields are set before the first use and not changed after it.
type Cache struct {
	// MemoryBytes bounds the blocks kept in memory. 0 means 256 MiB. Beside it, each Reader holds the block that it reads.
	MemoryBytes int64
	// BlockBytes is the size of a block, and of a read of the origin. 0 means 1 MiB.
	BlockBytes int

	once    sync.Once
	ctx     context.Context // of all that the cache does; ended by Close
	cancel  context.CancelFunc
	blocks  *otter.Cache[blockKey, []byte]
	fetches flights[blockKey, []byte]

	mu       sync.Mutex
	versions map[versionKey]*version // those in use
}

type versionKey struct {
	space, key string
	info       Info
}

type blockKey struct {
	v     *version
	index int64
}

func (c *Cache) start() {
	c.once.Do(func() {
		c.ctx, c.cancel = context.WithCancel(context.Background())
		c.versions = make(map[versionKey]*version)
		c.blocks = otter.Must(&otter.Options[blockKey, []byte]{
			MaximumWeight: uint64(defaulted(c.MemoryBytes, defaultMemoryBytes)),
			Weigher:       func(_ blockKey, b []byte) uint32 { return uint32(len(b)) },
		})
	})
}

// defaulted is v, or def for 0, or 0 for a negative v, which means none.
func defaulted[T int | int64](v, def T) T {
	if v == 0 {
		return def
	}
	return max(v, 0)
}

const (
	defaultMemoryBytes = 256 << 20
	defaultBlockBytes  = 1 << 20
)

// Wrap returns o behind the cache. What is kept is kept under space: two origins in one space are taken for one and the
// same, and one origin in two spaces is cached twice.
func (c *Cache) Wrap(space string, o Origin) *Cached {
	c.start()
	return &Cached{c: c, space: space, origin: o}
}

// Close forgets all blocks, ends all fetches and waits for them. No Origin of the cache is used after it.
func (c *Cache) Close() error {
	c.start()
	c.cancel()
	c.fetches.wg.Wait()
	c.blocks.InvalidateAll()
	c.blocks.StopAllGoroutines()
	return nil
}

// Cached is an Origin behind a Cache. NewReader of its objects reads from the blocks that all viewers share.
type Cached struct {
	c      *Cache
	space  string
	origin Origin
}

// Open implements Origin.
func (o *Cached) Open(ctx context.Context, key string) (Object, error) {
	if !ValidKey(key) {
		return nil, &fs.PathError{Op: "open", Path: key, Err: fs.ErrNotExist}
	}
	obj, err := o.origin.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	return &cachedObject{c: o.c, o: obj, v: o.c.version(o.space, key, obj.Info())}, nil
}

func (c *Cache) version(space, key string, info Info) *version {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := versionKey{space, key, info}
	if v := c.versions[k]; v != nil {
		return v
	}
	v := &version{info: info, blockBytes: defaulted(c.BlockBytes, defaultBlockBytes)}
	c.versions[k] = v
	return v
}

// version is one version of an object, as all of its viewers share it.
type version struct {
	info       Info
	blockBytes int
}

// cachedObject is a version as one viewer opened it.
type cachedObject struct {
	c *Cache
	o Object
	v *version
}

func (o *cachedObject) Info() Info { return o.v.info }

// block returns a block of the version from memory or from the origin. It is never written to.
func (o *cachedObject) block(ctx context.Context, index int64) ([]byte, error) {
	k := blockKey{o.v, index}
	if b, ok := o.c.blocks.GetIfPresent(k); ok {
		return b, nil
	}
	f := o.c.fetches.join(o.c.ctx, k, func(ctx context.Context) ([]byte, error) {
		b, err := o.fetch(ctx, index)
		if err == nil {
			o.c.blocks.Set(k, b)
		}
		return b, err
	})
	defer o.c.fetches.leave(k, f)
	return f.wait(ctx)
}

func (o *cachedObject) fetch(ctx context.Context, index int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	off := index * int64(o.v.blockBytes)
	b := make([]byte, min(int64(o.v.blockBytes), o.v.info.Size-off))
	if n, err := o.o.ReadAt(ctx, b, off); n < len(b) {
		return nil, shortRead(err)
	}
	return b, nil
}

func (o *cachedObject) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	p, eof, err := clamp(p, off, o.v.info.Size)
	if err != nil {
		return 0, fmt.Errorf("origin: read at %d: %w", off, err)
	}
	for n := 0; n < len(p); {
		at := off + int64(n)
		b, err := o.block(ctx, at/int64(o.v.blockBytes))
		if err != nil {
			return n, err
		}
		n += copy(p[n:], b[at%int64(o.v.blockBytes):])
	}
	return len(p), eof
}

func (o *cachedObject) Close() error { return o.o.Close() }
