package mp3

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
)

// repeated is a file of the same frame over and over.
type repeated []byte

func (r repeated) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		p[i] = r[(off+int64(i))%int64(len(r))]
	}
	return len(p), nil
}

// TestLongTimes has timestamps beyond 24 and 32 bits: seven weeks of 8 kbit/s, of which each frame has 72 bytes and plays
// for 72 ms. Timestamps wrap as RTMP's do, and seeking goes by the whole time.
func TestLongTimes(t *testing.T) {
	t.Parallel()
	const frames, frameMs = 60_000_000, 72
	frame := appendFrame(nil, hdrMPEG25, 1, false)
	require.Len(t, frame, frameMs)
	in := &countingInput{Input: flv.NewInput(repeated(frame), frames*int64(len(frame)))}
	f, err := Open(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, frames*frameMs*time.Millisecond, f.Info().Duration)
	require.Less(t, f.Bytes(), 32<<20)
	r := f.NewReader(in)
	in.bytes = 0
	for _, target := range []int64{1 << 24, 1 << 31, 1<<32 - 100, 1 << 32, 1<<32 + 1000} {
		at, err := r.Seek(t.Context(), time.Duration(target)*time.Millisecond)
		require.NoError(t, err)
		want := target / frameMs * frameMs
		require.Equal(t, want, at.Milliseconds())
		for i := range int64(4) {
			tag, err := r.Next(t.Context())
			require.NoError(t, err)
			require.Equal(t, uint32(want+i*frameMs), tag.Timestamp)
			require.EqualValues(t, 0x26, tag.Head.Bytes()[0], "MP3 by the number of all MP3, 11 kHz, mono")
		}
	}
	require.Less(t, in.bytes, int64(1<<20), "no seek reads through the file")
	at, err := r.Seek(t.Context(), 60*24*time.Hour)
	require.NoError(t, err)
	require.Equal(t, int64(frames-1)*frameMs, at.Milliseconds())
	_, err = r.Next(t.Context())
	require.NoError(t, err)
	_, err = r.Next(t.Context())
	require.ErrorIs(t, err, io.EOF)
}
