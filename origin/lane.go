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
	begun  bool
	index  int64 // of the block
	aheads []*ahead
	depth  int // blocks to be fetched ahead
	calm   int // blocks in a row that were there in time
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

// clear gives up what the lane holds. It remembers where it stands.
func (l *lane) clear() {
	l.block.Store(nil)
	for _, a := range l.aheads {
		a.leave()
	}
	clear(l.aheads)
	l.aheads = l.aheads[:0]
}

// next returns the block for a lane that moves to index. One that moves elsewhere begins anew.
func (o *cachedObject) next(ctx context.Context, l *lane, index int64) (*block, error) {
	if !l.begun || index != l.index && index != l.index+1 {
		l.clear()
		l.depth, l.calm = 0, 0
	}
	if len(l.aheads) == 0 || l.aheads[0].key.index != index {
		l.clear()
		return o.block(ctx, index)
	}
	a := l.aheads[0]
	inTime := a.here()
	b, err := a.wait(ctx)
	if err != nil && inTime { // a fault that may have passed meanwhile
		l.clear()
		return o.block(ctx, index)
	}
	if err != nil {
		return nil, err
	}
	if l.depth > 0 { // else it is a piece of one large window, which tells nothing of the viewer's pace
		l.adapt(inTime)
	}
	a.leave()
	copy(l.aheads, l.aheads[1:])
	l.aheads[len(l.aheads)-1] = nil
	l.aheads = l.aheads[:len(l.aheads)-1]
	return b, nil
}

// adapt doubles what is fetched ahead when a block was not there in time, and halves it after a while without that.
func (l *lane) adapt(inTime bool) {
	if !inTime {
		l.depth, l.calm = l.depth*2, 0
		return
	}
	if l.calm++; l.calm >= calmBlocks {
		l.depth, l.calm = max(1, l.depth/2), 0
	}
}

// private reads an object that no cache stands before, without read-ahead.
type private struct {
	o    Object
	size int64
}

func (p *private) ahead(int64, bool) *ahead { return nil }
func (p *private) here(int64) bool          { return false }

// next reads into the memory of the block that the lane leaves.
func (p *private) next(ctx context.Context, l *lane, index int64) (*block, error) {
	ctx, cancel := withTimeout(ctx, defaultTimeout)
	defer cancel()
	b := l.block.Swap(nil)
	if b == nil {
		b = &block{data: make([]byte, 0, min(privateBlockBytes, p.size))}
	}
	b.start = index * privateBlockBytes
	b.data = b.data[:min(privateBlockBytes, p.size-b.start)]
	if n, err := p.o.ReadAt(ctx, b.data, b.start); n < len(b.data) {
		return nil, shortRead(err)
	}
	return b, nil
}
