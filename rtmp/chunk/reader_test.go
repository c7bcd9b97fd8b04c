package chunk_test

import (
	"bytes"
	"io"
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
