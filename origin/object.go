package origin

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// version is one version of an object in one space, as all of its viewers share it. While somebody uses it, it keeps the
// origin's object open once that was needed.
type version struct {
	id         versionID
	space, key string
	info       Info
	blockBytes int64
	maxAhead   int64       // blocks that a Reader fetches ahead
	gone       atomic.Bool // the origin has another version by now

	opening chan struct{} // holds a token for whoever may open the object

	mu    sync.Mutex
	users int
	obj   *guardedObject // nil until it is needed
}

func (c *Cache) newVersion(k entryKey, info Info) *version {
	v := &version{space: k.space, key: k.key, info: info, blockBytes: c.blockBytes(), opening: make(chan struct{}, 1)}
	v.maxAhead = min(defaulted(c.ReadAheadBytes, defaultReadAheadBytes)/v.blockBytes, maxAheadBlocks)
	v.opening <- struct{}{}
	name := info.ETag
	if name == "" {
		name = info.ModTime.UTC().Format(time.RFC3339Nano)
	}
	h := sha256.New()
	for _, s := range []string{k.space, k.key, name, strconv.FormatInt(info.Size, 10), strconv.FormatInt(v.blockBytes, 10)} {
		fmt.Fprintf(h, "%d:%s,", len(s), s)
	}
	copy(v.id[:], h.Sum(nil))
	return v
}

func (v *version) acquire() {
	v.mu.Lock()
	v.users++
	v.mu.Unlock()
}

// release closes the origin's object with the last user. It was only read, so an error of Close tells nothing.
func (v *version) release() {
	v.mu.Lock()
	v.users--
	var obj *guardedObject
	if v.users == 0 {
		obj, v.obj = v.obj, nil
	}
	v.mu.Unlock()
	if obj != nil {
		_ = obj.Close()
	}
}

// give hands an open object of this version to a version in use, and returns the one that it has from then on.
func (v *version) give(obj *guardedObject) *guardedObject {
	v.mu.Lock()
	spare := v.obj
	if spare == nil {
		v.obj = obj
	} else {
		spare, obj = obj, spare
	}
	v.mu.Unlock()
	if spare != nil {
		_ = spare.Close()
	}
	return obj
}

// object returns the origin's object, which a user of the version may read.
func (v *version) object(ctx context.Context, o *guarded) (*guardedObject, error) {
	select {
	case <-v.opening:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { v.opening <- struct{}{} }()
	v.mu.Lock()
	obj := v.obj
	v.mu.Unlock()
	if obj != nil {
		return obj, nil
	}
	obj, err := o.openObject(ctx, v.key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w (%w)", ErrChanged, err)
	}
	if err != nil {
		return nil, err
	}
	if !sameVersion(obj.Info(), v.info) {
		return nil, errors.Join(ErrChanged, obj.Close())
	}
	return v.give(obj), nil
}

// cachedObject is a version as one viewer opened it.
type cachedObject struct {
	c      *Cache
	origin *guarded
	v      *version
	closed atomic.Bool
}

func (o *cachedObject) Info() Info { return o.v.info }

func (o *cachedObject) Close() error {
	if !o.closed.Swap(true) {
		o.v.release()
	}
	return nil
}

func (o *cachedObject) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	p, eof, err := clamp(p, off, o.v.info.Size)
	if err != nil {
		return 0, fmt.Errorf("origin: read %s at %d: %w", o.v.key, off, err)
	}
	for n := 0; n < len(p); {
		at := off + int64(n)
		b, err := o.block(ctx, at/o.v.blockBytes)
		if err != nil {
			return n, err
		}
		n += copy(p[n:], b.data[at-b.start:])
	}
	return len(p), eof
}

// block returns a block of the version, for a viewer who waits for it.
func (o *cachedObject) block(ctx context.Context, index int64) (*block, error) {
	if b := o.inMemory(index); b != nil {
		return b, nil
	}
	ctx, cancel := withTimeout(ctx, o.origin.patience())
	defer cancel()
	b, early, err := o.fetched(ctx, index)
	if err != nil && early && ctx.Err() == nil { // of a deadline that was set before we came, maybe
		b, _, err = o.fetched(ctx, index)
	}
	return b, err
}

// fetched returns a block that is not in memory, and whether it was being fetched before a viewer waited for it.
func (o *cachedObject) fetched(ctx context.Context, index int64) (_ *block, early bool, err error) {
	a := ahead{index: index, flight: o.join(index, true)}
	defer o.leave(&a)
	b, err := o.wait(ctx, &a)
	return b, a.flight.early, err
}

// inMemory returns a block that is in memory, nil where it is not.
func (o *cachedObject) inMemory(index int64) *block {
	b := o.c.kept(blockKey{o.v.id, index})
	if b != nil {
		o.c.count.memoryHits.Add(1)
		o.c.count.memoryBytes.Add(uint64(len(b.data)))
	}
	return b
}

// join joins in fetching a block.
func (o *cachedObject) join(index int64, urgent bool) *flight[*block] {
	k := blockKey{o.v.id, index}
	f, joined := o.c.fetches.join(o.c.ctx, k, joining{urgent: urgent},
		func(ctx context.Context, urgent *atomic.Bool) (*block, error) { return o.fetch(ctx, k, urgent) })
	if joined {
		o.c.count.coalesced.Add(1)
	}
	return f
}

// here reports whether a block is in the memory tier.
func (o *cachedObject) here(index int64) bool {
	_, ok := o.c.memory.GetEntryQuietly(blockKey{o.v.id, index})
	return ok
}

// ahead is a block that a viewer is going to want: here already, or on its way.
type ahead struct {
	index  int64
	block  *block
	flight *flight[*block] // nil where the block was in memory
	next   *ahead          // of the same lane
}

// ahead returns a block that is in memory, or joins in fetching it. It has to be left.
func (o *cachedObject) ahead(index int64, urgent bool) *ahead {
	a := &ahead{index: index, block: o.inMemory(index)}
	if a.block == nil {
		a.flight = o.join(index, urgent)
	}
	return a
}

func (a *ahead) here() bool { return a.flight == nil || a.flight.landed() }

// wait returns the block. ctx bounds the wait for an origin that does not even answer to its deadline.
func (o *cachedObject) wait(ctx context.Context, a *ahead) (*block, error) {
	if a.flight == nil {
		return a.block, nil
	}
	a.flight.urgent.Store(true)
	b, err := a.flight.wait(ctx)
	if err != nil {
		return nil, fmt.Errorf("origin: read %s at %d: %w", o.v.key, a.index*o.v.blockBytes, err)
	}
	return b, nil
}

func (o *cachedObject) leave(a *ahead) {
	if a.flight != nil {
		o.c.fetches.leave(blockKey{o.v.id, a.index}, a.flight)
	}
}

// fetch reads a block from the origin and keeps it.
func (o *cachedObject) fetch(ctx context.Context, k blockKey, urgent *atomic.Bool) (*block, error) {
	c, v := o.c, o.v
	if b := c.kept(k); b != nil { // landed between the look into memory and this flight
		return b, nil
	}
	purges := c.purges.Load()
	if c.disk != nil {
		if b := c.disk.read(k, v); b != nil {
			c.keep(k, b, purges)
			return b, nil
		}
	}
	c.count.misses.Add(1)
	if v.gone.Load() {
		return nil, ErrChanged
	}
	v.acquire()
	defer v.release()
	obj, err := v.object(ctx, o.origin)
	b := &block{start: k.index * v.blockBytes, of: v}
	if err == nil {
		_, err = obj.readFull(ctx, urgent, &b.data, int(min(v.blockBytes, v.info.Size-b.start)), b.start)
	}
	if errors.Is(err, ErrChanged) {
		c.expire(v)
	}
	if err != nil {
		return nil, err
	}
	c.keep(k, b, purges)
	if c.disk != nil {
		c.disk.write(diskWrite{k, b, purges})
	}
	return b, nil
}
