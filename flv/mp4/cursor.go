package mp4

import (
	"context"
	"math"
	"unsafe"

	"github.com/seed-3309b198/reelfront/flv"
)

// What one element of the index takes.
const (
	checkpointBytes = int(unsafe.Sizeof(tableCursor{}))
	spanBytes       = int(unsafe.Sizeof(span{}))
	timeBytes       = int(unsafe.Sizeof(int64(0)))
	fragmentBytes   = int(unsafe.Sizeof(fragment{}))
	runBytes        = int(unsafe.Sizeof(run{}))
	landmarkBytes   = int(unsafe.Sizeof(landmark{}))
)

// cursor goes through the samples of one track, as its timeline shows them: those of its table, then those in fragments.
type cursor struct {
	track     *track
	pending   sample
	ms        int64 // timestamp of pending
	cts       int32 // its composition offset, in ms
	has       bool  // pending is set
	last      int64 // the timestamp before; times never go back
	announced int   // the sample description whose sequence header has been sent; -1: none yet

	table tableCursor
	span  int // of the track's spans; past them when the table is done

	place        // the sample to come in the fragments; its f is nil before the first
	dts    int64 // of that sample
	offset int64 // of that sample
	done   bool  // the fragments are at their end
}

func newCursor(t *track) *cursor {
	c := &cursor{track: t}
	n := 0
	if len(t.spans) > 0 {
		n = t.spans[0].first
	}
	c.moveTo(0, n)
	return c
}

// moveTo goes to sample n of span i.
func (c *cursor) moveTo(i, n int) {
	*c = cursor{track: c.track, span: i, table: c.track.table.cursorAt(n), announced: -1}
}

// moveToPlace goes to a sample in a fragment.
func (c *cursor) moveToPlace(p place) {
	c.moveTo(len(c.track.spans), 0)
	c.enter(p.f, p.run)
	for r := &p.f.runs[p.run]; c.i < p.i; {
		c.step(r)
	}
}

// fillTable sets pending from the track's table, and tells whether there was one.
func (c *cursor) fillTable() bool {
	t := c.track
	for c.span < len(t.spans) {
		p := &t.spans[c.span]
		if c.table.n < p.end {
			if c.table.read(t.table, &c.pending) {
				c.show(p.offset, p.lead)
				return true
			}
		}
		if c.span++; c.span < len(t.spans) {
			c.table = t.table.cursorAt(t.spans[c.span].first)
		}
	}
	return false
}

// fillFragments sets pending from the track's fragments, unless it comes later than limit, in ms.
func (c *cursor) fillFragments(ctx context.Context, s *scanner, x *fragmentIndex, limit int64) error {
	if c.f == nil && !c.done {
		f, err := x.head(ctx, s)
		if err != nil {
			return err
		}
		c.enter(f, 0)
	}
	for !c.done {
		for c.run < len(c.f.runs) {
			r := &c.f.runs[c.run]
			if r.track == c.track && c.i < r.count {
				c.pending = c.step(r)
				c.show(c.track.fragmentOffset, math.MinInt64)
				return nil
			}
			c.enter(c.f, c.run+1)
		}
		if c.f.starts() > limit {
			return nil
		}
		f, err := x.after(ctx, s, c.f)
		if err != nil {
			return err
		}
		c.enter(f, 0)
	}
	return nil
}

// enter goes to the start of a run.
func (c *cursor) enter(f *fragment, run int) {
	c.place, c.done = place{f: f, run: run}, f == nil
	if f != nil && run < len(f.runs) {
		c.dts, c.offset = f.runs[run].dts, f.runs[run].offset
	}
}

// step returns the sample to come in r, and goes past it.
func (c *cursor) step(r *run) sample {
	s, duration := r.at(c.i)
	s.dts, s.offset = c.dts, c.offset
	c.i++
	c.dts += int64(duration)
	c.offset += int64(s.size)
	return s
}

// show sets the times of pending: a sample that the timeline shows at offset from its media time, and not before lead.
func (c *cursor) show(offset, lead int64) {
	dts := c.pending.dts + offset
	ms, cts := c.track.inMilliseconds(max(dts-c.track.shift, lead), dts+int64(c.pending.cts))
	if ms < c.last { // at the seam of two edits
		ms, cts = c.last, clampOffset(int64(cts)-(c.last-ms))
	}
	c.ms, c.cts, c.has = ms, cts, true
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

// seekFrom goes to the first sample at or after ms; to the one before it for text, which is still to be seen then. It
// tells whether the table has that sample.
func (c *cursor) seekFrom(ms int64) bool {
	t := c.track
	for i := range t.spans {
		p := &t.spans[i]
		n := t.from(p, ms)
		if n == p.end {
			continue
		}
		if s, ok := c.peek(n); ok && t.kind == flv.TrackText && n > p.first {
			if at, _ := t.timestamp(p, &s); at > ms {
				n--
			}
		}
		c.moveTo(i, n)
		c.last = ms
		return true
	}
	c.moveTo(len(t.spans), 0)
	return false
}

// peek is sample n of the track's table.
func (c *cursor) peek(n int) (sample, bool) {
	at := c.track.table.cursorAt(n)
	return at.next(c.track.table)
}

// seekFragments is seekFrom for samples in fragments.
func (c *cursor) seekFragments(ctx context.Context, s *scanner, x *fragmentIndex, ms int64) error {
	before := ms - 1
	if c.track.kind == flv.TrackText {
		before = ms
	}
	p, ok, err := x.locate(ctx, s, c.track, before, false)
	if err != nil {
		return err
	}
	if p.f != nil {
		c.moveToPlace(p)
	}
	if ok && c.track.kind != flv.TrackText {
		c.step(&p.f.runs[p.run])
	}
	c.last = ms
	return nil
}
