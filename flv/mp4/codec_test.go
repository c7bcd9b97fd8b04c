package mp4_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/mp4"
)

// visual and sound are sample descriptions with the given boxes.
func visual(format string, boxes ...any) []byte {
	return boxOf(format, append([]any{make([]byte, 6), uint16(1), make([]byte, 16), uint16(640), uint16(360), make([]byte, 50)}, boxes...)...)
}

func sound(format string, channels, bits uint16, rate int, boxes ...any) []byte {
	return boxOf(format, append([]any{make([]byte, 6), uint16(1), make([]byte, 8), channels, bits, 0, rate << 16}, boxes...)...)
}

// quickTime is version 1 of a sound description.
func quickTime(format string, boxes ...any) []byte {
	return boxOf(format, append([]any{make([]byte, 6), uint16(1), uint16(1), make([]byte, 6), uint16(2), uint16(16), 0xfffe0000, 48000 << 16,
		make([]byte, 16)}, boxes...)...)
}

// linear is version 2 of a sound description.
func linear(channels, bits, flags int, rate float64) []byte {
	return boxOf("lpcm", make([]byte, 6), uint16(1), uint16(2), make([]byte, 6), uint16(3), uint16(16), uint16(0xfffe), uint16(0), 1<<16,
		72, math.Float64bits(rate), channels, 0x7f000000, bits, flags, bits/8*channels, 1)
}

// TestSoundDescriptionOfISO has version 1 of a sound description in version 1 of an stsd, which is not QuickTime's.
func TestSoundDescriptionOfISO(t *testing.T) {
	t.Parallel()
	audio := audioTrack()
	audio.entry = boxOf("Opus", make([]byte, 6), uint16(1), uint16(1), make([]byte, 6), uint16(2), uint16(16), 0, 1<<16,
		boxOf("dOps", "\x00\x02\x01\x38", 48000, "\x00\x00\x00"), boxOf("srat", 0, 96000))
	in := makeFile(audio)
	patch(t, in, []byte("stsd\x00"), []byte("stsd\x01"))
	f, err := mp4.Open(context.Background(), in)
	require.NoError(t, err)
	require.Equal(t, flv.CodecOpus, f.Info().Tracks[0].Codec)
}

// TestHandMade has codecs that no tool here writes, and forms of PCM.
func TestHandMade(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		entry         []byte
		video         bool
		frame         int
		codec         flv.Codec // "": it is left out
		start, config string    // the sequence header; "": none
		sample        string    // the head of a sample
	}{
		"VVC": {entry: visual("vvc1", boxOf("vvcC", 0, "\xff\x00\x65")), video: true, codec: flv.CodecVVC,
			start: "\x90vvc1", config: "\xff\x00\x65", sample: "\x93vvc1"},
		"VVC with its parameter sets among the pictures": {entry: visual("vvi1", boxOf("vvcC", 0, "\xff\x00\x65")), video: true,
			codec: flv.CodecVVC, start: "\x90vvc1", config: "\xff\x00\x65", sample: "\x93vvc1"},
		"VP8": {entry: visual("vp08", boxOf("vpcC", 1<<24, "\x00\x0a\x80")), video: true, codec: flv.CodecVP8,
			start: "\x90vp08", config: "\x00\x0a\x80", sample: "\x91vp08"},
		"QuickTime's AC-3": {entry: quickTime("ac-3", boxOf("wave", boxOf("frma", "ac-3"), boxOf("dac3", "\x50\x08\xc0"), boxOf("\x00\x00\x00\x00"))),
			codec: flv.CodecAC3, sample: "\x91ac-3"},
		"A law":                 {entry: sound("alaw", 1, 16, 8000), frame: 1, codec: flv.CodecG711A, sample: "\x72"},
		"mu law":                {entry: sound("ulaw", 1, 16, 8000), frame: 1, codec: flv.CodecG711U, sample: "\x82"},
		"A law at 16 kHz":       {entry: sound("alaw", 1, 16, 16000), frame: 1},
		"A law in stereo":       {entry: sound("alaw", 2, 16, 8000), frame: 2},
		"QuickTime's PCM":       {entry: sound("sowt", 2, 16, 22050), frame: 4, codec: flv.CodecPCM, sample: "\x3b"},
		"PCM at 5.5 kHz":        {entry: sound("sowt", 1, 16, 5512), frame: 2, codec: flv.CodecPCM, sample: "\x32"},
		"PCM of 8 bits":         {entry: sound("sowt", 1, 8, 22050), frame: 1},
		"PCM at 48 kHz":         {entry: sound("sowt", 2, 16, 48000), frame: 4},
		"big-endian PCM":        {entry: sound("twos", 2, 16, 44100), frame: 4},
		"linear PCM":            {entry: linear(2, 16, 4|8, 44100), frame: 4, codec: flv.CodecPCM, sample: "\x3f"},
		"linear, big-endian":    {entry: linear(2, 16, 2|4|8, 44100), frame: 4},
		"linear, of floats":     {entry: linear(2, 16, 1|8, 44100), frame: 4},
		"linear, six channels":  {entry: linear(6, 16, 4|8, 44100), frame: 12},
		"linear, no rate":       {entry: linear(2, 16, 4|8, math.NaN()), frame: 4},
		"ISO's PCM":             {entry: sound("ipcm", 1, 16, 11025, boxOf("pcmC", 0, "\x01\x10")), frame: 2, codec: flv.CodecPCM, sample: "\x36"},
		"ISO's PCM, big-endian": {entry: sound("ipcm", 1, 16, 11025, boxOf("pcmC", 0, "\x00\x10")), frame: 2},
		"ISO's PCM of 24 bits":  {entry: sound("ipcm", 1, 24, 11025, boxOf("pcmC", 0, "\x01\x18")), frame: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			track := &madeTrack{id: 1, video: tt.video, timescale: 8000, duration: 400, sizes: sizesOf(20), perChunk: 1, entry: tt.entry}
			if track.frame = tt.frame; tt.frame > 0 {
				track.sizes = []int{3000 * tt.frame, 3000 * tt.frame}
			}
			in := makeFile(track)
			f, err := mp4.Open(context.Background(), in)
			if tt.codec == "" {
				require.ErrorIs(t, err, flv.ErrNoTrack)
				require.ErrorContains(t, err, "codec "+string(tt.entry[4:8])+" cannot be sent")
				beside, _ := openMade(t, track, &madeTrack{id: 2, video: true, timescale: 10, duration: 1, sizes: sizesOf(10), perChunk: 1})
				require.Len(t, beside.Info().Tracks, 1)
				require.Equal(t, []string{string(tt.entry[4:8])}, beside.Info().LeftOut)
				return
			}
			require.NoError(t, err)
			require.Empty(t, f.Info().LeftOut)
			require.Equal(t, tt.codec, f.Info().Tracks[0].Codec)
			r := f.NewReader(in)
			tag, err := r.Next(context.Background())
			require.NoError(t, err)
			if tt.start != "" {
				require.Equal(t, tt.start+tt.config, string(tag.AppendBody(nil)))
				tag, err = r.Next(context.Background())
				require.NoError(t, err)
			}
			require.Equal(t, tt.sample, string(tag.Head.Bytes()))
			if tt.frame > 0 {
				require.Len(t, tag.Data, 1024*tt.frame)
			}
		})
	}
}

// TestCoverArt has a song with a picture of its cover, which does not make it a film.
func TestCoverArt(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"jpeg", "png "} {
		cover := &madeTrack{id: 1, video: true, timescale: 1000, duration: 10_000, sizes: []int{4000}, perChunk: 1, entry: visual(format)}
		f, in := openMade(t, cover, audioTrack())
		require.Len(t, f.Info().Tracks, 1)
		require.Equal(t, flv.TrackAudio, f.Info().Tracks[0].Type)
		require.Equal(t, []string{format}, f.Info().LeftOut)
		dts, _ := times(t, f, in, flv.TagAudio)
		require.Len(t, dts, 100)
		_, err := mp4.Open(context.Background(), makeFile(cover))
		require.ErrorIs(t, err, flv.ErrNoTrack)
	}
}

// TestDataTrack has AMF data beside pictures, as F4V has it: its samples are the bodies of script tags, and play by default.
// Hint tracks and those of metadata are passed over.
func TestDataTrack(t *testing.T) {
	t.Parallel()
	entry := func(format string) []byte { return boxOf(format, make([]byte, 6), uint16(1)) }
	data := &madeTrack{id: 2, timescale: 1000, duration: 2500, sizes: sizesOf(4), perChunk: 4, handler: "data", entry: entry("amf0")}
	hint := &madeTrack{id: 3, timescale: 1000, duration: 100, sizes: sizesOf(100), perChunk: 10, handler: "hint", entry: entry("rtp ")}
	meta := &madeTrack{id: 4, timescale: 1000, duration: 100, sizes: sizesOf(100), perChunk: 10, handler: "meta", entry: entry("metx")}
	f, in := openMade(t, hint, videoTrack(), meta, data)
	require.Len(t, f.Info().Tracks, 2)
	require.Equal(t, flv.TrackData, f.Info().Tracks[1].Type)
	require.Empty(t, f.Info().LeftOut)
	dts, _ := times(t, f, in, flv.TagScript)
	require.Equal(t, []int{0, 2500, 5000, 7500}, dts)
	r := f.NewReader(in)
	_, err := r.Seek(context.Background(), 6*time.Second)
	require.NoError(t, err)
	for {
		tag, err := r.Next(context.Background())
		require.NoError(t, err)
		if tag.Type == flv.TagScript {
			require.EqualValues(t, 7500, tag.Timestamp)
			require.Zero(t, tag.Head.Len())
			require.Len(t, tag.Data, data.sizes[3])
			break
		}
	}
}

// TestLongPCM has an hour and a half of PCM: more frames than a file may have samples. They are grouped, each group in its chunk,
// before anybody counts.
func TestLongPCM(t *testing.T) {
	t.Parallel()
	const seconds = 5400
	track := &madeTrack{id: 1, timescale: 44100, perChunk: 1, frame: 4, entry: sound("sowt", 2, 16, 44100)}
	for range seconds {
		track.sizes = append(track.sizes, 4*44100)
	}
	f, in := openMade(t, track)
	require.Equal(t, seconds*time.Second, f.Info().Duration)
	rate, _ := f.Info().OnMetaData().Number("audiodatarate")
	require.InDelta(t, 1411.2, rate, 0.01)
	r := f.NewReader(in)
	at, err := r.Seek(context.Background(), time.Hour+time.Second)
	require.NoError(t, err)
	require.Equal(t, time.Hour+time.Second, at)
	tags, bytes := 0, 0
	for ; tags < 44; tags++ { // a second: 43 groups and the rest of the chunk
		tag, err := r.Next(context.Background())
		require.NoError(t, err)
		bytes += len(tag.Data)
	}
	require.Equal(t, 4*44100, bytes)
}

// TestLyingPCM has chunks that hold more than the file.
func TestLyingPCM(t *testing.T) {
	t.Parallel()
	track := &madeTrack{id: 1, timescale: 44100, perChunk: 1, frame: 4, sizes: []int{4000}, entry: sound("sowt", 2, 16, 44100)}
	in := makeFile(track)
	in.size -= 8
	_, err := mp4.Open(context.Background(), in)
	require.ErrorIs(t, err, flv.ErrFormat)
}

// TestDataRates holds the bit rates in onMetaData, in kbit/s.
func TestDataRates(t *testing.T) {
	t.Parallel()
	video, audio := videoTrack(), audioTrack()
	bits := 0.0
	for _, s := range video.sizes {
		bits += 8 * float64(s)
	}
	f, _ := openMade(t, video, audio)
	for _, key := range []string{"videodatarate", "audiodatarate"} {
		rate, ok := f.Info().OnMetaData().Number(key)
		require.True(t, ok, key)
		require.InDelta(t, bits/10/1000, rate, 0.001, key)
	}
	in := hour("sidx", hourFragments)
	g, err := mp4.Open(context.Background(), in)
	require.NoError(t, err)
	whole := 8 * float64(in.size) / 3600 / 1000
	rate, _ := g.Info().OnMetaData().Number("videodatarate")
	require.InDelta(t, whole*450/460, rate, 1)
	rate, _ = g.Info().OnMetaData().Number("audiodatarate")
	require.InDelta(t, whole*10/460, rate, 1)
}
