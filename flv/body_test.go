package flv

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv/amf"
)

// unhex reads hexadecimal digits in which blanks are only for the eye.
func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

func TestTagBodies(t *testing.T) {
	t.Parallel()
	const key, header, command = 1, 2, 4
	fourCC := func(c Codec) string { return hex.EncodeToString([]byte(c)) }
	for _, c := range []struct {
		name  string
		kind  TagType
		body  string
		codec Codec
		flags int
	}{
		{"empty audio", TagAudio, "", "", 0},
		{"empty video", TagVideo, "", "", 0},
		{"script", TagScript, "02", "", 0},
		{"AVC sequence header", TagVideo, "17 00 000000 01", CodecAVC, header},
		{"AVC key frame", TagVideo, "17 01 000000 00", CodecAVC, key},
		{"AVC inter frame", TagVideo, "27 01 000000 00", CodecAVC, 0},
		{"AVC server's key frame", TagVideo, "47 01 000000 00", CodecAVC, key},
		{"AVC end of sequence", TagVideo, "17 02 000000", CodecAVC, 0},
		{"AVC command", TagVideo, "57 00", CodecAVC, command},
		{"H.263 key frame", TagVideo, "12 00", CodecH263, key},
		{"H.263 disposable frame", TagVideo, "32 00", CodecH263, 0},
		{"screen key frame", TagVideo, "13 00", CodecScreen, key},
		{"VP6 key frame", TagVideo, "14 00", CodecVP6, key},
		{"VP6 with alpha", TagVideo, "25 00", CodecVP6Alpha, 0},
		{"screen 2", TagVideo, "16 00", CodecScreen2, key},
		{"unknown video", TagVideo, "1f 00", "", key},
		{"AAC sequence header", TagAudio, "af 00 1210", CodecAAC, header},
		{"AAC frame", TagAudio, "af 01 21", CodecAAC, 0},
		{"MP3", TagAudio, "2f ff", CodecMP3, 0},
		{"MP3 at 8 kHz", TagAudio, "e2 ff", CodecMP3, 0},
		{"Speex", TagAudio, "b6 00", CodecSpeex, 0},
		{"Nellymoser at 8 kHz", TagAudio, "52 00", CodecNellymoser, 0},
		{"HEVC sequence start", TagVideo, "90" + fourCC(CodecHEVC), CodecHEVC, header},
		{"HEVC key frame", TagVideo, "91" + fourCC(CodecHEVC) + "000000 00", CodecHEVC, key},
		{"HEVC key frame without composition time", TagVideo, "93" + fourCC(CodecHEVC) + "00", CodecHEVC, key},
		{"HEVC inter frame", TagVideo, "a1" + fourCC(CodecHEVC) + "000000 00", CodecHEVC, 0},
		{"HEVC sequence end", TagVideo, "92" + fourCC(CodecHEVC), CodecHEVC, 0},
		{"AV1 metadata", TagVideo, "94" + fourCC(CodecAV1), CodecAV1, header},
		{"AV1 transport stream start", TagVideo, "95" + fourCC(CodecAV1), CodecAV1, header},
		{"enhanced command", TagVideo, "d1 00", "", command},
		{"multitrack, one track, sequence start", TagVideo, "96 00" + fourCC(CodecVP9) + "01", CodecVP9, header},
		{"multitrack, many codecs, key frames", TagVideo, "96 21" + fourCC(CodecAVC) + "00 000001 00", CodecAVC, key},
		{"ModEx, key frame", TagVideo, "97 02 000001 01" + fourCC(CodecAV1), CodecAV1, key},
		{"long ModEx, key frame", TagVideo, "97 ff 00ff" + strings.Repeat("00", 256) + "01" + fourCC(CodecAV1), CodecAV1, key},
		{"ModEx twice, sequence start", TagVideo, "97 02 000001 07 00 00 00" + fourCC(CodecAV1), CodecAV1, header},
		{"Opus sequence start", TagAudio, "90" + fourCC(CodecOpus), CodecOpus, header},
		{"Opus frames", TagAudio, "91" + fourCC(CodecOpus), CodecOpus, 0},
		{"Opus channels", TagAudio, "94" + fourCC(CodecOpus) + "01 02", CodecOpus, header},
		{"audio multitrack sequence start", TagAudio, "95 10" + fourCC(CodecFLAC) + "00 000001 00", CodecFLAC, header},
		{"unknown FourCC", TagVideo, "91 78787878", "", key},
		{"cut off", TagVideo, "97", "", header},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := unhex(c.body)
			for split := 0; split <= min(len(b), MaxHead); split++ {
				tag := Tag{Type: c.kind, Head: MakeHead(b[:split]...), Data: b[split:]}
				require.Equal(t, c.codec, tag.Codec())
				require.Equal(t, c.flags&key != 0, tag.KeyFrame(), "key")
				require.Equal(t, c.flags&header != 0, tag.SequenceHeader(), "header")
				require.Equal(t, c.flags&command != 0, tag.Command(), "command")
			}
		})
	}
}

func TestHeads(t *testing.T) {
	t.Parallel()
	fourCC := func(c Codec) string { return hex.EncodeToString([]byte(c)) }
	for _, c := range []struct {
		name string
		head Head
		want string
	}{
		{"AVC key", CodecAVC.VideoHead(true, 80), "17 01 000050"},
		{"AVC inter, negative", CodecAVC.VideoHead(false, -1), "27 01 ffffff"},
		{"AVC header", CodecAVC.SequenceHead(), "17 00 000000"},
		{"H.263", CodecH263.VideoHead(false, 0), "22"},
		{"HEVC", CodecHEVC.VideoHead(true, 40), "91" + fourCC(CodecHEVC) + "000028"},
		{"HEVC, no composition time", CodecHEVC.VideoHead(false, 0), "a3" + fourCC(CodecHEVC)},
		{"HEVC header", CodecHEVC.SequenceHead(), "90" + fourCC(CodecHEVC)},
		{"AV1", CodecAV1.VideoHead(true, 0), "91" + fourCC(CodecAV1)},
		{"AAC", CodecAAC.AudioHead(8000, 1), "af 01"},
		{"AAC header", CodecAAC.SequenceHead(), "af 00"},
		{"MP3", CodecMP3.AudioHead(44100, 2), "2f"},
		{"MP3, 48 kHz", CodecMP3.AudioHead(48000, 1), "2e"},
		{"MP3, 22 kHz mono", CodecMP3.AudioHead(22050, 1), "2a"},
		{"MP3, 11 kHz", CodecMP3.AudioHead(11025, 1), "26"},
		{"MP3, 8 kHz", CodecMP3.AudioHead(8000, 1), "26"},
		{"MP3 header", CodecMP3.SequenceHead(), ""},
		{"Speex", CodecSpeex.AudioHead(16000, 1), "b6"},
		{"Nellymoser 8 kHz", CodecNellymoser.AudioHead(8000, 1), "52"},
		{"Nellymoser 16 kHz", CodecNellymoser.AudioHead(16000, 1), "42"},
		{"A-law", CodecG711A.AudioHead(8000, 1), "72"},
		{"Opus", CodecOpus.AudioHead(48000, 2), "91" + fourCC(CodecOpus)},
		{"Opus header", CodecOpus.SequenceHead(), "90" + fourCC(CodecOpus)},
		{"AC-3 header", CodecAC3.SequenceHead(), ""},
		{"no codec", Codec("").VideoHead(true, 0), ""},
		{"no codec, audio", Codec("").AudioHead(0, 0), ""},
	} {
		require.Equal(t, unhex(c.want), append([]byte{}, c.head.Bytes()...), c.name)
	}
}

func TestCodecMetadata(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		codec   Codec
		private string
		want    amf.ECMAArray
	}{
		{"AAC", CodecAAC, "1210", amf.ECMAArray{{Key: "aacaot", Value: 2.0}, {Key: "audiosamplerate", Value: 44100.0}, {Key: "audiochannels", Value: 2.0}}},
		{"AVC", CodecAVC, "0142001f0301002f6742801f96520508fcb80a84000003000400000300f3818018680004630ff18e3030030d00008c61fe31c3b428549001000468cb8d48",
			amf.ECMAArray{{Key: "avcprofile", Value: 66.0}, {Key: "avclevel", Value: 31.0}, {Key: "width", Value: 160.0}, {Key: "height", Value: 120.0}, {Key: "videoframerate", Value: 30.0}}},
		{"HEVC", CodecHEVC, "01016000000090000000000078f000fcfdf8f800000f02 a0 0000 a1 0001 002d 420101016000000300900000030000030078a00502016965959a4932bc05a80808082000000300200000030321",
			amf.ECMAArray{{Key: "width", Value: 640.0}, {Key: "height", Value: 360.0}, {Key: "videoframerate", Value: 25.0}}},
		{"AV1", CodecAV1, "81050c00 0a0b0000002d4c37b3dfff9804", amf.ECMAArray{{Key: "width", Value: 1080.0}, {Key: "height", Value: 720.0}}},
		{"nothing", CodecAVC, "", nil},
		{"no sequence parameter set", CodecAVC, "01420014ffe00100", nil},
		{"no AAC", CodecAAC, "", nil},
		{"Opus", CodecOpus, hex.EncodeToString([]byte("OpusHead")) + "01 02 3801 80bb0000 0000 00",
			amf.ECMAArray{{Key: "audiosamplerate", Value: 48000.0}, {Key: "audiochannels", Value: 2.0}}},
		{"FLAC", CodecFLAC, hex.EncodeToString([]byte("fLaC")) + "80000022 1000100000000000000a 0ac442f0" + strings.Repeat("00", 20),
			amf.ECMAArray{{Key: "audiosamplerate", Value: 44100.0}, {Key: "audiochannels", Value: 2.0}}},
		{"no FLAC", CodecFLAC, "664c6143", nil},
		{"no private data", CodecMP3, "00", nil},
	} {
		require.Equal(t, c.want, c.codec.Metadata(unhex(c.private)), c.name)
	}
}
