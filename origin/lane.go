package origin

import (
	"context"
	"math"
	"sync/atomic"
)

// lane is one place at which a viewer reads on through an object.
type lane struct {
	block atomic.Pointer[block] // nil before the first, and after it was released

	// Owned by the viewer's goroutine: the place in the object past which it looks ahead. After a move elsewhere that is
	// behind the middle of the block and at least a quarter of a block on, so that a look at some index fetches no more.
	trigger int64

	// Guarded by Reader.mu.
	index  int64  // of the block
	aheads *ahead // the blocks after it, as far as they were begun to be fetched; used only with a cache
	depth  int32  // blocks to be fetched ahead
	calm   uint8  // blocks in a row that were there in time
	begun  bool
}

// Triggers that are no places.
const (
	never     = math.MaxInt64
	elsewhere = -1 // to be set by the window that moved the lane
)

// view returns the window at off if it lies in the lane's block and is not empty.
func (l *lane) view(off int64, n int) []byte {
	b := l.block.Load()
	if b == nil {
		return nil
	}
	i := off - b.start
	if i < 0 || n <= 0 || i >= int64(len(b.data)) || int64(n) > int64(len(b.data))-i {
		return nil
	}
	return b.data[i : i+int64(n) : i+int64(n)]
}

// clear gives up what a lane holds. It remembers where it stands.
func (r *Reader) clear(l *lane) {
	if l.block.Load() != nil {
		l.block.Store(nil)
	}
	for l.aheads != nil {
		r.cached.leave(l.shift())
	}
}

// shift takes the first ahead off, which the caller has to leave.
func (l *lane) shift() *ahead {
	a := l.aheads
	l.aheads, a.next = a.next, nil
	return a
}

// next returns the block for a lane that moves to index. One that moves elsewhere begins anew.
func (r *Reader) next(ctx context.Context, l *lane, index int64) (*block, error) {
	if r.cached == nil {
		return l.read(ctx, r.private, r.size, index)
	}
	if !l.begun || index != l.index && index != l.index+1 {
		r.clear(l)
		l.depth, l.calm = 0, 0
	}
	a := l.aheads
	if a == nil || a.index != index {
		r.clear(l)
		return r.cached.block(ctx, index)
	}
	inTime := a.here()
	if !inTime {
		within, cancel := withTimeout(ctx, r.cached.origin.patience())
		defer cancel()
		ctx = within
	}
	b, err := r.cached.wait(ctx, a)
	if err != nil && (inTime || a.flight.early) && ctx.Err() == nil { // a fault that may have passed, or a deadline of before we came
		r.clear(l)
		return r.cached.block(ctx, index)
	}
	if err != nil {
		return nil, err
	}
	if l.depth > 0 { // else it is a piece of one large window, which tells nothing of the viewer's pace
		l.adapt(inTime, r.maxAhead())
	}
	r.cached.leave(l.shift())
	return b, nil
}

// adapt doubles what is fetched ahead when a block was not there in time, and halves it after a while without that.
func (l *lane) adapt(inTime bool, most int64) {
	if !inTime {
		l.depth, l.calm = int32(min(int64(l.depth)*2, most)), 0
		return
	}
	if l.calm++; l.calm >= calmBlocks {
		l.depth, l.calm = max(1, l.depth/2), 0
	}
}

// read reads a block of an object that no cache stands before, into the memory of the block that the lane leaves.
func (l *lane) read(ctx context.Context, o Object, size, index int64) (*block, error) {
	ctx, cancel := withTimeout(ctx, defaultTimeout)
	defer cancel()
	b := l.block.Swap(nil)
	if b == nil {
		b = &block{data: make([]byte, 0, min(privateBlockBytes, size))}
	}
	b.start = index * privateBlockBytes
	b.data = b.data[:min(privateBlockBytes, size-b.start)]
	if n, err := o.ReadAt(ctx, b.data, b.start); n < len(b.data) {
		return nil, shortRead(err)
	}
	return b, nil
}
