package mp4

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed-3309b198/reelfront/flv"
)

// openFragments finds out how the fragments of a file are reached: by its sidx, else by its mfra, else by
// looking for them. It looks at the first ones, and at the last where that is near.
func openFragments(ctx context.Context, s *scanner, m *movie) (*fragmentIndex, error) {
	size := s.in.Size()
	x := &fragmentIndex{tracks: m.tracks, unplayed: m.unplayed, fileSize: size, start: s.at, end: size}
	covered, err := x.readSidx(ctx, s)
	if err != nil {
		return nil, err
	}
	if !covered {
		if err := x.readMfra(ctx, s); err != nil {
			return nil, err
		}
	}
	if err := x.readFirst(ctx, s); err != nil {
		return nil, err
	}
	if x.first == nil && !slices.ContainsFunc(m.tracks, func(t *track) bool { return t.table.count > 0 }) {
		if x.torn != nil {
			return nil, x.torn
		}
		return nil, fmt.Errorf("mp4: no samples, and no fragments either: %w", flv.ErrNoTrack)
	}
	x.over = m.said(x)
	return x, x.readLast(ctx, s)
}

// readFirst looks at the first fragments, up to one of each track, and takes from them what all timestamps rest on.
func (x *fragmentIndex) readFirst(ctx context.Context, s *scanner) error {
	f, err := x.head(ctx, s)
	if err != nil || f == nil {
		return err
	}
	if !f.timed {
		x.landmarks = nil
	}
	seen := map[*track]bool{}
	for n := 0; f != nil; n++ {
		for i := range f.runs {
			r := &f.runs[i]
			if !seen[r.track] {
				_, r.track.sampleDuration = r.at(0)
			}
			seen[r.track] = true
			r.track.firstBytes += r.bytes
			r.track.shift = max(r.track.shift, -r.least)
		}
		if n == maxOpenFragments || x.complete(seen) {
			break
		}
		if f, err = x.after(ctx, s, f); err != nil {
			return err
		}
	}
	return nil
}

// complete tells whether all tracks of sound and pictures without samples in the moov have been seen.
func (x *fragmentIndex) complete(seen map[*track]bool) bool {
	return !slices.ContainsFunc(x.tracks, func(t *track) bool {
		return (t.kind == flv.TrackVideo || t.kind == flv.TrackAudio) && t.table.count == 0 && !seen[t]
	})
}

// readLast finds the last fragments: from the last landmark on, or from the first fragment of a short file, or by looking
// for a moof near the end of a long one.
func (x *fragmentIndex) readLast(ctx context.Context, s *scanner) error {
	f, last, err := x.lastMark(ctx, s)
	if err != nil {
		return err
	}
	if f == nil || last || !f.timed || x.fileSize <= maxOpenBytes {
		if err := x.readTail(ctx, s, f); err != nil || x.whole {
			return err
		}
	}
	for n := int64(tailBytes); !x.whole && x.first.timed && n <= maxTailBytes; n *= 16 {
		if err := x.search(ctx, s, n); err != nil {
			return err
		}
	}
	return nil
}

// readTail walks from f to the end, if that is near.
func (x *fragmentIndex) readTail(ctx context.Context, s *scanner, f *fragment) error {
	for n := 0; n < maxOpenFragments || x.fileSize <= maxOpenBytes; n++ {
		if f == nil {
			x.whole = true
			return nil
		}
		x.tail = append(x.tail, f)
		var err error
		if f, err = x.after(ctx, s, f); err != nil {
			return err
		}
	}
	x.tail = nil
	return nil
}

// search looks for a moof in the last n bytes. Where there is one that says its time and from which others lead to the
// end, the end is known.
func (x *fragmentIndex) search(ctx context.Context, s *scanner, n int64) error {
	f, err := x.probe(ctx, s, max(x.end-n, x.start), x.end)
	if err != nil || f == nil {
		return err
	}
	return x.readTail(ctx, s, f)
}

// finish are the last timestamp of t and the time at which it is over, in ms, given those of its table. The end of the
// file has been seen.
func (x *fragmentIndex) finish(t *track, last, over int64) (int64, int64) {
	for _, f := range x.tail {
		for i := range f.runs {
			r := &f.runs[i]
			if r.track == t {
				last = max(last, r.timestamp(r.last))
				_, d := r.at(r.count - 1)
				over = max(over, r.timestamp(r.last+int64(d)))
			}
		}
	}
	return last, over
}

// said is the duration that the file claims, in ms; 0 where it does not.
func (m *movie) said(x *fragmentIndex) int64 {
	for _, ticks := range []uint64{m.fragments, m.duration} {
		if ticks > 0 && ticks/uint64(m.timescale) <= maxSeconds {
			return milliseconds(int64(ticks), m.timescale)
		}
	}
	return x.said
}
