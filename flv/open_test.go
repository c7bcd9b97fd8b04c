package flv

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv/amf"
)

// blackPicture is a film whose sound can be played, but not its pictures.
func blackPicture(body ...byte) []byte {
	f := newFilm(5)
	f.audioHeader(0, 1)
	for i := range 10 {
		f.tag(TagVideo, uint32(i*40), body...)
		f.audio(uint32(i*40), 20)
	}
	return f.b
}

// TestUnknownSound has pictures with sound that cannot be sent: they play, and Info says what is left out.
func TestUnknownSound(t *testing.T) {
	t.Parallel()
	f := newFilm(5)
	f.videoHeader(0, 1)
	for i := range 10 {
		f.video(uint32(i*40), i == 0, 100)
		f.tag(TagAudio, uint32(i*40), 0xC2, 1, 2, 3)
	}
	x, err := Open(t.Context(), memory(f.b))
	require.NoError(t, err)
	require.Len(t, x.Info().Tracks, 1)
	require.Equal(t, []string{"audio 12"}, x.Info().LeftOut)
}

// TestSetDataFrame has script tags as some servers record them, with what the publisher put in front of their names.
func TestSetDataFrame(t *testing.T) {
	t.Parallel()
	f := newFilm(5)
	script := func(ts uint32, values ...any) {
		b, err := amf.Append(nil, values...)
		require.NoError(t, err)
		f.tag(TagScript, ts, b...)
	}
	script(0, "@setDataFrame", "onMetaData", amf.ECMAArray{{Key: "title", Value: "first"}})
	f.videoHeader(0, 1)
	f.plain(0, 4, 1, 300)
	at := uint32(4000)
	script(at, "@setDataFrame", "onMetaData", amf.ECMAArray{{Key: "title", Value: "second"}})
	script(at, "onTextData", "hello")
	for range 6 {
		f.video(at, true, 100)
		at += 500
	}
	x, err := Open(t.Context(), memory(f.b))
	require.NoError(t, err)
	require.Equal(t, "first", amf.Object(x.Info().OnMetaData()).String("title"))
	names := func(r Reader, n int) (got []any) {
		for range n {
			tag, err := r.Next(t.Context())
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			if tag.Type == TagScript {
				values, err := amf.Decode(tag.Data)
				require.NoError(t, err)
				got = append(got, values[0])
			}
		}
		return got
	}
	r := x.NewReader(memory(f.b))
	require.Equal(t, []any{"onMetaData", "onTextData"}, names(r, 1000))
	_, err = r.Seek(t.Context(), 6*time.Second)
	require.NoError(t, err)
	require.Equal(t, []any{"onMetaData"}, names(r, 2), "in force there")
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	encrypted := newFilm(5)
	encrypted.tag(TagVideo|tagFilterBit, 0, encrypted.noise(100)...)
	encrypted.tag(TagVideo|tagFilterBit, 40, encrypted.noise(100)...)
	unknown := newFilm(1)
	unknown.tag(TagVideo, 0, 0x1F, 1, 2, 3)
	script := newFilm(5)
	script.metadata(0, nil)
	junk := newFilm(5)
	for _, c := range []struct {
		name string
		b    []byte
		is   error
		what string
	}{
		{"empty", nil, ErrFormat, "signature"},
		{"not FLV", []byte("FLX\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"), ErrFormat, "signature"},
		{"data offset too small", []byte("FLV\x01\x05\x00\x00\x00\x08\x00\x00\x00\x00"), ErrFormat, "data offset"},
		{"data offset too large", []byte("FLV\x01\x05\x7f\x00\x00\x08\x00\x00\x00\x00"), ErrFormat, "data offset"},
		{"no tags", newFilm(5).b, ErrFormat, "no tags"},
		{"only metadata", script.b, ErrFormat, "neither"},
		{"encrypted after the metadata", append(script.b[:len(script.b):len(script.b)], encrypted.b[13:]...), ErrFormat, "encrypted"},
		{"encrypted", encrypted.b, ErrFormat, "encrypted"},
		{"unknown codec", unknown.b, ErrNoTrack, "flv: codec video 15 cannot be sent"},
		{"unknown pictures with sound", blackPicture(0x19, 0, 0, 0, 0, 1), ErrNoTrack, "flv: codec video 9 cannot be sent"},
		{"unknown FourCC with sound", blackPicture(0x91, 'x', '2', '6', '6', 1), ErrNoTrack, `codec video "x266" cannot be sent`},
		{"junk", append(junk.b, junk.noise(3<<20)...), ErrFormat, "no tag found"},
	} {
		_, err := Open(t.Context(), memory(c.b))
		require.ErrorIs(t, err, c.is, c.name)
		require.ErrorContains(t, err, c.what, c.name)
	}
}
