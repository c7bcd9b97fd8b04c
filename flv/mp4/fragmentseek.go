package mp4

import (
	"bytes"
	"context"
	"errors"
	"sort"

	"github.com/seed-3309b198/reelfront/flv"
)

// place is a sample of a fragment.
type place struct {
	f   *fragment
	run int
	i   int
}

// locate is the last sample of t at or before ms, or the last sync sample; ok is false where there is none. Of a track that
// does not lead a seek one is looked for no further back than tracks lie apart. Where there is none, p is where the search
// began: what comes from there on is later.
func (x *fragmentIndex) locate(ctx context.Context, s *scanner, t *track, ms int64, leads bool) (p place, ok bool, err error) {
	head, err := x.head(ctx, s)
	if err != nil || head == nil {
		return place{}, false, err
	}
	for back := int64(0); ; back = 2*back + 1000 {
		f, err := x.near(ctx, s, head, t, ms-back)
		if err != nil {
			return place{}, false, err
		}
		if p, ok, err = x.walk(ctx, s, f, t, ms, leads); ok || err != nil {
			return p, ok, err
		}
		if f == head || !leads && back > maxApart {
			return place{f: f}, false, nil
		}
	}
}

// near is a fragment at or not far before ms, in ms, from which others lead there; the first where none is as early. What
// is known already comes first, then an index that the file has, and then looking into the file.
func (x *fragmentIndex) near(ctx context.Context, s *scanner, head *fragment, t *track, ms int64) (*fragment, error) {
	marks, next, err := x.marksTo(ctx, s, t, ms)
	if err != nil {
		return nil, err
	}
	lo, hi := x.around(head, next, ms)
	const tries = 4 // an index is not exact
	for i := len(marks) - 1; i >= max(len(marks)-tries, 0) && marks[i].offset > lo.offset; i-- {
		f, err := x.at(ctx, s, marks[i])
		if err != nil {
			return nil, err
		}
		if f != nil && f.timed && f.offset > lo.offset && f.starts() <= ms {
			lo = f
			break
		}
	}
	return x.narrow(ctx, s, lo, hi, ms)
}

// bound is a place in the file, and about the time of the first fragment from there on, in ms; 0 where it is not known.
type bound struct{ offset, ms int64 }

// around are the last known fragment that starts at or before ms, at least head, and the first thing after it that is
// later: a known fragment, or what next says.
func (x *fragmentIndex) around(head *fragment, next bound, ms int64) (lo *fragment, hi bound) {
	x.mu.Lock()
	defer x.mu.Unlock()
	lo, hi = head, bound{x.end, x.over}
	i := sort.Search(len(x.known), func(i int) bool { return x.known[i].starts() > ms })
	if i > 0 && x.known[i-1].offset > lo.offset {
		lo = x.known[i-1]
	}
	if i < len(x.known) {
		hi = bound{x.known[i].offset, x.known[i].starts()}
	}
	if next.offset < hi.offset && next.offset > lo.offset {
		hi = next
	}
	return lo, hi
}

// narrow looks into the file between lo and hi for fragments nearer to ms, until it is as well to go from one to the next.
// Fragments are only found so where they say their times.
func (x *fragmentIndex) narrow(ctx context.Context, s *scanner, lo *fragment, hi bound, ms int64) (*fragment, error) {
	if !lo.timed || lo.end-lo.offset > maxProbeBytes {
		return lo, nil
	}
	for n := 0; n < maxProbes && hi.offset-lo.offset > max(walkedFragments*(lo.end-lo.offset), probeBytes); n++ {
		at := guess(bound{lo.offset, lo.starts()}, hi, ms, n)
		f, err := x.probe(ctx, s, at, hi.offset)
		switch {
		case err != nil:
			return nil, err
		case f == nil || f.starts() < lo.starts():
			hi.offset = at
		case f.starts() > ms:
			hi = bound{at, f.starts()}
		default:
			lo = f
		}
	}
	return lo, nil
}

// guess is where between lo and hi ms may lie: a little before where its time is, and every other time in the middle, so
// that the two close in on it however uneven the file is.
func guess(lo, hi bound, ms int64, n int) int64 {
	length := hi.offset - lo.offset
	at := length / 2
	if span := hi.ms - lo.ms; n%2 == 0 && span > 0 {
		at = int64(float64(length)*float64(ms-lo.ms)/float64(span)) - length/128
	}
	return lo.offset + min(max(at, length/32), length-length/32)
}

// probe is the first fragment that starts in [off, limit), not too far from off, and says its times; nil where there is
// none.
func (x *fragmentIndex) probe(ctx context.Context, s *scanner, off, limit int64) (*fragment, error) {
	limit = min(limit, off+maxProbeBytes, x.end-moofHead)
	length := int64(probeBytes)
	for tries := 0; off < limit && tries < maxProbeTries; {
		w, err := s.around(ctx, off, int(min(length, x.end-off)))
		if err != nil {
			return nil, err
		}
		length = 4 * probeBytes
		i := moofIn(w)
		if off += int64(i); off >= limit {
			break
		}
		if i > len(w)-moofHead {
			continue
		}
		f, err := x.plausible(ctx, s, off)
		if f != nil || err != nil {
			return f, err
		}
		off++
		tries++
	}
	return nil, nil
}

// moofHead is how much of a moof is looked at to tell that it is one: its header and that of the mfhd in it.
const moofHead = 16

// moofIn is where in w a moof begins; where there is none, the first place that was not looked at.
func moofIn(w []byte) int {
	for at := 0; ; at++ {
		i := bytes.Index(w[min(at+4, len(w)):], []byte("moof"))
		if i < 0 {
			return max(len(w)-moofHead+1, 1)
		}
		if at += i; at > len(w)-moofHead || string(w[at+12:at+16]) == "mfhd" {
			return at
		}
	}
}

// plausible is the fragment at off, nil where what lies there only looks like one: it makes sense by itself, says its
// times, and another box follows.
func (x *fragmentIndex) plausible(ctx context.Context, s *scanner, off int64) (f *fragment, err error) {
	s.at = off
	b, _, err := s.next(ctx)
	if err == nil && b.size > maxProbeBytes {
		return nil, nil
	}
	if err == nil {
		_, _, err = s.next(ctx)
		s.at = b.end()
	}
	if err == nil {
		f, err = x.load(ctx, s, b, nil)
	}
	switch {
	case errors.Is(err, flv.ErrFormat):
		return nil, nil
	case err != nil || !f.timed || len(f.runs) == 0:
		return nil, err
	}
	return f, nil
}

// walk is locate from fragment f on. It ends at the first run that is later, or at a fragment that is later by more than
// tracks are apart.
func (x *fragmentIndex) walk(ctx context.Context, s *scanner, f *fragment, t *track, ms int64, sync bool) (p place, ok bool, err error) {
	for f != nil && f.starts() <= ms+maxApart {
		for i := range f.runs {
			r := &f.runs[i]
			if r.track != t {
				continue
			}
			if r.timestamp(r.dts) > ms {
				return p.last(ms, sync), ok, nil
			}
			if !sync || r.syncAt(ms) {
				p, ok = place{f: f, run: i}, true
			}
		}
		if f, err = x.after(ctx, s, f); err != nil {
			return p, false, err
		}
	}
	return p.last(ms, sync), ok, nil
}

// syncAt tells whether the run has a sync sample at or before ms.
func (r *run) syncAt(ms int64) bool {
	if r.sync < 0 {
		return false
	}
	dts := r.dts
	for i := range r.sync {
		_, d := r.at(i)
		dts += int64(d)
	}
	return r.timestamp(dts) <= ms
}

// last moves p to the last sample of its run at or before ms, or the last sync sample.
func (p place) last(ms int64, sync bool) place {
	if p.f == nil {
		return p
	}
	r := &p.f.runs[p.run]
	dts := r.dts
	for i := range r.count {
		if r.timestamp(dts) > ms {
			break
		}
		s, d := r.at(i)
		if s.key || !sync {
			p.i = i
		}
		dts += int64(d)
	}
	return p
}

// firstSync is the first sync sample of t.
func (x *fragmentIndex) firstSync(ctx context.Context, s *scanner, t *track) (place, bool, error) {
	f, err := x.head(ctx, s)
	for ; f != nil && err == nil; f, err = x.after(ctx, s, f) {
		for i := range f.runs {
			if r := &f.runs[i]; r.track == t && r.sync >= 0 {
				return place{f: f, run: i, i: r.sync}, true, nil
			}
		}
	}
	return place{}, false, err
}
