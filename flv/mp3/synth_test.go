package mp3

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"

	"github.com/seed-3309b198/reelfront/flv"
)

// Headers of made-up frames.
const (
	hdrMPEG1  = 0xFFFB_0044 // 44.1 kHz, joint stereo
	hdrMPEG2  = 0xFFF3_00C4 // 22.05 kHz, mono
	hdrMPEG25 = 0xFFE3_08C4 // 8 kHz, mono
)

// made is a made-up file and where its frames are.
type made struct {
	data  []byte
	offs  []int64
	times []int64 // ms
}

// appendFrame appends a frame of the bit rate with the given index.
func appendFrame(b []byte, base uint32, index int, padded bool) []byte {
	head := base | uint32(index)<<12
	if padded {
		head |= 1 << 9
	}
	var raw [4]byte
	binary.BigEndian.PutUint32(raw[:], head)
	h, ok := parseHeader(raw[:])
	if !ok {
		panic("not a header")
	}
	b = append(b, raw[:]...)
	return append(b, bytes.Repeat([]byte{0x55}, h.size-4)...)
}

// frames appends n frames; index gives each its bit rate and padding.
func (m *made) frames(base uint32, n int, index func(i int) (int, bool)) {
	for i := range n {
		k, padded := index(i)
		h, _ := parseHeader(binary.BigEndian.AppendUint32(nil, base|0x9000))
		ticks := int64(len(m.offs)) * h.ticks()
		m.offs = append(m.offs, int64(len(m.data)))
		m.times = append(m.times, milliseconds(ticks))
		m.data = appendFrame(m.data, base, k, padded)
	}
}

// constantFrames are n frames of 128 kbit/s at 44.1 kHz, padded as encoders do it.
func constantFrames(m *made, n int) {
	start := len(m.data)
	m.frames(hdrMPEG1, n, func(i int) (int, bool) {
		return 9, start+(i+1)*144*128000/44100-len(m.data) > 417
	})
}

// variableFrames are n frames of changing bit rates.
func variableFrames(m *made, n int) {
	rnd := rand.New(rand.NewPCG(1, 2))
	m.frames(hdrMPEG1, n, func(i int) (int, bool) { return 1 + (i/500+rnd.IntN(4))%14, rnd.IntN(2) == 0 })
}

// withXing puts a Xing frame with a right table in front of the frames that fill makes.
func withXing(n int, fill func(*made, int)) made {
	body := made{}
	fill(&body, n)
	tag := appendFrame(nil, hdrMPEG1, 9, false)
	x := append([]byte("Xing"), 0, 0, 0, 7)
	total := len(tag) + len(body.data)
	x = binary.BigEndian.AppendUint32(x, uint32(n))
	x = binary.BigEndian.AppendUint32(x, uint32(total))
	for i := range 100 {
		x = append(x, byte((int64(len(tag))+body.offs[i*n/100])*256/int64(total)))
	}
	copy(tag[36:], x)
	return body.after(tag)
}

// withVBRI puts a VBRI frame with a right table of an entry for each so many frames in front of the n that fill makes.
func withVBRI(n, each int, fill func(*made, int)) made {
	body := made{}
	fill(&body, n)
	tag := appendFrame(nil, hdrMPEG1, 14, false)
	x := append([]byte("VBRI"), 0, 1, 0, 0, 0, 75)
	x = binary.BigEndian.AppendUint32(x, uint32(len(tag)+len(body.data)))
	x = binary.BigEndian.AppendUint32(x, uint32(n))
	x = binary.BigEndian.AppendUint16(x, uint16((n+each-1)/each))
	x = append(x, 0, 1, 0, 4)
	x = binary.BigEndian.AppendUint16(x, uint16(each))
	from := int64(-len(tag))
	for i := each; i < n+each; i += each {
		end := int64(len(body.data))
		if i < n {
			end = body.offs[i]
		}
		x = binary.BigEndian.AppendUint32(x, uint32(end-from))
		from = end
	}
	if len(x) > len(tag)-36 {
		panic("table too long")
	}
	copy(tag[36:], x)
	return body.after(tag)
}

// after returns the same with b in front.
func (m *made) after(b []byte) made {
	out := made{data: append(bytes.Clone(b), m.data...), times: m.times}
	for _, off := range m.offs {
		out.offs = append(out.offs, off+int64(len(b)))
	}
	return out
}

// A countingInput counts the bytes asked of it.
type countingInput struct {
	flv.Input
	windows int
	bytes   int64
}

func inputOf(data []byte) *countingInput {
	return &countingInput{Input: flv.NewInput(bytes.NewReader(data), int64(len(data)))}
}

func (in *countingInput) Window(ctx context.Context, off int64, n int) ([]byte, error) {
	in.windows++
	in.bytes += int64(n)
	return in.Input.Window(ctx, off, n)
}
