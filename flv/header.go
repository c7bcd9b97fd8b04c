package flv

import "encoding/binary"

// The sizes of FLV's structures in bytes (FLV v10.1, E.2 to E.4.1).
const (
	fileHeaderSize      = 9
	tagHeaderSize       = 11
	previousTagSizeSize = 4
	maxTagSize          = 1<<24 - 1 // DataSize has 24 bits
)

// The bits of a tag's first byte (E.4.1).
const (
	tagTypeBits    = 0x1F
	tagFilterBit   = 0x20 // the body is encrypted
	tagReservedBit = 0xC0
)

// tagHeader is the fixed part of a tag.
type tagHeader struct {
	kind      TagType
	size      int
	timestamp uint32
	encrypted bool
	clean     bool // nothing is set that should be 0
}

// parseTagHeader reads the 11 bytes of a tag's header; it fails where the type is none that plays.
func parseTagHeader(b []byte) (tagHeader, bool) {
	_ = b[tagHeaderSize-1]
	h := tagHeader{
		kind:      TagType(b[0] & tagTypeBits),
		size:      int(b[1])<<16 | int(b[2])<<8 | int(b[3]),
		timestamp: uint32(b[7])<<24 | uint32(b[4])<<16 | uint32(b[5])<<8 | uint32(b[6]),
		encrypted: b[0]&tagFilterBit != 0,
		clean:     b[0]&tagReservedBit == 0 && b[8] == 0 && b[9] == 0 && b[10] == 0,
	}
	return h, h.kind == TagAudio || h.kind == TagVideo || h.kind == TagScript
}

// span is the length of the tag with its PreviousTagSize.
func (h *tagHeader) span() int64 { return int64(tagHeaderSize + h.size + previousTagSizeSize) }

func appendTagHeader(dst []byte, kind TagType, size int, timestamp uint32) []byte {
	dst = append(dst, byte(kind), byte(size>>16), byte(size>>8), byte(size))
	return append(dst, byte(timestamp>>16), byte(timestamp>>8), byte(timestamp), byte(timestamp>>24), 0, 0, 0)
}

// fileHeader is what the header of a file says.
type fileHeader struct {
	audio, video bool
	start        int64 // of the first PreviousTagSize
}

func parseFileHeader(b []byte) (fileHeader, error) {
	if len(b) < fileHeaderSize || string(b[:3]) != "FLV" {
		return fileHeader{}, &FormatError{"FLV header", 0, "signature missing"}
	}
	start := binary.BigEndian.Uint32(b[5:])
	if start < fileHeaderSize || start > maxDataOffset {
		return fileHeader{}, &FormatError{"FLV header", 5, "data offset out of range"}
	}
	return fileHeader{audio: b[4]&4 != 0, video: b[4]&1 != 0, start: int64(start)}, nil
}
