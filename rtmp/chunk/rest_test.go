package chunk_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/seed-3309b198/reelfront/rtmp/chunk"
	"github.com/stretchr/testify/require"
)

// restReader tells what the Reader holds at each read that would wait: it stands between messages.
type restReader struct {
	batches [][]byte
	rest    []byte
	holds   func() int
	held    []int
}

func (r *restReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		r.held = append(r.held, r.holds())
		if len(r.batches) == 0 {
			return 0, io.EOF
		}
		r.rest, r.batches = r.batches[0], r.batches[1:]
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Whatever has come before, a Reader that waits between messages holds no pooled memory.
func TestReaderAtRestHoldsNothing(t *testing.T) {
	t.Parallel()
	var batches [][]byte
	for _, size := range []int{0, 1, 10, 51, 52, 53, 64, 128, 1000, 1024, 5000, 16372, 16384, 40000, 300000} {
		m := message(6, chunk.TypeVideo, 1, 0, bytes.Repeat([]byte{1}, size))
		one := chunk.Append(nil, &m, 65536)
		batches = append(batches, one, bytes.Repeat(one, 3))
	}
	in := &restReader{rest: chunk.AppendSetChunkSize(nil, 65536), batches: batches}
	r := chunk.NewReader(in, chunk.Limits{})
	in.holds = r.Holds
	got, err := readAll(r)
	require.Equal(t, io.EOF, err)
	require.Len(t, got, 15*4)
	require.Equal(t, make([]int, len(batches)+1), in.held)
}

// After an error, a Reader holds nothing either.
func TestReaderAfterErrorHoldsNothing(t *testing.T) {
	t.Parallel()
	wire := unhex(t, "06 000000 001000 08 01000000"+zeros(128)+"07 000000 001000 09 01000000"+zeros(128)+"c6"+zeros(128))
	r := chunk.NewReader(bytes.NewReader(wire), chunk.Limits{})
	_, err := r.ReadMessage()
	require.Equal(t, io.ErrUnexpectedEOF, err)
	require.Zero(t, r.Holds())
}
