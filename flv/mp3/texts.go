package mp3

import (
	"strings"
	"unicode/utf16"

	"github.com/seed-3309b198/reelfront/flv/amf"
)

// texts are what the tags of a file say in words, by the frame names of ID3v2.3 and 2.4.
type texts struct {
	pairs amf.Object
	known map[string]bool
	bytes int
}

// add keeps a text, unless it is empty or there is one of that name.
func (t *texts) add(key, value string) {
	value = strings.TrimRight(value, "\x00 ")
	if len(value) > maxText {
		value = value[:maxText]
	}
	value = strings.ToValidUTF8(value, "")
	if value == "" || len(key) > maxTextKey || len(t.pairs) >= maxTexts || t.known[key] ||
		t.bytes+len(value) > maxAllTexts {
		return
	}
	if t.known == nil {
		t.known = map[string]bool{}
	}
	t.known[key] = true
	t.bytes += len(value)
	t.pairs = append(t.pairs, amf.Pair{Key: key, Value: value})
}

// addFrame keeps the text of an ID3v2 frame. Several values of one frame are joined by a slash, as version 2.3 writes
// them. Texts that carry a description, comments and the user's own, have it in their name: "TXXX:mood".
func (t *texts) addFrame(id string, body []byte) {
	if len(body) < 1 {
		return
	}
	encoding, body := body[0], body[1:]
	described := id == "TXXX" || id == "COMM"
	if id == "COMM" {
		if len(body) < 3 {
			return
		}
		body = body[3:] // the language
	}
	value := decodeText(encoding, body)
	if described {
		description, rest, _ := strings.Cut(value, "\x00")
		if value = rest; description != "" {
			id += ":" + strings.ToValidUTF8(description, "")
		}
	}
	t.add(id, strings.ReplaceAll(strings.TrimRight(value, "\x00"), "\x00", "/"))
}

// decodeText decodes a text in one of the four encodings of ID3v2.4, section 4.
func decodeText(encoding byte, b []byte) string {
	switch encoding {
	case 0:
		return latin1(b)
	case 1, 2:
		return utf16Text(b)
	}
	return string(b)
}

func latin1(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		s.WriteRune(rune(c))
	}
	return s.String()
}

// utf16Text decodes UTF-16, big-endian unless its byte order mark says otherwise.
func utf16Text(b []byte) string {
	low := 1
	if len(b) >= 2 && b[0] == 0xFF && b[1] == 0xFE {
		low = 0
	}
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		if u := uint16(b[low]) | uint16(b[1-low])<<8; u != 0xFEFF {
			units = append(units, u)
		}
	}
	return string(utf16.Decode(units))
}
