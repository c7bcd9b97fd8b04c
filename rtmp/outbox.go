package rtmp

import (
	"errors"
	"io"
	"sync"

	"github.com/seed-3309b198/reelfront/rtmp/chunk"
)

// batchBytes is how much media goes out in one write, at most. Measured: with less, system calls begin to show; with more,
// what was copied first has left the processor's cache when the kernel comes to it. It is also what a stalled viewer holds.
const batchBytes = 128 << 10

// fullBytes is when a batch is written. A message for which there is no more room has to be kept until the batch is
// written; most fit into what is left behind this.
const fullBytes = batchBytes - 16<<10

var errControlFull = errors.New("rtmp: the client does not take the answers to its commands")

// outbox is the sending half of a connection: replies of the reading goroutine and batches of the players, each written
// whole. What it is given is encoded already: messages carry full headers, so their order does not matter.
type outbox struct {
	w       io.Writer
	limit   int // bytes of replies that may wait
	batches *sync.Pool
	encoder

	writing sync.Mutex // held while writing to w

	mu      sync.Mutex
	replies []byte
	err     error // of the first write that failed; sticky, since half a chunk may have gone out
}

// reply queues encoded messages and never waits for another goroutine's write: whoever is writing takes them along.
func (o *outbox) reply(b []byte) error {
	o.mu.Lock()
	if o.err == nil && len(o.replies)+len(b) > o.limit {
		o.err = errControlFull
	}
	err := o.err
	if err == nil {
		o.replies = append(o.replies, b...)
	}
	o.mu.Unlock()
	if err != nil {
		return err
	}
	return o.drain()
}

// drain writes the waiting replies, unless another goroutine is at it: that one looks again before it leaves.
func (o *outbox) drain() error {
	for o.waiting() && o.writing.TryLock() {
		err := o.writeReplies()
		o.writing.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *outbox) waiting() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.replies) > 0 && o.err == nil
}

// write writes b, which is whole messages, behind the replies that wait.
func (o *outbox) write(b []byte) error {
	o.writing.Lock()
	err := o.writeReplies()
	if err == nil {
		err = o.writeOut(b)
	}
	o.writing.Unlock()
	if err != nil {
		return err
	}
	return o.drain()
}

// writeLarge writes one message in pieces of buf's capacity; nothing else can come between them.
func (o *outbox) writeLarge(m *chunk.Message, buf []byte) error {
	o.writing.Lock()
	err := o.writeReplies()
	cutter := chunk.Cut(m, o.chunkSize)
	for done := false; err == nil && !done; {
		var piece []byte
		piece, done = cutter.Next(buf[:0])
		err = o.writeOut(piece)
	}
	o.writing.Unlock()
	if err != nil {
		return err
	}
	return o.drain()
}

func (o *outbox) writeReplies() error {
	o.mu.Lock()
	b, err := o.replies, o.err
	o.replies = nil
	o.mu.Unlock()
	if err != nil || len(b) == 0 {
		return err
	}
	return o.writeOut(b)
}

func (o *outbox) writeOut(b []byte) error {
	_, err := o.w.Write(b)
	if err != nil {
		o.mu.Lock()
		o.err = err
		o.mu.Unlock()
	}
	return err
}

// batch collects the messages of a player that are due. It borrows its buffer when the first is added and gives it back
// when it is written, so that a player that waits owns none.
type batch struct {
	out *outbox
	buf *[]byte
}

func (b *batch) borrow() *[]byte {
	if b.buf == nil {
		b.buf, _ = b.out.batches.Get().(*[]byte)
		if b.buf == nil {
			buf := make([]byte, 0, batchBytes)
			b.buf = &buf
		}
	}
	return b.buf
}

// empty tells whether there is nothing to be written.
func (b *batch) empty() bool { return b.buf == nil || len(*b.buf) == 0 }

// full tells whether it is time to write.
func (b *batch) full() bool { return b.buf != nil && len(*b.buf) >= fullBytes }

// add appends a message, if there is room for it.
func (b *batch) add(m *chunk.Message) bool {
	buf := b.borrow()
	if chunk.Size(m, b.out.chunkSize) > cap(*buf)-len(*buf) {
		return false
	}
	*buf = chunk.Append(*buf, m, b.out.chunkSize)
	return true
}

// addBehind writes the batch, and appends a message for which there was no room. One that is longer than a batch is written
// too, piece by piece through the batch's buffer.
func (b *batch) addBehind(m *chunk.Message) error {
	if err := b.flush(); err != nil || b.add(m) {
		return err
	}
	defer b.giveBack()
	return b.out.writeLarge(m, *b.buf)
}

// encoded appends what f appends: statuses and data messages, which are far smaller than a batch.
func (b *batch) encoded(f func(dst []byte) []byte) {
	buf := b.borrow()
	*buf = f(*buf)
}

// flush writes the batch, if there is anything in it.
func (b *batch) flush() error {
	if b.buf == nil {
		return nil
	}
	defer b.giveBack()
	if b.empty() {
		return nil
	}
	return b.out.write(*b.buf)
}

// giveBack returns the buffer, unless statuses have outgrown it.
func (b *batch) giveBack() {
	if cap(*b.buf) == batchBytes {
		*b.buf = (*b.buf)[:0]
		b.out.batches.Put(b.buf)
	}
	b.buf = nil
}
