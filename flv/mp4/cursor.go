package mp4

import (
	"unsafe"

	"github.com/seed-3309b198/reelfront/flv"
)

// What one element of the index takes.
const (
	checkpointBytes = int(unsafe.Sizeof(tableCursor{}))
	spanBytes       = int(unsafe.Sizeof(span{}))
	timeBytes       = unsafe.Sizeof(int64(0))
)

// cursor goes through the samples of one track, as its timeline shows them.
type cursor struct {
	track     *track
	table     tableCursor
	span      int // of the track's spans; past them when the table is done
	pending   sample
	ms        int64 // timestamp of pending
	cts       int32 // its composition offset, in ms
	has       bool  // pending is set
	last      int64 // the timestamp before; times never go back
	announced int   // the sample description whose sequence header has been sent; -1: none yet
}

func newCursor(t *track) *cursor {
	c := &cursor{track: t}
	c.rewind()
	return c
}

// rewind goes to the first sample.
func (c *cursor) rewind() {
	n := 0
	if len(c.track.spans) > 0 {
		n = c.track.spans[0].first
	}
	c.moveTo(0, n)
}

// moveTo goes to sample n of span i.
func (c *cursor) moveTo(i, n int) {
	c.span, c.table = i, c.track.table.cursorAt(n)
	c.has, c.last, c.announced = false, 0, -1
}

// fill sets pending, and tells whether there is one.
func (c *cursor) fill() bool {
	t := c.track
	for !c.has && c.span < len(t.spans) {
		p := &t.spans[c.span]
		if c.table.n < p.end {
			if s, ok := c.table.next(t.table); ok {
				c.set(p, s)
				return true
			}
		}
		if c.span++; c.span < len(t.spans) {
			c.table = t.table.cursorAt(t.spans[c.span].first)
		}
	}
	return c.has
}

func (c *cursor) set(p *span, s sample) {
	ms, cts := c.track.timestamp(p, &s)
	if ms < c.last { // at the seam of two edits
		cts -= int32(c.last - ms)
		ms = c.last
	}
	c.pending, c.ms, c.cts, c.has = s, ms, cts, true
}

// take uses up pending.
func (c *cursor) take() { c.has, c.last = false, c.ms }

// entry is the sample description of pending. A number that the stsd does not have means the first.
func (c *cursor) entry() (int, *entry) {
	i := int(c.pending.desc)
	if i >= len(c.track.entries) {
		i = 0
	}
	return i, &c.track.entries[i]
}

// seekFrom goes to the first sample at or after ms; to the one before it for text, which is still to be seen then.
func (c *cursor) seekFrom(ms int64) {
	t := c.track
	for i := range t.spans {
		p := &t.spans[i]
		n := t.from(p, ms)
		if t.kind == flv.TrackText && n > p.first {
			if at := t.from(p, ms+1); at == n || at == p.end {
				n--
			}
		}
		if n < p.end {
			c.moveTo(i, n)
			c.last = ms
			return
		}
	}
	c.moveTo(len(t.spans), 0)
}
