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

	pos  int64     // of the next tag
	next tagHeader // of the tag at pos, once locate has found it
	time int64     // of the last tag
	tag  Tag       // the last one that was returned
	// pending are the headers that come before the tag at pos, with the time of a seek.
	pending []header
	walk    walk
	// knownTo is up to where all is known already: nothing is to be learnt before it.
	knownTo int64
}

// Next returns the next tag, whose Data is a window onto the file. Its header is read in a window of its own, and no
// sooner: by then the caller has copied the tag before it, and the processor has fetched what lies behind that.
func (r *reader) Next(ctx context.Context) (*Tag, error) {
	if len(r.pending) > 0 {
		tag, err := r.header(ctx, r.pending[0].off)
		if err == nil {
			r.pending = r.pending[1:]
		}
		return tag, err
	}
	for {
		if err := r.locate(ctx); err != nil {
			return nil, err
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

// locate reads the header of the tag at pos, past junk if there is any.
func (r *reader) locate(ctx context.Context) error {
	left := r.index.size - r.pos
	if left < tagHeaderSize {
		return io.EOF
	}
	b, err := r.in.Window(ctx, r.pos, tagHeaderSize)
	if err != nil {
		return err
	}
	h, ok := parseTagHeader(b)
	if ok && h.clean && !h.encrypted && int64(tagHeaderSize+h.size) <= left {
		r.next = h
		return nil
	}
	s := scanner{in: r.in, chunk: probeBytes}
	e, err := s.next(ctx, r.pos)
	if err != nil {
		return err
	}
	r.pos, r.next = e.off, e.tagHeader
	return nil
}

// read reads the tag that locate has found.
func (r *reader) read(ctx context.Context) (*Tag, error) {
	b, err := r.in.Window(ctx, r.pos+tagHeaderSize, r.next.size)
	if err != nil {
		return nil, err
	}
	r.time = near(r.next.timestamp, r.time)
	r.set(&r.next, r.next.timestamp, b)
	r.learn(&r.tag)
	r.tag.toUsual()
	r.pos += r.next.span()
	return &r.tag, nil
}

// set makes the tag of a header and a body.
func (r *reader) set(h *tagHeader, timestamp uint32, body []byte) {
	r.tag.Type, r.tag.Timestamp, r.tag.Head, r.tag.Data = h.kind, timestamp, Head{}, body
	if h.kind == TagScript {
		r.tag.Data = scriptBody(body)
	}
}

// skip passes the tag that locate has found without reading it.
func (r *reader) skip() {
	r.publish()
	r.time = near(r.next.timestamp, r.time)
	r.pos += r.next.span()
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
	r.pos, r.time, r.pending = p.off, p.time, headers
	r.beginWalk(p.off)
	return milliseconds(p.time), nil
}

// header reads a header in force; it has the time of the tag at pos.
func (r *reader) header(ctx context.Context, off int64) (*Tag, error) {
	b, err := r.in.Window(ctx, off, tagHeaderSize)
	if err != nil {
		return nil, err
	}
	h, ok := parseTagHeader(b)
	if !ok {
		return nil, &FormatError{"tag", off, "changed"}
	}
	if b, err = r.in.Window(ctx, off+tagHeaderSize, h.size); err != nil {
		return nil, err
	}
	r.set(&h, uint32(r.time), b)
	r.tag.toUsual()
	return &r.tag, nil
}
