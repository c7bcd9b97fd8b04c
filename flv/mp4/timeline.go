package mp4

import "math"

// timeline says when the samples of a track are sent.
type timeline struct {
	spans          []span
	shift          int64  // added to each composition offset and taken from each DTS, so that no offset is negative, in ticks
	sampleDuration uint32 // of the first sample in fragments, in ticks
	firstBytes     int64  // of all samples in the first fragments
	fragmentOffset int64  // from media time to the movie's timeline, for samples in fragments
	origin         int64  // added to every time of the file, so that the first tag has the time 0, in ms
}

// timestamp is the time of a sample in span p as it stands in a tag, in ms, and its composition offset in ms.
func (t *track) timestamp(p *span, s *sample) (ms int64, cts int32) {
	return t.inMilliseconds(p.times(s, t.shift))
}

// inMilliseconds makes a timestamp and a composition offset out of a decoding and a presentation time on the movie's
// timeline.
func (t *track) inMilliseconds(dts, pts int64) (ms int64, cts int32) {
	ms = milliseconds(dts, t.timescale)
	if pts == dts {
		return ms + t.origin, 0
	}
	return ms + t.origin, clampOffset(milliseconds(pts, t.timescale) - ms)
}

// clampOffset makes a composition offset one that 24 bits can carry.
func clampOffset(ms int64) int32 {
	const limit = 1 << 23
	return int32(min(max(ms, -limit), limit-1))
}

// from is the first sample of span p whose timestamp is at least ms, and p.end where there is none.
func (t *track) from(p *span, ms int64) int {
	low := p.first
	if p.lead != math.MinInt64 { // all that comes before the first that is shown has that one's time
		if milliseconds(p.lead, t.timescale)+t.origin >= ms {
			return p.first
		}
		low = p.shown
	}
	c := t.table.atOrBefore(ticks(ms-t.origin-1, t.timescale) - p.offset + t.shift) // a millisecond too early, then forward
	if c.n < low {
		c = t.table.cursorAt(low)
	}
	for n := c.n; n < p.end; n++ {
		s, ok := c.next(t.table)
		if !ok {
			return p.end
		}
		if at, _ := t.timestamp(p, &s); at >= ms {
			return n
		}
	}
	return p.end
}

// ticks is ms in ticks of timescale, rounded down. ms is bounded by maxSeconds.
func ticks(ms int64, timescale uint32) int64 {
	secs, rest := ms/1000, ms%1000
	if rest < 0 {
		secs, rest = secs-1, rest+1000
	}
	return secs*int64(timescale) + rest*int64(timescale)/1000
}

// keyFrame is the last key frame of the track's table at or before ms: its span and its number. ok is false where the
// first one is later.
func (t *track) keyFrame(ms int64) (i, n int, ok bool) {
	for i = len(t.spans) - 1; i >= 0; i-- {
		p := &t.spans[i]
		n = t.from(p, ms+1) - 1
		if n < p.first {
			continue
		}
		if n = t.table.syncAtOrBefore(n); n >= p.first {
			return i, n, true
		}
		if i > 0 || p.first > 0 { // a later span starts with what it needs
			return i, p.first, true
		}
	}
	return 0, 0, false
}

// firstKeyFrame is the first key frame of the first span, or its first sample where it has none.
func (t *track) firstKeyFrame() int {
	p := &t.spans[0]
	if p.first == 0 && t.table.hasSyncs && len(t.table.syncs) > 0 {
		return min(int(u32At(t.table.syncs, 0))-1, p.end-1)
	}
	return p.first
}
