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

// The codec numbers of classic FLV that are named elsewhere (FLV v10.1, E.4.2.1 and E.4.3.1).
const (
	videoAVC = 7
	audioAAC = 10
)

// videoID is the number of a video codec in classic FLV (E.4.3.1), 0 when it has none.
func (c Codec) videoID() byte {
	switch c {
	case CodecH263:
		return 2
	case CodecScreen:
		return 3
	case CodecVP6:
		return 4
	case CodecVP6Alpha:
		return 5
	case CodecScreen2:
		return 6
	case CodecAVC:
		return videoAVC
	}
	return 0
}

func videoCodec(id byte) Codec {
	if id == videoHEVC {
		return CodecHEVC
	}
	for _, c := range [...]Codec{CodecAVC, CodecH263, CodecVP6, CodecVP6Alpha, CodecScreen, CodecScreen2} {
		if c.videoID() == id {
			return c
		}
	}
	return ""
}

// audioID is the number of an audio codec in classic FLV (E.4.2.1).
func (c Codec) audioID() (id byte, ok bool) {
	switch c {
	case CodecPCM:
		return 3, true
	case CodecADPCM:
		return 1, true
	case CodecMP3:
		return 2, true
	case CodecNellymoser:
		return 6, true
	case CodecG711A:
		return 7, true
	case CodecG711U:
		return 8, true
	case CodecAAC:
		return audioAAC, true
	case CodecSpeex:
		return 11, true
	case CodecDeviceSound:
		return 15, true
	}
	return 0, false
}

func audioCodec(id byte) Codec {
	switch id {
	case 0, 3: // PCM in the byte order of the writer's machine, and in little endian
		return CodecPCM
	case 1:
		return CodecADPCM
	case 2, soundMP3At8kHz:
		return CodecMP3
	case 4, 5, 6: // at 16 kHz, at 8 kHz, at any rate
		return CodecNellymoser
	case 7:
		return CodecG711A
	case 8:
		return CodecG711U
	case audioAAC:
		return CodecAAC
	case 11:
		return CodecSpeex
	case 15:
		return CodecDeviceSound
	}
	return ""
}

// MetadataID is the value of videocodecid or audiocodecid in onMetaData: the name that Flash servers gave to AVC, AAC and
// MP3, the number of other classic codecs, and the FourCC as a number of enhanced ones (Enhanced RTMP v2, "Metadata").
func (c Codec) MetadataID() any {
	switch c {
	case CodecAVC, CodecAAC, CodecMP3:
		return string(c)
	}
	if c.Enhanced() {
		return float64(uint32(c[0])<<24 | uint32(c[1])<<16 | uint32(c[2])<<8 | uint32(c[3]))
	}
	if id := c.videoID(); id != 0 {
		return float64(id)
	}
	id, _ := c.audioID()
	return float64(id)
}
