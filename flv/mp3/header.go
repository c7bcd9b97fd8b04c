package mp3

// headerLen is the length of a frame's header (ISO/IEC 11172-3, 2.4.1.3).
const headerLen = 4

// maxFrame is the longest frame of layer III: MPEG-1, 320 kbit/s at 32 kHz, padded.
const maxFrame = 1441

// The versions of MPEG audio, as the header has them. MPEG-2.5 is Fraunhofer's own extension to 8, 11.025 and 12 kHz.
const (
	mpeg25 = 0
	mpeg2  = 2
	mpeg1  = 3
)

// A header is what the header of a frame says.
type header struct {
	version uint8
	layer   uint8 // 1 to 3
	mono    bool
	free    bool // of a bit rate that is not told; size is 0
	padded  bool
	rate    int // sampling rate in Hz
	bitrate int // in bits per second
	size    int // of the frame in bytes, header and all
}

// bitrates are in kbit/s, by row and index: MPEG-1 layers I, II, III, then MPEG-2 layer I, and layers II and III
// (ISO/IEC 11172-3, 2.4.2.3; ISO/IEC 13818-3, 2.4.2.3).
var bitrates = [5][15]uint16{
	{0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
	{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
	{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
	{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
	{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
}

// rates are the sampling rates of MPEG-1 in Hz; MPEG-2 halves them, MPEG-2.5 quarters them.
var rates = [3]int{44100, 48000, 32000}

// parseHeader reads a header at the start of b.
func parseHeader(b []byte) (h header, ok bool) {
	if len(b) < headerLen || b[0] != 0xFF || b[1]&0xE0 != 0xE0 {
		return h, false
	}
	version, layerBits, index, rateIndex := b[1]>>3&3, b[1]>>1&3, b[2]>>4, b[2]>>2&3
	if version == 1 || layerBits == 0 || index == 15 || rateIndex == 3 || b[3]&3 == 2 {
		return h, false
	}
	h = header{version: version, layer: 4 - layerBits, mono: b[3]>>6 == 3, free: index == 0, padded: b[2]&2 != 0}
	row := h.layer - 1
	h.rate = rates[rateIndex]
	if version != mpeg1 {
		row = min(h.layer+2, 4)
		h.rate /= 2
	}
	if version == mpeg25 {
		h.rate /= 2
	}
	h.bitrate = int(bitrates[row][index]) * 1000
	if !h.free {
		h.size = h.frameSize()
	}
	return h, true
}

// frameSize is the length of the frame in bytes (ISO/IEC 11172-3, 2.4.3.1).
func (h *header) frameSize() int {
	padding := 0
	if h.padded {
		padding = 1
	}
	if h.layer == 1 {
		return (12*h.bitrate/h.rate + padding) * 4
	}
	return h.bytesFactor()*h.bitrate/h.rate + padding
}

// bytesFactor is the number of samples of a frame of layer II or III, divided by 8.
func (h *header) bytesFactor() int {
	if h.layer == 3 && h.version != mpeg1 {
		return 72
	}
	return 144
}

// ticks is how long a frame of layer II or III lasts.
func (h *header) ticks() int64 { return int64(h.bytesFactor()) * 8 * (ticksPerSecond / int64(h.rate)) }

// plays tells whether the frame is one of ours: layer III, of a stated bit rate.
func (h *header) plays() bool { return h.layer == 3 && !h.free }

// alike tells whether both can be of the same stream: only bit rate, padding and channel mode differ between frames.
func (h *header) alike(o *header) bool {
	return h.version == o.version && h.layer == o.layer && h.rate == o.rate
}

// sideInfo is the length of the side information behind the header (ISO/IEC 11172-3, 2.4.1.7).
func (h *header) sideInfo() int {
	switch {
	case h.version == mpeg1 && !h.mono:
		return 32
	case h.version != mpeg1 && h.mono:
		return 9
	}
	return 17
}

// soundByte is the first byte of an FLV audio tag: format, rate, 16 bit, channels (FLV v10.1, E.4.2.1). FLV has no number
// for most rates, and players take the real one from the frame; the byte names the rate of the frame's MPEG version.
// 8 kHz would have a sound format of its own, 14, which FFmpeg does not know.
func (h *header) soundByte() byte {
	const formatMP3, size16Bit = 2 << 4, 1 << 1
	b := byte(formatMP3 | size16Bit)
	switch {
	case h.version == mpeg1:
		b |= 3 << 2
	case h.version == mpeg2:
		b |= 2 << 2
	default:
		b |= 1 << 2
	}
	if !h.mono {
		b |= 1
	}
	return b
}
