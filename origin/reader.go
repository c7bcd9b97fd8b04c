package origin

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// NewReader returns a Reader of o for one viewer. Where o comes from a Cache, windows are views of blocks shared with all
// other readers of that version, fetched ahead of the viewer; else the Reader reads blocks of 256 KiB into memory of its own,
// each within 30 s. The caller closes the Reader, then o.
func NewReader(o Object) *Reader {
	if c, ok := o.(*cachedObject); ok {
		r := &Reader{size: c.v.info.Size, cached: c}
		c.c.enrol(r)
		return r
	}
	return &Reader{size: o.Info().Size, private: o}
}

// Reader reads windows of one version of an object: flv.Input, among others, is met by it. It is used by one goroutine at a
// time.
//
// It holds the block that it read last, or two where two places are read by turns, as in films whose sound lies apart, and
// what it has fetched ahead; a Reader of a Cache that has not been used for a while holds none of them.
type Reader struct {
	size    int64
	cached  *cachedObject // nil without a cache
	private Object        // nil with one

	mu    sync.Mutex  // held by whoever moves a lane, or takes its block away
	used  atomic.Bool // since the last sweep
	last  uint8       // the lane that was used last; the viewer's goroutine's
	lanes [2]lane
}

// Size is the length of the object in bytes.
func (r *Reader) Size() int64 { return r.size }

// Window returns the n bytes at off. They are valid until the next call on r and never written to: a view of a block where
// they lie in one, a copy where they do not. A range that is not wholly inside of the object is an error that wraps
// io.ErrUnexpectedEOF. Window may block on the origin; ctx ends that. When the object was replaced, the error wraps
// ErrChanged.
func (r *Reader) Window(ctx context.Context, off int64, n int) ([]byte, error) {
	l := &r.lanes[r.last]
	if w := l.view(off, n); w != nil {
		if off+int64(n) > l.trigger {
			r.lookAhead(l)
		}
		if !r.used.Load() {
			r.used.Store(true)
		}
		return w, nil
	}
	return r.move(ctx, off, n)
}

// move serves what does not lie in the block of the lane that was used last.
func (r *Reader) move(ctx context.Context, off int64, n int) ([]byte, error) {
	if off < 0 || n < 0 || off > r.size || int64(n) > r.size-off {
		return nil, fmt.Errorf("origin: window of %d bytes at %d in an object of %d: %w", n, off, r.size, io.ErrUnexpectedEOF)
	}
	if n == 0 {
		return nil, nil
	}
	r.used.Store(true)
	index := off / r.blockBytes()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = r.choose(index)
	l := &r.lanes[r.last]
	if index == 0 && !l.begun {
		r.fetchEnd()
	}
	if end := off + int64(n); end > (index+1)*r.blockBytes() && r.maxAhead() > 0 {
		r.spread(l, index, (end-1)/r.blockBytes())
	}
	b, err := r.enter(ctx, l, index)
	if err != nil {
		return nil, err
	}
	if l.trigger == elsewhere {
		l.trigger = max(b.start+r.blockBytes()/2, off+r.blockBytes()/4)
	}
	if w := l.view(off, n); w != nil {
		return w, nil
	}
	return r.gather(ctx, l, b, off, n)
}

// choose returns the lane that stands at a block or just before it; else the one that was not used last.
func (r *Reader) choose(index int64) uint8 {
	other := 1 - r.last
	for _, d := range [2]int64{0, 1} {
		for _, i := range [2]uint8{r.last, other} {
			if l := &r.lanes[i]; l.begun && l.index+d == index {
				return i
			}
		}
	}
	if !r.lanes[r.last].begun {
		return r.last
	}
	return other
}

// spread begins to fetch all blocks of a window at once, before the lane that is going there waits for the first.
func (r *Reader) spread(l *lane, index, last int64) {
	if l.begun && l.index == index && l.block.Load() != nil {
		return // what follows is gather's
	}
	if !l.begun || l.index+1 != index {
		r.clear(l)
		l.begun, l.index, l.depth, l.calm = true, index-1, 0, 0
	}
	r.fetch(l, min(last, index+gatherAhead), true)
}

// gather copies a window that crosses from block b into those after it. The copy is not kept for the next one: a viewer
// crosses so seldom that what he would hold meanwhile weighs more.
func (r *Reader) gather(ctx context.Context, l *lane, b *block, off int64, n int) ([]byte, error) {
	p := make([]byte, n)
	last := (off + int64(n) - 1) / r.blockBytes()
	done := copy(p, b.data[off-b.start:])
	for done < n {
		r.fetch(l, min(last, l.index+gatherAhead), true)
		b, err := r.enter(ctx, l, (off+int64(done))/r.blockBytes())
		if err != nil {
			return nil, err
		}
		done += copy(p[done:], b.data)
	}
	return p, nil
}

// enter brings a lane to a block.
func (r *Reader) enter(ctx context.Context, l *lane, index int64) (*block, error) {
	if b := l.block.Load(); b != nil && l.index == index {
		return b, nil
	}
	b, err := r.next(ctx, l, index)
	if err != nil {
		r.clear(l)
		return nil, err
	}
	inSequence := l.begun && index == l.index+1
	l.block.Store(b)
	l.begun, l.index = true, index
	if !inSequence {
		l.trigger = elsewhere
		return b, nil
	}
	l.trigger = b.start + r.blockBytes()/2
	r.dropEnd(l)
	if l.depth > 1 {
		r.extend(l)
	}
	return b, nil
}

// lookAhead is called when a viewer has read on past the lane's trigger.
func (r *Reader) lookAhead(l *lane) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.depth = max(l.depth, 1)
	r.extend(l)
}

// extend fetches as many blocks ahead as the lane is deep.
func (r *Reader) extend(l *lane) {
	l.trigger = never
	r.fetch(l, l.index+min(int64(l.depth), r.maxAhead()), false)
}

func (r *Reader) blockBytes() int64 {
	if r.cached == nil {
		return privateBlockBytes
	}
	return r.cached.v.blockBytes
}

// maxAhead is how many blocks are fetched ahead at most.
func (r *Reader) maxAhead() int64 {
	if r.cached == nil {
		return 0
	}
	return r.cached.v.maxAhead
}

// fetch begins to fetch the blocks after a lane's own up to number last.
func (r *Reader) fetch(l *lane, last int64, urgent bool) {
	if r.maxAhead() == 0 {
		return
	}
	next, end := l.index+1, &l.aheads
	for ; *end != nil; end = &(*end).next {
		next = (*end).index + 1
	}
	for ; next <= last && next*r.blockBytes() < r.size; next++ {
		*end = r.cached.ahead(next, urgent)
		end = &(*end).next
	}
}

// fetchEnd begins to fetch the end of an object whose beginning is not here yet either: whoever begins to read a file is
// going to look there for an index, a duration or names, and saves a round trip. A memory tier that may drop the end before
// it is read would have it fetched twice.
func (r *Reader) fetchEnd() {
	end := &r.lanes[1-r.last]
	last := (r.size - 1) / r.blockBytes()
	if end.begun || last < 2 || r.maxAhead() == 0 || !r.cached.c.roomy(r.blockBytes()) || r.cached.here(0) {
		return
	}
	end.begun, end.index = true, last-1
	r.fetch(end, last, false)
}

// dropEnd gives up the end, once it is here, when nobody has come to look at it before l moves on. The cache has it now.
func (r *Reader) dropEnd(l *lane) {
	end := &r.lanes[0]
	if end == l {
		end = &r.lanes[1]
	}
	if end.block.Load() == nil && end.aheads != nil && end.aheads.here() {
		r.clear(end)
	}
}

// Release gives up the memory that r holds. The next Window fetches its block again, most likely from the cache. A window
// that was returned before stays valid as long as it would have been.
func (r *Reader) Release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.release()
}

func (r *Reader) release() {
	for i := range r.lanes {
		r.clear(&r.lanes[i])
	}
}

// releaseIdle is Release for a Reader that was not used since it was called last, and waits for nothing.
func (r *Reader) releaseIdle() {
	if r.used.Swap(false) || !r.mu.TryLock() {
		return
	}
	defer r.mu.Unlock()
	r.release()
}

// Close gives up all that r holds. It does not close the Object.
func (r *Reader) Close() error {
	r.Release()
	if r.cached != nil {
		r.cached.c.dismiss(r)
	}
	return nil
}
