package mp4_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/flv/mp4"
)

// textTrack is a track of timed text with the given samples, which go into the file's media by themselves.
func textTrack(id int, samples ...string) *madeTrack {
	m := &madeTrack{id: id, timescale: 1000, duration: 1000, perChunk: len(samples), handler: "sbtl",
		entry: boxOf("tx3g", make([]byte, 6), uint16(1), make([]byte, 30))}
	for _, s := range samples {
		m.sizes = append(m.sizes, len(s))
	}
	return m
}

// TestTextForms has the forms of a sample of timed text.
func TestTextForms(t *testing.T) {
	t.Parallel()
	samples := map[string]string{
		"\x00\x05Hello":                         "Hello",
		"\x00\x05Hellostyl":                     "Hello", // boxes may follow
		"\x00\x09Hello":                         "Hello", // as far as it goes
		"\x00\x00":                              "",
		"\x00":                                  "",
		"\x00\x06\xfe\xff\x00G\x00\xfc":         "G\u00fc",
		"\x00\x06\xfe\xff\xd8\x3d\xde\x00":      "\U0001f600", // a pair of surrogates
		"\x00\x05\xfe\xff\x00G\x00":             "G",
		"\x00\x04Gr\xc3\xbc":                    "Gr\u00fc",
		"\x00\x04\xfe\xff\x00":                  "",
		"\x00\x02\xfe\xff":                      "",
		"\xff\xff" + string(make([]byte, 1000)): string(make([]byte, 1000)),
	}
	for sample, want := range samples {
		in := makeFile(textTrack(1, sample), &madeTrack{id: 2, timescale: 1000, duration: 1000, sizes: []int{1}, perChunk: 1})
		in.head = append(in.head, sample...)
		f, err := mp4.Open(context.Background(), in)
		require.NoError(t, err)
		r := f.NewReader(in, f.Info().Tracks[0])
		tag, err := r.Next(context.Background())
		require.NoError(t, err)
		require.Equal(t, flv.TagScript, tag.Type)
		values, err := amf.Decode(tag.Data)
		require.NoError(t, err)
		object, _ := amf.Properties(values[1])
		require.Equal(t, want, object.String("text"), "%q", sample)
	}
}

// TestChapters has text that names the chapters of the sound, which is no text to be shown.
func TestChapters(t *testing.T) {
	t.Parallel()
	sound, chapters := audioTrack(), textTrack(7, "\x00\x03One", "\x00\x03Two")
	sound.tref = boxOf("tref", boxOf("hint", 9), boxOf("chap", 7))
	f, _ := openMade(t, sound, chapters)
	require.Len(t, f.Info().Tracks, 1)
	require.Equal(t, flv.TrackAudio, f.Info().Tracks[0].Type)
}
