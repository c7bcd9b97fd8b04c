package chunk_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/seed-3309b198/reelfront/rtmp/chunk"
	"github.com/stretchr/testify/require"
)

// wireCase is one stream of chunks and the messages in it.
type wireCase struct {
	name     string
	hex      string
	messages []chunk.Message
	// encodes says that Append makes exactly these bytes with this chunk size; 0 for what only peers send.
	encodes int
}

// zeros is the hex form of n zero bytes.
func zeros(n int) string { return strings.Repeat("00", n) }

func (c *wireCase) bytes(t testing.TB) []byte { return unhex(t, c.hex) }

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return b
}

func message(csid uint32, typ chunk.Type, stream, timestamp uint32, payload []byte) chunk.Message {
	return chunk.Message{ChunkStream: csid, Type: typ, Stream: stream, Timestamp: timestamp, Payload: payload}
}

var wireCases = []wireCase{
	{"empty message", "06 000010 000000 08 01000000",
		[]chunk.Message{message(6, chunk.TypeAudio, 1, 16, []byte{})}, 128},
	{"one chunk", "03 000000 000003 14 00000000 aabbcc",
		[]chunk.Message{message(3, chunk.TypeCommandAMF0, 0, 0, []byte{0xaa, 0xbb, 0xcc})}, 128},
	{"exactly one chunk", "03 000000 000080 14 00000000" + zeros(128),
		[]chunk.Message{message(3, chunk.TypeCommandAMF0, 0, 0, make([]byte, 128))}, 128},
	{"two chunks", "07 000102 000081 09 01000000" + zeros(128) + "c7 00",
		[]chunk.Message{message(7, chunk.TypeVideo, 1, 0x102, make([]byte, 129))}, 128},
	{"two byte basic header", "00 00 000000 000001 09 01000000 aa  00 ff 000000 000001 09 01000000 bb",
		[]chunk.Message{message(64, chunk.TypeVideo, 1, 0, []byte{0xaa}),
			message(319, chunk.TypeVideo, 1, 0, []byte{0xbb})}, 128},
	{"three byte basic header", "01 00 01 000000 000001 09 01000000 aa  01 ff ff 000000 000081 09 01000000" + zeros(128) + "c1 ff ff 00",
		[]chunk.Message{message(320, chunk.TypeVideo, 1, 0, []byte{0xaa}),
			message(65599, chunk.TypeVideo, 1, 0, make([]byte, 129))}, 128},
	{"largest plain timestamp", "06 fffffe 000001 08 01000000 aa",
		[]chunk.Message{message(6, chunk.TypeAudio, 1, 0xfffffe, []byte{0xaa})}, 128},
	{"smallest extended timestamp", "06 ffffff 000001 08 01000000 00ffffff aa",
		[]chunk.Message{message(6, chunk.TypeAudio, 1, 0xffffff, []byte{0xaa})}, 128},
	{"extended timestamp repeated", "06 ffffff 000081 08 01000000 fffffffe" + zeros(128) + "c6 fffffffe 00",
		[]chunk.Message{message(6, chunk.TypeAudio, 1, 0xfffffffe, make([]byte, 129))}, 128},
	{"window ack size", "02 000000 000004 05 00000000 002625a0",
		[]chunk.Message{message(2, chunk.TypeWindowAckSize, 0, 0, []byte{0, 0x26, 0x25, 0xa0})}, 128},
	{"extended timestamp not repeated", "06 ffffff 000082 08 01000000 01000000" + zeros(128) + "c6 0102",
		[]chunk.Message{message(6, chunk.TypeAudio, 1, 0x01000000, append(make([]byte, 128), 1, 2))}, 0},
	{"extended timestamp not repeated, same first byte", "06 ffffff 000083 08 01000000 01000000" + zeros(128) + "c6 01 02 03",
		[]chunk.Message{message(6, chunk.TypeAudio, 1, 0x01000000, append(make([]byte, 128), 1, 2, 3))}, 0},
	{"type 1 and 2", "06 0003e8 000001 08 01000000 aa  46 00000a 000002 08 bbbb  86 000014 cccc",
		[]chunk.Message{message(6, chunk.TypeAudio, 1, 1000, []byte{0xaa}),
			message(6, chunk.TypeAudio, 1, 1010, []byte{0xbb, 0xbb}),
			message(6, chunk.TypeAudio, 1, 1030, []byte{0xcc, 0xcc})}, 0},
	{"type 3 as new message after type 0", "06 0003e8 000001 08 01000000 aa c6 bb c6 cc",
		[]chunk.Message{message(6, chunk.TypeAudio, 1, 1000, []byte{0xaa}),
			message(6, chunk.TypeAudio, 1, 2000, []byte{0xbb}),
			message(6, chunk.TypeAudio, 1, 3000, []byte{0xcc})}, 0},
	{"type 3 as new message after type 2", "06 0003e8 000001 08 01000000 aa 86 000005 bb c6 cc",
		[]chunk.Message{message(6, chunk.TypeAudio, 1, 1000, []byte{0xaa}),
			message(6, chunk.TypeAudio, 1, 1005, []byte{0xbb}),
			message(6, chunk.TypeAudio, 1, 1010, []byte{0xcc})}, 0},
	{"extended delta, on type 3 too", "06 000001 000001 08 01000000 aa 86 ffffff 01000000 bb c6 01000000 cc",
		[]chunk.Message{message(6, chunk.TypeAudio, 1, 1, []byte{0xaa}),
			message(6, chunk.TypeAudio, 1, 0x01000001, []byte{0xbb}),
			message(6, chunk.TypeAudio, 1, 0x02000001, []byte{0xcc})}, 0},
	{"timestamp wraps", "06 ffffff 000001 08 01000000 ffffffff aa 86 000002 bb",
		[]chunk.Message{message(6, chunk.TypeAudio, 1, 0xffffffff, []byte{0xaa}),
			message(6, chunk.TypeAudio, 1, 1, []byte{0xbb})}, 0},
	{"starts with type 1", "43 000007 000001 14 aa",
		[]chunk.Message{message(3, chunk.TypeCommandAMF0, 0, 7, []byte{0xaa})}, 0},
	{"interleaved", "06 000000 000081 08 01000000" + zeros(128) + "07 000000 000081 09 01000000" + zeros(128) + "c6 aa c7 bb",
		[]chunk.Message{message(6, chunk.TypeAudio, 1, 0, append(make([]byte, 128), 0xaa)),
			message(7, chunk.TypeVideo, 1, 0, append(make([]byte, 128), 0xbb))}, 0},
	{"chunk size changes in mid-message", "06 000000 000085 08 01000000" + zeros(128) +
		"02 000000 000004 01 00000000 00000002 c6 0102 c6 0304 c6 05",
		[]chunk.Message{message(6, chunk.TypeAudio, 1, 0, append(make([]byte, 128), 1, 2, 3, 4, 5))}, 0},
	{"chunk size of joy4", "02 000000 000004 01 00000000 08000000 03 000000 000200 14 00000000" + zeros(512),
		[]chunk.Message{message(3, chunk.TypeCommandAMF0, 0, 0, make([]byte, 512))}, 0},
	{"abort", "06 000009 000081 08 01000000" + zeros(128) + "02 000000 000004 02 00000000 00000006 46 000001 000001 08 aa",
		[]chunk.Message{message(6, chunk.TypeAudio, 1, 10, []byte{0xaa})}, 0},
	{"abort of nothing", "02 000000 000004 02 00000000 00000063 03 000000 000001 14 00000000 aa",
		[]chunk.Message{message(3, chunk.TypeCommandAMF0, 0, 0, []byte{0xaa})}, 0},
	{"larger than what is read ahead", "02 000000 000004 01 00000000 00ffffff 07 000000 00c350 09 01000000" + zeros(50000) +
		"07 000001 000001 09 01000000 aa",
		[]chunk.Message{message(7, chunk.TypeVideo, 1, 0, make([]byte, 50000)),
			message(7, chunk.TypeVideo, 1, 1, []byte{0xaa})}, 0},
}

func TestAppend(t *testing.T) {
	t.Parallel()
	for _, c := range wireCases {
		if c.encodes == 0 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := c.bytes(t)
			var got []byte
			size := 0
			for i := range c.messages {
				got = chunk.Append(got, &c.messages[i], c.encodes)
				size += chunk.Size(&c.messages[i], c.encodes)
			}
			require.Equal(t, want, got)
			require.Equal(t, len(want), size)
			require.Equal(t, want, cutAll(c.messages, c.encodes, 1))
			require.Equal(t, want, cutAll(c.messages, c.encodes, 7))
			require.Equal(t, want, cutAll(c.messages, c.encodes, 1000))
		})
	}
}

// cutAll cuts messages through a buffer of the given size.
func cutAll(messages []chunk.Message, chunkSize, bufferSize int) []byte {
	var all bytes.Buffer
	buf := make([]byte, 0, bufferSize)
	for i := range messages {
		for c, done := chunk.Cut(&messages[i], chunkSize), false; !done; {
			buf, done = c.Next(buf[:0])
			all.Write(buf)
		}
	}
	return all.Bytes()
}
