package mp3

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/seed-3309b198/reelfront/flv"
)

// The tags that stand behind the audio, by their lengths in bytes.
const (
	id3v1Len     = 128 // "TAG" and fixed fields
	id3v1PlusLen = 227 // "TAG+", in front of an ID3v1 tag
	apeFooterLen = 32  // APEv1 and v2, "APETAGEX"
	lyricsEndLen = 15  // Lyrics3 v2: six digits of size and "LYRICS200"
	trailerLook  = id3v1Len
)

// readTrailers returns where the audio ends that begins at start: in front of the trailing tags.
func (t *texts) readTrailers(ctx context.Context, in flv.Input, start int64) (int64, error) {
	end := in.Size()
	for range maxTrailers {
		n := min(end-start, trailerLook)
		b, err := in.Window(ctx, end-n, int(n))
		if err != nil {
			return 0, err
		}
		if n == id3v1Len && string(b[:3]) == "TAG" {
			t.addID3v1(b)
		}
		size := trailerSize(b)
		if size == 0 {
			size, err = plusSize(ctx, in, start, end)
		}
		if err != nil || size == 0 || size > end-start {
			return end, err
		}
		end -= size
	}
	return end, nil
}

// trailerSize is the size of the tag that ends with b, 0 when there is none.
func trailerSize(b []byte) int64 {
	n := len(b)
	if n == id3v1Len && string(b[:3]) == "TAG" {
		return id3v1Len
	}
	if n >= apeFooterLen && string(b[n-apeFooterLen:][:8]) == "APETAGEX" {
		footer := b[n-apeFooterLen:]
		size := int64(binary.LittleEndian.Uint32(footer[12:]))
		if hasHeader := binary.LittleEndian.Uint32(footer[20:])>>31 != 0; hasHeader {
			size += apeFooterLen
		}
		return max(size, apeFooterLen)
	}
	if n >= lyricsEndLen && string(b[n-9:]) == "LYRICS200" {
		if size, err := strconv.ParseUint(string(b[n-lyricsEndLen:n-9]), 10, 32); err == nil {
			return int64(size) + lyricsEndLen
		}
	}
	if n >= id3HeaderLen {
		if h, ok := parseID3Header(b[n-id3HeaderLen:], "3DI"); ok {
			return h.size + 2*id3HeaderLen
		}
	}
	return 0
}

// plusSize is the size of the "TAG+" block that ends at end, 0 when there is none.
func plusSize(ctx context.Context, in flv.Input, start, end int64) (int64, error) {
	if end == in.Size() || end-start < id3v1PlusLen {
		return 0, nil
	}
	b, err := in.Window(ctx, end-id3v1PlusLen, 4)
	if err != nil || string(b) != "TAG+" {
		return 0, err
	}
	return id3v1PlusLen, nil
}

// addID3v1 keeps the fields of an ID3v1 or v1.1 tag that no ID3v2 tag has given, by the names of ID3v2.3.
func (t *texts) addID3v1(b []byte) {
	field := func(from, to int) string {
		for i := from; i < to; i++ {
			if b[i] == 0 {
				to = i
			}
		}
		return latin1(b[from:to])
	}
	t.add("TIT2", field(3, 33))
	t.add("TPE1", field(33, 63))
	t.add("TALB", field(63, 93))
	t.add("TYER", field(93, 97))
	t.add("COMM", field(97, 127))
	if b[125] == 0 && b[126] != 0 {
		t.add("TRCK", strconv.Itoa(int(b[126])))
	}
	if genre := b[127]; genre != 0xFF {
		t.add("TCON", fmt.Sprintf("(%d)", genre))
	}
}
