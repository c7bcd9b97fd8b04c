package mp4

import "github.com/seed-3309b198/reelfront/flv"

// track is one trak of a moov.
type track struct {
	id        uint32
	kind      flv.TrackType // 0: not one that can be played
	handler   fourCC
	timescale uint32
	duration  uint64 // in timescale, as mdhd says
	language  string
	entries   []entry
	table     *sampleTable
	edits     []edit
	chapters  []uint32 // tracks that hold this one's chapters
	offset    int64    // of the trak in the file
	bitrate   float64  // bits a second; 0: not known

	timeline
	defaults fragmentDefaults
}

// parseTrack reads a trak.
func parseTrack(trak *box) (*track, error) {
	const path = "moov/trak"
	t := &track{offset: trak.offset, table: &sampleTable{chunkSize: 4}}
	r := trak.children(path, 0)
	for r.next() {
		var err error
		switch r.kind.String() {
		case "tkhd":
			f := fields{b: r.body}
			version, _ := f.version()
			f.sized(version) // creation
			f.sized(version) // modification
			t.id = f.u32()
			if f.short {
				err = bad(path+"/tkhd", r.offset, "too short")
			}
		case "edts":
			err = t.parseEdits(&r.box)
		case "tref":
			t.parseReferences(&r.box)
		case "mdia":
			err = t.parseMedia(&r.box)
		}
		if err != nil {
			return nil, err
		}
	}
	return t, r.err
}

// parseReferences reads which tracks hold the chapters.
func (t *track) parseReferences(tref *box) {
	r := tref.children("moov/trak/tref", 0)
	for r.next() {
		if r.kind.String() != "chap" {
			continue
		}
		for f := (fields{b: r.body}); len(f.b) >= 4 && len(t.chapters) < maxTracks; {
			t.chapters = append(t.chapters, f.u32())
		}
	}
}

func (t *track) parseMedia(mdia *box) error {
	const path = "moov/trak/mdia"
	var minf *box
	r := mdia.children(path, 0)
	for r.next() {
		f := fields{b: r.body}
		switch r.kind.String() {
		case "mdhd":
			version, _ := f.version()
			f.sized(version)
			f.sized(version)
			t.timescale = f.u32()
			t.duration = f.sized(version)
			t.language = language(f.u16())
			if f.short {
				return bad(path+"/mdhd", r.offset, "too short")
			}
		case "hdlr":
			f.skip(8) // version, flags, pre_defined
			copy(t.handler[:], f.take(4))
		case "minf":
			b := r.box
			minf = &b
		}
	}
	if r.err != nil || minf == nil {
		return r.err
	}
	return t.parseMediaInfo(minf)
}

func (t *track) parseMediaInfo(minf *box) error {
	r := minf.children("moov/trak/mdia/minf", 0)
	for r.next() {
		if r.kind.String() != "stbl" {
			continue
		}
		if err := t.parseDescriptions(&r.box); err != nil || !t.playable() {
			return err
		}
		table, err := parseSampleTable(&r.box)
		if err != nil {
			return err
		}
		t.table = table
	}
	return r.err
}

// parseDescriptions reads the stsd, and from it and the handler what kind of track it is.
func (t *track) parseDescriptions(stbl *box) error {
	const path = "moov/trak/mdia/minf/stbl"
	r := stbl.children(path, 0)
	for r.next() {
		if r.kind.String() != "stsd" {
			continue
		}
		entries, err := parseEntries(&r.box, t.handler)
		if err != nil {
			return err
		}
		t.entries = entries
		t.kind = trackType(entries)
		return nil
	}
	return r.err
}

// playable tells whether each of the track's sample descriptions is one that can be sent.
func (t *track) playable() bool { return t.kind != 0 }

// language decodes the packed ISO 639-2 code of an mdhd; "" where it is none, or QuickTime's number of a language.
func language(packed uint16) string {
	code := [3]byte{byte(packed>>10)&0x1f + 0x60, byte(packed>>5)&0x1f + 0x60, byte(packed)&0x1f + 0x60}
	for _, c := range code {
		if c < 'a' || c > 'z' {
			return ""
		}
	}
	if s := string(code[:]); s != "und" {
		return s
	}
	return ""
}
