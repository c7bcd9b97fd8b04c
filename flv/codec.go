package flv

// Codec names a codec by the FourCC that Enhanced RTMP gives it, or, for those that only FLV's numbers name, by a plain
// word.
type Codec string

// The codecs. Those of the first group have a number in classic FLV; those of the second only a FourCC (Enhanced RTMP
// v2, "Enhanced Video", "Enhanced Audio").
const (
	CodecAVC         Codec = "avc1"
	CodecH263        Codec = "h263"
	CodecScreen      Codec = "screen"
	CodecScreen2     Codec = "screen2"
	CodecVP6         Codec = "vp6"
	CodecVP6Alpha    Codec = "vp6a"
	CodecAAC         Codec = "mp4a"
	CodecMP3         Codec = ".mp3"
	CodecSpeex       Codec = "speex"
	CodecNellymoser  Codec = "nellymoser"
	CodecG711A       Codec = "alaw"
	CodecG711U       Codec = "ulaw"
	CodecADPCM       Codec = "adpcm"
	CodecPCM         Codec = "pcm"
	CodecDeviceSound Codec = "device"

	CodecHEVC Codec = "hvc1"
	CodecVVC  Codec = "vvc1"
	CodecAV1  Codec = "av01"
	CodecVP9  Codec = "vp09"
	CodecVP8  Codec = "vp08"
	CodecOpus Codec = "Opus"
	CodecFLAC Codec = "fLaC"
	CodecAC3  Codec = "ac-3"
	CodecEAC3 Codec = "ec-3"
)

// Enhanced tells whether only Enhanced RTMP can carry the codec: a client that did not announce it cannot be sent it.
func (c Codec) Enhanced() bool {
	switch c {
	case CodecHEVC, CodecVVC, CodecAV1, CodecVP9, CodecVP8, CodecOpus, CodecFLAC, CodecAC3, CodecEAC3:
		return true
	}
	return false
}
