package mp3

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/seed-3309b198/reelfront/flv"
)

// id3HeaderLen is the length of an ID3v2 header, and of its footer (ID3v2.4 structure, 3.1 and 3.4).
const id3HeaderLen = 10

// An id3Header is the header of an ID3v2 tag.
type id3Header struct {
	major    byte
	unsync   bool
	extended bool
	size     int64 // of what is between header and footer
	total    int64 // header and footer included
}

// parseID3Header reads the header of a tag, which begins with "ID3", or its footer, which begins with "3DI".
func parseID3Header(b []byte, magic string) (h id3Header, ok bool) {
	if len(b) < id3HeaderLen || string(b[:3]) != magic || b[3] == 0xFF || b[4] == 0xFF {
		return h, false
	}
	size, ok := syncSafe(b[6:10])
	if !ok {
		return h, false
	}
	h = id3Header{major: b[3], unsync: b[5]&0x80 != 0, extended: b[5]&0x40 != 0, size: size, total: size + id3HeaderLen}
	if h.major >= 4 && b[5]&0x10 != 0 {
		h.total += id3HeaderLen
	}
	return h, true
}

// syncSafe reads a number of four bytes with seven bits each (ID3v2.4 structure, 6.2).
func syncSafe(b []byte) (int64, bool) {
	if (b[0]|b[1]|b[2]|b[3])&0x80 != 0 {
		return 0, false
	}
	return int64(b[0])<<21 | int64(b[1])<<14 | int64(b[2])<<7 | int64(b[3]), true
}

// readID3v2 reads the tags in a row at the start of the file, and returns where they end. Of a tag it reads the frames
// that are text; the others, pictures above all, it steps over.
func (t *texts) readID3v2(ctx context.Context, in flv.Input) (int64, error) {
	off := int64(0)
	for range maxID3Tags {
		if in.Size()-off < id3HeaderLen {
			return off, nil
		}
		b, err := in.Window(ctx, off, id3HeaderLen)
		if err != nil {
			return 0, err
		}
		h, ok := parseID3Header(b, "ID3")
		if !ok {
			return off, nil
		}
		if err := t.readTag(ctx, in, off+id3HeaderLen, h); err != nil {
			return 0, err
		}
		off = min(off+h.total, in.Size())
	}
	return off, nil
}

// readTag reads the frames of the tag whose header ends at off.
func (t *texts) readTag(ctx context.Context, in flv.Input, off int64, h id3Header) error {
	if h.major < 2 || h.major > 4 {
		return nil
	}
	r := frameReader{in: in, major: h.major, off: off, end: min(off+h.size, in.Size())}
	if h.unsync && h.major < 4 {
		// Sizes in the tag are those before the unsynchronisation, which therefore is undone first; in the part of a
		// huge tag where texts are.
		b, err := in.Window(ctx, off, int(min(r.end-off, maxUnsyncTag)))
		if err != nil {
			return err
		}
		plain := resynchronise(b)
		r.in, r.off, r.end = flv.NewInput(bytes.NewReader(plain), int64(len(plain))), 0, int64(len(plain))
	}
	if h.extended && h.major > 2 {
		if err := r.skipExtendedHeader(ctx); err != nil {
			return err
		}
	}
	for range maxID3Frames {
		id, body, err := r.next(ctx)
		if err != nil || id == "" {
			return err
		}
		if body != nil {
			t.addFrame(id, body)
		}
	}
	return nil
}

// resynchronise undoes unsynchronisation: the zero byte that follows each FF goes (ID3v2.4 structure, 6.1).
func resynchronise(b []byte) []byte {
	return bytes.ReplaceAll(b, []byte{0xFF, 0x00}, []byte{0xFF})
}

// A frameReader goes through the frames of one tag.
type frameReader struct {
	in       flv.Input
	major    byte
	off, end int64
}

// skipExtendedHeader skips what lies between the header and the first frame (ID3v2.3, 3.2; ID3v2.4 structure, 3.2).
func (r *frameReader) skipExtendedHeader(ctx context.Context) error {
	if r.end-r.off < 4 {
		return nil
	}
	b, err := r.in.Window(ctx, r.off, 4)
	if err != nil {
		return err
	}
	size := 4 + int64(binary.BigEndian.Uint32(b))
	if r.major == 4 {
		size, _ = syncSafe(b)
	}
	r.off = min(r.off+size, r.end)
	return nil
}

// next returns the next frame's name, as versions 2.3 and 2.4 have it, and its body when it is a plain text of sane
// size, else nil. The name is "" at the end of the frames.
func (r *frameReader) next(ctx context.Context) (id string, body []byte, err error) {
	headLen, idLen := int64(10), 4
	if r.major == 2 {
		headLen, idLen = 6, 3
	}
	if r.end-r.off < headLen {
		return "", nil, nil
	}
	b, err := r.in.Window(ctx, r.off, int(headLen))
	if err != nil || !isFrameID(b[:idLen]) {
		return "", nil, err
	}
	id = string(b[:idLen])
	var flags byte
	var size int64
	switch r.major {
	case 2:
		id = longID(id)
		size = int64(b[3])<<16 | int64(b[4])<<8 | int64(b[5])
	default:
		size, flags = int64(binary.BigEndian.Uint32(b[4:])), b[9]
	}
	if r.major == 4 {
		if size, err = r.size24(ctx, size, [4]byte(b[4:8])); err != nil {
			return "", nil, err
		}
	}
	at := r.off + headLen
	r.off = min(at+size, r.end)
	if (id[0] != 'T' && id != "COMM") || size > 2*maxText+64 || at+size > r.end {
		return id, nil, nil
	}
	if body, err = r.in.Window(ctx, at, int(size)); err != nil {
		return "", nil, err
	}
	return id, r.plain(body, flags), nil
}

// size24 is the size of a frame of version 2.4: sync-safe by the standard (ID3v2.4 structure, 4), plain as iTunes wrote it
// for years. Where both readings are possible, the one that leads to another frame wins.
func (r *frameReader) size24(ctx context.Context, plain int64, b [4]byte) (int64, error) {
	size, ok := syncSafe(b[:])
	if !ok {
		return plain, nil
	}
	if size == plain {
		return size, nil
	}
	for _, s := range []int64{size, plain} {
		next := r.off + 10 + s
		if next == r.end {
			return s, nil
		}
		if next+4 > r.end {
			continue
		}
		id, err := r.in.Window(ctx, next, 4)
		if err != nil {
			return 0, err
		}
		if isFrameID(id) || [4]byte(id) == [4]byte{} {
			return s, nil
		}
	}
	return size, nil
}

// plain takes off what the flags of a frame say is in front of or mixed into its body; nil when the body is compressed
// or encrypted (ID3v2.3, 3.3.1; ID3v2.4 structure, 4.1.2).
func (r *frameReader) plain(body []byte, flags byte) []byte {
	compressed, encrypted, grouped, extra := byte(0x80), byte(0x40), byte(0x20), byte(0)
	if r.major == 4 {
		compressed, encrypted, grouped, extra = 0x08, 0x04, 0x40, 0x01
	}
	if flags&(compressed|encrypted) != 0 {
		return nil
	}
	skip := 0
	if flags&grouped != 0 {
		skip++
	}
	if flags&extra != 0 {
		skip += 4
	}
	body = body[min(skip, len(body)):]
	if r.major == 4 && flags&0x02 != 0 {
		body = resynchronise(body)
	}
	return body
}

func isFrameID(b []byte) bool {
	for _, c := range b {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// longID is the name that versions 2.3 and 2.4 have for a text frame of version 2.2; other names it leaves alone, cut
// off from the texts.
func longID(id string) string {
	switch id {
	case "TT1", "TT2", "TT3":
		return "TIT" + id[2:]
	case "TP1", "TP2", "TP3", "TP4":
		return "TPE" + id[2:]
	case "TAL":
		return "TALB"
	case "TBP":
		return "TBPM"
	case "TCM":
		return "TCOM"
	case "TCO":
		return "TCON"
	case "TCR":
		return "TCOP"
	case "TDA":
		return "TDAT"
	case "TEN":
		return "TENC"
	case "TLA":
		return "TLAN"
	case "TPA":
		return "TPOS"
	case "TPB":
		return "TPUB"
	case "TRC":
		return "TSRC"
	case "TRK":
		return "TRCK"
	case "TSS":
		return "TSSE"
	case "TXX":
		return "TXXX"
	case "TYE":
		return "TYER"
	case "COM":
		return "COMM"
	}
	return "-"
}
