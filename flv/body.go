package flv

import (
	"bytes"
	"fmt"
)

// body is what the first bytes of a tag's body say.
type body struct {
	codec   Codec
	packet  packetKind
	key     bool
	track   uint8 // Enhanced RTMP's track id, of the first track in the tag
	private int   // where the codec's private data begins in a sequence header
}

// packetKind says what a tag is for.
type packetKind uint8

const (
	packetEmpty    packetKind = iota // no body at all: silence
	packetFrame                      // coded frames
	packetSequence                   // a sequence header
	packetSide                       // enhanced metadata, MultichannelConfig: in force until the next, as a sequence header is
	packetEnd                        // the end of a sequence
	packetCommand                    // a command to the player
)

// maxModEx is how many ModEx packets may precede what they modify.
const maxModEx = 8

// parseBody reads the head of an audio or video tag's body.
func (t *Tag) parseBody() body {
	switch {
	case t.Len() == 0:
		return body{}
	case t.Type == TagVideo:
		return t.parseVideo()
	case t.Type == TagAudio:
		return t.parseAudio()
	case t.isMetadata():
		return body{packet: packetSequence} // in force until the next one
	}
	return body{packet: packetFrame}
}

// onMetaData is how the body of a metadata tag begins: an AMF0 string.
const onMetaData = "\x02\x00\x0AonMetaData"

func (t *Tag) isMetadata() bool {
	return bytes.HasPrefix(scriptBody(t.Data), []byte(onMetaData))
}

// setDataFrame is how a publisher begins a script tag that it wants a server to keep. Servers that record what they receive
// leave it in their files; it is not for viewers.
const setDataFrame = "\x02\x00\x0D@setDataFrame"

// scriptBody is b, the body of a script tag, from its name on.
func scriptBody(b []byte) []byte { return bytes.TrimPrefix(b, []byte(setDataFrame)) }

func (t *Tag) parseVideo() body {
	first := t.at(0)
	if first&enhancedVideo != 0 {
		return t.parseEnhancedVideo()
	}
	frame := first >> 4
	b := body{codec: videoCodec(first & 0x0F), packet: packetFrame, key: frame == frameKey || frame == frameGenerated}
	switch {
	case frame == frameCommand:
		b.packet = packetCommand
	case b.codec == CodecAVC, b.codec == CodecHEVC:
		b.packet, b.private = classicPacket(t.at(1)), 5
	}
	b.key = b.key && b.packet == packetFrame
	return b
}

// classicPacket is the kind that the second byte of an AVC or AAC tag tells.
func classicPacket(b byte) packetKind {
	switch b {
	case classicSequenceStart:
		return packetSequence
	case classicCodedFrames:
		return packetFrame
	}
	return packetEnd
}

func (t *Tag) parseEnhancedVideo() body {
	frame := t.at(0) >> 4 & 7
	b, at := t.parseEnhanced(frame == frameCommand, packetVideoMultiple)
	b.private = at
	b.key = b.packet == packetFrame && (frame == frameKey || frame == frameGenerated)
	return b
}

func (t *Tag) parseAudio() body {
	format := t.at(0) >> 4
	if format == enhancedAudio {
		b, at := t.parseEnhanced(false, packetAudioMultiple)
		b.private = at
		return b
	}
	b := body{codec: audioCodec(format), packet: packetFrame}
	if b.codec == CodecAAC {
		b.packet, b.private = classicPacket(t.at(1)), 2
	}
	return b
}

// parseEnhanced reads an enhanced head, and returns where it ends: ModEx packets, then a command or a multitrack head or
// a FourCC.
func (t *Tag) parseEnhanced(command bool, multitrack byte) (body, int) {
	packet, at := t.at(0)&0x0F, 1
	for i := 0; packet == packetModEx && i < maxModEx; i++ {
		size := int(t.at(at)) + 1
		at++
		if size == 256 {
			size = (int(t.at(at))<<8 | int(t.at(at+1))) + 1
			at += 2
		}
		at += size
		packet = t.at(at) & 0x0F
		at++
	}
	if command && packet != packetMetadata {
		return body{packet: packetCommand}, at
	}
	if packet != multitrack {
		return body{codec: t.fourCC(at), packet: enhancedPacket(packet, multitrack)}, at + 4
	}
	b := body{codec: t.fourCC(at + 1), packet: enhancedPacket(t.at(at)&0x0F, multitrack), track: t.at(at + 5)}
	if t.at(at)>>4 == 0 {
		return b, at + 6 // one track
	}
	return b, at + 9 // many tracks: the size of the first precedes it
}

// enhancedPacket is the kind of an enhanced packet type; multitrack tells video from audio.
func enhancedPacket(packet, multitrack byte) packetKind {
	switch {
	case packet == packetSequenceStart, packet == packetMPEG2TSStart && multitrack == packetVideoMultiple:
		return packetSequence
	case packet == packetSequenceEnd:
		return packetEnd
	case packet == packetMetadata:
		return packetSide
	}
	return packetFrame
}

// fourCC is the codec whose FourCC lies at byte i of the body, "" when it is none that we know.
func (t *Tag) fourCC(i int) Codec {
	c := [4]byte{t.at(i), t.at(i + 1), t.at(i + 2), t.at(i + 3)}
	for _, known := range [...]Codec{CodecAVC, CodecHEVC, CodecVVC, CodecAV1, CodecVP9, CodecVP8, CodecAAC, CodecOpus,
		CodecMP3, CodecFLAC, CodecAC3, CodecEAC3} {
		if string(known) == string(c[:]) {
			return known
		}
	}
	return ""
}

// unknownCodec names the codec of an audio or video tag that has none of those that are known.
func (t *Tag) unknownCodec() string {
	first, kind, number := t.at(0), "audio", t.at(0)>>4
	if t.Type == TagVideo {
		kind, number = "video", first&0x0F
	}
	switch {
	case t.Type == TagVideo && first&enhancedVideo != 0, t.Type == TagAudio && number == enhancedAudio:
		return fmt.Sprintf("%s %q", kind, t.Data[min(1, len(t.Data)):min(5, len(t.Data))])
	}
	return fmt.Sprintf("%s %d", kind, number)
}

// Codec is the codec of an audio or video tag, the first one of several; "" when it is not known, and of script tags,
// empty tags and commands.
func (t *Tag) Codec() Codec { return t.parseBody().codec }

// KeyFrame tells whether a video tag holds a key frame: pictures, and not a sequence header.
func (t *Tag) KeyFrame() bool { return t.Type == TagVideo && t.parseBody().key }

// SequenceHeader tells whether a decoder needs the tag before the frames that follow it: a sequence header, and also the
// metadata and channel layouts of Enhanced RTMP, which stay in force in the same way.
func (t *Tag) SequenceHeader() bool {
	kind := t.parseBody().packet
	return t.Type != TagScript && (kind == packetSequence || kind == packetSide)
}

// Command tells whether a video tag is a command to the player instead of pictures.
func (t *Tag) Command() bool { return t.Type == TagVideo && t.parseBody().packet == packetCommand }
