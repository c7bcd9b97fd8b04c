package mp4

import (
	"unicode/utf8"

	"github.com/seed-3309b198/reelfront/flv/amf"
)

// parseUserData reads the iTunes tags: udta/meta/ilst. What is wrong in there is left out: it is not needed to play.
func (m *movie) parseUserData(udta *box) {
	r := udta.children("moov/udta", 0)
	for r.next() {
		if r.kind.String() != "meta" {
			continue
		}
		skip := 4 // a full box, but not in QuickTime
		if len(r.body) >= 8 && string(r.body[4:8]) == "hdlr" {
			skip = 0
		}
		inner := r.children("moov/udta/meta", skip)
		for inner.next() {
			if inner.kind.String() == "ilst" {
				m.parseTags(&inner.box)
			}
		}
	}
}

// The types of a data box (QuickTime File Format, "Well-Known Types").
const (
	tagUTF8   = 1
	tagSigned = 21
)

// parseTags reads an ilst: a box for each tag, with its value in a data box.
func (m *movie) parseTags(ilst *box) {
	r := ilst.children("moov/udta/meta/ilst", 0)
	for r.next() && len(m.tags) < maxTags {
		key := tagName(r.kind)
		values := r.children("moov/udta/meta/ilst", 0)
		for values.next() {
			if values.kind.String() != "data" || key == "" {
				continue
			}
			f := fields{b: values.body}
			if v := tagValue(f.u32(), fullBody(f.b)); v != nil {
				m.tags = append(m.tags, amf.Pair{Key: key, Value: v})
				break
			}
		}
	}
}

// tagName is the name of a tag as Flash servers sent it: that of its box, with the copyright sign in UTF-8; "" where it
// is not text.
func tagName(kind fourCC) string {
	name := kind.String()
	if kind[0] == 0xa9 {
		name = "\u00a9" + name[1:]
	}
	if !utf8.ValidString(name) {
		return ""
	}
	return name
}

// tagValue is the value of a tag, nil where it is neither text nor a number.
func tagValue(kind uint32, b []byte) any {
	switch {
	case kind == tagUTF8 && len(b) <= maxTagBytes && utf8.Valid(b):
		return string(b)
	case kind == tagSigned && len(b) > 0 && len(b) <= 8:
		f := fields{b: b}
		shift := 64 - 8*len(b)
		return float64(int64(f.uint(len(b))) << shift >> shift)
	}
	return nil
}
