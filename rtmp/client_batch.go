package rtmp

import (
	"errors"
	"io"

	"github.com/seed-3309b198/reelfront/flv"
)

// tagBatch is a row of tags and errors, in the order in which they came. The bodies lie one behind the other in one
// buffer.
type tagBatch struct {
	entries []tagEntry
	next    int // the first entry that was not popped
	bytes   []byte
	from    int // where its body begins
}

type tagEntry struct {
	kind      flv.TagType
	timestamp uint32
	end       int // of its body in bytes
	err       error
}

// tagEntryBytes is what an entry counts beside its body.
const tagEntryBytes = 32

func (b *tagBatch) empty() bool { return b.next == len(b.entries) }

// fits tells whether a body of n bytes can be added without exceeding limit. Into an empty batch anything fits.
func (b *tagBatch) fits(n, limit int) bool {
	return len(b.entries) == 0 || len(b.bytes)+n+(len(b.entries)+1)*tagEntryBytes <= limit
}

func (b *tagBatch) add(kind flv.TagType, timestamp uint32, body []byte) {
	b.bytes = append(b.bytes, body...)
	b.entries = append(b.entries, tagEntry{kind: kind, timestamp: timestamp, end: len(b.bytes)})
}

func (b *tagBatch) addError(err error) {
	b.entries = append(b.entries, tagEntry{end: len(b.bytes), err: err})
}

// pop returns the first entry of a batch that is not empty. The tag's Data is a view of the batch's buffer.
func (b *tagBatch) pop() (flv.Tag, error) {
	e := &b.entries[b.next]
	data := b.bytes[b.from:e.end:e.end]
	b.next, b.from = b.next+1, e.end
	if e.err != nil {
		return flv.Tag{}, e.err
	}
	return flv.Tag{Type: e.kind, Timestamp: e.timestamp, Data: data}, nil
}

// dropEnd takes away an io.EOF at the end, and reports whether there was one.
func (b *tagBatch) dropEnd() bool {
	n := len(b.entries)
	if b.empty() || !errors.Is(b.entries[n-1].err, io.EOF) {
		return false
	}
	b.entries = b.entries[:n-1]
	return true
}

// trim takes away what has a timestamp of from or later, and all behind that.
func (b *tagBatch) trim(from uint32) {
	for i := b.next; i < len(b.entries); i++ {
		if e := &b.entries[i]; e.err != nil || int32(e.timestamp-from) >= 0 {
			end := b.from
			if i > 0 {
				end = b.entries[i-1].end
			}
			clear(b.entries[i:])
			b.entries, b.bytes = b.entries[:i], b.bytes[:end]
			return
		}
	}
}

// drop pops all entries. The buffer stays as it is: a tag that was popped before may still be a view of it.
func (b *tagBatch) drop() { b.next, b.from = len(b.entries), len(b.bytes) }

// reset makes the batch empty, to be filled again. It lets go of a buffer that one large message has blown up.
func (b *tagBatch) reset(limit int) {
	clear(b.entries)
	b.entries, b.next, b.bytes, b.from = b.entries[:0], 0, b.bytes[:0], 0
	if cap(b.bytes) > 2*limit {
		b.bytes = nil
	}
}
