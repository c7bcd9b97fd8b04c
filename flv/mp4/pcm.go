package mp4

import (
	"encoding/binary"
	"math"

	"github.com/seed-3309b198/reelfront/flv"
)

// packetFrames is how many frames of sound that is not compressed go into one tag. FFmpeg takes as many.
const packetFrames = 1024

// setFrames sets the codec of sound whose samples are single frames of so many bytes: G.711 and 16-bit PCM, in the forms
// that FLV has (FLV v10.1, E.4.2.1).
func (e *entry) setFrames(bits int, littleEndian bool) {
	switch format := e.format.String(); {
	case format == "alaw" && e.rate == 8000 && e.channels == 1:
		e.codec, e.frame = flv.CodecG711A, 1
	case format == "ulaw" && e.rate == 8000 && e.channels == 1:
		e.codec, e.frame = flv.CodecG711U, 1
	case littleEndian && bits == 16 && (e.channels == 1 || e.channels == 2):
		switch e.rate {
		case 5512, 5513, 11025, 22050, 44100:
			e.codec, e.frame = flv.CodecPCM, 2*e.channels
		}
	}
}

// parseLinear reads what a version 2 of a sound description says of sound in lpcm: whether it is of whole numbers with
// the low byte first, and of how many bits (QuickTime File Format, "Sound Sample Description (Version 2)").
func (e *entry) parseLinear(f fields) (bits int, littleEndian bool) {
	const isFloat, isBigEndian, isSigned = 1, 2, 4
	f.skip(4)
	rate := math.Float64frombits(f.u64())
	channels := f.u32()
	f.skip(4)
	bits = int(f.u32())
	flags := f.u32()
	if f.short || !(rate > 0 && rate < 1<<20) || channels > 2 {
		return 0, false
	}
	e.rate, e.channels = int(rate), int(channels)
	return bits, flags&(isFloat|isBigEndian|isSigned) == isSigned
}

// group makes samples of up to packetFrames frames, none of which goes beyond its chunk, out of a table that lists every
// frame of sound.
func (t *sampleTable) group(frame int, path string, at, fileSize int64) error {
	if t.size == 0 || len(t.offsets) > 0 || len(t.durations) != 8 || u32At(t.durations, 1) != 1 {
		return nil
	}
	g := grouper{frame: frame, left: t.count}
	for i, run := 0, 0; i < len(t.chunks)/t.chunkSize && g.left > 0; i++ {
		for 12*(run+1) < len(t.chunkRuns) && int64(u32At(t.chunkRuns, 3*(run+1))) <= int64(i)+1 {
			run++
		}
		n := min(int(u32At(t.chunkRuns, 3*run+1)), g.left)
		if fileSize -= int64(n) * int64(frame); fileSize < 0 {
			return bad(path, at, "more sound than the file has bytes")
		}
		g.chunk(uint32(i)+1, n, u32At(t.chunkRuns, 3*run+2))
	}
	t.count, t.size, t.sizeBits = len(g.sizes)/4, 0, 32
	t.sizes, t.durations, t.chunkRuns = g.sizes, g.durations, g.runs
	return nil
}

// grouper builds the tables of a track of grouped frames, each in the form that it has in a file.
type grouper struct {
	frame, left            int
	sizes, durations, runs []byte
	lastPackets, lastEntry uint32
}

// chunk adds a chunk, counted from 1, of n frames.
func (g *grouper) chunk(number uint32, n int, entry uint32) {
	packets := uint32((n + packetFrames - 1) / packetFrames)
	if len(g.runs) == 0 || packets != g.lastPackets || entry != g.lastEntry {
		g.runs = appendNumbers(g.runs, number, packets, entry)
		g.lastPackets, g.lastEntry = packets, entry
	}
	for g.left -= n; n > 0; n -= packetFrames {
		frames := uint32(min(n, packetFrames))
		g.sizes = appendNumbers(g.sizes, frames*uint32(g.frame))
		if k := len(g.durations); k > 0 && binary.BigEndian.Uint32(g.durations[k-4:]) == frames {
			binary.BigEndian.PutUint32(g.durations[k-8:], binary.BigEndian.Uint32(g.durations[k-8:])+1)
		} else {
			g.durations = appendNumbers(g.durations, 1, frames)
		}
	}
}

func appendNumbers(b []byte, numbers ...uint32) []byte {
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

// groupedBytes is how much memory the tables take that group has made.
func (t *sampleTable) groupedBytes() int { return cap(t.sizes) + cap(t.durations) + cap(t.chunkRuns) }
