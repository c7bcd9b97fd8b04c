package tunnel

import (
	"errors"
	"io"
	"sync"
)

// Sizes of blocks: most messages that are not media fit a small one; a large one is a full reply.
const (
	smallBlock = 4 << 10
	largeBlock = 64 << 10
)

// A block is a piece of a queue: buf[start:end] is what is queued.
type block struct {
	next       *block
	start, end int
	buf        []byte
}

// blockPool keeps blocks that are not in use. A session at rest holds none.
type blockPool struct{ small, large sync.Pool }

func (p *blockPool) take(large bool) *block {
	pool, size := &p.small, smallBlock
	if large {
		pool, size = &p.large, largeBlock
	}
	if b, ok := pool.Get().(*block); ok {
		return b
	}
	return &block{buf: make([]byte, size)}
}

func (p *blockPool) put(b *block) {
	b.next, b.start, b.end = nil, 0, 0
	if len(b.buf) == smallBlock {
		p.small.Put(b)
	} else {
		p.large.Put(b)
	}
}

// A queue is bytes on their way, first in, first out. It is guarded by its owner's mutex.
type queue struct {
	pool       *blockPool
	head, tail *block
	size       int
	// pins counts the views that are still in use: while there are any, blocks that were taken from the queue are left to
	// the garbage collector instead of being used again.
	pins int
}

var errTooLarge = errors.New("tunnel: body too large")

// write appends a copy of p.
func (q *queue) write(p []byte) {
	for len(p) > 0 {
		b := q.space(len(p))
		n := copy(b.buf[b.end:], p)
		b.end += n
		q.size += n
		p = p[n:]
	}
}

// space is the last block, with room in it; n is how much is going to be written. The first block is small if n is.
func (q *queue) space(n int) *block {
	if q.tail != nil && q.tail.end < len(q.tail.buf) {
		return q.tail
	}
	b := q.pool.take(q.tail != nil || n > smallBlock)
	if q.tail == nil {
		q.head = b
	} else {
		q.tail.next = b
	}
	q.tail = b
	return b
}

// readFrom appends what r has until its end, and fails with errTooLarge when that is more than most bytes. What it holds grows
// with what has come, not with what was announced.
func (q *queue) readFrom(r io.Reader, most int) error {
	for {
		b := q.space(1)
		free := b.buf[b.end:]
		if room := most - q.size; len(free) > room {
			free = free[:room+1]
		}
		n, err := r.Read(free)
		b.end += n
		q.size += n
		switch {
		case q.size > most:
			return errTooLarge
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// append moves all of other to the end of q. Blocks change hands, but what fits into the last block and would leave its own
// half empty is copied there: a queue takes no more than about twice the memory of its bytes.
func (q *queue) append(other *queue) {
	if q.tail != nil && other.size <= min(largeBlock/2, len(q.tail.buf)-q.tail.end) {
		for b := other.head; b != nil; b = b.next {
			q.write(b.buf[b.start:b.end])
		}
		other.reset()
		return
	}
	if other.size == 0 {
		return
	}
	if q.tail == nil {
		q.head = other.head
	} else {
		q.tail.next = other.head
	}
	q.tail = other.tail
	q.size += other.size
	other.head, other.tail, other.size = nil, nil, 0
}

// read takes up to len(p) bytes from the front.
func (q *queue) read(p []byte) int {
	total := 0
	for total < len(p) && q.size > 0 {
		n := copy(p[total:], q.head.buf[q.head.start:q.head.end])
		q.discard(n)
		total += n
	}
	return total
}

// discard drops n bytes, which are there, from the front.
func (q *queue) discard(n int) {
	q.size -= n
	for n > 0 {
		step := min(n, q.head.end-q.head.start)
		q.head.start += step
		n -= step
		if q.head.start == q.head.end {
			q.drop()
		}
	}
	if q.size == 0 {
		q.reset()
	}
}

// drop removes the first block.
func (q *queue) drop() {
	b := q.head
	q.head = b.next
	if q.head == nil {
		q.tail = nil
	}
	if q.pins == 0 {
		q.pool.put(b)
	}
}

func (q *queue) reset() {
	for q.head != nil {
		q.drop()
	}
	q.size = 0
}

// fit is how many bytes from the front make a reply of at most the given number: whole blocks, or part of the first.
func (q *queue) fit(most int) int {
	total := 0
	for b := q.head; b != nil; b = b.next {
		n := b.end - b.start
		if n > most-total {
			if total == 0 {
				return most
			}
			return total
		}
		total += n
	}
	return total
}

// view is windows onto the first n bytes, which are there. They stay valid while the queue is pinned.
func (q *queue) view(n int) [][]byte {
	var pieces [][]byte
	for b := q.head; n > 0; b = b.next {
		piece := b.buf[b.start:min(b.end, b.start+n)]
		pieces = append(pieces, piece)
		n -= len(piece)
	}
	return pieces
}
