package flv

// TagType is the type of an FLV tag, and the type id of the RTMP message that carries its body (FLV v10.1, E.4.1;
// RTMP 1.0, 7.1).
type TagType uint8

// The tag types of a file that plays.
const (
	TagAudio  TagType = 8
	TagVideo  TagType = 9
	TagScript TagType = 18
)

// MaxHead is the longest codec header that a demuxer puts in front of a sample.
const MaxHead = 15

// Head is the codec header in front of a sample: the 5 bytes of AVC, the 2 of AAC, the FourCC form of Enhanced RTMP. It
// is a value, so a tag made from it needs no memory of its own. The zero Head is empty.
type Head struct {
	bytes [MaxHead]byte
	n     uint8
}

// MakeHead returns the head with the bytes of b, of which there are at most MaxHead.
func MakeHead(b ...byte) Head {
	var h Head
	h.n = uint8(copy(h.bytes[:], b))
	return h
}

// Len is the number of bytes.
func (h *Head) Len() int { return int(h.n) }

// Bytes is a view of the head's bytes, valid as long as h is.
func (h *Head) Bytes() []byte { return h.bytes[:h.n] }

// Tag is one FLV tag, which is one RTMP audio, video or data message: its body is Head and then Data.
//
// Data is valid until the next call on the Reader that returned it, and nobody writes to it: it may be a window onto
// cached file bytes. Whoever keeps a tag longer clones it.
type Tag struct {
	Type      TagType
	Timestamp uint32 // decoding time in ms; wraps at 2^32
	Head      Head   // empty for most tags read from FLV files
	Data      []byte
}

// Len is the length of the body in bytes.
func (t *Tag) Len() int { return t.Head.Len() + len(t.Data) }

// AppendBody appends the body to dst.
func (t *Tag) AppendBody(dst []byte) []byte {
	return append(append(dst, t.Head.Bytes()...), t.Data...)
}

// Clone returns a tag that shares no memory with t; its body lies in Data.
func (t *Tag) Clone() Tag {
	return Tag{Type: t.Type, Timestamp: t.Timestamp, Data: t.AppendBody(make([]byte, 0, t.Len()))}
}

// at returns byte i of the body, 0 past its end.
func (t *Tag) at(i int) byte {
	if n := t.Head.Len(); i < n {
		return t.Head.bytes[i]
	} else if i -= n; i < len(t.Data) {
		return t.Data[i]
	}
	return 0
}
