package flv

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestUsualForms has files that were written in forms which few clients know.
func TestUsualForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body, want string
		kind             TagType
	}{
		{"AVC sequence header", "90 61766331 01 02", "17 00 000000 01 02", TagVideo},
		{"AVC key frame", "91 61766331 fffffe 01 02", "17 01 fffffe 01 02", TagVideo},
		{"AVC key frame without a time", "93 61766331 01 02", "17 01 000000 01 02", TagVideo},
		{"AVC frame", "a1 61766331 000050 01 02", "27 01 000050 01 02", TagVideo},
		{"AVC end", "92 61766331", "17 02 000000", TagVideo},
		{"AVC, cut off", "a1 61766331 0000", "a1 61766331 0000", TagVideo},
		{"AVC's colours", "94 61766331 02", "94 61766331 02", TagVideo},
		{"command", "d1 00", "d1 00", TagVideo},
		{"HEVC header by number", "1c 00 000000 01 02", "90 68766331 01 02", TagVideo},
		{"HEVC key frame by number", "1c 01 000050 01 02", "91 68766331 000050 01 02", TagVideo},
		{"HEVC frame by number", "2c 01 000000 01 02", "a1 68766331 000000 01 02", TagVideo},
		{"HEVC end by number", "1c 02 000000", "92 68766331", TagVideo},
		{"HEVC of an unknown kind", "1c 05 000000", "1c 05 000000", TagVideo},
		{"HEVC by FourCC", "93 68766331 01 02", "93 68766331 01 02", TagVideo},
		{"AAC header", "90 6d703461 12 10", "af 00 12 10", TagAudio},
		{"AAC frame", "91 6d703461 01 02", "af 01 01 02", TagAudio},
		{"AAC end", "92 6d703461", "92 6d703461", TagAudio},
		{"AAC's layout", "94 6d703461 01 02 00000003", "94 6d703461 01 02 00000003", TagAudio},
		{"MP3 frame", "91 2e6d7033 ff fb", "2f ff fb", TagAudio},
		{"Opus frame", "91 4f707573 01 02", "91 4f707573 01 02", TagAudio},
		{"several tracks", "96 01 61766331 00 01 02", "96 01 61766331 00 01 02", TagVideo},
		{"short", "91", "91", TagAudio},
	} {
		tag := Tag{Type: c.kind, Data: unhex(c.body)}
		before := tag.parseBody()
		tag.toUsual()
		require.Equal(t, unhex(c.want), tag.AppendBody(nil), c.name)
		after := tag.parseBody()
		require.Equal(t, before.codec, after.codec, c.name)
		require.Equal(t, before.packet, after.packet, c.name)
		require.Equal(t, before.key, after.key, c.name)
	}
}

// TestHEVCByNumber plays a film with HEVC under its unofficial number, from the start and after a seek.
func TestHEVCByNumber(t *testing.T) {
	t.Parallel()
	f := newFilm(5)
	f.tag(TagVideo, 0, 0x1C, 0, 0, 0, 0, 1, 2, 3)
	for i := range 100 {
		first := byte(0x2C)
		if i%25 == 0 {
			first = 0x1C
		}
		f.tag(TagVideo, uint32(i*40), first, 1, 0, 0, 80, byte(i))
	}
	x, err := Open(t.Context(), memory(f.b))
	require.NoError(t, err)
	require.Equal(t, CodecHEVC, x.Info().Tracks[0].Codec)
	r := x.NewReader(memory(f.b))
	n := 0
	for ; ; n++ {
		tag, err := r.Next(t.Context())
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		require.Equal(t, "hvc1", string(tag.Head.Bytes()[1:5]))
	}
	require.Equal(t, 101, n)
	at, err := r.Seek(t.Context(), 2500*time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, 2*time.Second, at)
	tag, err := r.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, unhex("90 68766331 01 02 03"), tag.AppendBody(nil))
	tag, err = r.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, unhex("91 68766331 000050 32"), tag.AppendBody(nil))
}
