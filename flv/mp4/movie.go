package mp4

import (
	"fmt"
	"slices"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
)

// movie is what a moov says.
type movie struct {
	offset     int64  // of the moov in the file
	size       int    // of the moov
	timescale  uint32 // ticks a second of the movie's timeline
	duration   uint64 // in timescale
	tracks     []*track
	unplayed   []*track   // those that have been left out of tracks
	tags       amf.Object // iTunes tags
	refused    []string   // the codecs of sound and pictures that cannot be sent
	fragmented bool
	fragments  uint64 // duration with the fragments, in timescale; 0 when not said
}

// parseMovie reads a moov. What it returns keeps views of the box.
func parseMovie(moov *box, fileSize int64) (*movie, error) {
	m := &movie{offset: moov.offset, size: len(moov.body)}
	var extends []box
	r := moov.children("moov", 0)
	for r.next() {
		var err error
		switch r.kind.String() {
		case "mvhd":
			err = m.parseHeader(&r.box)
		case "trak":
			if len(m.tracks) == maxTracks {
				return nil, bad("moov/trak", r.offset, "more than %d tracks", maxTracks)
			}
			var t *track
			if t, err = parseTrack(&r.box); err == nil {
				m.tracks = append(m.tracks, t)
			}
		case "mvex":
			m.fragmented = true
			extends = append(extends, r.box)
		case "udta":
			m.parseUserData(&r.box)
		case "cmov":
			return nil, bad("moov/cmov", r.offset, "the movie header is compressed, which is not supported")
		}
		if err != nil {
			return nil, err
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	for i := range extends {
		if err := m.parseExtends(&extends[i]); err != nil {
			return nil, err
		}
	}
	return m, m.finish(fileSize)
}

func (m *movie) parseHeader(mvhd *box) error {
	f := fields{b: mvhd.body}
	version, _ := f.version()
	f.sized(version) // creation
	f.sized(version) // modification
	m.timescale = f.u32()
	m.duration = f.sized(version)
	if f.short || m.timescale == 0 {
		return bad("moov/mvhd", mvhd.offset, "too short, or without a timescale")
	}
	return nil
}

// finish checks the tracks against each other and the file, and lays out their timelines.
func (m *movie) finish(fileSize int64) error {
	if m.timescale == 0 {
		return bad("moov/mvhd", m.offset, "missing")
	}
	if err := m.choose(); err != nil {
		return err
	}
	budget := maxSamples
	for _, t := range m.tracks {
		if t.timescale == 0 {
			return bad("moov/trak/mdia/mdhd", t.offset, "no timescale")
		}
		if frame := t.entries[0].frame; frame > 0 {
			if err := t.table.group(frame, "moov/trak/mdia/minf/stbl", t.offset, fileSize); err != nil {
				return err
			}
		}
		if err := t.table.scan("moov/trak/mdia/minf/stbl", t.offset, fileSize, budget); err != nil {
			return err
		}
		if t.table.end/int64(t.timescale) > maxSeconds {
			return bad("moov/trak/mdia/minf/stbl/stts", t.offset, "track %d ends after %d s", t.id, t.table.end/int64(t.timescale))
		}
		budget -= t.table.count
	}
	return m.layout()
}

// layout lays out the timelines of all tracks.
func (m *movie) layout() error {
	steps := maxSamples
	for _, t := range m.tracks {
		var err error
		if m.fragmented {
			err = t.layoutFragments(m.timescale)
		} else {
			err = t.layout(m.timescale, &steps)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// withoutFragments lays out the timelines of a movie that announces fragments, but has none.
func (m *movie) withoutFragments() error {
	m.fragmented = false
	for _, t := range m.tracks {
		t.timeline = timeline{}
	}
	return m.layout()
}

// choose leaves only the tracks that can be played, or says why there are none.
func (m *movie) choose() error {
	video := false
	for _, t := range m.tracks {
		for i := range t.entries {
			e := &t.entries[i]
			if e.encrypted != "" {
				return bad("moov/trak/mdia/minf/stbl/stsd", t.offset, "track %d is %s", t.id, e.name())
			}
			if m.fragmented && e.frame > 0 { // a tag for each frame
				e.codec, t.kind = "", 0
			}
			if e.codec == "" && e.kind != 0 {
				m.refused = append(m.refused, e.name())
				video = video || e.kind == flv.TrackVideo && !e.picture()
			}
		}
	}
	m.refused = slices.Compact(m.refused)
	all := m.tracks
	for _, t := range m.tracks {
		for _, id := range t.chapters {
			m.tracks = slices.DeleteFunc(slices.Clone(m.tracks), func(t *track) bool { return t.id == id })
		}
	}
	m.tracks = slices.DeleteFunc(slices.Clone(m.tracks), func(t *track) bool {
		return !t.playable() || t.table.count == 0 && !m.fragmented
	})
	m.unplayed = slices.DeleteFunc(slices.Clone(all), func(t *track) bool { return slices.Contains(m.tracks, t) })
	media := func(kinds ...flv.TrackType) bool {
		return slices.ContainsFunc(m.tracks, func(t *track) bool { return slices.Contains(kinds, t.kind) })
	}
	if !media(flv.TrackVideo, flv.TrackAudio) || video && !media(flv.TrackVideo) {
		if len(m.refused) == 0 {
			return fmt.Errorf("mp4: no audio or video track with samples: %w", flv.ErrNoTrack)
		}
		return fmt.Errorf("mp4: %w", &flv.CodecError{Codecs: m.refused})
	}
	return nil
}

// picture tells whether e is that of a still picture, such as a song's cover.
func (e *entry) picture() bool {
	switch e.format.String() {
	case "jpeg", "mjpa", "mjpb", "png ", "gif ":
		return true
	}
	return false
}
