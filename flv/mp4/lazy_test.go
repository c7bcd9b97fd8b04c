package mp4_test

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sort"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/mp4"
)

// sparse is a file of which only some parts are not zeros.
type sparse struct {
	offsets []int64
	parts   [][]byte
	size    int64
	reads   int
}

func (s *sparse) add(b []byte) {
	s.offsets, s.parts = append(s.offsets, s.size), append(s.parts, b)
	s.size += int64(len(b))
}

func (s *sparse) Size() int64 { return s.size }

func (s *sparse) Window(ctx context.Context, off int64, n int) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.reads++
	b := make([]byte, n)
	i := sort.Search(len(s.offsets), func(i int) bool { return s.offsets[i]+int64(len(s.parts[i])) > off })
	for ; i < len(s.offsets) && s.offsets[i] < off+int64(n); i++ {
		if at := s.offsets[i] - off; at >= 0 {
			copy(b[at:], s.parts[i])
		} else {
			copy(b, s.parts[i][-at:])
		}
	}
	return b, nil
}

// falsify puts b at off, where there are zeros.
func (s *sparse) falsify(off int64, b []byte) {
	i := sort.Search(len(s.offsets), func(i int) bool { return s.offsets[i] > off })
	s.offsets, s.parts = slices.Insert(s.offsets, i, off), slices.Insert(s.parts, i, b)
}

// view is another viewer's input over the same bytes.
func (s *sparse) view() *sparse { return &sparse{offsets: s.offsets, parts: s.parts, size: s.size} }

// The fragments of hour: 2 s each, with 50 pictures and 20 sounds.
const (
	hourFragments = 1800
	fragmentSize  = 500_000
)

// The parts of hour that have a sidx of their own, and the length of that.
const (
	branchFragments = 150
	branchSize      = 8 + 24 + 12*branchFragments
)

// sidxOf is a sidx from the time start on, of sizes and durations in ms.
func sidxOf(start int, references ...int) []byte {
	b := fieldsOf(0, 1, 1000, start, 0, uint16(0), uint16(len(references)/2))
	for i := 0; i < len(references); i += 2 {
		b = appendFields(b, references[i], references[i+1], 0)
	}
	return boxOf("sidx", b)
}

// hour is a fragmented file of one hour, with the given index. Its sound ends after so many fragments.
func hour(index string, sounds int) *sparse {
	video, audio := videoTrack(), audioTrack()
	for _, t := range []*madeTrack{video, audio} {
		t.sizes, t.chunks, t.keyEvery = nil, nil, 0
	}
	s := &sparse{}
	s.add(append(boxOf("ftyp", "iso5", 0), boxOf("moov", boxOf("mvhd", 0, 0, 0, 1000, 0, make([]byte, 80)), video.trak(), audio.trak(),
		boxOf("mvex", boxOf("trex", 0, 1, 1, 40, 9000, 0x10000), boxOf("trex", 0, 2, 1, 1000, 500, 0)))...))
	traf := func(id, base, offset, n int, key bool) []byte {
		first := 0x10000
		if key {
			first = 0
		}
		return boxOf("traf", boxOf("tfhd", 0x20000, id), boxOf("tfdt", 1<<24, uint64(base)), boxOf("trun", 5, n, offset, first))
	}
	moof := func(i int) []byte {
		const size = 8 + 16 + 2*(8+16+20+24)
		sound := traf(2, i*20000, size+8+50*9000, 20, false)
		if i >= sounds {
			sound = boxOf("free", sound[8:])
		}
		return boxOf("moof", boxOf("mfhd", 0, i+1), traf(1, i*2000, size+8, 50, true), sound)
	}
	size := len(moof(0)) + fragmentSize
	switch index {
	case "sidx":
		s.add(sidxOf(0, slices.Repeat([]int{size, 2000}, hourFragments)...))
	case "tree":
		s.add(sidxOf(0, slices.Repeat([]int{branchSize + size*branchFragments | 1<<31, 2000 * branchFragments}, hourFragments/branchFragments)...))
	}
	tfra := fieldsOf(0, 1, 0, hourFragments)
	for i := range hourFragments {
		if i%branchFragments == 0 {
			below := slices.Repeat([]int{size, 2000}, branchFragments)
			switch left := hourFragments - i - branchFragments; {
			case index == "tree":
				s.add(sidxOf(i*2000, below...))
			case index == "chain" && left > 0: // each leads to the next
				s.add(sidxOf(i*2000, append(below, left/branchFragments*(branchSize+12+size*branchFragments)-12|1<<31, 2000*left)...))
			case index == "chain":
				s.add(sidxOf(i*2000, below...))
			}
		}
		tfra = appendFields(tfra, i*2000, int(s.size), uint8(1), uint8(1), uint8(1))
		s.add(append(moof(i), fieldsOf(fragmentSize, "mdat")...))
		s.size += fragmentSize - 8
	}
	if index == "mfra" {
		s.add(boxOf("mfra", boxOf("tfra", tfra), boxOf("mfro", 0, 8+8+len(tfra)+16)))
	}
	return s
}

// TestLazyFragments counts what opening, seeking and playing read of an hour of fragments.
func TestLazyFragments(t *testing.T) {
	t.Parallel()
	for _, index := range []string{"sidx", "mfra", "tree", "chain", "none"} {
		t.Run(index, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			in := hour(index, hourFragments)
			f, err := mp4.Open(ctx, in)
			require.NoError(t, err)
			require.InDelta(t, 3600, f.Info().Duration.Seconds(), 1)
			if index == "none" || index == "chain" { // the first fragment, and then a search near the end
				require.LessOrEqual(t, in.reads, 16)
			} else {
				require.LessOrEqual(t, in.reads, 8)
			}
			in.reads = 0
			r := f.NewReader(in)
			for range 20 {
				_, err := r.Next(ctx)
				require.NoError(t, err)
			}
			require.LessOrEqual(t, in.reads, 20, "play starts before the walk ends")
			in.reads = 0
			at, err := r.Seek(ctx, 40*time.Minute+time.Second)
			require.NoError(t, err)
			require.Equal(t, 40*time.Minute, at)
			most := map[string]int{"sidx": 12, "mfra": 12, "tree": 14, "chain": 24, "none": 30}[index]
			require.LessOrEqual(t, in.reads, most)
			tag, err := r.Next(ctx) // the sequence header
			require.NoError(t, err)
			require.EqualValues(t, at.Milliseconds(), tag.Timestamp)
			again := in.view()
			_, err = f.NewReader(again).Seek(ctx, 40*time.Minute+time.Second)
			require.NoError(t, err)
			require.Zero(t, again.reads, "what one viewer learnt, all know")
			at, err = r.Seek(ctx, 2*time.Hour)
			require.NoError(t, err)
			require.Equal(t, time.Hour-2*time.Second, at)
		})
	}
}

// TestColdSeeks counts what the first seek in a file without an index takes: 3,600 fragments of one hour, whose length
// varies as that of scenes does.
func TestColdSeeks(t *testing.T) {
	t.Parallel()
	for name, lengthOf := range map[string]func(i int) int64{
		"even":        func(int) int64 { return 500_000 },
		"uneven":      func(i int) int64 { return 200_000 + int64(i*7919%1000)*1000 },
		"one scene":   func(i int) int64 { return 100_000 + int64(i/1200%2)*2_000_000 },
		"small":       func(int) int64 { return 16_000 },
		"long":        func(int) int64 { return 3_000_000 },
		"ever longer": func(i int) int64 { return 20_000 + 300*int64(i) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n, limit = 3600, 40
			file := uneven(n, 1000, lengthOf)
			worst := 0
			for i := range 24 {
				in := file.view()
				f, err := mp4.Open(context.Background(), in)
				require.NoError(t, err)
				in.reads = 0
				r := f.NewReader(in)
				target := time.Duration(1+i*1499%n) * time.Second
				at, err := r.Seek(context.Background(), target+500*time.Millisecond)
				require.NoError(t, err)
				require.Equal(t, min(target, (n-1)*time.Second), at)
				worst = max(worst, in.reads)
			}
			require.LessOrEqual(t, worst, limit)
		})
	}
}

// uneven is a file of n fragments, of step ms each, with 10 pictures of which the first is a key frame.
func uneven(n, step int, lengthOf func(i int) int64) *sparse {
	video := videoTrack()
	video.sizes, video.chunks, video.keyEvery = nil, nil, 0
	s := &sparse{}
	s.add(append(boxOf("ftyp", "iso5", 0), boxOf("moov", boxOf("mvhd", 0, 0, 0, 1000, 0, make([]byte, 80)), video.trak(),
		boxOf("mvex", boxOf("trex", 0, 1, 1, step/10, 900, 0x10000)))...))
	for i := range n {
		moof := boxOf("moof", boxOf("mfhd", 0, i+1), boxOf("traf", boxOf("tfhd", 0x20000, 1), boxOf("tfdt", 1<<24, uint64(i*step)),
			boxOf("trun", 5, 10, 120, 0)))
		s.add(append(moof, fieldsOf(int(lengthOf(i)), "mdat")...))
		s.size += lengthOf(i) - 8
	}
	return s
}

// TestLongFragments has timestamps beyond 24 and 32 bits in fragments, five hours apart.
func TestLongFragments(t *testing.T) {
	t.Parallel()
	const n, step = 400, 5 * 3600 * 1000
	in := uneven(n, step, func(int) int64 { return 300_000 })
	f, err := mp4.Open(context.Background(), in)
	require.NoError(t, err)
	require.Equal(t, n*step*time.Millisecond, f.Info().Duration)
	r := f.NewReader(in)
	for _, i := range []int64{1, 100, 238, 239, 399} {
		at, err := r.Seek(context.Background(), time.Duration(i*step+step-1)*time.Millisecond)
		require.NoError(t, err)
		require.Equal(t, i*step, at.Milliseconds())
		for k := range int64(10) {
			tag, err := r.Next(context.Background())
			require.NoError(t, err)
			require.Equal(t, uint32(i*step+max(k-1, 0)*step/10), tag.Timestamp)
		}
	}
}

// TestFalseFragments has pictures that look like fragments: no seek ends in one.
func TestFalseFragments(t *testing.T) {
	t.Parallel()
	file := uneven(400, 1000, func(int) int64 { return 400_000 })
	first := file.parts[1][:len(file.parts[1])-8]
	for i := range 400 { // a whole moof with nothing fit behind it, one that is cut off, and one of another track
		end := file.offsets[i+1] + int64(len(file.parts[i+1]))
		for j, fake := range slices.Repeat([][]byte{append(bytes.Clone(first), 0, 0, 0, 3), first[:60], bytes.Replace(first, []byte("\x00\x02\x00\x00\x00\x00\x00\x01"), []byte("\x00\x02\x00\x00\x00\x00\x00\x09"), 1),
			bytes.Replace(first, []byte("tfdt"), []byte("free"), 1), bytes.Replace(first, []byte("moof"), []byte("\x00oof"), 1),
			append(fieldsOf(5<<20), first[4:]...), bytes.Replace(first, []byte("trun"), []byte("trux"), 1)}, 5) {
			file.falsify(end+1000+int64(j)*11_000, fake)
		}
	}
	for i := range 12 {
		in := file.view()
		f, err := mp4.Open(context.Background(), in)
		require.NoError(t, err)
		target := time.Duration(30+i*31) * time.Second
		at, err := f.NewReader(in).Seek(context.Background(), target)
		require.NoError(t, err)
		require.Equal(t, target, at)
	}
}

// TestEndedTrack has sound that ends long before the pictures: looking for more of it goes no further ahead of them than
// tracks lie apart.
func TestEndedTrack(t *testing.T) {
	t.Parallel()
	in := hour("none", 5)
	f, err := mp4.Open(context.Background(), in)
	require.NoError(t, err)
	r := f.NewReader(in)
	in.reads = 0
	tags := 0
	for {
		tag, err := r.Next(context.Background())
		require.NoError(t, err)
		if tags++; tag.Timestamp > 20_000 {
			break
		}
	}
	require.LessOrEqual(t, in.reads, tags+20)
	_, err = r.Seek(context.Background(), 40*time.Minute)
	require.NoError(t, err)
	require.Len(t, marks(t, r), 1+50*600)
}

// TestSharedFragments has many viewers learn the same index at once.
func TestSharedFragments(t *testing.T) {
	t.Parallel()
	in := hour("none", hourFragments)
	f, err := mp4.Open(context.Background(), in)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			in := in.view()
			r := f.NewReader(in)
			for j := range 30 {
				if _, err := r.Seek(context.Background(), time.Duration(i*60+j*29)*time.Second); err != nil {
					t.Error(err)
					return
				}
				for range 200 {
					if _, err := r.Next(context.Background()); err != nil && err != io.EOF {
						t.Error(err)
						return
					}
				}
				_ = f.Bytes()
			}
		})
	}
	wg.Wait()
}

// TestInterruptedWalk ends the context of a seek on the way, and seeks again.
func TestInterruptedWalk(t *testing.T) {
	t.Parallel()
	in := hour("none", hourFragments)
	f, err := mp4.Open(context.Background(), in)
	require.NoError(t, err)
	r := f.NewReader(in)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = r.Seek(ctx, 50*time.Minute)
	require.ErrorIs(t, err, context.Canceled)
	at, err := r.Seek(context.Background(), 30*time.Minute)
	require.NoError(t, err)
	require.Equal(t, 30*time.Minute, at)
}

var _ flv.Input = (*sparse)(nil)

// limited is an input that gives out after so many windows.
type limited struct {
	flv.Input
	left int
}

func (l *limited) Window(ctx context.Context, off int64, n int) ([]byte, error) {
	if l.left--; l.left < 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return l.Input.Window(ctx, off, n)
}

// TestFailedSeek fails a seek at each of its reads. The reader must stay where it was.
func TestFailedSeek(t *testing.T) {
	t.Parallel()
	failed := 0
	for reads := 0; ; reads++ {
		in := hour("", 20)
		f, err := mp4.Open(t.Context(), in)
		require.NoError(t, err)
		const far = 1 << 40
		l := &limited{Input: in.view(), left: far}
		r := f.NewReader(l)
		for range 200 {
			_, err := r.Next(t.Context())
			require.NoError(t, err)
		}
		l.left = reads
		if _, err = r.Seek(t.Context(), 50*time.Minute); err == nil {
			break
		}
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		failed++
		l.left = far
		control := f.NewReader(in.view())
		for range 200 {
			_, err := control.Next(t.Context())
			require.NoError(t, err)
		}
		for range 200 {
			want, err := control.Next(t.Context())
			require.NoError(t, err)
			got, err := r.Next(t.Context())
			require.NoError(t, err)
			require.Equal(t, want.Clone(), got.Clone(), "after %d reads", reads)
		}
	}
	require.Greater(t, failed, 3)
}
