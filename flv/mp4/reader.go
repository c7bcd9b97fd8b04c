package mp4

import (
	"context"
	"io"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
)

// reader is the flv.Reader of a file.
type reader struct {
	file    *File
	in      flv.Input
	cursors []*cursor
	script  []byte // the body of the last script tag
}

// Next returns the next tag. Its Data is the window of the input itself.
func (r *reader) Next(ctx context.Context) (flv.Tag, error) {
	var first *cursor
	for _, c := range r.cursors {
		if c.fill() && (first == nil || c.ms < first.ms) {
			first = c
		}
	}
	if first == nil {
		return flv.Tag{}, io.EOF
	}
	for _, c := range r.cursors {
		if tag, ok := r.announce(c, c == first, first.ms); ok {
			return tag, nil
		}
	}
	data, err := r.in.Window(ctx, first.pending.offset, int(first.pending.size))
	if err != nil {
		return flv.Tag{}, err
	}
	first.take()
	return r.tag(first, data)
}

// announce returns the sequence header of c, when there is one to be sent: at the start and after a seek those of all
// tracks, later where the sample description changes.
func (r *reader) announce(c *cursor, due bool, ms int64) (flv.Tag, bool) {
	if !c.has || c.announced >= 0 && !due {
		return flv.Tag{}, false
	}
	i, e := c.entry()
	if i == c.announced {
		return flv.Tag{}, false
	}
	c.announced = i
	if len(e.config) == 0 {
		return flv.Tag{}, false
	}
	return flv.Tag{Type: tagType(c.track.kind), Timestamp: uint32(ms), Head: e.codec.SequenceHead(), Data: e.config}, true
}

// tag makes the tag of the sample that c has just taken.
func (r *reader) tag(c *cursor, data []byte) (tag flv.Tag, err error) {
	tag = flv.Tag{Type: tagType(c.track.kind), Timestamp: uint32(c.ms), Data: data}
	_, e := c.entry()
	switch c.track.kind {
	case flv.TrackVideo:
		tag.Head = e.codec.VideoHead(c.pending.key, c.cts)
	case flv.TrackAudio:
		tag.Head = e.codec.AudioHead(e.rate, e.channels)
	case flv.TrackText:
		r.script, err = appendText(r.script[:0], c.track, data)
		tag.Data = r.script
	}
	return tag, err
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

// Seek goes to the key frame at or before t.
func (r *reader) Seek(_ context.Context, t time.Duration) (time.Duration, error) {
	if len(r.cursors) == 0 {
		return 0, nil
	}
	lead := r.cursors[0]
	ms := min(max(t.Milliseconds(), 0), r.file.end)
	i, n, ok := lead.track.keyFrame(ms)
	if !ok {
		i, n = 0, lead.track.firstKeyFrame()
	}
	lead.moveTo(i, n)
	if !lead.fill() {
		return 0, nil
	}
	for _, c := range r.cursors[1:] {
		c.seekFrom(lead.ms)
	}
	return time.Duration(lead.ms) * time.Millisecond, nil
}
