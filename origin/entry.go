package origin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
)

type entryKey struct{ space, key string }

// lookupKey is that of a lookup under way. Nobody joins one that began before a purge.
type lookupKey struct {
	entryKey
	purges uint64 // as they were when it began
}

// entry is what a Cache knows of a name: the version that it stands for, or why there is none. It is not changed once made.
type entry struct {
	v       *version
	err     error
	fresh   time.Time // no need to ask the origin before
	serve   time.Time // may be served before, should the origin not answer
	retains bool      // holds a user of v, for those who wait for it
}

func (e *entry) release() {
	if e.retains {
		e.v.release()
	}
}

// Cached is an Origin behind a Cache. NewReader makes readers of its objects that share their blocks.
type Cached struct {
	c      *Cache
	space  string
	origin *guarded
}

// Open implements Origin. It asks the origin only when the cache does not know, or no longer.
func (o *Cached) Open(ctx context.Context, key string) (Object, error) {
	if !ValidKey(key) {
		return nil, &fs.PathError{Op: "open", Path: key, Err: fs.ErrNotExist}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	k := entryKey{o.space, key}
	known, _ := o.c.entries.GetIfPresent(k)
	if known != nil && known.v != nil && known.v.gone.Load() {
		known = nil // found to be gone while it was looked up
	}
	if known != nil && time.Now().Before(known.fresh) {
		o.c.count.freshHits.Add(1)
		if known.err != nil {
			o.c.count.negativeHits.Add(1)
		}
		return o.object(known)
	}
	return o.lookUp(ctx, k, known)
}

// lookUp asks the origin. Where an answer that has expired may still serve, it waits for the origin only so long.
func (o *Cached) lookUp(ctx context.Context, k entryKey, known *entry) (Object, error) {
	stale := known != nil && known.v != nil && time.Now().Before(known.serve)
	lookup := lookupKey{k, o.c.purges.Load()}
	f, _ := o.c.opens.join(o.c.ctx, lookup, joining{urgent: true, keep: stale},
		func(ctx context.Context, _ *atomic.Bool) (*entry, error) { return o.refresh(ctx, lookup, known) })
	defer o.c.opens.leave(lookup, f)
	patience := o.origin.patience()
	if stale {
		patience = staleWait
	}
	within, cancel := withTimeout(ctx, patience)
	defer cancel()
	e, err := f.wait(within)
	switch {
	case err == nil:
		return o.object(e)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case stale:
		o.c.count.stale.Add(1)
		return o.object(known)
	}
	return nil, fmt.Errorf("origin: open %s: %w", k.key, err)
}

func (o *Cached) object(e *entry) (Object, error) {
	if e.err != nil {
		return nil, e.err
	}
	e.v.acquire()
	return &cachedObject{c: o.c, origin: o.origin, v: e.v}, nil
}

// refresh asks the origin what a key stands for now, and remembers the answer. An error is one that may go away.
func (o *Cached) refresh(ctx context.Context, lookup lookupKey, known *entry) (*entry, error) {
	k := lookup.entryKey
	if known != nil {
		o.c.count.revalidations.Add(1)
	}
	obj, err := o.origin.openObject(ctx, k.key)
	e := &entry{}
	switch {
	case err == nil:
		e = o.c.found(k, known, obj)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		e.err = err
		e.fresh = time.Now().Add(defaulted(o.c.NegativeTTL, defaultNegativeTTL))
	default:
		o.c.postpone(k, known)
		return nil, err
	}
	// What those who wait get retains the version for them; what is remembered does not.
	remembered := *e
	remembered.retains = false
	if o.c.purges.Load() == lookup.purges {
		o.c.entries.Set(k, &remembered)
	}
	if o.c.purges.Load() != lookup.purges { // a purge may have missed it
		o.c.forgetEntry(k, &remembered)
	}
	return e, nil
}

// forgetEntry forgets an entry, unless there is another one in its place.
func (c *Cache) forgetEntry(k entryKey, known *entry) {
	c.entries.ComputeIfPresent(k, func(e *entry) (*entry, otter.ComputeOp) {
		if e != known {
			return e, otter.CancelOp
		}
		return e, otter.InvalidateOp
	})
}

// found makes the entry of an object that the origin has just opened, which it takes over.
func (c *Cache) found(k entryKey, known *entry, obj *guardedObject) *entry {
	info := obj.Info()
	now := time.Now()
	e := &entry{retains: true, fresh: now.Add(c.ttl(info, now))}
	e.serve = e.fresh.Add(defaulted(c.StaleIfError, defaultStaleIfError))
	if known != nil && known.v != nil && sameVersion(known.v.info, info) && !known.v.gone.Load() {
		e.v = known.v
	} else {
		if known != nil && known.v != nil {
			c.count.changed.Add(1)
		}
		e.v = c.newVersion(k, info)
	}
	e.v.acquire()
	e.v.give(obj)
	return e
}

// postpone puts off the next look at an origin that did not answer, where there is something to serve meanwhile.
func (c *Cache) postpone(k entryKey, known *entry) {
	if known == nil || known.v == nil {
		return
	}
	later := *known
	later.fresh = time.Now().Add(recheckAfter)
	if later.fresh.After(later.serve) {
		return
	}
	c.entries.ComputeIfPresent(k, func(e *entry) (*entry, otter.ComputeOp) {
		if e != known {
			return e, otter.CancelOp
		}
		return &later, otter.WriteOp
	})
}

// expire makes the next Open ask the origin, after a version has turned out to be gone. It is not to be served any more.
func (c *Cache) expire(v *version) {
	v.gone.Store(true)
	c.count.changed.Add(1)
	c.entries.ComputeIfPresent(entryKey{v.space, v.key}, func(e *entry) (*entry, otter.ComputeOp) {
		if e.v != v {
			return e, otter.CancelOp
		}
		return e, otter.InvalidateOp
	})
}

// ttl is for how long an object is fresh: max-age before Expires before the default, the first two within bounds.
func (c *Cache) ttl(info Info, now time.Time) time.Duration {
	ttl, ok := maxAge(info.CacheControl)
	if !ok && !info.Expires.IsZero() {
		ttl, ok = info.Expires.Sub(now), true
	}
	if !ok {
		return defaulted(c.TTL, defaultTTL)
	}
	return min(max(ttl, defaulted(c.MinTTL, defaultMinTTL)), defaulted(c.MaxTTL, defaultMaxTTL))
}

// maxAge reads a Cache-Control header (RFC 9111, section 5.2.2). no-cache and no-store count as an age of nothing.
func maxAge(header string) (age time.Duration, ok bool) {
	for directive := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-cache", "no-store":
			return 0, true
		case "max-age":
			s, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 64)
			if err != nil && !errors.Is(err, strconv.ErrRange) {
				continue
			}
			age, ok = time.Duration(min(s, uint64(defaultMaxTTL/time.Second)))*time.Second, true
		}
	}
	return age, ok
}
