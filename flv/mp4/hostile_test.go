package mp4_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
)

// TestHostile holds the cost of inputs that are made to be expensive.
func TestHostile(t *testing.T) {
	fragmented := func(fragment func(i int) []byte) []byte {
		video := videoTrack()
		video.sizes, video.chunks, video.keyEvery = nil, nil, 0
		b := append(boxOf("ftyp", "iso5", 0), boxOf("moov", boxOf("mvhd", 0, 0, 0, 1000, 0, make([]byte, 80)), video.trak(),
			boxOf("mvex", boxOf("trex", 0, 1, 1, 0, 0, 0)))...)
		for i := 0; ; i++ {
			f := fragment(i)
			if len(b)+len(f) >= 1<<20 {
				return b
			}
			b = append(b, f...)
		}
	}
	nested := func(kind string, depth int) []byte {
		b := bytes.Repeat([]byte("\x00\x00\x00\x00"+kind), depth)
		for i := range depth {
			binary.BigEndian.PutUint32(b[8*i:], uint32(len(b)-8*i))
		}
		return b
	}
	table := func(video *madeTrack) []byte {
		in := makeFile(video)
		return append(bytes.Clone(in.head), make([]byte, 64<<10)...)
	}
	for name, media := range map[string][]byte{
		"empty moofs": fragmented(func(int) []byte { return boxOf("moof") }),
		"small moofs": fragmented(func(i int) []byte {
			return boxOf("moof", boxOf("traf", boxOf("tfhd", 0, 1), boxOf("trun", 0, 1)))
		}),
		"moofs of many empty samples": fragmented(func(i int) []byte {
			return boxOf("moof", boxOf("traf", boxOf("tfhd", 0, 1), boxOf("trun", 0, 1<<20)))
		}),
		"one moof of small runs": fragmented(func(i int) []byte {
			return boxOf("moof", boxOf("traf", boxOf("tfhd", 0, 1), bytes.Repeat(boxOf("trun", 0, 1), 30000)))
		}),
		"false moofs": fragmented(func(i int) []byte {
			if i > 0 {
				return boxOf("mdat", bytes.Repeat(fieldsOf(16, "moof", 8, "mfhd"), 60000))
			}
			return boxOf("moof", boxOf("mfhd", 0, 1), boxOf("traf", boxOf("tfhd", 0, 1), boxOf("tfdt", 0, 0), boxOf("trun", 0, 1)))
		}),
		"moofs of one time": fragmented(func(i int) []byte {
			return boxOf("moof", boxOf("mfhd", 0, 1), boxOf("traf", boxOf("tfhd", 0, 1), boxOf("tfdt", 0, 7), boxOf("trun", 0, 1)))
		}),
		"moofs back in time": fragmented(func(i int) []byte {
			return boxOf("moof", boxOf("mfhd", 0, 1), boxOf("traf", boxOf("tfhd", 0, 1), boxOf("tfdt", 0, 1000000-i*1000), boxOf("trun", 0, 1)))
		}),
		"sidx into itself": append(fragmented(func(i int) []byte {
			if i == 0 {
				return sidxOf(0, 1<<31|1, 1000)
			}
			return boxOf("sidx", bytes.Repeat(fieldsOf(1<<31|12), 100))
		}), boxOf("moof")...),
		"small boxes":   bytes.Repeat(boxOf("free"), 1<<17-1),
		"nested moovs":  nested("moov", 1<<17-1),
		"nested traks":  append(boxOf("ftyp"), boxOf("moov", nested("trak", 1<<16))...),
		"tracks":        boxOf("moov", boxOf("mvhd", 0, 0, 0, 1000, 0), bytes.Repeat(boxOf("trak"), 1<<16)),
		"empty samples": table(&madeTrack{id: 1, video: true, timescale: 1, sizes: make([]int, 100000), perChunk: 1 << 20, keyEvery: 1}),
		"edits": table(&madeTrack{id: 1, video: true, timescale: 1, duration: 1, sizes: make([]int, 60000), perChunk: 1 << 20,
			keyEvery: 59999, edits: manyEdits(1000)}),
		"entries of no sample": table(&madeTrack{id: 1, video: true, timescale: 1000, duration: 1, sizes: make([]int, 200), perChunk: 1 << 20,
			keyEvery: 1, hollow: 100000, edits: elst(slices.Repeat([]int{200, 0}, 1000)...)}),
	} {
		t.Run(name, func(t *testing.T) {
			checkCost(t, func() { exercise(media) })
		})
	}
}

func manyEdits(n int) []byte {
	b := fieldsOf(0, n)
	for range n {
		b = appendFields(b, 1000, 50000, 1<<16)
	}
	return b
}
