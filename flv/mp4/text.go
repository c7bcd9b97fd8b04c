package mp4

import (
	"encoding/binary"
	"unicode/utf16"

	"github.com/seed-3309b198/reelfront/flv/amf"
)

// appendText appends the body of the onTextData message that a sample of timed text stands for (3GPP TS 26.245, 5.17;
// ActionScript 3 reference, NetStream.onTextData).
func appendText(dst []byte, t *track, data []byte) ([]byte, error) {
	return amf.Append(dst, "onTextData", amf.ECMAArray{
		{Key: "trackid", Value: float64(t.id)},
		{Key: "language", Value: t.language},
		{Key: "text", Value: timedText(data)},
	})
}

// timedText is the text of a sample: its length, then UTF-8, or UTF-16 behind a byte order mark.
func timedText(data []byte) string {
	f := fields{b: data}
	length := int(f.u16())
	text := f.take(min(length, len(f.b)))
	if len(text) < 2 || text[0] != 0xfe || text[1] != 0xff {
		return string(text)
	}
	units := make([]uint16, len(text)/2-1)
	for i := range units {
		units[i] = binary.BigEndian.Uint16(text[2+2*i:])
	}
	return string(utf16.Decode(units))
}
