package mp4

import (
	"slices"

	"github.com/seed-3309b198/reelfront/flv"
)

// File is the index of a file. It is safe for concurrent use; all viewers of one version of an object share it.
type File struct {
	movie *movie
	info  flv.Info
	end   int64 // no seek goes further, in ms: the last timestamp of the tracks that play by default, where it is known

	fragments *fragmentIndex // nil where the file has none
}

var _ flv.File = (*File)(nil)

// Info is what is known of the file. Tracks are all that can be played, in the order of the file.
func (f *File) Info() *flv.Info { return &f.info }

// Bytes is about how much memory the index takes: the file's own moov and those of its moofs that have been looked at, and
// checkpoints in them.
func (f *File) Bytes() int {
	n := f.movie.size + 4<<10
	for _, t := range f.movie.tracks {
		n += len(t.table.checkpoints)*checkpointBytes + len(t.spans)*spanBytes
		if t.entries[0].frame > 0 {
			n += t.table.groupedBytes()
		}
	}
	if f.fragments != nil {
		n += f.fragments.size()
	}
	return n + len(f.info.KeyFrames)*timeBytes
}

// NewReader returns a reader of the given tracks of Info, or, with none given, of the first video and the first audio
// track and of the data tracks.
func (f *File) NewReader(in flv.Input, tracks ...flv.Track) flv.Reader {
	r := &reader{file: f, in: scanner{in: in}}
	for _, t := range f.selected(tracks) {
		r.cursors = append(r.cursors, newCursor(t))
	}
	return r
}

// selected are the tracks that a reader goes through: pictures first, because where two samples have one time the
// picture goes first.
func (f *File) selected(tracks []flv.Track) []*track {
	var chosen []*track
	for _, kind := range []flv.TrackType{flv.TrackVideo, flv.TrackAudio, flv.TrackText, flv.TrackData} {
		for _, t := range f.movie.tracks {
			if t.kind != kind {
				continue
			}
			if len(tracks) == 0 {
				if kind == flv.TrackText {
					break
				}
				chosen = append(chosen, t)
				if kind != flv.TrackData {
					break
				}
			} else if slices.ContainsFunc(tracks, func(c flv.Track) bool { return c.ID == t.id && c.Type == kind }) {
				chosen = append(chosen, t)
			}
		}
	}
	return chosen
}

// setOrigin moves the time 0 to the first tag of the file. Timed text does not count: it may start at any time.
func (f *File) setOrigin() {
	first, any := int64(0), false
	for _, t := range f.movie.tracks {
		if ms, ok := f.start(t); ok && t.kind != flv.TrackText && (!any || ms < first) {
			first, any = ms, true
		}
	}
	for _, t := range f.movie.tracks {
		t.origin = -first
	}
}

// start is the time of the first sample of t, in ms on the movie's timeline.
func (f *File) start(t *track) (ms int64, ok bool) {
	if len(t.spans) > 0 {
		c := t.table.cursorAt(t.spans[0].first)
		s, ok := c.next(t.table)
		ms, _ = t.timestamp(&t.spans[0], &s)
		return ms, ok
	}
	if f.fragments == nil {
		return 0, false
	}
	for g := f.fragments.first; g != nil; g = g.next {
		for i := range g.runs {
			if r := &g.runs[i]; r.track == t {
				return r.timestamp(r.dts), true
			}
		}
	}
	return 0, false
}

// finish are the last timestamp of the track and the time at which its last sample is over, in ms.
func (t *track) finish() (last, over int64) {
	if len(t.spans) == 0 {
		return 0, 0
	}
	p := &t.spans[len(t.spans)-1]
	c := t.table.cursorAt(p.end - 1)
	s, _ := c.next(t.table)
	last, _ = t.timestamp(p, &s)
	return last, last + milliseconds(c.dts-s.dts, t.timescale)
}
