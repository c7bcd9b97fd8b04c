package mp3

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/stretchr/testify/require"
)

func syncSafeBytes(n int) []byte {
	return []byte{byte(n >> 21 & 0x7F), byte(n >> 14 & 0x7F), byte(n >> 7 & 0x7F), byte(n & 0x7F)}
}

// rawFrame is a frame of the given version of ID3v2.
func rawFrame(major byte, id string, body []byte) []byte {
	b := []byte(id)
	switch major {
	case 2:
		b = append(b, byte(len(body)>>16), byte(len(body)>>8), byte(len(body)))
	case 3:
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(body))), 0, 0)
	default:
		b = append(append(b, syncSafeBytes(len(body))...), 0, 0)
	}
	return append(b, body...)
}

func textFrame(major byte, id, body string) []byte { return rawFrame(major, id, []byte(body)) }

// id3Tag is a tag, with a footer when the flags say so.
func id3Tag(major, flags byte, frames ...[]byte) []byte {
	body := bytes.Join(frames, nil)
	head := append([]byte{'I', 'D', '3', major, 0, flags}, syncSafeBytes(len(body))...)
	b := append(bytes.Clone(head), body...)
	if flags&0x10 != 0 {
		b = append(append(b, '3', 'D', 'I'), head[3:]...)
	}
	return b
}

func TestID3v2(t *testing.T) {
	t.Parallel()
	utf16le := "\x01\xFF\xFEH\x00i\x00\x3D\xD8\x00\xDE\x00\x00"
	flagged := func(flags byte, body string) []byte {
		b := textFrame(4, "TIT2", body)
		b[9] = flags
		return b
	}
	long := strings.Repeat("a", 300)
	plainSize := append([]byte("TIT2\x00\x00\x01\x2D\x00\x00\x00"), long...)
	cases := []struct {
		name string
		tag  []byte
		want amf.Object
	}{
		{"2.2", id3Tag(2, 0, textFrame(2, "TT2", "\x00Song\x00"), textFrame(2, "PIC", "xxxx"), textFrame(2, "TP1", "\x00Me")),
			amf.Object{{Key: "TIT2", Value: "Song"}, {Key: "TPE1", Value: "Me"}}},
		{"2.3 Latin-1", id3Tag(3, 0, textFrame(3, "TIT2", "\x00\xC9tude")), amf.Object{{Key: "TIT2", Value: "Étude"}}},
		{"2.3 UTF-16", id3Tag(3, 0, textFrame(3, "TIT2", utf16le)), amf.Object{{Key: "TIT2", Value: "Hi😀"}}},
		{"2.4 UTF-16BE", id3Tag(4, 0, textFrame(4, "TIT2", "\x02\x00H\x00i")), amf.Object{{Key: "TIT2", Value: "Hi"}}},
		{"2.4 UTF-8, two values", id3Tag(4, 0, textFrame(4, "TPE1", "\x03ä\x00b")), amf.Object{{Key: "TPE1", Value: "ä/b"}}},
		{"not UTF-8", id3Tag(4, 0, textFrame(4, "TPE1", "\x03a\xFFb")), amf.Object{{Key: "TPE1", Value: "ab"}}},
		{"comment", id3Tag(3, 0, textFrame(3, "COMM", "\x00eng\x00fine")), amf.Object{{Key: "COMM", Value: "fine"}}},
		{"described", id3Tag(3, 0, textFrame(3, "TXXX", "\x00mood\x00calm"), textFrame(3, "COMM", "\x00engiTunNORM\x00 1")),
			amf.Object{{Key: "TXXX:mood", Value: "calm"}, {Key: "COMM:iTunNORM", Value: " 1"}}},
		{"the first of two counts", id3Tag(3, 0, textFrame(3, "TIT2", "\x00a"), textFrame(3, "TIT2", "\x00b")),
			amf.Object{{Key: "TIT2", Value: "a"}}},
		{"padding", id3Tag(3, 0, textFrame(3, "TIT2", "\x00a"), make([]byte, 100)), amf.Object{{Key: "TIT2", Value: "a"}}},
		{"unsynchronised 2.3", id3Tag(3, 0x80, textFrame(3, "APIC", "\xFF\xFE")[:11], []byte{0, 0xFE}, textFrame(3, "TIT2", "\x00a")),
			amf.Object{{Key: "TIT2", Value: "a"}}},
		{"unsynchronised 2.4 frame", id3Tag(4, 0x80, flagged(0x02, "\x01\xFF\x00\xFEa\x00")), amf.Object{{Key: "TIT2", Value: "a"}}},
		{"length and group", id3Tag(4, 0, flagged(0x41, "g\x00\x00\x00\x02\x00a")), amf.Object{{Key: "TIT2", Value: "a"}}},
		{"compressed and encrypted", id3Tag(4, 0, flagged(0x08, "\x00a"), flagged(0x04, "\x00a")), nil},
		{"extended header 2.3", id3Tag(3, 0x40, []byte{0, 0, 0, 6, 0, 0, 0, 0, 0, 0}, textFrame(3, "TIT2", "\x00a")),
			amf.Object{{Key: "TIT2", Value: "a"}}},
		{"extended header 2.4", id3Tag(4, 0x40, []byte{0, 0, 0, 6, 1, 0}, textFrame(4, "TIT2", "\x00a")),
			amf.Object{{Key: "TIT2", Value: "a"}}},
		{"footer", id3Tag(4, 0x10, textFrame(4, "TIT2", "\x00a")), amf.Object{{Key: "TIT2", Value: "a"}}},
		{"2.4 with plain sizes", id3Tag(4, 0, plainSize, textFrame(4, "TALB", "\x00b")),
			amf.Object{{Key: "TIT2", Value: long}, {Key: "TALB", Value: "b"}}},
		{"2.4 with right sizes", id3Tag(4, 0, textFrame(4, "TIT2", "\x00"+long), textFrame(4, "TALB", "\x00b")),
			amf.Object{{Key: "TIT2", Value: long}, {Key: "TALB", Value: "b"}}},
		{"a frame beyond the tag", id3Tag(3, 0, textFrame(3, "TIT2", "\x00abc")[:12]), nil},
		{"empty bodies", id3Tag(3, 0, textFrame(3, "TIT2", ""), textFrame(3, "COMM", "\x00en")), nil},
		{"of a version to come", id3Tag(5, 0, textFrame(4, "TIT2", "\x00a")), nil},
	}
	m := made{}
	constantFrames(&m, 5)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := open(t, append(bytes.Clone(c.tag), m.data...))
			got, _ := property(f.Info().Metadata, "tags").(amf.Object)
			require.Equal(t, c.want, got)
			require.Len(t, readAll(t, f.NewReader(inputOf(append(bytes.Clone(c.tag), m.data...)))), 5)
		})
	}
}

func TestID3v1(t *testing.T) {
	t.Parallel()
	b := make([]byte, 128)
	copy(b, "TAG")
	copy(b[3:], "Title")
	copy(b[33:], "Artist")
	copy(b[63:], strings.Repeat("x", 30))
	copy(b[93:], "2008")
	copy(b[97:], "Comment")
	b[126], b[127] = 7, 17
	m := made{}
	constantFrames(&m, 5)
	data := bytes.Join([][]byte{id3Tag(3, 0, textFrame(3, "TIT2", "\x00Better title")), m.data, b}, nil)
	require.Equal(t, amf.Object{
		{Key: "TIT2", Value: "Better title"}, {Key: "TPE1", Value: "Artist"}, {Key: "TALB", Value: strings.Repeat("x", 30)},
		{Key: "TYER", Value: "2008"}, {Key: "COMM", Value: "Comment"}, {Key: "TRCK", Value: "7"}, {Key: "TCON", Value: "(17)"},
	}, property(open(t, data).Info().Metadata, "tags"))
}

// TestManyTexts says that a file cannot make us keep more than a little.
func TestManyTexts(t *testing.T) {
	t.Parallel()
	frames := [][]byte{textFrame(3, "TIT2", "\x00"+strings.Repeat("a", 2*maxText)), textFrame(3, "TXXX", "\x00"+strings.Repeat("k", 200)+"\x00v")}
	for i := range 2 * maxTexts {
		frames = append(frames, textFrame(3, "TXXX", "\x00"+string(rune('A'+i))+"\x00v"))
	}
	m := made{}
	constantFrames(&m, 5)
	tags := property(open(t, append(id3Tag(3, 0, frames...), m.data...)).Info().Metadata, "tags").(amf.Object)
	require.Len(t, tags, maxTexts)
	require.Len(t, tags[0].Value, maxText)
	for _, p := range tags {
		require.LessOrEqual(t, len(p.Key), maxTextKey)
	}
}

// TestLongIDs says that every text frame of version 2.2 that has a successor is known by it.
func TestLongIDs(t *testing.T) {
	t.Parallel()
	short := "TT1 TT2 TT3 TP1 TP2 TP3 TP4 TAL TBP TCM TCO TCR TDA TEN TLA TPA TPB TRC TRK TSS TXX TYE COM PIC TOR"
	long := "TIT1 TIT2 TIT3 TPE1 TPE2 TPE3 TPE4 TALB TBPM TCOM TCON TCOP TDAT TENC TLAN TPOS TPUB TSRC TRCK TSSE TXXX TYER COMM - -"
	want := strings.Fields(long)
	for i, id := range strings.Fields(short) {
		require.Equal(t, want[i], longID(id))
	}
}
