package flv

import (
	"encoding/binary"
	"math"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"github.com/seed-3309b198/reelfront/flv/amf"
)

// maxFrameRate is the highest frame rate that is believed of a header.
const maxFrameRate = 1000

// opusRate is the sampling rate of decoded Opus in Hz (RFC 7845, 5.1).
const opusRate = 48000

// Metadata is what onMetaData says of a track with the codec's private data, which is what follows SequenceHead in a
// sequence header: avcC, hvcC, av1C, AudioSpecificConfig, OpusHead, the FLAC header. What cannot be read from it is left
// out; videocodecid or audiocodecid, which is the caller's to add, is never in it.
func (c Codec) Metadata(private []byte) amf.ECMAArray {
	switch c {
	case CodecAVC:
		return avcMetadata(private)
	case CodecHEVC:
		return hevcMetadata(private)
	case CodecAV1:
		return av1Metadata(private)
	case CodecAAC:
		return aacMetadata(private)
	case CodecOpus:
		var head opus.IDHeader
		if head.Unmarshal(private) == nil {
			return sound(opusRate, int(head.ChannelCount))
		}
	case CodecFLAC:
		return flacMetadata(private)
	}
	return nil
}

// avcMetadata reads an AVCDecoderConfigurationRecord (ISO 14496-15, 5.2.4.1).
func avcMetadata(b []byte) amf.ECMAArray {
	if len(b) < 8 || b[5]&0x1F == 0 {
		return nil
	}
	m := amf.ECMAArray{{Key: "avcprofile", Value: float64(b[1])}, {Key: "avclevel", Value: float64(b[3])}}
	var sps h264.SPS
	if unit := lengthPrefixed(b[6:]); unit != nil && sps.Unmarshal(unit) == nil {
		m = append(m, picture(sps.Width(), sps.Height(), sps.FPS())...)
	}
	return m
}

// hevcMetadata reads an HEVCDecoderConfigurationRecord (ISO 14496-15, 8.3.3.1): 23 bytes, then arrays of NAL units.
func hevcMetadata(b []byte) amf.ECMAArray {
	const fixed, spsType = 23, 33
	if len(b) < fixed {
		return nil
	}
	for b = b[fixed:]; len(b) >= 3; {
		kind, count := b[0]&0x3F, int(binary.BigEndian.Uint16(b[1:]))
		b = b[3:]
		for range count {
			unit := lengthPrefixed(b)
			if unit == nil {
				return nil
			}
			var sps h265.SPS
			if kind == spsType && sps.Unmarshal(unit) == nil {
				return picture(sps.Width(), sps.Height(), sps.FPS())
			}
			b = b[2+len(unit):]
		}
	}
	return nil
}

// lengthPrefixed returns the bytes that a 16-bit length precedes, nil if there are not as many or none.
func lengthPrefixed(b []byte) []byte {
	if len(b) < 2 {
		return nil
	}
	n := int(binary.BigEndian.Uint16(b))
	if n == 0 || n > len(b)-2 {
		return nil
	}
	return b[2 : 2+n]
}

// av1Metadata reads an AV1CodecConfigurationRecord: 4 bytes, then OBUs (AV1 in ISOBMFF, 2.3.3).
func av1Metadata(b []byte) amf.ECMAArray {
	if len(b) <= 4 {
		return nil
	}
	var units av1.Bitstream
	if units.Unmarshal(b[4:]) != nil {
		return nil
	}
	for _, unit := range units {
		var header av1.SequenceHeader
		if header.Unmarshal(unit) == nil {
			return picture(header.Width(), header.Height(), 0)
		}
	}
	return nil
}

func aacMetadata(b []byte) amf.ECMAArray {
	var config mpeg4audio.AudioSpecificConfig
	if config.Unmarshal(b) != nil {
		return nil
	}
	rate, channels := config.SampleRate, int(config.ChannelConfig)
	if config.ExtensionSampleRate > rate {
		rate = config.ExtensionSampleRate
	}
	if channels == 7 {
		channels = 8 // ISO 14496-3, table 1.19
	}
	return append(amf.ECMAArray{{Key: "aacaot", Value: float64(config.Type)}}, sound(rate, channels)...)
}

// flacMetadata reads STREAMINFO (FLAC format, METADATA_BLOCK_STREAMINFO), which may have its block header and the mark
// "fLaC" before it.
func flacMetadata(b []byte) amf.ECMAArray {
	const streamInfo = 34
	if len(b) >= 4 && string(b[:4]) == "fLaC" {
		b = b[4:]
	}
	if len(b) >= 4+streamInfo {
		b = b[4:]
	}
	if len(b) < streamInfo {
		return nil
	}
	v := binary.BigEndian.Uint32(b[10:])
	return sound(int(v>>12), int(v>>9&7)+1)
}

// picture are the properties of a video track; what is not known is 0 and left out.
func picture(width, height int, rate float64) amf.ECMAArray {
	var m amf.ECMAArray
	if width > 0 && height > 0 {
		m = append(m, amf.Pair{Key: "width", Value: float64(width)}, amf.Pair{Key: "height", Value: float64(height)})
	}
	if rate > 0 && rate <= maxFrameRate {
		m = append(m, amf.Pair{Key: "videoframerate", Value: math.Round(rate*1000) / 1000})
	}
	return m
}

// sound are the properties of an audio track; what is not known is 0 and left out.
func sound(rate, channels int) amf.ECMAArray {
	var m amf.ECMAArray
	if rate > 0 {
		m = append(m, amf.Pair{Key: "audiosamplerate", Value: float64(rate)})
	}
	if channels > 0 {
		m = append(m, amf.Pair{Key: "audiochannels", Value: float64(channels)})
	}
	return m
}
