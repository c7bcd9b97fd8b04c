package mp4

import (
	"bytes"
	"fmt"

	"github.com/seed-3309b198/reelfront/flv"
)

// entry is a sample description: one element of an stsd (ISO/IEC 14496-12, 8.5.2).
type entry struct {
	format        fourCC
	codec         flv.Codec // "" where it is not one that can be sent
	kind          flv.TrackType
	config        []byte // the decoder's configuration, as a sequence header carries it
	width, height int
	channels      int
	rate          int
	sound         flv.Head // of its frames, where it is sound
	frame         int      // bytes of a frame of sound that is not compressed, and whose frames are samples; else 0
	encrypted     string   // the scheme; "" where it is in clear
}

// parseEntries reads an stsd of a track with the given handler.
func parseEntries(stsd *box, handler fourCC) ([]entry, error) {
	const path = "moov/trak/mdia/minf/stbl/stsd"
	var entries []entry
	f := fields{b: stsd.body}
	version, _ := f.version()
	count := f.u32()
	if count > maxEntries {
		return nil, bad(path, stsd.offset, "%d sample descriptions, of at most %d", count, maxEntries)
	}
	r := stsd.children(path, 8)
	for len(entries) < int(count) && r.next() { // Adobe's writer leaves boxes of type skip behind them
		e := entry{format: r.kind}
		var err error
		switch handler.String() {
		case "vide":
			err = e.parseVideo(&r.box, path)
		case "soun":
			err = e.parseAudio(&r.box, path, version)
			e.sound = e.codec.AudioHead(e.rate, e.channels)
		case "text", "sbtl", "subt":
			if r.kind.String() == "tx3g" {
				e.kind, e.codec = flv.TrackText, "tx3g"
			}
		default:
			if r.kind.String() == "amf0" {
				e.kind, e.codec = flv.TrackData, "amf0"
			}
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, r.err
}

// trackType is the kind of a track with these sample descriptions, 0 where not all of them can be sent.
func trackType(entries []entry) flv.TrackType {
	if len(entries) == 0 {
		return 0
	}
	for i := range entries {
		if entries[i].kind != entries[0].kind || entries[i].codec == "" || entries[i].frame != entries[0].frame {
			return 0
		}
	}
	return entries[0].kind
}

// parseVideo reads a visual sample entry (ISO/IEC 14496-12, 12.1.3).
func (e *entry) parseVideo(b *box, path string) error {
	f := fields{b: b.body}
	f.skip(24)
	e.kind, e.width, e.height = flv.TrackVideo, int(f.u16()), int(f.u16())
	r := b.children(path+"/"+b.kind.printable(), 78)
	for r.next() {
		switch kind := r.kind.String(); kind {
		case "avcC":
			e.codec, e.config = flv.CodecAVC, r.body
		case "hvcC":
			e.codec, e.config = flv.CodecHEVC, r.body
		case "vvcC":
			e.codec, e.config = flv.CodecVVC, fullBody(r.body)
		case "av1C":
			e.codec, e.config = flv.CodecAV1, r.body
		case "vpcC":
			e.codec, e.config = flv.CodecVP9, fullBody(r.body)
			if e.format.String() == "vp08" {
				e.codec = flv.CodecVP8
			}
		case "sinf":
			e.parseProtection(&r.box)
		}
	}
	if len(e.config) == 0 {
		e.codec = ""
	}
	return r.err
}

// fullBody is the body of a full box without its version and flags.
func fullBody(b []byte) []byte { return b[min(4, len(b)):] }

// parseProtection reads the scheme of a protected sample entry (ISO/IEC 14496-12, 8.12).
func (e *entry) parseProtection(sinf *box) {
	e.encrypted = "unknown scheme"
	r := sinf.children("sinf", 0)
	for r.next() {
		if r.kind.String() == "schm" && len(r.body) >= 8 {
			e.encrypted = "scheme " + fourCC(r.body[4:8]).printable()
		}
	}
}

// audioHeader is the length of an audio sample entry up to its boxes (ISO/IEC 14496-12, 12.2.3; QuickTime File Format,
// "Sound Sample Descriptions", for versions 1 and 2). ISO has a version 1 of its own, in version 1 of the stsd alone, with
// nothing but a box more.
func audioHeader(version uint16, stsdVersion uint8) int {
	switch {
	case version == 1 && stsdVersion == 0:
		return 28 + 16
	case version == 2 && stsdVersion == 0:
		return 28 + 36
	}
	return 28
}

// parseAudio reads an audio sample entry of an stsd of the given version.
func (e *entry) parseAudio(b *box, path string, stsdVersion uint8) error {
	f := fields{b: b.body}
	f.skip(8)
	version := f.u16()
	f.skip(6)
	e.kind, e.channels = flv.TrackAudio, int(f.u16())
	bits := int(f.u16())
	f.skip(4)
	e.rate = int(f.u32() >> 16)
	switch format := e.format.String(); format {
	case ".mp3", "ms\x00U":
		e.codec = flv.CodecMP3
	case "ac-3":
		e.codec = flv.CodecAC3
	case "ec-3":
		e.codec = flv.CodecEAC3
	case "alaw", "ulaw", "sowt":
		e.setFrames(bits, format == "sowt")
	case "lpcm":
		if version == 2 {
			e.setFrames(e.parseLinear(f))
		}
	}
	header := audioHeader(version, stsdVersion)
	if header > len(b.body) {
		return nil
	}
	return e.parseAudioBoxes(b.children(path+"/"+b.kind.printable(), header))
}

// parseAudioBoxes reads the boxes of an audio sample entry. QuickTime puts them in a wave.
func (e *entry) parseAudioBoxes(r boxReader) error {
	for r.next() {
		switch r.kind.String() {
		case "wave":
			inner := r.children(r.path+"/wave", 0)
			for inner.next() {
				if inner.kind.String() == "esds" {
					e.parseDescriptors(fullBody(inner.body))
				}
			}
		case "esds":
			e.parseDescriptors(fullBody(r.body))
		case "dOps":
			e.codec, e.config = flv.CodecOpus, opusHead(r.body)
			if e.config == nil {
				return bad(r.path+"/dOps", r.offset, "too short")
			}
			e.rate = 48000
		case "dfLa":
			e.codec, e.config = flv.CodecFLAC, append([]byte("fLaC"), fullBody(r.body)...)
		case "pcmC": // ISO/IEC 23003-5, 4.2
			const littleEndian = 1
			f := fields{b: fullBody(r.body)}
			flags, bits := f.u8(), f.u8()
			e.setFrames(int(bits), e.format.String() == "ipcm" && flags == littleEndian)
		case "srat":
			f := fields{b: fullBody(r.body)}
			e.rate = int(f.u32())
		case "sinf":
			e.parseProtection(&r.box)
		}
	}
	return r.err
}

// opusHead is the header that a dOps stands for (Opus in ISOBMFF, 4.3.2; RFC 7845, 5.1); nil where it is cut off.
func opusHead(dops []byte) []byte {
	f := fields{b: dops}
	f.skip(1)
	channels, skip, rate, gain, family := f.u8(), f.u16(), f.u32(), f.u16(), f.u8()
	head := append([]byte("OpusHead\x01"), channels, byte(skip), byte(skip>>8),
		byte(rate), byte(rate>>8), byte(rate>>16), byte(rate>>24), byte(gain), byte(gain>>8), family)
	if family != 0 {
		head = append(head, f.take(2+int(channels))...)
	}
	if f.short {
		return nil
	}
	return head
}

// The descriptor tags of an esds (ISO/IEC 14496-1, 7.2.2.1).
const (
	tagES             = 3
	tagDecoderConfig  = 4
	tagDecoderDetails = 5
)

// parseDescriptors reads the elementary stream descriptor of an esds.
func (e *entry) parseDescriptors(b []byte) {
	f := fields{b: b}
	for i := 0; i < maxDescriptors && len(f.b) > 0; i++ {
		tag, size := f.u8(), 0
		for range 4 {
			n := f.u8()
			size = size<<7 | int(n&0x7f)
			if n&0x80 == 0 {
				break
			}
		}
		switch tag {
		case tagES:
			f.skip(2)
			flags := f.u8()
			if flags&0x80 != 0 {
				f.skip(2)
			}
			if flags&0x40 != 0 {
				f.skip(int(f.u8()))
			}
			if flags&0x20 != 0 {
				f.skip(2)
			}
		case tagDecoderConfig:
			e.setObjectType(f.u8())
			f.skip(12)
		case tagDecoderDetails:
			e.config = bytes.Clone(f.take(min(size, len(f.b))))
		default:
			f.skip(size)
		}
	}
	if e.codec == flv.CodecAAC && len(e.config) == 0 {
		e.codec = ""
	}
	if e.codec != flv.CodecAAC {
		e.config = nil
	}
}

// setObjectType sets the codec from an objectTypeIndication (ISO/IEC 14496-1, table 5).
func (e *entry) setObjectType(oti uint8) {
	switch oti {
	case 0x40, 0x66, 0x67, 0x68:
		e.codec = flv.CodecAAC
	case 0x69, 0x6b:
		e.codec = flv.CodecMP3
	case 0xa5:
		e.codec = flv.CodecAC3
	case 0xa6:
		e.codec = flv.CodecEAC3
	}
}

// name is what a message calls the entry's codec.
func (e *entry) name() string {
	if e.encrypted != "" {
		return fmt.Sprintf("%s (encrypted, %s)", e.format.printable(), e.encrypted)
	}
	return e.format.printable()
}
