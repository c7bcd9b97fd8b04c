package flv

import (
	"context"
	"io"
	"time"
)

// reader reads the tags of an FLV file for one viewer.
type reader struct {
	index        *Index
	in           Input
	audio, video bool

	pos  int64 // of the next tag
	time int64 // of the last one
	// next is the header of the tag at pos where ahead tells that it was read together with the tag before.
	next  tagHeader
	ahead bool
	// pending are the headers that come before the tag at pos, with the time of a seek.
	pending []header
	walk    walk
	// knownTo is up to where all is known already: nothing is to be learnt before it.
	knownTo int64
}

// Next returns the next tag, whose Data is a window onto the file. One read of the input brings a tag and the header of
// the one after it.
func (r *reader) Next(ctx context.Context) (Tag, error) {
	if len(r.pending) > 0 {
		tag, err := r.header(ctx, r.pending[0].off)
		if err == nil {
			r.pending = r.pending[1:]
		}
		return tag, err
	}
	for {
		if err := r.locate(ctx); err != nil {
			return Tag{}, err
		}
		if !r.wants(r.next.kind) || r.pos == r.index.metadata {
			r.skip()
			continue
		}
		return r.read(ctx)
	}
}

// wants tells whether tags of the type are for this viewer.
func (r *reader) wants(kind TagType) bool {
	return kind == TagScript || kind == TagAudio && r.audio || kind == TagVideo && r.video
}

// locate makes sure that next is the header of the tag at pos, past junk if there is any.
func (r *reader) locate(ctx context.Context) error {
	if r.ahead {
		return nil
	}
	left := r.index.size - r.pos
	if left < tagHeaderSize {
		return io.EOF
	}
	b, err := r.in.Window(ctx, r.pos, tagHeaderSize)
	if err != nil {
		return err
	}
	if r.peek(b, left); r.ahead {
		return nil
	}
	s := scanner{in: r.in, chunk: probeBytes}
	e, err := s.next(ctx, r.pos)
	if err != nil {
		return err
	}
	r.pos, r.next, r.ahead = e.off, e.tagHeader, true
	return nil
}

// peek takes b for the header of the tag at pos if nothing speaks against it; left is what remains of the file there.
func (r *reader) peek(b []byte, left int64) {
	h, ok := parseTagHeader(b)
	r.next, r.ahead = h, ok && h.clean && !h.encrypted && int64(tagHeaderSize+h.size) <= left
}

// read reads the tag that locate has found, and the header after it.
func (r *reader) read(ctx context.Context) (Tag, error) {
	size := tagHeaderSize + r.next.size
	left := r.index.size - r.pos
	b, err := r.in.Window(ctx, r.pos, int(min(int64(size+previousTagSizeSize+tagHeaderSize), left)))
	if err != nil {
		return Tag{}, err
	}
	tag := Tag{Type: r.next.kind, Timestamp: r.next.timestamp, Data: b[tagHeaderSize:size:size]}
	if tag.Type == TagScript {
		tag.Data = scriptBody(tag.Data)
	}
	r.time = near(tag.Timestamp, r.time)
	r.learn(&tag)
	tag.toUsual()
	r.pos += r.next.span()
	if r.ahead = false; len(b) == size+previousTagSizeSize+tagHeaderSize {
		r.peek(b[size+previousTagSizeSize:], r.index.size-r.pos)
	}
	return tag, nil
}

// skip passes the tag that locate has found without reading it.
func (r *reader) skip() {
	r.publish()
	r.time = near(r.next.timestamp, r.time)
	r.pos += r.next.span()
	r.ahead = false
	r.walk.begin(r.pos)
}

// learn notes the tag at pos, and shares what was noted from time to time. A reader that leaves out tags learns nothing:
// it cannot say what it has not seen.
func (r *reader) learn(t *Tag) {
	if !r.audio || !r.video {
		return
	}
	end := r.pos + r.next.span()
	if end <= r.knownTo {
		r.walk.extent = extent{end, end}
		return
	}
	b := t.parseBody()
	r.walk.add(r.pos, end, r.time, t.Type, &b, &r.index.first)
	if r.walk.to-r.walk.from >= walkBytes {
		r.publish()
		r.beginWalk(end)
	}
}

// beginWalk starts to learn at off, or where what is known ends.
func (r *reader) beginWalk(off int64) {
	r.walk.begin(off)
	e, _ := r.index.known.extentOf(off)
	r.knownTo = e.to
}

func (r *reader) publish() { r.index.known.learn(&r.walk) }

// Seek goes to the last key frame at or before t; see Reader.
func (r *reader) Seek(ctx context.Context, t time.Duration) (time.Duration, error) {
	q := search{Index: r.index, scanner: &scanner{in: r.in, chunk: walkBytes}, kind: TagAudio, target: t.Milliseconds()}
	if r.video && r.index.video {
		q.kind = TagVideo
	}
	r.publish()
	r.walk.begin(r.walk.to)
	p, err := q.find(ctx)
	if err != nil {
		return 0, err
	}
	headers, err := q.inForce(ctx, p.off, r.wants)
	if err != nil {
		return 0, err
	}
	r.pos, r.time, r.ahead, r.pending = p.off, p.time, false, headers
	r.beginWalk(p.off)
	return milliseconds(p.time), nil
}

// header reads a header in force; it has the time of the tag at pos.
func (r *reader) header(ctx context.Context, off int64) (Tag, error) {
	b, err := r.in.Window(ctx, off, tagHeaderSize)
	if err != nil {
		return Tag{}, err
	}
	h, ok := parseTagHeader(b)
	if !ok {
		return Tag{}, &FormatError{"tag", off, "changed"}
	}
	if b, err = r.in.Window(ctx, off+tagHeaderSize, h.size); err != nil {
		return Tag{}, err
	}
	if h.kind == TagScript {
		b = scriptBody(b)
	}
	tag := Tag{Type: h.kind, Timestamp: uint32(r.time), Data: b}
	tag.toUsual()
	return tag, nil
}
