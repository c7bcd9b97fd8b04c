package mp3

import (
	"context"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
)

// A reader is one viewer's way through a file.
type reader struct {
	file *File
	w    walker
	place
	tag flv.Tag // the last one that was returned
}

// A place is a frame in the course of a file.
type place struct {
	n     int64 // the frame's number
	ticks int64 // when it plays
	exact bool  // known by counting, not from a table
}

// Next returns the next frame.
func (r *reader) Next(ctx context.Context) (*flv.Tag, error) {
	f, err := r.w.next(ctx)
	if err != nil {
		return nil, r.w.fault(err)
	}
	r.pass(f)
	r.tag = flv.Tag{
		Type:      flv.TagAudio,
		Timestamp: uint32(milliseconds(r.ticks - f.ticks())),
		Head:      flv.MakeHead(f.soundByte()),
		Data:      f.data,
	}
	return &r.tag, nil
}

// pass moves behind the frame at r's place and lets the index learn of it.
func (r *reader) pass(f frame) {
	if r.exact {
		r.file.index.learn(r.n, point{off: f.off, ticks: r.ticks})
	}
	r.n++
	r.ticks += f.ticks()
}

// Seek goes to the last frame at or before t.
func (r *reader) Seek(ctx context.Context, t time.Duration) (time.Duration, error) {
	const perMs = ticksPerSecond / 1000
	// A frame stands on the wire with its time rounded to milliseconds, so it is at or before t up to limit.
	limit := (max(t.Milliseconds(), 0)+1)*perMs - perMs/2 - 1
	off, at, err := r.file.locate(ctx, r.w.in, limit)
	if err != nil {
		return 0, err
	}
	r.w.buf = nil
	s := *r
	s.w.off, s.w.last, s.place = off, header{}, at
	if at.exact || off == r.file.last.off {
		s.w.last = r.file.first // a frame is sure to be there
	}
	if err := s.approach(ctx, limit); err != nil {
		return 0, err
	}
	*r = s
	return time.Duration(milliseconds(r.ticks)) * time.Millisecond, nil
}

// approach goes on to the last frame that plays up to limit; if none does, to the first one.
func (r *reader) approach(ctx context.Context, limit int64) error {
	off, at := r.w.off, r.place
	for first := true; first || r.ticks <= limit; first = false {
		here := r.place
		f, err := r.w.next(ctx)
		if isEnd(err) {
			break
		} else if err != nil {
			return err
		}
		off, at = f.off, here
		r.pass(f)
	}
	r.w.off, r.place = off, at
	return nil
}

// locate returns a frame not far before the last one that plays up to limit, or that frame as a table has it. What the
// index knows comes first; then, exact too, the arithmetic of a constant bit rate; then a table, unless it costs little
// to walk there; and last, walking.
func (f *File) locate(ctx context.Context, in flv.Input, limit int64) (int64, place, error) {
	frameTicks := f.first.ticks()
	if f.last.off != 0 && limit >= f.last.ticks {
		return f.last.off, place{n: -1, ticks: f.last.ticks}, nil
	}
	p, n, near := f.index.at(limit, frameTicks)
	if near {
		return p.off, place{n: n, ticks: p.ticks, exact: true}, nil
	}
	if f.constant != nil {
		off, ok, err := f.verify(ctx, in, limit/frameTicks)
		if ok || err != nil {
			n := limit / frameTicks
			return off, place{n: n, ticks: n * frameTicks, exact: true}, err
		}
	}
	if f.guide != nil {
		if off := f.guide.offset(limit); off-p.off > cheapWalk {
			if f.last.off != 0 {
				off = min(off, f.last.off)
			}
			return off, place{n: -1, ticks: limit / frameTicks * frameTicks}, nil
		}
	}
	if err := f.index.walk(ctx, f.walker(in, walkWindow), limit, frameTicks); err != nil {
		return 0, place{}, err
	}
	p, n, _ = f.index.at(limit, frameTicks)
	return p.off, place{n: n, ticks: p.ticks, exact: true}, nil
}

// verify finds frame n where the constant bit rate says, and tells whether it is there.
func (f *File) verify(ctx context.Context, in flv.Input, n int64) (int64, bool, error) {
	w := f.walker(in, playWindow)
	w.off, w.last = f.constant.offset(n)-slop, header{}
	fr, err := w.next(ctx)
	if isEnd(err) {
		return 0, false, nil
	} else if err != nil {
		return 0, false, err
	}
	at, fits := f.constant.frame(fr.off)
	return fr.off, fits && at == n && fr.bitrate == f.first.bitrate && fr.alike(&f.first), nil
}
