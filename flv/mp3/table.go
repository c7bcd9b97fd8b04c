package mp3

import (
	"encoding/binary"
	"sort"
)

// A table is what a Xing, Info or VBRI header says of the file it stands in.
type table struct {
	frames int64 // 0 when not told
	bytes  int64 // from the start of the frame that holds the table; 0 when not told
	// marks[i] is where i*step frames have passed, in bytes as above, and the last one the end; nil when not told.
	marks []int64
	step  int64 // 0: marks[i] is where i/(len-1) of the frames have passed
}

// parseTable reads the table in the first frame of a file. A frame that holds one has no sound.
func parseTable(f frame) (table, bool) {
	if len(f.data) >= 36+26 && string(f.data[36:40]) == "VBRI" {
		return parseVBRI(f.data[36:]), true
	}
	// By Xing's own rule the header follows the side information; some encoders leave room for a checksum too.
	for _, at := range [...]int{headerLen + f.sideInfo(), headerLen + 2 + f.sideInfo()} {
		if len(f.data) < at+8 {
			break
		}
		if id := string(f.data[at : at+4]); id == "Xing" || id == "Info" {
			return parseXing(f.data[at:]), true
		}
	}
	return table{}, false
}

// parseXing reads "Xing" or "Info", four bytes of flags, and what the flags announce: frames, bytes, and for each
// hundredth of the time a mark in 256ths of the bytes.
func parseXing(b []byte) (t table) {
	const hasFrames, hasBytes, hasMarks, marks = 1, 2, 4, 100
	flags, b := b[7], b[8:]
	if flags&hasFrames != 0 && len(b) >= 4 {
		t.frames, b = int64(binary.BigEndian.Uint32(b)), b[4:]
	}
	if flags&hasBytes != 0 && len(b) >= 4 {
		t.bytes, b = int64(binary.BigEndian.Uint32(b)), b[4:]
	}
	if flags&hasMarks == 0 || len(b) < marks {
		return t
	}
	t.marks = make([]int64, 0, marks+1)
	for _, share := range b[:marks] {
		t.marks = append(t.marks, int64(share)*t.bytes/256)
	}
	t.marks = append(t.marks, t.bytes)
	return t
}

// parseVBRI reads "VBRI", version, delay and quality in two bytes each, bytes and frames in four, then a list: its
// length, the scale and the width of its entries, the frames in each, and the entries, which are bytes.
func parseVBRI(b []byte) (t table) {
	t.bytes = int64(binary.BigEndian.Uint32(b[10:]))
	t.frames = int64(binary.BigEndian.Uint32(b[14:]))
	entries := int(binary.BigEndian.Uint16(b[18:]))
	scale := int64(binary.BigEndian.Uint16(b[20:]))
	width := int(binary.BigEndian.Uint16(b[22:]))
	t.step = int64(binary.BigEndian.Uint16(b[24:]))
	b = b[26:]
	if entries == 0 || width < 1 || width > 4 || entries*width > len(b) {
		return t
	}
	t.marks = make([]int64, 1, entries+1)
	at := int64(0)
	for ; entries > 0; entries-- {
		size := int64(0)
		for _, c := range b[:width] {
			size = size<<8 | int64(c)
		}
		b = b[width:]
		at += size * scale
		t.marks = append(t.marks, at)
	}
	return t
}

// stepFits tells whether step and the number of marks agree with the number of frames.
func (t *table) stepFits() bool {
	entries := int64(len(t.marks) - 1)
	return (entries-1)*t.step < t.frames && t.frames <= (entries+1)*t.step
}

// An anchor is a place of which a table says, roughly, when it plays.
type anchor struct{ off, ticks int64 }

// A guide says roughly what plays when, from a table.
type guide struct {
	anchors []anchor // ascending in both, two or more
}

// newGuide makes a guide of a table in the frame at off, for audio that ends at end and whose frames last frameTicks. It
// fails when the table does not fit the file, as after something was appended to it. A file that was cut off is
// well described as far as it goes.
func newGuide(t table, off, end, frameTicks int64) (guide, bool) {
	const shortestFrame = 24 // MPEG-2, 8 kbit/s at 24 kHz
	size := end - off
	if t.bytes == 0 {
		t.bytes, t.marks = size, nil
	}
	slack := size/100 + 4<<10
	if t.frames == 0 || t.frames > t.bytes/shortestFrame || size > t.bytes+slack {
		return guide{}, false
	}
	if t.bytes < size+slack && t.bytes > size-slack {
		t.bytes = size
	}
	total := t.frames * frameTicks
	if len(t.marks) < 2 {
		t.marks = []int64{0, t.bytes}
	}
	g := guide{anchors: make([]anchor, 0, len(t.marks)+1)}
	for i, mark := range t.marks[:len(t.marks)-1] {
		ticks := total * int64(i) / int64(len(t.marks)-1)
		if t.stepFits() {
			ticks = min(int64(i)*t.step*frameTicks, total)
		}
		g.add(anchor{off: off + min(mark, t.bytes), ticks: ticks})
	}
	g.add(anchor{off: off + t.bytes, ticks: total})
	if len(g.anchors) < 2 {
		return guide{}, false
	}
	g.cut(end)
	return g, true
}

// add appends an anchor, unless it goes back.
func (g *guide) add(a anchor) {
	if n := len(g.anchors); n == 0 || a.off > g.anchors[n-1].off && a.ticks > g.anchors[n-1].ticks {
		g.anchors = append(g.anchors, a)
	}
}

// cut shortens the guide to end, where it goes beyond.
func (g *guide) cut(end int64) {
	i := sort.Search(len(g.anchors), func(i int) bool { return g.anchors[i].off >= end })
	if i == 0 || i == len(g.anchors) {
		return
	}
	a, b := g.anchors[i-1], g.anchors[i]
	b.ticks, b.off = a.ticks+scale(end-a.off, b.ticks-a.ticks, b.off-a.off), end
	g.anchors = append(g.anchors[:i], b)
}

// ticks is the time that the guide covers.
func (g *guide) ticks() int64 { return g.anchors[len(g.anchors)-1].ticks }

// offset is about where the time plays.
func (g *guide) offset(ticks int64) int64 {
	i := sort.Search(len(g.anchors), func(i int) bool { return g.anchors[i].ticks >= ticks })
	if i == 0 {
		return g.anchors[0].off
	}
	if i == len(g.anchors) {
		return g.anchors[i-1].off
	}
	a, b := g.anchors[i-1], g.anchors[i]
	return a.off + scale(ticks-a.ticks, b.off-a.off, b.ticks-a.ticks)
}
