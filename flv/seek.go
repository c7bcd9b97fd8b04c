package flv

import (
	"context"
	"sort"
)

// search finds the place to which a seek goes: the last key frame (of sound, the last frame) at or before target.
type search struct {
	*Index
	*scanner
	kind   TagType
	target int64 // ms
}

func (q *search) find(ctx context.Context) (point, error) {
	if p, ok, err := q.indexed(ctx); err != nil || ok {
		return p, err
	}
	lo, err := q.narrow(ctx)
	if err != nil {
		return point{}, err
	}
	if err := q.load(ctx, lo.off, walkBytes); err != nil {
		return point{}, err
	}
	for _, way := range [...]func(context.Context, point) (point, bool, error){q.forward, q.backward, q.earliest} {
		if p, ok, err := way(ctx, lo); err != nil || ok {
			return p, err
		}
	}
	return point{q.start, q.startTime}, nil
}

// seekable tells whether a seek may go to the tag.
func (q *search) seekable(e *entry) bool {
	return e.frame(q.kind) && (q.kind != TagVideo || e.body.key)
}

// indexed asks the file's own index, and believes it where the tag is what it says.
func (q *search) indexed(ctx context.Context) (point, bool, error) {
	i := sort.Search(len(q.frames), func(i int) bool { return q.frames[i].time > q.target }) - 1
	if i < 0 || q.kind != TagVideo {
		return point{}, false, nil
	}
	if err := q.load(ctx, q.frames[i].off, probeBytes); err != nil {
		return point{}, false, err
	}
	p, ok, err := q.indexedFrame(ctx, q.scanner, q.frames[i])
	return p, ok && p.time <= q.target, err
}

// load reads n bytes at off together with those before it that trace is going to look through, if any: from a bucket that
// is one round trip.
func (q *search) load(ctx context.Context, off int64, n int) error {
	e, _ := q.known.extentOf(off)
	if off-e.from > maxHeaderSearch || q.settled(TagVideo, off, e) && q.settled(TagAudio, off, e) {
		return nil
	}
	from := max(q.start, e.from-maxHeaderSearch)
	_, err := q.bytes(ctx, from, int(off-from)+n)
	return err
}

// indexedFrame returns the key frame that an entry of the file's own index means: the tag there, or the first one after
// it when sequence headers or sound come before it.
func (x *Index) indexedFrame(ctx context.Context, s *scanner, f point) (point, bool, error) {
	var w walk
	w.begin(f.off)
	s.time = f.time
	for off := f.off; ; {
		e, ok, err := s.tag(ctx, off)
		if noTag(err) {
			return point{}, false, nil
		}
		if err != nil || !ok || off-f.off > probeBytes {
			return point{}, false, err
		}
		off = e.end()
		w.add(e.off, off, e.time, e.kind, &e.body, &x.first)
		if e.frame(TagVideo) {
			if d := e.time - f.time; !e.body.key || d < -1 || d > 1 {
				return point{}, false, nil
			}
			x.known.learn(&w)
			return point{e.off, e.time}, true, nil
		}
	}
}

// narrow bisects the file for a tag not after target and near it.
func (q *search) narrow(ctx context.Context) (point, error) {
	lo, hi := q.known.around(q.target, point{q.start, q.startTime}, point{q.size, q.endTime})
	q.chunk = probeBytes
	defer func() { q.chunk = walkBytes }()
	for n := 0; n < maxProbes && hi.off-lo.off > walkBytes; n++ {
		mid := guess(lo, hi, q.target, n)
		p, ok, err := q.probe(ctx, mid, lo, hi)
		switch {
		case err != nil:
			return point{}, err
		case !ok:
			hi.off = mid
		case p.time <= q.target:
			lo = p
		default:
			hi = point{mid, p.time}
		}
	}
	return lo, nil
}

// guess is where between lo and hi target may lie: as far as its time is, but well inside, and every third time in the
// middle, so that the two close in on it however uneven the file is.
func guess(lo, hi point, target int64, n int) int64 {
	length := hi.off - lo.off
	at := length / 2
	if span := hi.time - lo.time; n%3 != 2 && span > 0 {
		at = int64(float64(length)*float64(target-lo.time)/float64(span)) - probeBytes
	}
	return lo.off + min(max(at, length/16), length-length/16)
}

// probe returns the first tag with frames found at or after off. What else lies in the same chunk is learnt.
func (q *search) probe(ctx context.Context, off int64, lo, hi point) (point, bool, error) {
	off, err := q.sync(ctx, off, min(hi.off, off+maxTagSize+probeBytes))
	if noTag(err) {
		return point{}, false, nil
	}
	if err != nil {
		return point{}, false, err
	}
	q.scanner.time = lo.time + int64(float64(hi.time-lo.time)*float64(off-lo.off)/float64(hi.off-lo.off))
	var w walk
	w.begin(off)
	for n := 0; n < probeTags || off < q.scanner.off+int64(len(q.buf))-tagHeaderSize-bodyPrefix; n++ {
		e, ok, err := q.tag(ctx, off)
		if err != nil && !noTag(err) {
			return point{}, false, err
		}
		if err != nil || !ok || n >= probeTags && len(w.points) == 0 {
			break
		}
		off = e.end()
		w.add(e.off, off, e.time, e.kind, &e.body, &q.first)
		if len(w.points) > 0 && off >= q.scanner.off+int64(len(q.buf))-tagHeaderSize-bodyPrefix {
			break
		}
	}
	q.known.learn(&w)
	if len(w.points) == 0 {
		return point{}, false, nil
	}
	return w.points[0], true, nil
}

// forward looks from lo to the first frame after target.
func (q *search) forward(ctx context.Context, lo point) (best point, ok bool, err error) {
	err = q.over(ctx, lo, q.size, func(e *entry) bool {
		if q.seekable(e) && e.time <= q.target {
			best, ok = point{e.off, e.time}, true
		}
		passed := e.frame(q.kind) && e.time > q.target
		return !passed && !(e.kind != TagScript && e.frame(e.kind) && e.time > q.target+interleave)
	})
	return best, ok, err
}

// backward looks before lo, in ever larger pieces.
func (q *search) backward(ctx context.Context, lo point) (best point, ok bool, err error) {
	limit := lo.off
	for step := int64(walkBytes); limit > q.start; step *= 2 {
		from := max(limit-step, q.start)
		if lo.off-from > maxKeyFrameSearch {
			break
		}
		at, err := q.firstTag(ctx, q.scanner, from, limit)
		if err != nil {
			return point{}, false, err
		}
		if at == limit {
			if from == q.start {
				break
			}
			continue
		}
		err = q.over(ctx, point{at, lo.time}, limit, func(e *entry) bool {
			if q.seekable(e) && e.time <= q.target {
				best, ok = point{e.off, e.time}, true
			}
			return true
		})
		if err != nil || ok {
			return best, ok, err
		}
		limit = at
	}
	return point{}, false, nil
}

// firstTag returns the first place in [from, limit) where a tag starts, limit when there is none.
func (x *Index) firstTag(ctx context.Context, s *scanner, from, limit int64) (int64, error) {
	if from == x.start {
		return from, nil
	}
	at, err := s.sync(ctx, from, limit)
	if noTag(err) {
		return limit, nil
	}
	return at, err
}

// earliest is the first key frame of the file; where it has none, its first frame.
func (q *search) earliest(ctx context.Context, _ point) (best point, ok bool, err error) {
	key := false
	err = q.over(ctx, point{q.start, q.startTime}, min(q.size, q.start+maxKeyFrameSearch), func(e *entry) bool {
		if key = q.seekable(e); key || e.frame(q.kind) && !ok {
			best, ok = point{e.off, e.time}, true
		}
		return !key
	})
	return best, ok, err
}

// over walks over the tags from p to limit, or as long as visit wants, and learns what it sees. Damage ends it.
func (q *search) over(ctx context.Context, p point, limit int64, visit func(*entry) bool) error {
	var w walk
	w.begin(p.off)
	defer func() { q.known.learn(&w) }()
	q.scanner.time = p.time
	for off := p.off; off < limit; {
		e, err := q.next(ctx, off)
		if noTag(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if e.off >= limit {
			w.to = limit
			return nil
		}
		off = e.end()
		w.add(e.off, off, e.time, e.kind, &e.body, &q.first)
		if !visit(&e) {
			return nil
		}
	}
	return nil
}

// inForce returns the headers that are in force at off, of the types that are wanted.
func (q *search) inForce(ctx context.Context, off int64, wants func(TagType) bool) ([]header, error) {
	for _, kind := range [...]TagType{TagVideo, TagAudio, TagScript} {
		if wants(kind) {
			if err := q.trace(ctx, kind, off); err != nil {
				return nil, err
			}
		}
	}
	return q.known.before(off, func(h header) bool { return wants(h.kind) && h.off != q.metadata }), nil
}

// settled tells whether the header of the type in force at off is known, or can be taken for known, where all from e.from
// to off was seen.
func (q *search) settled(kind TagType, off int64, e extent) bool {
	far := off-e.from >= maxHeaderSearch-walkBytes // what is known begins with a tag, so that it is a little less
	return e.from <= q.start || q.known.seen(kind, e.from, off) || !q.known.changes(kind) && (!q.sequenced[kind] || far)
}

// trace learns backwards from off until the header of the type in force there is settled, in ever larger pieces, each of
// which is read at once.
func (q *search) trace(ctx context.Context, kind TagType, off int64) error {
	defer func() { q.chunk = walkBytes }()
	for step := int64(maxHeaderSearch); ; step = max(step, headerStep) {
		e, before := q.known.extentOf(off)
		if q.settled(kind, off, e) {
			return nil
		}
		q.chunk = int(min(step, headerStep))
		from := max(before, q.start, e.from-step)
		at := from
		if from > before {
			var err error
			if at, err = q.firstTag(ctx, q.scanner, from, e.from); err != nil {
				return err
			}
		}
		if at == e.from {
			step *= 2
			continue
		}
		if err := q.over(ctx, point{at, q.startTime}, e.from, func(*entry) bool { return true }); err != nil {
			return err
		}
		if now, _ := q.known.extentOf(off); now.from >= e.from {
			return nil // no room to learn more
		}
	}
}
