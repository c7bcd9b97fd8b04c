package flv

// The values of the first byte of an audio or video tag, and of the second byte of AVC and AAC (FLV v10.1, E.4.2.1 and
// E.4.3.1).
const (
	frameKey       = 1
	frameInter     = 2
	frameGenerated = 4 // a key frame that a server made
	frameCommand   = 5 // no picture, but a command to the player

	classicSequenceStart = 0
	classicCodedFrames   = 1

	soundSixteenBit = 1 << 1
	soundStereo     = 1
	soundMP3At8kHz  = 14
)

// The packet types of Enhanced RTMP v2 ("Enhanced Video", "Enhanced Audio"). Both kinds share the numbers; video alone
// has CodedFramesX, audio alone has no Metadata but MultichannelConfig in its place.
const (
	packetSequenceStart = 0
	packetCodedFrames   = 1
	packetSequenceEnd   = 2
	packetCodedFramesX  = 3 // coded frames whose composition time is 0
	packetMetadata      = 4
	packetMPEG2TSStart  = 5 // video
	packetAudioMultiple = 5 // Multitrack of audio
	packetVideoMultiple = 6 // Multitrack of video
	packetModEx         = 7
	enhancedVideo       = 0x80 // the bit of the first byte that tells an enhanced video tag
	enhancedAudio       = 9    // the sound format that tells an enhanced audio tag
)

// VideoHead returns the head of a coded video frame. compositionTime is presentation less decoding time in ms; it has 24
// bits, and is carried for AVC, HEVC and VVC. Codecs with a number in classic FLV have the classic form.
func (c Codec) VideoHead(key bool, compositionTime int32) Head {
	frame := byte(frameInter)
	if key {
		frame = frameKey
	}
	cts := [3]byte{byte(compositionTime >> 16), byte(compositionTime >> 8), byte(compositionTime)}
	switch id := c.videoID(); {
	case id == videoAVC:
		return MakeHead(frame<<4|id, classicCodedFrames, cts[0], cts[1], cts[2])
	case id != 0:
		return MakeHead(frame<<4 | id)
	case c.composed() && compositionTime != 0:
		return MakeHead(enhancedVideo|frame<<4|packetCodedFrames, c[0], c[1], c[2], c[3], cts[0], cts[1], cts[2])
	case c.composed():
		return MakeHead(enhancedVideo|frame<<4|packetCodedFramesX, c[0], c[1], c[2], c[3])
	case len(c) == 4:
		return MakeHead(enhancedVideo|frame<<4|packetCodedFrames, c[0], c[1], c[2], c[3])
	}
	return Head{}
}

// composed tells whether coded frames of an enhanced video codec carry a composition time.
func (c Codec) composed() bool { return c == CodecHEVC || c == CodecVVC }

// AudioHead returns the head of a coded audio frame, with the sampling rate in Hz where the codec's form has a place for
// it. MP3 at 8 kHz goes by the number of all MP3: FFmpeg does not know the one of its own.
func (c Codec) AudioHead(rate, channels int) Head {
	id, ok := c.audioID()
	switch {
	case c == CodecAAC:
		return MakeHead(aacSound, classicCodedFrames)
	case !ok && len(c) == 4:
		return MakeHead(enhancedAudio<<4|packetCodedFrames, c[0], c[1], c[2], c[3])
	case !ok:
		return Head{}
	}
	code := soundRate(rate)
	switch {
	case c == CodecNellymoser && rate == 8000:
		id, code = 5, 0
	case c == CodecNellymoser && rate == 16000:
		id, code = 4, 0
	case c == CodecG711A, c == CodecG711U: // 8 kHz, for which there is no code
		code = 0
	case c == CodecSpeex: // 16 kHz, called 11
		code = 1
	}
	flags := code<<2 | soundSixteenBit
	if channels > 1 {
		flags |= soundStereo
	}
	return MakeHead(id<<4 | flags)
}

// aacSound is the first byte of every AAC tag: its rate and channels are fixed whatever the sound has (E.4.2.1).
const aacSound = audioAAC<<4 | 3<<2 | soundSixteenBit | soundStereo

// soundRate is the code of the sampling rate nearest to rate: 5.5, 11, 22 or 44 kHz.
func soundRate(rate int) byte {
	switch {
	case rate > 31180:
		return 3
	case rate > 15590:
		return 2
	case rate > 7795:
		return 1
	}
	return 0
}

// SequenceHead returns the head of a sequence header, which the codec's private data follows: avcC, hvcC, av1C, vpcC,
// AudioSpecificConfig, OpusHead, the FLAC header. It is empty for codecs that have no sequence header.
func (c Codec) SequenceHead() Head {
	switch c {
	case CodecAVC:
		return MakeHead(frameKey<<4|videoAVC, classicSequenceStart, 0, 0, 0)
	case CodecAAC:
		return MakeHead(aacSound, classicSequenceStart)
	case CodecHEVC, CodecVVC, CodecAV1, CodecVP9, CodecVP8:
		return MakeHead(enhancedVideo|frameKey<<4|packetSequenceStart, c[0], c[1], c[2], c[3])
	case CodecOpus, CodecFLAC:
		return MakeHead(enhancedAudio<<4|packetSequenceStart, c[0], c[1], c[2], c[3])
	}
	return Head{}
}
