package chunk_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/seed-3309b198/reelfront/rtmp/chunk"
	"github.com/stretchr/testify/require"
)

func TestAppendHeadAndPayload(t *testing.T) {
	t.Parallel()
	head, payload := []byte{1, 2, 3, 4, 5}, []byte{6, 7, 8, 9}
	for chunkSize := 1; chunkSize <= 10; chunkSize++ {
		m := message(6, chunk.TypeVideo, 1, 1<<24, append(append([]byte{}, head...), payload...))
		want := chunk.Append(nil, &m, chunkSize)
		m.Head, m.Payload = head, payload
		require.Equal(t, want, chunk.Append(nil, &m, chunkSize), "chunk size %d", chunkSize)
		require.Len(t, want, chunk.Size(&m, chunkSize))
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	m := message(3, chunk.TypeCommandAMF0, 0, 0, []byte{1})
	got := chunk.Append([]byte("before"), &m, 128)
	require.Equal(t, "before", string(got[:6]))
	require.Equal(t, chunk.Append(nil, &m, 128), got[6:])
}

// What no header can state becomes the nearest that one can.
func TestAppendCorrects(t *testing.T) {
	t.Parallel()
	huge := make([]byte, chunk.MaxMessageSize+10)
	for _, c := range []struct {
		name      string
		given     chunk.Message
		corrected chunk.Message
		chunkSize int
	}{
		{"body too long", chunk.Message{ChunkStream: 6, Payload: huge},
			chunk.Message{ChunkStream: 6, Payload: huge[:chunk.MaxMessageSize]}, 65536},
		{"head too long", chunk.Message{ChunkStream: 6, Head: huge, Payload: huge},
			chunk.Message{ChunkStream: 6, Payload: huge[:chunk.MaxMessageSize]}, 65536},
		{"chunk stream too low", chunk.Message{ChunkStream: 0}, chunk.Message{ChunkStream: 2}, 128},
		{"chunk stream too high", chunk.Message{ChunkStream: 70000}, chunk.Message{ChunkStream: 65599}, 128},
		{"no chunk size", chunk.Message{ChunkStream: 6, Payload: huge[:300]},
			chunk.Message{ChunkStream: 6, Payload: huge[:300]}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := c.chunkSize
			if want == 0 {
				want = chunk.DefaultChunkSize
			}
			got := chunk.Append(nil, &c.given, c.chunkSize)
			require.True(t, bytes.Equal(chunk.Append(nil, &c.corrected, want), got))
			require.Len(t, got, chunk.Size(&c.given, c.chunkSize))
		})
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add(uint32(6), uint8(9), uint32(1), uint32(0xffffffff), []byte("head"), []byte("payload"), uint16(3), uint16(5))
	f.Add(uint32(65599), uint8(8), uint32(1), uint32(0), []byte{}, make([]byte, 300), uint16(128), uint16(100))
	f.Fuzz(func(t *testing.T, csid uint32, typ uint8, stream, timestamp uint32, head, payload []byte, chunkSize, buffer uint16) {
		csid = chunk.MinChunkStream + csid%(chunk.MaxChunkStream-1)
		switch chunk.Type(typ) {
		case chunk.TypeSetChunkSize, chunk.TypeAbort:
			t.Skip("obeyed, not returned")
		}
		size := int(chunkSize) + 1
		m := chunk.Message{ChunkStream: csid, Type: chunk.Type(typ), Stream: stream, Timestamp: timestamp, Head: head, Payload: payload}
		announce := chunk.AppendSetChunkSize(nil, uint32(size))
		wire := chunk.Append(announce, &m, size)
		require.Equal(t, wire[len(announce):], cutAll([]chunk.Message{m}, size, int(buffer)+1))
		require.Len(t, wire, len(announce)+chunk.Size(&m, size))

		got, err := readAll(chunk.NewReader(bytes.NewReader(wire), chunk.Limits{}))
		require.Equal(t, io.EOF, err)
		require.Equal(t, []chunk.Message{message(csid, m.Type, stream, timestamp, append(append([]byte{}, head...), payload...))}, got)
	})
}

func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name               string
		payload, chunkSize int
	}{{"audio", 400, 65536}, {"video", 8000, 65536}, {"keyframe", 100000, 65536}, {"video in 128", 8000, 128}} {
		b.Run(c.name, func(b *testing.B) {
			m := chunk.Message{ChunkStream: 6, Type: chunk.TypeVideo, Stream: 1, Timestamp: 1000,
				Head: []byte{0x17, 1, 0, 0, 0}, Payload: make([]byte, c.payload)}
			dst := make([]byte, 0, chunk.Size(&m, c.chunkSize))
			b.SetBytes(int64(cap(dst)))
			b.ReportAllocs()
			for b.Loop() {
				chunk.Append(dst, &m, c.chunkSize)
			}
		})
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	m := message(6, chunk.TypeVideo, 1, 1<<24, make([]byte, 5000))
	dst := make([]byte, 0, chunk.Size(&m, 128)+100)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		chunk.Append(dst, &m, 128)
		chunk.AppendUserControl(dst, chunk.EventSetBufferLength, 1, 3000)
	}))
}
