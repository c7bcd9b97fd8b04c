package chunk_test

import (
	"bytes"
	"io"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/seed-3309b198/reelfront/rtmp/chunk"
	"github.com/stretchr/testify/require"
)

// readAll reads messages until an error, each with a copy of its payload.
func readAll(r *chunk.Reader) ([]chunk.Message, error) {
	var all []chunk.Message
	for {
		m, err := r.ReadMessage()
		if err != nil {
			return all, err
		}
		m.Payload = append([]byte{}, m.Payload...)
		all = append(all, m)
	}
}

func TestReadMessage(t *testing.T) {
	t.Parallel()
	inputs := map[string]func(io.Reader) io.Reader{
		"whole":   func(r io.Reader) io.Reader { return r },
		"bytes":   iotest.OneByteReader,
		"halves":  iotest.HalfReader,
		"dataErr": iotest.DataErrReader,
	}
	for _, c := range wireCases {
		for name, input := range inputs {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				wire := c.bytes(t)
				r := chunk.NewReader(input(bytes.NewReader(wire)), chunk.Limits{})
				got, err := readAll(r)
				require.ErrorIs(t, err, io.EOF)
				require.NotErrorIs(t, err, io.ErrUnexpectedEOF)
				require.Equal(t, c.messages, got)
				require.EqualValues(t, len(wire), r.BytesRead())
			})
		}
	}
}

func TestReadMessageRefuses(t *testing.T) {
	t.Parallel()
	small := chunk.Limits{MessageSize: 256, ChunkStreams: 2, PartialBytes: 2048}
	for _, c := range []struct{ name, hex, err string }{
		{"message too long", "06 000000 000101 08 01000000",
			"chunk: chunk stream 6: message length 257: the limit is 256"},
		{"message too long in type 1", "06 000000 000000 08 01000000 46 000000 ffffff 08",
			"chunk: chunk stream 6: message length 16777215: the limit is 256"},
		{"too many chunk streams", "03 000000 000000 08 01000000 04 000000 000000 08 01000000 05 000000 000000 08 01000000",
			"chunk: chunk stream 5: number of chunk streams 3: too many"},
		{"starts with type 2", "86 000000",
			"chunk: chunk stream 6: header type 2: first on its chunk stream"},
		{"starts with type 3", "c0 01",
			"chunk: chunk stream 65: header type 3: first on its chunk stream"},
		{"header within a message", "06 000000 000081 08 01000000" + zeros(128) + "06 000000",
			"chunk: chunk stream 6: header type 0: within a message"},
		{"chunk size zero", "02 000000 000004 01 00000000 00000000",
			"chunk: chunk stream 2: chunk size 0: not in 1 to 0x7FFFFFFF"},
		{"chunk size with top bit", "02 000000 000004 01 00000000 80000000",
			"chunk: chunk stream 2: chunk size 2147483648: not in 1 to 0x7FFFFFFF"},
		{"chunk size without number", "02 000000 000003 01 00000000 000000",
			"chunk: control message length 3: less than 4 bytes"},
		{"abort without number", "02 000000 000000 02 00000000",
			"chunk: control message length 0: less than 4 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := chunk.NewReader(bytes.NewReader(unhex(t, c.hex)), small)
			_, err := readAll(r)
			require.EqualError(t, err, c.err)
			var violation *chunk.Error
			require.ErrorAs(t, err, &violation)
			_, again := r.ReadMessage()
			require.Same(t, err, again)
		})
	}
}

func TestReadMessageTruncated(t *testing.T) {
	t.Parallel()
	wire := unhex(t, "06 ffffff 000082 08 01000000 01000000"+zeros(128)+"c6 01000000 0102")
	for n := range wire {
		_, err := readAll(chunk.NewReader(bytes.NewReader(wire[:n]), chunk.Limits{}))
		if n == 0 {
			require.Equal(t, io.EOF, err)
		} else {
			require.Equal(t, io.ErrUnexpectedEOF, err, "after %d bytes", n)
		}
	}
}

func TestReadMessageErrors(t *testing.T) {
	t.Parallel()
	_, err := chunk.NewReader(iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(make([]byte, 10)))), chunk.Limits{}).ReadMessage()
	require.Equal(t, iotest.ErrTimeout, err)
	_, err = chunk.NewReader(idleReader{}, chunk.Limits{}).ReadMessage()
	require.Equal(t, io.ErrNoProgress, err)
}

// idleReader is an io.Reader that never brings anything.
type idleReader struct{}

func (idleReader) Read([]byte) (int, error) { return 0, nil }

// repeatReader brings what next makes for 0, 1, 2 and so on, and notes the most that its Reader has held.
type repeatReader struct {
	next    func(n int) []byte
	n       int
	rest    []byte
	observe func()
	most    int
}

func (r *repeatReader) Read(p []byte) (int, error) {
	r.observe()
	if len(r.rest) == 0 {
		r.rest = r.next(r.n)
		r.n++
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Endless input of the worst kinds ends in an error, and costs no more than the limits say.
func TestReadMessageHostile(t *testing.T) {
	t.Parallel()
	begin := func(csid, length int) []byte {
		return []byte{1, byte(csid - 64), byte((csid - 64) >> 8), 0, 0, 0, byte(length >> 16), byte(length >> 8), byte(length), 9, 1, 0, 0, 0}
	}
	for _, c := range []struct {
		name string
		what string
		next func(n int) []byte
	}{
		{"10000 chunk streams", "number of chunk streams",
			func(n int) []byte { return begin(64+n%10000, 0) }},
		{"10000 unfinished messages", "number of chunk streams",
			func(n int) []byte { return append(begin(64+n%10000, 1<<20), make([]byte, 128)...) }},
		{"60 messages that grow and never end", "memory for unfinished messages",
			func(n int) []byte {
				if n < 60 {
					return append(begin(64+n, 1<<20), make([]byte, 128)...)
				}
				return append([]byte{0xc1, byte(n % 60), 0}, make([]byte, 128)...)
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := &repeatReader{next: c.next}
			r := chunk.NewReader(in, chunk.Limits{})
			in.observe = func() { in.most = max(in.most, r.Holds()) }
			_, err := readAll(r)
			var violation *chunk.Error
			require.ErrorAs(t, err, &violation)
			require.Equal(t, c.what, violation.What)
			require.LessOrEqual(t, in.most, 4<<20+16<<10)
			require.Less(t, r.BytesRead(), uint64(16<<20))
		})
	}
}

// A header that states a long message costs nothing until its bytes come.
func TestReadMessageAllocatesAsBytesCome(t *testing.T) {
	var wire []byte
	wire = chunk.AppendSetChunkSize(wire, 0x7FFFFFFF)
	wire = append(wire, 6, 0, 0, 0, 0x0f, 0xff, 0xff, 9, 1, 0, 0, 0)
	used := allocated(func() {
		_, err := readAll(chunk.NewReader(bytes.NewReader(wire), chunk.Limits{}))
		require.Equal(t, io.ErrUnexpectedEOF, err)
	})
	require.Less(t, used, uint64(64<<10))
}

// allocated is how many bytes f allocates, other goroutines' included.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func FuzzReadMessage(f *testing.F) {
	for i := range wireCases {
		f.Add(wireCases[i].bytes(f))
	}
	limits := chunk.Limits{MessageSize: 64 << 10, PartialBytes: 128 << 10}
	f.Fuzz(func(t *testing.T, wire []byte) {
		if len(wire) > 1<<20 {
			t.Skip("longer than needed")
		}
		var whole []chunk.Message
		var wholeErr error
		used := allocated(func() {
			whole, wholeErr = readAll(chunk.NewReader(bytes.NewReader(wire), limits))
		})
		// The blocks, the copies that readAll makes, and what the fuzzing engine itself allocates meanwhile.
		require.Less(t, used, uint64(8<<20+16*len(wire)))
		bytewise, err := readAll(chunk.NewReader(iotest.OneByteReader(bytes.NewReader(wire)), limits))
		require.Equal(t, whole, bytewise)
		require.Equal(t, wholeErr, err)

		for i := range whole {
			if u, err := chunk.ParseUserControl(whole[i].Payload); err == nil {
				require.Equal(t, whole[i].Payload[2:], u.Data)
			}
			_, err := chunk.ParseNumber(whole[i].Payload)
			require.Equal(t, len(whole[i].Payload) >= 4, err == nil)
		}

		// What has been read is read again from what Append makes of it.
		again := chunk.AppendSetChunkSize(nil, 77)
		for i := range whole {
			again = chunk.Append(again, &whole[i], 77)
		}
		got, err := readAll(chunk.NewReader(bytes.NewReader(again), chunk.Limits{ChunkStreams: 1 << 16}))
		require.Equal(t, io.EOF, err)
		require.Equal(t, whole, got)
	})
}

// endless repeats its bytes for ever.
type endless struct {
	wire []byte
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.wire[e.at:])
	e.at = (e.at + n) % len(e.wire)
	return n, nil
}

func BenchmarkReadMessage(b *testing.B) {
	for _, c := range []struct {
		name               string
		payload, chunkSize int
	}{{"audio", 400, 65536}, {"video", 8000, 65536}, {"keyframe", 100000, 65536}, {"video in 128", 8000, 128}, {"ping", 6, 128}} {
		b.Run(c.name, func(b *testing.B) {
			wire := chunk.AppendSetChunkSize(nil, uint32(c.chunkSize))
			m := chunk.Message{ChunkStream: 6, Type: chunk.TypeVideo, Stream: 1, Payload: make([]byte, c.payload)}
			for range 1000 {
				wire = chunk.Append(wire, &m, c.chunkSize)
			}
			r := chunk.NewReader(&endless{wire: wire}, chunk.Limits{})
			b.SetBytes(int64(len(wire)))
			b.ReportAllocs()
			for b.Loop() {
				for range 1000 {
					if _, err := r.ReadMessage(); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
