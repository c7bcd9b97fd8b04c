package mp4

import (
	"context"
	"sort"
	"sync"
)

// fragmentIndex are the fragments of a file, as far as somebody has asked for them. Each is read once, in passing or on
// the way to where a seek goes, and then kept for all viewers.
type fragmentIndex struct {
	tracks    []*track
	fileSize  int64
	start     int64       // where the first moof is looked for
	end       int64       // where they end: at the mfra, or with the file
	landmarks []landmark  // ascending; where fragments can be entered. Which ones is fixed once the file is open
	said      int64       // the duration that a sidx claims, in ms; 0: none
	tail      []*fragment // the last ones, where opening came there
	whole     bool        // tail is set

	mu    sync.Mutex
	first *fragment
	known map[int64]*fragment // by offset
	spent int                 // samples so far
	bytes int
}

// landmark is a place where fragments can be entered, from a sidx or an mfra.
type landmark struct {
	offset int64
	ticks  int64 // the time of its first picture, about, in ticks of timescale
	scale  uint32
	found  *fragment // the first fragment at or after offset, once known; guarded by the index's mutex
}

// head is the first fragment, nil where there is none.
func (x *fragmentIndex) head(ctx context.Context, s *scanner) (*fragment, error) {
	x.mu.Lock()
	f := x.first
	x.mu.Unlock()
	if f != nil {
		return f, nil
	}
	f, err := x.read(ctx, s, x.start, make([]int64, len(x.tracks)))
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.first = f
	return f, nil
}

// after is the fragment that follows f, nil where there is none.
func (x *fragmentIndex) after(ctx context.Context, s *scanner, f *fragment) (*fragment, error) {
	x.mu.Lock()
	next, last := f.next, f.last
	x.mu.Unlock()
	if next != nil || last {
		return next, nil
	}
	next, err := x.read(ctx, s, f.end, f.ends)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	f.next, f.last = next, next == nil
	return next, nil
}

// at is the first fragment from landmark i on, nil where there is none.
func (x *fragmentIndex) at(ctx context.Context, s *scanner, i int) (*fragment, error) {
	m := &x.landmarks[i]
	x.mu.Lock()
	f := m.found
	x.mu.Unlock()
	if f != nil {
		return f, nil
	}
	f, err := x.read(ctx, s, m.offset, nil)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	m.found = f
	return f, nil
}

// read looks for the first moof with samples from off on. Two viewers may do so for the same one at the same time; then the first
// keeps its place.
func (x *fragmentIndex) read(ctx context.Context, s *scanner, off int64, ends []int64) (*fragment, error) {
	s.at = off
	for range maxTopBoxes {
		if s.at >= x.end {
			return nil, nil
		}
		b, ok, err := s.next(ctx)
		if err != nil || !ok {
			return nil, err
		}
		if b.kind.String() != "moof" {
			continue
		}
		if f, err := x.load(ctx, s, b, ends); err != nil || len(f.runs) > 0 {
			return f, err
		}
	}
	return nil, bad("moof", off, "not among the next %d boxes", maxTopBoxes)
}

// load brings a moof into memory, unless it is there.
func (x *fragmentIndex) load(ctx context.Context, s *scanner, b topBox, ends []int64) (*fragment, error) {
	x.mu.Lock()
	f, spent, bytes := x.known[b.offset], x.spent, x.bytes
	x.mu.Unlock()
	if f != nil {
		return f, nil
	}
	if b.size > maxMoofBytes || bytes > maxFragmentBytes {
		return nil, bad("moof", b.offset, "%d bytes, of at most %d, after %d", b.size, maxMoofBytes, bytes)
	}
	body, err := s.read(ctx, b)
	if err != nil {
		return nil, err
	}
	p := fragmentParser{tracks: x.tracks, fileSize: x.fileSize, budget: maxSamples - spent}
	if f, err = p.parse(&body, ends); err != nil {
		return nil, err
	}
	if len(f.runs) == 0 {
		return f, nil
	}
	if next, ok := s.buffered(); ok && next.kind.String() == "mdat" {
		f.end = next.end()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if f := x.known[b.offset]; f != nil {
		return f, nil
	}
	x.known[b.offset] = f
	x.spent = maxSamples - p.budget
	x.bytes += f.bytes + fragmentBytes + len(f.runs)*runBytes + 8*len(f.ends)
	return f, nil
}

// size is how much memory the fragments take.
func (x *fragmentIndex) size() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.bytes + len(x.landmarks)*landmarkBytes
}

// place is a sample of a fragment.
type place struct {
	f   *fragment
	run int
	i   int
}

// locate is the last sample of t at or before ms, or the last sync sample; ok is false where there is none in the
// fragments.
func (x *fragmentIndex) locate(ctx context.Context, s *scanner, t *track, ms int64, sync bool) (p place, ok bool, err error) {
	from := sort.Search(len(x.landmarks), func(i int) bool { return x.landmarks[i].timestamp(t) > ms })
	for i := from - 1; i >= 0; i-- {
		f, err := x.at(ctx, s, i)
		if err != nil {
			return place{}, false, err
		}
		if p, ok, err = x.walk(ctx, s, f, t, ms, sync); ok || err != nil {
			return p, ok, err
		}
	}
	f, err := x.head(ctx, s)
	if err != nil {
		return place{}, false, err
	}
	return x.walk(ctx, s, f, t, ms, sync)
}

// timestamp is the landmark's time as it stands in a tag, about.
func (m *landmark) timestamp(t *track) int64 {
	return milliseconds(m.ticks, m.scale) + milliseconds(t.fragmentOffset, t.timescale) + t.origin
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
