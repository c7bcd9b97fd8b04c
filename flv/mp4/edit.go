package mp4

import (
	"math"
	"math/bits"

	"github.com/seed-3309b198/reelfront/flv"
)

// edit is one entry of an edit list (ISO/IEC 14496-12, 8.6.6).
type edit struct {
	duration uint64 // in the movie's timescale; 0: to the end of the media
	start    int64  // in the track's; negative: nothing is shown
}

// parseEdits reads an edts.
func (t *track) parseEdits(edts *box) error {
	const path = "moov/trak/edts"
	r := edts.children(path, 0)
	for r.next() {
		if r.kind.String() != "elst" {
			continue
		}
		f := fields{b: r.body}
		version, _ := f.version()
		count := f.u32()
		if int64(count) > int64(maxEdits-len(t.edits)) {
			return bad(path+"/elst", r.offset, "%d edits after %d, of at most %d", count, len(t.edits), maxEdits)
		}
		for range count {
			e := edit{duration: f.sized(version)}
			if e.start = int64(f.sized(version)); version != 1 {
				e.start = int64(int32(e.start))
			}
			if rate := f.u32(); rate == 0 { // a dwell: the picture stands
				e.start = -1
			}
			t.edits = append(t.edits, e)
		}
		if f.short {
			return bad(path+"/elst", r.offset, "%d edits in a box of %d bytes", count, len(r.body)+r.header)
		}
	}
	return r.err
}

// span is a run of a table's samples that the timeline shows one after the other.
type span struct {
	first, end int   // samples, from and to
	shown      int   // the first sample that is seen; those before it are there to decode it
	lead       int64 // no sample's decoding time on the movie's timeline is before this
	offset     int64 // from media time to the movie's timeline
}

// times are the decoding and presentation time of a sample on the movie's timeline, in the track's ticks.
func (p *span) times(s *sample, shift int64) (dts, pts int64) {
	dts = s.dts + p.offset
	return max(dts-shift, p.lead), dts + int64(s.cts)
}

// layout makes the spans of the track's table from its edit list. A single edit keeps all samples that lead up to it,
// encoder delay of sound above all; each edit ends with the last sample that it shows. Of all samples of all tracks it looks
// at no more than steps, which it counts down.
func (t *track) layout(movieTimescale uint32, steps *int) error {
	t.shift = -t.table.minOffset
	var at int64
	for _, e := range t.edits {
		duration := int64(rescale(e.duration, movieTimescale, t.timescale))
		if e.start >= 0 {
			end := int64(math.MaxInt64)
			if duration > 0 && duration < end-e.start {
				end = e.start + duration
			}
			if p, ok := t.cut(e.start, end, at, steps); ok {
				p.lead = math.MinInt64
				if n := len(t.spans); n > 0 { // what comes before the cut is decoded at once, after the last edit's last picture
					p.lead = max(t.decoded(&p, p.shown), t.decoded(&t.spans[n-1], t.spans[n-1].end-1))
				}
				t.spans = append(t.spans, p)
			}
		}
		at = t.later(at, duration)
	}
	if len(t.spans) == 0 && t.table.count > 0 {
		t.spans = []span{{end: t.table.count, lead: math.MinInt64}}
	}
	if *steps <= 0 {
		return bad("moov/trak/edts/elst", t.offset, "too many edits of too many samples")
	}
	return nil
}

// decoded is the decoding time of sample n, which lies in p, on the movie's timeline.
func (t *track) decoded(p *span, n int) int64 {
	dts, _ := p.times(&sample{dts: t.table.cursorAt(n).dts}, t.shift)
	return dts
}

// later is the time that lies duration after at, in ticks, but no later than any time may be.
func (t *track) later(at, duration int64) int64 {
	latest := maxSeconds * int64(t.timescale)
	return min(at+min(duration, latest), latest)
}

// layoutFragments is layout for a track that goes on in fragments: how far it goes is not known, so nothing is cut, and
// the first edit says where all of it lies.
func (t *track) layoutFragments(movieTimescale uint32) error {
	t.shift = -t.table.minOffset
	for _, e := range t.edits {
		if secs := e.start / int64(t.timescale); secs > maxSeconds {
			return bad("moov/trak/edts/elst", t.offset, "an edit begins after %d s", secs)
		}
		if e.start >= 0 {
			t.fragmentOffset -= e.start
			break
		}
		t.fragmentOffset = t.later(t.fragmentOffset, int64(rescale(e.duration, movieTimescale, t.timescale)))
	}
	if t.table.count > 0 {
		t.spans = []span{{end: t.table.count, lead: math.MinInt64, offset: t.fragmentOffset}}
	}
	return nil
}

// cut is the span that shows the media from start to end, at the time at of the movie's timeline.
func (t *track) cut(start, end, at int64, steps *int) (span, bool) {
	if start >= t.table.end {
		return span{}, false
	}
	if t.kind == flv.TrackVideo {
		return t.cutVideo(start, end, at, steps)
	}
	lead := start
	if t.kind == flv.TrackAudio && len(t.spans) == 0 {
		lead = start - audioPrerollSecs*int64(t.timescale)
	}
	first := t.table.atOrBefore(lead).n
	return span{first: first, shown: first, end: t.table.atOrBefore(end-1).n + 1, offset: at - start}, true
}

// cutVideo is cut for pictures, which start from a key frame and come in another order than they are shown in. The
// first picture at or after start is shown at once, though the one before it may reach into the edit.
func (t *track) cutVideo(start, end, at int64, steps *int) (span, bool) {
	first := t.keyFrameFor(start)
	c := t.table.atOrBefore(start - t.table.maxOffset) // what is decoded before that is shown before start
	if c.n < first {
		c = t.table.cursorAt(first)
	}
	shown, least := -1, int64(math.MaxInt64)
	for ; *steps > 0; *steps-- {
		s, ok := c.next(t.table)
		if !ok || s.dts-t.shift > least {
			break
		}
		if pts := s.dts + int64(s.cts); pts >= start && pts < end {
			if least = min(least, pts); shown < 0 {
				shown = c.n - 1
			}
		}
	}
	if shown < 0 {
		return span{}, false
	}
	return span{first: first, shown: shown, end: t.lastShown(shown, end, steps) + 1, offset: at - least}, true
}

// keyFrameFor is the last sync sample whose picture is not later than pts, or the first sample.
func (t *track) keyFrameFor(pts int64) int {
	const tries = 16 // a picture is rarely shown more than one key frame late
	n := t.table.syncAtOrBefore(t.table.atOrBefore(pts + t.shift).n)
	for range tries {
		if n <= 0 {
			break
		}
		c := t.table.cursorAt(n)
		if s, ok := c.next(t.table); ok && s.dts+int64(s.cts) <= pts {
			return n
		}
		n = t.table.syncAtOrBefore(n - 1)
	}
	return max(n, 0)
}

// lastShown is the last sample, in decoding order, whose picture comes before end; shown is one that does.
func (t *track) lastShown(shown int, end int64, steps *int) int {
	if end > t.table.last+t.table.maxOffset {
		return t.table.count - 1
	}
	last := shown
	limit := t.table.atOrBefore(min(end, math.MaxInt64-t.shift-1) + t.shift).n
	step := t.table.interval // from a checkpoint to the next, so that each is entered at once
	for from := limit - limit%step; ; from -= step {
		c := t.table.cursorAt(max(from, shown))
		for n := c.n; n <= limit; n++ {
			*steps--
			s, ok := c.next(t.table)
			if !ok {
				break
			}
			if s.dts+int64(s.cts) < end {
				last = max(last, n)
			}
		}
		if last > max(from, shown) || from <= shown || *steps < 0 {
			return last
		}
		limit = from - 1
	}
}

// rescale is v*to/from, rounded to the nearest, but at most 2^62.
func rescale(v uint64, from, to uint32) uint64 {
	hi, lo := bits.Mul64(v, uint64(to))
	lo, carry := bits.Add64(lo, uint64(from/2), 0)
	if hi += carry; hi >= uint64(from) {
		return 1 << 62
	}
	q, _ := bits.Div64(hi, lo, uint64(from))
	return min(q, 1<<62)
}

// milliseconds is ticks/timescale in ms, rounded to the nearest.
func milliseconds(ticks int64, timescale uint32) int64 {
	if uint64(ticks) < 1<<53 {
		return int64((uint64(ticks)*1000 + uint64(timescale)/2) / uint64(timescale))
	}
	scale := int64(timescale)
	secs := ticks / scale
	rest := ticks - secs*scale
	if rest < 0 {
		secs, rest = secs-1, rest+scale
	}
	return secs*1000 + (rest*1000+scale/2)/scale
}
