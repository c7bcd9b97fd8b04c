package mp4_test

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/seed-3309b198/reelfront/flv"
)

// boxOf makes a box.
func boxOf(kind string, parts ...any) []byte {
	b := append(make([]byte, 4), kind...)
	b = append(b, fieldsOf(parts...)...)
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	return b
}

// fieldsOf joins numbers, big-endian and of their own size (an int has 32 bits), and bytes.
func fieldsOf(parts ...any) []byte { return appendFields(nil, parts...) }

func appendFields(b []byte, parts ...any) []byte {
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = binary.BigEndian.AppendUint32(b, uint32(p))
		case uint8:
			b = append(b, p)
		case uint16:
			b = binary.BigEndian.AppendUint16(b, p)
		case uint64:
			b = binary.BigEndian.AppendUint64(b, p)
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		}
	}
	return b
}

// madeTrack is a track of a file that a test makes.
type madeTrack struct {
	id        int
	video     bool
	timescale int
	duration  int   // of each sample
	offsets   []int // composition offsets, repeated over the samples
	sizes     []int
	perChunk  int
	chunks    []int // where each chunk lies
	keyEvery  int
	edits     []byte // an elst
	change    int    // the chunk, from 1, with which a second sample description comes into force; 0: none does
	sizeBits  int    // of the sizes; 0: 32, in an stsz
	tref      []byte // nil: none
	handler   string // "": vide or soun
	entry     []byte // the sample description; nil: AVC or AAC
	frame     int    // bytes of a sample that is a frame of PCM; then sizes are those of chunks, all alike; 0: none is
	hollow    int    // entries of no sample in the stts, behind the first one
	lists     int    // how often the edit list is there; 0: once
}

// The decoder configurations of made tracks: AVC baseline, AAC LC at 44.1 kHz.
var (
	madeAVC = fieldsOf(uint8(1), uint8(66), uint8(0), uint8(30), uint8(0xff), uint8(0xe1), uint16(4), "\x67\x42\x00\x1e",
		uint8(1), uint16(4), "\x68\xce\x3c\x80")
	madeAAC = []byte{0x12, 0x10}
)

func (m *madeTrack) trak() []byte {
	handler, entry := "soun", boxOf("mp4a", make([]byte, 6), uint16(1), make([]byte, 8), uint16(2), uint16(16), 0, 44100<<16,
		boxOf("esds", 0, "\x03\x19\x00\x00\x00\x04\x11\x40\x15", make([]byte, 11), "\x05\x02", madeAAC))
	if m.video {
		handler = "vide"
		entry = boxOf("avc1", make([]byte, 6), uint16(1), make([]byte, 16), uint16(640), uint16(360), make([]byte, 50), boxOf("avcC", madeAVC))
	}
	if m.handler != "" {
		handler = m.handler
	}
	if m.entry != nil {
		entry = m.entry
	}
	stsd, stsc := boxOf("stsd", 0, 1, entry), boxOf("stsc", 0, 1, 1, m.perChunk, 1)
	if m.change > 0 {
		second := bytes.Replace(entry, []byte("\x67\x42\x00\x1e"), []byte("\x67\x42\x00\x1f"), 1)
		stsd, stsc = boxOf("stsd", 0, 2, entry, second), boxOf("stsc", 0, 2, 1, m.perChunk, 1, m.change, m.perChunk, 2)
	}
	stts := boxOf("stts", 0, 1, len(m.sizes), m.duration)
	if m.hollow > 0 {
		stts = boxOf("stts", 0, 2+m.hollow, 1, m.duration, bytes.Repeat(fieldsOf(0, 1), m.hollow), len(m.sizes)-1, m.duration)
	}
	stbl := [][]byte{stsd, stts, stsc}
	sizes := fieldsOf(0, 0, len(m.sizes))
	for _, s := range m.sizes {
		sizes = appendFields(sizes, s)
	}
	switch {
	case m.frame > 0:
		frames := m.sizes[0] / m.frame
		stbl = [][]byte{stsd, boxOf("stts", 0, 1, frames*len(m.sizes), 1), boxOf("stsc", 0, 1, 1, frames, 1),
			boxOf("stsz", 0, m.frame, frames*len(m.sizes))}
	case m.sizeBits == 0:
		stbl = append(stbl, boxOf("stsz", sizes))
	default:
		stbl = append(stbl, boxOf("stz2", 0, m.sizeBits, len(m.sizes), m.compactSizes()))
	}
	chunks := fieldsOf(0, len(m.chunks))
	for _, c := range m.chunks {
		chunks = appendFields(chunks, uint64(c))
	}
	stbl = append(stbl, boxOf("co64", chunks))
	if len(m.offsets) > 0 {
		offsets := fieldsOf(0, len(m.sizes))
		for i := range m.sizes {
			offsets = appendFields(offsets, 1, m.offsets[i%len(m.offsets)])
		}
		stbl = append(stbl, boxOf("ctts", offsets))
	}
	if m.keyEvery > 0 {
		syncs := fieldsOf(0, (len(m.sizes)+m.keyEvery-1)/m.keyEvery)
		for i := 0; i < len(m.sizes); i += m.keyEvery {
			syncs = appendFields(syncs, i+1)
		}
		stbl = append(stbl, boxOf("stss", syncs))
	}
	var edts []byte
	if m.edits != nil {
		edts = boxOf("edts", boxOf("elst", m.edits))
	}
	if m.lists > 0 {
		edts = boxOf("edts", bytes.Repeat(boxOf("elst", m.edits), m.lists))
	}
	return boxOf("trak", boxOf("tkhd", 0, 0, 0, m.id, make([]byte, 68)), edts, m.tref, boxOf("mdia",
		boxOf("mdhd", 0, 0, 0, m.timescale, len(m.sizes)*m.duration, uint16(0x55c4), uint16(0)),
		boxOf("hdlr", 0, 0, handler, make([]byte, 13)),
		boxOf("minf", boxOf("stbl", bytes.Join(stbl, nil)))))
}

// shiftChunks moves all chunks by n bytes.
func (m *madeTrack) shiftChunks(n int) {
	for i := range m.chunks {
		m.chunks[i] += n
	}
}

// compactSizes are the sizes in elements of sizeBits.
func (m *madeTrack) compactSizes() (b []byte) {
	for i, s := range m.sizes {
		switch {
		case m.sizeBits == 16:
			b = append(b, byte(s>>8), byte(s))
		case m.sizeBits == 8:
			b = append(b, byte(s))
		case i%2 == 0:
			b = append(b, byte(s<<4))
		default:
			b[len(b)-1] |= byte(s)
		}
	}
	return b
}

// madeFile is a progressive file with the moov first; its samples are zeros, and do not lie in memory.
type madeFile struct {
	head  []byte
	size  int64
	reads int
	zeros []byte
}

func makeFile(tracks ...*madeTrack) *madeFile {
	moov := func() []byte {
		parts := boxOf("mvhd", 0, 0, 0, 1000, 0, make([]byte, 80))
		for _, t := range tracks {
			parts = append(parts, t.trak()...)
		}
		return append(boxOf("ftyp", "isom", 0), boxOf("moov", parts)...)
	}
	for _, t := range tracks {
		t.chunks = make([]int, (len(t.sizes)+t.perChunk-1)/t.perChunk)
	}
	at := len(moov()) + 16
	start := at
	for i := 0; ; i++ {
		more := false
		for _, t := range tracks {
			if i >= len(t.chunks) {
				continue
			}
			more = true
			t.chunks[i] = at
			for _, s := range t.sizes[i*t.perChunk : min((i+1)*t.perChunk, len(t.sizes))] {
				at += s
			}
		}
		if !more {
			break
		}
	}
	head := fieldsOf(moov(), 1, "mdat", uint64(16+at-start))
	return &madeFile{head: head, size: int64(at)}
}

func (f *madeFile) Size() int64 { return f.size }

func (f *madeFile) Window(_ context.Context, off int64, n int) ([]byte, error) {
	f.reads++
	if off+int64(n) <= int64(len(f.head)) {
		return f.head[off:][:n], nil
	}
	if n > len(f.zeros) {
		f.zeros = make([]byte, n)
	}
	b := f.zeros[:n]
	if off < int64(len(f.head)) {
		b = make([]byte, n)
		copy(b, f.head[off:])
	}
	return b, nil
}

var _ flv.Input = (*madeFile)(nil)

// twoHours is a film of two hours: 30 pictures a second with B-frames and a key frame every 2 s, and AAC at 44.1 kHz:
// 526,080 samples.
func twoHours() *madeFile {
	video := &madeTrack{id: 1, video: true, timescale: 15360, duration: 512, offsets: []int{1024, 2048, 512, 0}, perChunk: 15, keyEvery: 60}
	for i := range 216000 {
		video.sizes = append(video.sizes, 3000+i*7919%4000)
	}
	audio := &madeTrack{id: 2, timescale: 44100, duration: 1024, perChunk: 22}
	for i := range 310080 {
		audio.sizes = append(audio.sizes, 300+i*7919%80)
	}
	return makeFile(video, audio)
}
