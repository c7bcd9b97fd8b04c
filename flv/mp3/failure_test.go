package mp3

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/stretchr/testify/require"
)

// A brittleInput fails at one call.
type brittleInput struct {
	flv.Input
	calls, failAt int
}

func (in *brittleInput) Window(ctx context.Context, off int64, n int) ([]byte, error) {
	in.calls++
	if in.calls == in.failAt {
		return nil, errAway
	}
	return in.Input.Window(ctx, off, n)
}

// TestEveryFailure has each read fail that Open and Seek make, one after the other: the error comes out, and the
// next attempt is as good as the first.
func TestEveryFailure(t *testing.T) {
	t.Parallel()
	art, err := os.ReadFile("testdata/art.mp3")
	require.NoError(t, err)
	plainSize := append([]byte("TIT2\x00\x00\x01\x2D\x00\x00\x00"), bytes.Repeat([]byte("a"), 300)...)
	tagged := bytes.Join([][]byte{id3Tag(3, 0x80, textFrame(3, "TIT2", "\x00a")), id3Tag(4, 0x40, []byte{0, 0, 0, 6, 1, 0}, plainSize),
		art, append([]byte("TAG"), make([]byte, 125)...)}, nil)
	constant, variable, tabled := made{}, made{}, withXing(30_000, variableFrames)
	constantFrames(&constant, 3000)
	variableFrames(&variable, 16_000)
	for name, data := range map[string][]byte{
		"tagged": tagged, "constant": constant.data, "variable": variable.data, "tabled": tabled.data, "damaged": damaged(3000).data,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for failAt := 1; ; failAt++ {
				in := &brittleInput{Input: inputOf(data), failAt: failAt}
				if _, err := Open(t.Context(), in); err == nil {
					require.Less(t, in.calls, failAt, "an error was swallowed")
					break
				}
				require.Equal(t, failAt, in.calls, "it went on after the error")
			}
			middle := open(t, data).Info().Duration / 2
			want, err := open(t, data).NewReader(inputOf(data)).Seek(t.Context(), middle)
			require.NoError(t, err)
			for failAt := 1; ; failAt++ {
				in := &brittleInput{Input: inputOf(data), failAt: failAt}
				r := open(t, data).NewReader(in)
				got, err := r.Seek(t.Context(), middle)
				if err != nil {
					require.ErrorIs(t, err, errAway)
					got, err = r.Seek(t.Context(), middle)
				}
				require.NoError(t, err)
				require.Equal(t, want, got)
				tag, err := r.Next(t.Context())
				require.NoError(t, err)
				require.EqualValues(t, want/time.Millisecond, tag.Timestamp)
				if in.calls < failAt || failAt > 40 {
					break
				}
			}
		})
	}
}
