package mp4_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/mp4"
	"github.com/seed-3309b198/reelfront/internal/strangers"
)

// What opening and reading an input of less than 1 MiB may take.
const (
	fuzzBytes = 64 << 20
	fuzzTime  = time.Second
)

// seeds are the files of testdata and, where there are any, the smaller real ones.
func seeds(t testing.TB) [][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.m*")
	require.NoError(t, err)
	var all [][]byte
	for _, p := range append(paths, strangers.MediaIfAny(t, ".mp4", ".mov", ".f4v")...) {
		b, err := os.ReadFile(p)
		require.NoError(t, err)
		if len(b) < 1<<20 {
			all = append(all, b)
		}
	}
	return all
}

// mutate changes one field of one box: at tells which box, in the order of the file, and where in it; value is the new
// content. So a mutation mostly leaves the structure standing, and reaches what lies deep inside.
func mutate(media []byte, at uint32, value uint64, width uint8) []byte {
	boxes := boxesOf(media, 0, 0)
	if len(boxes) == 0 {
		return media
	}
	b := boxes[int(at>>16)%len(boxes)]
	out := bytes.Clone(media)
	body := out[b.start:b.end]
	n := 1 << (width % 4)
	if len(body) < n {
		return out
	}
	i := int(at&0xffff) % min(len(body)-n+1, 96)
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], value)
	copy(body[i:], raw[8-n:])
	return out
}

type extent struct{ start, end int }

// boxesOf lists the boxes of b, which lies at off, headers and all; those of media data are left out.
func boxesOf(b []byte, off, depth int) (all []extent) {
	for len(b) >= 8 && len(all) < 4096 {
		size := int(binary.BigEndian.Uint32(b))
		if size < 8 || size > len(b) {
			return all
		}
		skip := 8
		switch string(b[4:8]) {
		case "mdat":
			skip = size
		case "stsd":
			skip = 16
		}
		if skip < size {
			all = append(all, extent{off, off + size})
			if depth < 10 {
				all = append(all, boxesOf(b[skip:size], off+skip, depth+1)...)
			}
		}
		b, off = b[size:], off+size
	}
	return all
}

// exercise opens and reads a file as a viewer would, whatever it is.
func exercise(media []byte) {
	ctx := context.Background()
	in := flv.NewInput(bytes.NewReader(media), int64(len(media)))
	f, err := mp4.Open(ctx, in)
	if err != nil {
		return
	}
	f.Info().OnMetaData()
	r := f.NewReader(in, f.Info().Tracks...)
	read := func(n int) {
		for range n {
			if _, err := r.Next(ctx); err != nil {
				return
			}
		}
	}
	read(2000)
	for _, at := range []time.Duration{0, f.Info().Duration / 2, f.Info().Duration, 1 << 62, -1} {
		if _, err := r.Seek(ctx, at); err == nil {
			read(50)
		}
	}
}

func FuzzOpen(f *testing.F) {
	for _, media := range seeds(f) {
		f.Add(media, uint32(0), uint64(0), uint8(0))
		f.Add(media, uint32(0x30010), uint64(0xffffffff), uint8(2))
		f.Add(media[:len(media)*2/3], uint32(0), uint64(0), uint8(0)) // torn, where it is fragmented
	}
	f.Fuzz(func(t *testing.T, media []byte, at uint32, value uint64, width uint8) {
		if len(media) >= 1<<20 {
			return
		}
		media = mutate(media, at, value, width)
		checkCost(t, func() { exercise(media) })
	})
}

// checkCost fails where f takes too long or allocates too much. Time is that of a machine with other things to do, so the
// best of a few runs counts.
func checkCost(t *testing.T, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	best := time.Duration(1 << 62)
	for range 4 {
		runtime.ReadMemStats(&before)
		began := time.Now()
		f()
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(fuzzBytes))
		if best = min(best, took); best < fuzzTime {
			return
		}
	}
	require.Less(t, best, fuzzTime)
}

// TestMutations changes each box of each seed in a few ways, so that what fuzzing once found stays found.
func TestMutations(t *testing.T) {
	for _, media := range seeds(t) {
		n := min(len(boxesOf(media, 0, 0)), 150)
		if len(media) > 100<<10 {
			continue
		}
		for i := range n {
			for _, field := range []struct {
				at    uint32
				value uint64
				width uint8
			}{{0, 1, 2}, {0, 0, 2}, {0, 9, 2}, {4, 0x66726565, 2}, {12, 0xffffffff, 2}, {12, 0, 2}, {16, 0xffffffffffffffff, 3}, {20, 0x7fffffff, 2}, {16, 0x80000000, 2}} {
				changed := mutate(media, uint32(i)<<16|field.at, field.value, field.width)
				checkCost(t, func() { exercise(changed) })
			}
		}
	}
}
