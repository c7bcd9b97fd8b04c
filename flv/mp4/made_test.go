package mp4_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/mp4"
)

// video and audio are small tracks: 10 s of 10 pictures a second with a key frame each second, and 10 s of sound in
// samples of 100 ms.
func videoTrack() *madeTrack {
	return &madeTrack{id: 1, video: true, timescale: 1000, duration: 100, sizes: sizesOf(100), perChunk: 10, keyEvery: 10}
}

func audioTrack() *madeTrack {
	return &madeTrack{id: 2, timescale: 10000, duration: 1000, sizes: sizesOf(100), perChunk: 10}
}

// sizesOf are n sizes of which no two neighbours are alike.
func sizesOf(n int) (sizes []int) {
	for i := range n {
		sizes = append(sizes, 20+i%7)
	}
	return sizes
}

// elst is an edit list of movie milliseconds and media times.
func elst(edits ...int) []byte {
	b := fieldsOf(0, len(edits)/2)
	for i := 0; i < len(edits); i += 2 {
		b = appendFields(b, edits[i], edits[i+1], 1<<16)
	}
	return b
}

// times are the timestamps of a kind of tags, sequence headers left out.
func times(t *testing.T, f *mp4.File, in flv.Input, kind flv.TagType) (dts, pts []int) {
	t.Helper()
	for _, p := range receive(t, f.NewReader(in))[kind].packets {
		dts, pts = append(dts, int(p.dts)), append(pts, int(p.pts))
	}
	return dts, pts
}

func openMade(t *testing.T, tracks ...*madeTrack) (*mp4.File, *madeFile) {
	t.Helper()
	in := makeFile(tracks...)
	f, err := mp4.Open(context.Background(), in)
	require.NoError(t, err)
	return f, in
}

// steps are n numbers from first, step apart.
func steps(first, step, n int) (all []int) {
	for i := range n {
		all = append(all, first+i*step)
	}
	return all
}

func TestEdits(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		video, audio       []byte
		wantVideo, wantPTS []int
		wantAudio          []int
	}{
		"none": {
			wantVideo: steps(0, 100, 100), wantAudio: steps(0, 100, 100),
		},
		"empty edit": {
			video:     elst(500, -1, 10000, 0),
			wantVideo: steps(500, 100, 100), wantAudio: steps(0, 100, 100),
		},
		"sound starts late in its media": {
			audio:     elst(9800, 2000),
			wantVideo: steps(200, 100, 100), wantAudio: steps(0, 100, 100),
		},
		"pictures from within a group": {
			video: elst(5000, 1300), audio: elst(5000, 13000),
			// From the key frame at 1 s on, and sound from 1 s before.
			wantVideo: steps(700, 100, 53), wantAudio: steps(0, 100, 60),
		},
		"two edits": {
			video: elst(1000, 2000, 1000, 6500), audio: elst(2000, 0),
			// The second has to start from its key frame, which is decoded when the first is over.
			wantVideo: append(append(steps(0, 100, 10), steps(1000, 0, 5)...), steps(1000, 100, 10)...),
			wantPTS:   append(append(steps(0, 100, 10), steps(500, 100, 5)...), steps(1000, 100, 10)...),
			wantAudio: steps(0, 100, 20),
		},
		"gap": {
			video: elst(1000, 0, 700, -1, 500, 3000), audio: elst(2200, 0),
			wantVideo: append(steps(0, 100, 10), steps(1700, 100, 5)...), wantAudio: steps(0, 100, 22),
		},
		"to the end": {
			video: elst(0, 0), wantVideo: steps(0, 100, 100), wantAudio: steps(0, 100, 100),
		},
		"past the end": { // shows nothing, so it is no edit list at all
			video: elst(1000, 90000), wantVideo: steps(0, 100, 100), wantAudio: steps(0, 100, 100),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			video, audio := videoTrack(), audioTrack()
			video.edits, audio.edits = tt.video, tt.audio
			f, in := openMade(t, video, audio)
			dts, pts := times(t, f, in, flv.TagVideo)
			require.Equal(t, tt.wantVideo, dts)
			if tt.wantPTS == nil {
				tt.wantPTS = tt.wantVideo
			}
			require.Equal(t, tt.wantPTS, pts)
			sound, _ := times(t, f, in, flv.TagAudio)
			require.Equal(t, tt.wantAudio, sound)
			checkSeeks(t, f, in)
		})
	}
}

// TestSeams has edits of pictures whose order of decoding is another one: where two meet, Info, a play and a seek have the
// same times.
func TestSeams(t *testing.T) {
	t.Parallel()
	for name, edits := range map[string][]byte{
		"forward": elst(1530, 1010, 2000, 4020), "back": elst(1530, 2010, 1000, 250), "twice": elst(700, 3333, 700, 3333, 700, 5555),
		"with a gap": elst(1000, 0, 500, -1, 1000, 980),
	} {
		video := videoTrack()
		video.offsets, video.edits = []int{200, 400, 100, 0}, edits
		f, in := openMade(t, video, audioTrack())
		var keys []time.Duration
		for _, m := range marks(t, f.NewReader(in)) {
			if m.kind == flv.TagVideo && m.key {
				keys = append(keys, time.Duration(m.ts)*time.Millisecond)
			}
		}
		require.Equal(t, keys, f.Info().KeyFrames, name)
		checkSeeks(t, f, in)
	}
}

// TestNegativeOffsets has composition offsets in version 0 of ctts that only make sense as signed numbers.
func TestNegativeOffsets(t *testing.T) {
	t.Parallel()
	video := videoTrack()
	video.offsets = []int{0, 100, -100}
	f, in := openMade(t, video, audioTrack())
	dts, pts := times(t, f, in, flv.TagVideo)
	require.Equal(t, steps(0, 100, 100), dts)
	require.Equal(t, []int{100, 300, 200, 400}, pts[:4])
	sound, _ := times(t, f, in, flv.TagAudio)
	require.Equal(t, steps(100, 100, 100), sound)
}

// TestInterleaving has sounds and pictures whose rates have no common unit: each time is rounded from the exact one.
func TestInterleaving(t *testing.T) {
	t.Parallel()
	video := &madeTrack{id: 1, video: true, timescale: 30000, duration: 1001, sizes: sizesOf(3000), perChunk: 10}
	audio := &madeTrack{id: 2, timescale: 44100, duration: 1024, sizes: sizesOf(4300), perChunk: 10}
	f, in := openMade(t, video, audio)
	pictures, _ := times(t, f, in, flv.TagVideo)
	for i, ms := range pictures {
		require.Equal(t, (i*1001*1000+15000)/30000, ms)
	}
	sound, _ := times(t, f, in, flv.TagAudio)
	for i, ms := range sound {
		require.Equal(t, (i*1024*1000+22050)/44100, ms)
	}
}

// patch replaces the first occurrence of old in the head of a file.
func patch(t *testing.T, in *madeFile, old, to []byte) {
	t.Helper()
	require.Equal(t, len(old), len(to))
	i := bytes.Index(in.head, old)
	require.Positive(t, i)
	copy(in.head[i:], to)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		damage func(t *testing.T, in *madeFile)
		want   string
		err    error
	}{
		"no moov": {
			func(t *testing.T, in *madeFile) { patch(t, in, []byte("moov"), []byte("free")) },
			"moov at byte", flv.ErrFormat,
		},
		"compressed": {
			func(t *testing.T, in *madeFile) { patch(t, in, []byte("mvhd"), []byte("cmov")) },
			"moov/cmov at byte 24: the movie header is compressed, which is not supported", flv.ErrFormat,
		},
		"encrypted": {
			func(t *testing.T, in *madeFile) {
				patch(t, in, []byte("avcC"), []byte("sinf"))
			},
			"track 1 is avc1 (encrypted, unknown scheme)", flv.ErrFormat,
		},
		"a codec that nobody plays": {
			func(t *testing.T, in *madeFile) {
				patch(t, in, []byte("avc1"), []byte("mp4v"))
				patch(t, in, []byte("avcC"), []byte("esds"))
			},
			"codec mp4v cannot be sent", flv.ErrNoTrack,
		},
		"nothing to see or hear": {
			func(t *testing.T, in *madeFile) {
				patch(t, in, []byte("vide"), []byte("hint"))
				patch(t, in, []byte("soun"), []byte("meta"))
			},
			"no audio or video track", flv.ErrNoTrack,
		},
		"a chunk outside of the file": {
			func(t *testing.T, in *madeFile) {
				i := bytes.Index(in.head, []byte("co64"))
				binary.BigEndian.PutUint64(in.head[i+12:], uint64(in.size))
			},
			"lies outside of the file", flv.ErrFormat,
		},
		"a count that lies": {
			func(t *testing.T, in *madeFile) {
				i := bytes.Index(in.head, []byte("stsz"))
				binary.BigEndian.PutUint32(in.head[i+12:], 101)
			},
			"stbl/stsz at byte", flv.ErrFormat,
		},
		"a size that lies": {
			func(t *testing.T, in *madeFile) {
				i := bytes.Index(in.head, []byte("stts"))
				binary.BigEndian.PutUint32(in.head[i-4:], 1<<20)
			},
			"stbl/stts at byte", flv.ErrFormat,
		},
		"sync samples out of order": {
			func(t *testing.T, in *madeFile) {
				i := bytes.Index(in.head, []byte("stss"))
				binary.BigEndian.PutUint32(in.head[i+16:], 0)
			},
			"sync sample", flv.ErrFormat,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := makeFile(videoTrack(), audioTrack())
			tt.damage(t, in)
			_, err := mp4.Open(context.Background(), in)
			require.ErrorIs(t, err, tt.err)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

// TestContext interrupts Next and Seek, and goes on.
func TestContext(t *testing.T) {
	t.Parallel()
	media := testFile(t, "fragments.mp4")
	f, in := open(t, media)
	want := marks(t, f.NewReader(in))
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	f, in = open(t, media)
	r := f.NewReader(in)
	var got []mark
	for {
		if _, err := r.Next(ended); err != nil && err != io.EOF {
			require.ErrorIs(t, err, context.Canceled)
		} else if err == nil { // a sequence header needs no input
			continue
		}
		tag, err := r.Next(context.Background())
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		p, header := decode(t, tag)
		got = append(got, mark{tag.Type, tag.Timestamp, p.pts - p.dts, p.sum, (p.key || tag.Type == flv.TagAudio) && !header, header})
	}
	var wanted []mark
	for _, m := range want {
		if !m.header {
			wanted = append(wanted, m)
		}
	}
	require.Equal(t, wanted, got)
	at, err := r.Seek(context.Background(), time.Second)
	require.NoError(t, err)
	require.Positive(t, at)
}

// TestSizes has sizes of 4, 8 and 16 bits.
func TestSizes(t *testing.T) {
	t.Parallel()
	for _, bits := range []int{4, 8, 16} {
		video := videoTrack()
		video.sizeBits = bits
		for i := range video.sizes {
			video.sizes[i] = 1 + i%13
		}
		f, in := openMade(t, video)
		r := f.NewReader(in)
		_, err := r.Next(context.Background()) // the sequence header
		require.NoError(t, err)
		for i, want := range video.sizes {
			tag, err := r.Next(context.Background())
			require.NoError(t, err)
			require.Len(t, tag.Data, want, "sample %d, %d bits", i, bits)
		}
		_, err = r.Next(context.Background())
		require.ErrorIs(t, err, io.EOF)
	}
}

// TestSampleDescriptions has a second sample description: its sequence header comes where it comes into force, and after
// a seek the one that is in force there.
func TestSampleDescriptions(t *testing.T) {
	t.Parallel()
	video := videoTrack()
	video.change = 6
	f, in := openMade(t, video, audioTrack())
	require.Len(t, f.Info().Tracks, 2)
	r := f.NewReader(in)
	headers := map[uint32]byte{} // the level that the parameter set of each sequence header has
	for {
		tag, err := r.Next(context.Background())
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		if p := tag.Head.Bytes(); tag.Type == flv.TagVideo && p[1] == 0 {
			headers[tag.Timestamp] = tag.Data[11]
		}
	}
	require.Equal(t, map[uint32]byte{0: 0x1e, 5000: 0x1f}, headers)
	for at, level := range map[time.Duration]byte{4 * time.Second: 0x1e, 6 * time.Second: 0x1f} {
		got, err := r.Seek(context.Background(), at)
		require.NoError(t, err)
		require.Equal(t, at, got)
		tag, err := r.Next(context.Background())
		require.NoError(t, err)
		require.Equal(t, level, tag.Data[11])
		tag, err = r.Next(context.Background())
		require.NoError(t, err)
		require.Equal(t, flv.TagAudio, tag.Type)
		require.EqualValues(t, 0, tag.Head.Bytes()[1])
	}
}

// TestLongTimes has timestamps beyond 24 and 32 bits: they wrap as RTMP's do, and seeking goes by the whole time.
func TestLongTimes(t *testing.T) {
	t.Parallel()
	video := videoTrack()
	video.timescale, video.duration = 1, 1_000_000 // 100 pictures, 11 days apart
	f, in := openMade(t, video)
	dts := marks(t, f.NewReader(in))
	require.EqualValues(t, 1_000_000_000, dts[2].ts)
	require.EqualValues(t, uint32(99_000_000_000%(1<<32)), dts[100].ts)
	r := f.NewReader(in)
	at, err := r.Seek(context.Background(), 45_000_000*time.Second)
	require.NoError(t, err)
	require.Equal(t, 40_000_000*time.Second, at)
}
