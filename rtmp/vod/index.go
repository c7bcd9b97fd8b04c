package vod

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/origin"
)

// IndexCache keeps the indexes of files in memory, the latest used, for all viewers of the same version of an object. The
// zero value works.
type IndexCache struct {
	// Bytes bounds what the indexes take together. 0 means 64 MiB, a negative number none: then only viewers who open a
	// file at the same time share its index. Indexes that are in use stay in memory all the same.
	Bytes int64

	mu     sync.Mutex
	files  map[indexKey]*list.Element
	recent list.List // of *indexed, the latest used in front
	used   int64
	builds map[indexKey]*build
}

// indexSpace tells whose key it is: that of all handlers that bear the name, or of one.
type indexSpace struct {
	name    string
	handler *Handler
}

// indexKey is one version of an object.
type indexKey struct {
	space   indexSpace
	key     string
	etag    string
	modTime int64
	size    int64
}

type indexed struct {
	key   indexKey
	file  flv.File
	bytes int64 // as last counted: an index may grow
}

type buildFunc func(ctx context.Context, in flv.Input) (flv.File, error)

// get is the index of an object's version, built where there is none yet. It is built once for all who want it at that
// time, and goes on when the first of them leaves, but not when all have.
func (c *IndexCache) get(ctx context.Context, space indexSpace, key string, obj *sharedObject, f buildFunc) (flv.File, error) {
	info := obj.Info()
	if info.ETag == "" && info.ModTime.IsZero() { // nothing tells one version from another of the same size
		return read(ctx, obj, f)
	}
	k := indexKey{space, key, info.ETag, info.ModTime.UnixNano(), info.Size}
	file, b := c.join(k, obj, f)
	if b == nil {
		return file, nil
	}
	defer c.leave(k, b)
	return b.wait(ctx)
}

// join returns the index that is kept, or else the build that the caller now waits for and has to leave.
func (c *IndexCache) join(k indexKey, obj *sharedObject, f buildFunc) (flv.File, *build) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.files[k]; e != nil {
		c.recent.MoveToFront(e)
		c.recount(e.Value.(*indexed))
		return e.Value.(*indexed).file, nil
	}
	if b := c.builds[k]; b != nil {
		b.waiters++
		return nil, b
	}
	ctx, cancel := context.WithCancel(context.Background())
	b := &build{done: make(chan struct{}), cancel: cancel, waiters: 1}
	if c.builds == nil {
		c.builds = make(map[indexKey]*build)
	}
	c.builds[k] = b
	obj.retain()
	go func() {
		b.run(ctx, obj, f)
		c.land(k, b)
	}()
	return nil, b
}

// land keeps what was built and wakes those who wait.
func (c *IndexCache) land(k indexKey, b *build) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.builds[k] == b {
		delete(c.builds, k)
		if b.file != nil {
			c.keep(k, b.file)
		}
	}
	close(b.done)
}

func (c *IndexCache) keep(k indexKey, file flv.File) {
	if c.files == nil {
		c.files = make(map[indexKey]*list.Element)
	}
	entry := &indexed{key: k, file: file}
	c.files[k] = c.recent.PushFront(entry)
	c.recount(entry)
}

// recount counts an entry's bytes anew, and forgets the entries least recently used that are too much.
func (c *IndexCache) recount(entry *indexed) {
	bytes := int64(entry.file.Bytes())
	c.used += bytes - entry.bytes
	entry.bytes = bytes
	for c.used > c.limit() && c.recent.Len() > 0 {
		last := c.recent.Remove(c.recent.Back()).(*indexed)
		delete(c.files, last.key)
		c.used -= last.bytes
	}
}

func (c *IndexCache) limit() int64 {
	if c.Bytes == 0 {
		return defaultIndexBytes
	}
	return max(c.Bytes, 0)
}

// leave takes a waiter off a build, and calls the build off when it was the last.
func (c *IndexCache) leave(k indexKey, b *build) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b.waiters--; b.waiters > 0 {
		return
	}
	b.cancel()
	if c.builds[k] == b {
		delete(c.builds, k)
	}
}

// build is an index being built on a goroutine of its own.
type build struct {
	done   chan struct{} // closed when what follows is set
	file   flv.File
	err    error
	caught any // what it panicked with

	cancel  context.CancelFunc
	waiters int // guarded by IndexCache.mu
}

func (b *build) run(ctx context.Context, obj *sharedObject, f buildFunc) {
	defer func() {
		if v := recover(); v != nil {
			b.caught = fmt.Sprintf("%v\n\n%s", v, debug.Stack())
		}
		if err := obj.Close(); err != nil && b.file == nil {
			b.err = errors.Join(b.err, err)
		}
	}()
	b.file, b.err = read(ctx, obj, f)
}

// read builds the index of an object with a reader of its own.
func read(ctx context.Context, obj *sharedObject, f buildFunc) (file flv.File, err error) {
	in := origin.NewReader(obj.Object)
	defer func() {
		if e := in.Close(); e != nil && err != nil {
			err = errors.Join(err, e)
		}
	}()
	return f(ctx, in)
}

// wait returns what was built, or ctx's error if that ends first. A panic goes on in those who wait, where it costs their
// connections and no more.
func (b *build) wait(ctx context.Context) (flv.File, error) {
	select {
	case <-b.done:
		if b.caught != nil {
			panic(b.caught)
		}
		return b.file, b.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
