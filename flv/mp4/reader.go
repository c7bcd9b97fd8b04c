package mp4

import (
	"context"
	"io"
	"math"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
)

// reader is the flv.Reader of a file.
type reader struct {
	file    *File
	in      scanner
	cursors []*cursor
	tag     flv.Tag // the last one that was returned
	script  []byte  // the body of the last script tag

	announced bool // the sequence headers of all tracks have been sent
}

// Next returns the next tag. Its Data is the window of the input itself.
func (r *reader) Next(ctx context.Context) (*flv.Tag, error) {
	first, err := r.first(ctx)
	if err != nil {
		return nil, err
	}
	if first == nil {
		return nil, io.EOF
	}
	if r.announceAll(first) {
		return &r.tag, nil
	}
	data, err := r.in.far(ctx, first.pending.offset, int(first.pending.size))
	if err != nil {
		return nil, err
	}
	first.take()
	if err := r.set(first, data); err != nil {
		return nil, err
	}
	return &r.tag, nil
}

// first is the cursor whose sample is due next, nil at the end. A track of which there is nothing yet is looked for no
// further ahead of the others than tracks lie apart, so that one that ended or pauses does not cost a walk to the end of
// the file.
func (r *reader) first(ctx context.Context) (*cursor, error) {
	var first *cursor
	for _, c := range r.cursors {
		if !c.has && !c.fillTable() && r.file.fragments != nil {
			if err := c.fillFragments(ctx, &r.in, r.file.fragments, r.limit()); err != nil {
				return nil, err
			}
		}
		if c.has && (first == nil || c.ms < first.ms) {
			first = c
		}
	}
	return first, nil
}

// limit is how far ahead a track is looked for, in ms.
func (r *reader) limit() int64 {
	limit := int64(math.MaxInt64)
	for _, c := range r.cursors {
		if c.has {
			limit = min(limit, c.ms+maxApart)
		}
	}
	return limit
}

// announceAll makes the tag of the next sequence header that is to be sent, if there is one: at the start and after a seek
// those of all tracks, later that of the track whose sample is due, where its sample description changes.
func (r *reader) announceAll(due *cursor) bool {
	if r.announced {
		return r.announce(due, due.ms)
	}
	for _, c := range r.cursors {
		if r.announce(c, due.ms) {
			return true
		}
	}
	r.announced = true
	return false
}

// announce makes the tag of the sequence header of pending's sample description, unless that was the last one sent.
func (r *reader) announce(c *cursor, ms int64) bool {
	if !c.has {
		return false
	}
	i, e := c.entry()
	if i == c.announced {
		return false
	}
	c.announced = i
	if len(e.config) == 0 {
		return false
	}
	r.tag = flv.Tag{Type: tagType(c.track.kind), Timestamp: uint32(ms), Head: e.codec.SequenceHead(), Data: e.config}
	return true
}

// set makes the tag of the sample that c has just taken.
func (r *reader) set(c *cursor, data []byte) (err error) {
	tag := &r.tag
	tag.Type, tag.Timestamp, tag.Data = tagType(c.track.kind), uint32(c.ms), data
	_, e := c.entry()
	switch c.track.kind {
	case flv.TrackVideo:
		tag.Head = e.codec.VideoHead(c.pending.key, c.cts)
	case flv.TrackAudio:
		tag.Head = e.sound
	case flv.TrackText:
		r.script, err = appendText(r.script[:0], c.track, data)
		tag.Head, tag.Data = flv.Head{}, r.script
	default:
		tag.Head = flv.Head{}
	}
	return err
}

func tagType(kind flv.TrackType) flv.TagType {
	switch kind {
	case flv.TrackVideo:
		return flv.TagVideo
	case flv.TrackAudio:
		return flv.TagAudio
	}
	return flv.TagScript
}

// Seek goes to the key frame at or before t. Only in fragments can it fail, for they are read on the way.
func (r *reader) Seek(ctx context.Context, t time.Duration) (time.Duration, error) {
	if len(r.cursors) == 0 {
		return 0, nil
	}
	var before []cursor
	if r.file.fragments != nil {
		for _, c := range r.cursors {
			before = append(before, *c)
		}
	}
	at, err := r.seek(ctx, t)
	if err != nil {
		for i := range before {
			*r.cursors[i] = before[i]
		}
		return 0, err
	}
	r.announced = false
	return at, nil
}

func (r *reader) seek(ctx context.Context, t time.Duration) (time.Duration, error) {
	lead := r.cursors[0]
	if err := r.seekKeyFrame(ctx, lead, min(max(t.Milliseconds(), 0), r.file.end)); err != nil {
		return 0, err
	}
	for _, c := range r.cursors[1:] {
		if !c.seekFrom(lead.ms) && r.file.fragments != nil {
			if err := c.seekFragments(ctx, &r.in, r.file.fragments, lead.ms); err != nil {
				return 0, err
			}
		}
	}
	return time.Duration(lead.ms) * time.Millisecond, nil
}

// seekKeyFrame moves c to the last key frame at or before ms, or to the first.
func (r *reader) seekKeyFrame(ctx context.Context, c *cursor, ms int64) error {
	x := r.file.fragments
	var p place
	var ok bool
	var err error
	if x != nil {
		if p, ok, err = x.locate(ctx, &r.in, c.track, ms, true); err != nil {
			return err
		}
	}
	i, n, inTable := c.track.keyFrame(ms)
	if !ok && !inTable && len(c.track.spans) > 0 {
		n, inTable = c.track.firstKeyFrame(), true
	}
	if !ok && !inTable && x != nil {
		if p, ok, err = x.firstSync(ctx, &r.in, c.track); err != nil {
			return err
		}
	}
	switch {
	case ok:
		c.moveToPlace(p)
	case inTable:
		c.moveTo(i, n)
	default:
		c.moveTo(0, 0)
	}
	if !c.fillTable() && x != nil {
		return c.fillFragments(ctx, &r.in, x, math.MaxInt64)
	}
	return nil
}
