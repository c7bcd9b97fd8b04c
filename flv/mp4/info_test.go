package mp4_test

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
)

func TestInfo(t *testing.T) {
	t.Parallel()
	f, _ := open(t, testFile(t, "faststart.mp4"))
	all := f.Info().OnMetaData()
	for key, want := range map[string]any{
		"videocodecid": "avc1", "audiocodecid": "mp4a", "width": 160.0, "height": 120.0, "videoframerate": 25.0,
		"audiosamplerate": 44100.0, "audiochannels": 1.0, "aacaot": 2.0, "avcprofile": 100.0, "moovPosition": 32.0,
	} {
		got, ok := all.Lookup(key)
		require.True(t, ok, key)
		require.Equal(t, want, got, key)
	}
	duration, _ := all.Number("duration")
	require.InDelta(t, 2.08, duration, 0.02)
	tags, _ := all.Lookup("tags")
	require.Equal(t, "A clip", tags.(amf.Object).String("\u00a9nam"))
	require.Equal(t, "Reelfront", tags.(amf.Object).String("\u00a9ART"))
	tracks, _ := all.Lookup("trackinfo")
	require.Equal(t, amf.Object{
		{Key: "length", Value: 89224.0},
		{Key: "timescale", Value: 44100.0},
		{Key: "language", Value: "eng"},
		{Key: "sampledescription", Value: amf.StrictArray{amf.Object{{Key: "sampletype", Value: "mp4a"}}}},
	}, tracks.(amf.StrictArray)[1])
	points, _ := all.Lookup("seekpoints")
	require.Len(t, points, 2)
	require.Len(t, f.Info().KeyFrames, 2)
	_, err := amf.Append(nil, "onMetaData", all)
	require.NoError(t, err)
	require.Equal(t, "eng", f.Info().Tracks[1].Language)
}

func TestFragmentedInfo(t *testing.T) {
	t.Parallel()
	f, _ := open(t, testFile(t, "fragments.mp4"))
	require.Nil(t, f.Info().KeyFrames)
	require.InDelta(t, 2, f.Info().Duration.Seconds(), 0.05)
	rate, _ := f.Info().OnMetaData().Number("videoframerate")
	require.InDelta(t, 15, rate, 0.01)
}

// TestCodecs has a clip of each codec: its name, and the first tags.
func TestCodecs(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		codec         flv.Codec
		start, sample []byte // the heads of the sequence header, nil where there is none, and of the first sample
		config        string // how the sequence header begins
	}{
		"faststart.mp4": {flv.CodecAVC, []byte{0x17, 0, 0, 0, 0}, []byte{0x17, 1, 0, 0, 80}, "\x01"},
		"nostss.mp4":    {flv.CodecAVC, []byte{0x17, 0, 0, 0, 0}, []byte{0x17, 1, 0, 0, 0}, "\x01"},
		"mp3.mp4":       {flv.CodecMP3, nil, []byte{0x2f}, ""},
		"hevc.mp4":      {flv.CodecHEVC, []byte("\x90hvc1"), []byte("\x91hvc1\x00\x00\x85"), "\x01"},
		"av1.mp4":       {flv.CodecAV1, []byte("\x90av01"), []byte("\x91av01"), "\x81"},
		"vp9.mp4":       {flv.CodecVP9, []byte("\x90vp09"), []byte("\x91vp09"), "\x00"},
		"opus.mp4":      {flv.CodecOpus, []byte("\x90Opus"), []byte("\x91Opus"), "OpusHead\x01\x01\x38\x01"},
		"flac.mp4":      {flv.CodecFLAC, []byte("\x90fLaC"), []byte("\x91fLaC"), "fLaC\x80"},
		"ac3.mp4":       {flv.CodecAC3, nil, []byte("\x91ac-3"), ""},
		"eac3.mp4":      {flv.CodecEAC3, nil, []byte("\x91ec-3"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, in := open(t, testFile(t, name))
			track := f.Info().Tracks[0]
			require.Equal(t, want.codec, track.Codec)
			r := f.NewReader(in, track)
			tag, err := r.Next(context.Background())
			require.NoError(t, err)
			if want.start != nil {
				require.Equal(t, want.start, tag.Head.Bytes())
				require.Equal(t, want.config, string(tag.Data[:len(want.config)]))
				tag, err = r.Next(context.Background())
				require.NoError(t, err)
			}
			require.Equal(t, want.sample, tag.Head.Bytes())
		})
	}
}

// TestText has timed text beside sound and pictures: it plays when it is asked for.
func TestText(t *testing.T) {
	t.Parallel()
	f, in := open(t, testFile(t, "text.mp4"))
	require.Equal(t, flv.TrackText, f.Info().Tracks[2].Type)
	require.Equal(t, "deu", f.Info().Tracks[2].Language)
	require.Empty(t, receive(t, f.NewReader(in))[flv.TagScript].packets)
	r := f.NewReader(in, f.Info().Tracks...)
	var texts []string
	for {
		tag, err := r.Next(context.Background())
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		if tag.Type != flv.TagScript {
			continue
		}
		values, err := amf.Decode(tag.Data)
		require.NoError(t, err)
		require.Equal(t, "onTextData", values[0])
		object, _ := amf.Properties(values[1])
		require.Equal(t, "deu", object.String("language"))
		texts = append(texts, object.String("text"))
	}
	require.Contains(t, texts, "Hello")
	require.Contains(t, texts, "Gr\u00fc\u00dfe")
}
