package mp4

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/seed-3309b198/reelfront/flv"
)

// fragmentIndex are the fragments of a file, as far as somebody has asked for them. Each is read once, in passing or on
// the way to where a seek goes, and then kept for all viewers.
type fragmentIndex struct {
	tracks   []*track
	unplayed []*track
	fileSize int64
	start    int64       // where the first moof is looked for
	end      int64       // where they end: at the mfra, or with the file
	said     int64       // the duration that a sidx claims, in ms; 0: none
	over     int64       // about when the last fragment is over, in ms; 0: not known
	tail     []*fragment // the last ones, where opening came there
	whole    bool        // tail is set

	mu        sync.Mutex
	torn      error       // what ends the file in the middle of a box, once somebody came there
	landmarks []*landmark // ascending; where fragments can be entered. A viewer may hold on to the slice: it is replaced, not changed
	first     *fragment
	known     []*fragment // by offset
	spent     int         // samples so far
	bytes     int
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

// read looks for the first moof with samples from off on. ends are the ends of the tracks before it; nil where they are not
// known, and then a fragment that does not say its times is not kept. Two viewers may read the same one at the same time;
// then the first keeps its place.
func (x *fragmentIndex) read(ctx context.Context, s *scanner, off int64, ends []int64) (*fragment, error) {
	s.at = off
	for range maxTopBoxes {
		if s.at >= x.end {
			return nil, nil
		}
		x.mu.Lock()
		f := x.knownAt(s.at)
		x.mu.Unlock()
		if f != nil {
			return f, nil
		}
		b, ok, err := s.next(ctx)
		if b.torn && x.endsAt(b.offset, err) {
			return nil, nil
		}
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

// endsAt tells whether the file ends in the middle of the box at off, as that of a recording that broke off does, and keeps
// err, which says so. Where somebody has seen fragments behind it, the box lies.
func (x *fragmentIndex) endsAt(off int64, err error) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if n := len(x.known); n > 0 && x.known[n-1].offset > off {
		return false
	}
	x.torn = err
	return true
}

// load brings a moof into memory, unless it is there.
func (x *fragmentIndex) load(ctx context.Context, s *scanner, b topBox, ends []int64) (*fragment, error) {
	x.mu.Lock()
	f, spent, bytes := x.knownAt(b.offset), x.spent, x.bytes
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
	p := fragmentParser{tracks: x.tracks, unplayed: x.unplayed, fileSize: x.fileSize, budget: maxSamples - spent}
	f, err = p.parse(&body, ends)
	if errors.Is(err, flv.ErrFormat) {
		f, err = x.loadTorn(ctx, s, &p, &body, ends, err)
	}
	if err != nil {
		return nil, err
	}
	if next, ok := s.buffered(); ok && next.kind.String() == "mdat" {
		f.end = next.end()
	}
	if len(f.runs) == 0 || ends == nil && !f.timed {
		return f, nil
	}
	return x.keep(f, maxSamples-spent-p.budget), nil
}

// loadTorn is load for a moof that p could not read because of err. It may be the last one of a recording that broke off:
// then what is there of its data plays.
func (x *fragmentIndex) loadTorn(ctx context.Context, s *scanner, p *fragmentParser, moof *box, ends []int64, err error) (*fragment, error) {
	torn, tornErr := s.torn(ctx)
	if tornErr != nil && !errors.Is(tornErr, flv.ErrFormat) {
		return nil, tornErr
	}
	if !torn || !x.endsAt(moof.offset, err) {
		return nil, err
	}
	p.torn = true
	return p.parse(moof, ends)
}

// keep makes f, which has so many samples, known to all. It returns the one that is known, which may be another viewer's.
func (x *fragmentIndex) keep(f *fragment, samples int) *fragment {
	x.mu.Lock()
	defer x.mu.Unlock()
	i, found := slices.BinarySearchFunc(x.known, f.offset, offsetOf)
	if found {
		return x.known[i]
	}
	x.known = slices.Insert(x.known, i, f)
	x.spent += samples
	x.bytes += f.bytes + fragmentBytes + len(f.runs)*runBytes + 8*len(f.ends)
	return f
}

// knownAt is the known fragment at off, nil where there is none. The caller holds the mutex.
func (x *fragmentIndex) knownAt(off int64) *fragment {
	if i, found := slices.BinarySearchFunc(x.known, off, offsetOf); found {
		return x.known[i]
	}
	return nil
}

func offsetOf(f *fragment, off int64) int { return cmp.Compare(f.offset, off) }

// size is how much memory the fragments take.
func (x *fragmentIndex) size() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.bytes + len(x.landmarks)*landmarkBytes
}
