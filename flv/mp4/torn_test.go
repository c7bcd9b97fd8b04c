package mp4_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/mp4"
	"github.com/seed-3309b198/reelfront/internal/strangers"
)

// TestTornRecordings cuts fragmented files off at many places, as a recorder that dies does: what is whole plays, and the
// duration is that of what is there.
func TestTornRecordings(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"fragments.mp4", "sidx.mp4"} {
		media := testFile(t, name)
		whole, in := open(t, media)
		want := receive(t, whole.NewReader(in))
		start := bytes.Index(media, []byte("moof")) + 4
		longest := 0
		for end := start; end < len(media); end += 97 {
			torn := media[:end]
			f, err := mp4.Open(context.Background(), flv.NewInput(bytes.NewReader(torn), int64(len(torn))))
			if err != nil { // not one sample is whole
				require.Zero(t, longest, "%s: byte %d", name, end)
				require.ErrorIs(t, err, flv.ErrFormat)
				require.Regexp(t, "^(moof|mdat).* at byte .*(does not fit|outside of the file)", err.Error())
				continue
			}
			in := flv.NewInput(bytes.NewReader(torn), int64(len(torn)))
			got := receive(t, f.NewReader(in))
			n := 0
			for kind, r := range got {
				require.LessOrEqual(t, len(r.packets), len(want[kind].packets))
				for i, p := range r.packets {
					require.Equal(t, want[kind].packets[i].sum, p.sum, "%s: byte %d", name, end)
					require.Equal(t, want[kind].packets[i].key, p.key)
				}
				n += len(r.packets)
			}
			require.GreaterOrEqual(t, n, longest)
			longest = n
			if n > 1 {
				checkInfo(t, f, in)
			}
			if end%7 == 0 {
				checkSeeks(t, f, in)
			}
		}
		require.Greater(t, longest, len(want[flv.TagVideo].packets))
	}
}

// TestTornLaterFragment has an hour of fragments that is cut off within the last one that is left.
func TestTornLaterFragment(t *testing.T) {
	t.Parallel()
	for _, index := range []string{"none", "sidx"} {
		in := hour(index, hourFragments)
		n := len(in.offsets) * 2 / 3
		in.size = in.offsets[n] + int64(len(in.parts[n])) + 9000*10 - 8 + 4000 // within the 11th picture
		in.offsets, in.parts = in.offsets[:n+1], in.parts[:n+1]
		f, err := mp4.Open(context.Background(), in)
		require.NoError(t, err)
		base := n - 1 // the moov comes first, and the sidx
		if index == "sidx" {
			base--
		}
		require.Equal(t, time.Duration(base)*2*time.Second+400*time.Millisecond, f.Info().Duration, index)
		r := f.NewReader(in)
		at, err := r.Seek(context.Background(), time.Hour)
		require.NoError(t, err)
		require.Equal(t, time.Duration(base)*2*time.Second, at, index)
		require.Len(t, marks(t, r), 1+10, index) // of the sound nothing is left there
	}
}

// TestLyingSize has an mdat in the middle of the file that claims to be longer than the file: that is no end.
func TestLyingSize(t *testing.T) {
	t.Parallel()
	in := hour("none", hourFragments)
	b := bytes.Clone(in.parts[901])
	binary.BigEndian.PutUint32(b[len(b)-8:], 0x7fffffff)
	in.parts[901] = b
	f, err := mp4.Open(context.Background(), in)
	require.NoError(t, err)
	require.Equal(t, time.Hour, f.Info().Duration)
	r := f.NewReader(in)
	_, err = r.Seek(context.Background(), 30*time.Minute-2*time.Second)
	require.NoError(t, err)
	for err == nil {
		_, err = r.Next(context.Background())
	}
	require.ErrorIs(t, err, flv.ErrFormat)
	require.ErrorContains(t, err, "mdat at byte ")
}

// TestUnplayedTrackInFragments has fragments that do not say where their data begin: those of a track begin where the ones
// of the track before it end, whether that is played or not.
func TestUnplayedTrackInFragments(t *testing.T) {
	t.Parallel()
	other, video := videoTrack(), videoTrack()
	for _, track := range []*madeTrack{other, video} {
		track.sizes, track.chunks, track.keyEvery = nil, nil, 0
	}
	other.id, other.handler, other.entry = 7, "meta", boxOf("mett", make([]byte, 6), uint16(1), "text/plain\x00\x00")
	media := append(boxOf("ftyp", "iso5", 0), boxOf("moov", boxOf("mvhd", 0, 0, 0, 1000, 0, make([]byte, 80)), other.trak(), video.trak(),
		boxOf("mvex", boxOf("trex", 0, 7, 1, 40, 3, 0), boxOf("trex", 0, 1, 1, 40, 5, 0)))...)
	for i := range 3 {
		const size = 8 + 16 + (8 + 16 + 20 + 20 + 28) + (8 + 16 + 20 + 16)
		media = append(media, boxOf("moof", boxOf("mfhd", 0, i+1),
			boxOf("traf", boxOf("tfhd", 0, 7), boxOf("tfdt", 1<<24, uint64(i*1000)), boxOf("trun", 1, 2, size+8), boxOf("trun", 0x200, 3, 1, 2, 4)),
			boxOf("traf", boxOf("tfhd", 0, 1), boxOf("tfdt", 1<<24, uint64(i*1000)), boxOf("trun", 0, 2)))...)
		media = append(media, boxOf("mdat", "metadata.....", "first", "other")...)
	}
	f, in := open(t, media)
	packets := receive(t, f.NewReader(in))[flv.TagVideo].packets
	require.Len(t, packets, 6)
	for i, p := range packets {
		require.Equal(t, strangers.MD5([]byte([]string{"first", "other"}[i%2])), p.sum)
	}
}

// TestNoFragments has a moov that announces fragments, of which there are none: its edit lists count in full.
func TestNoFragments(t *testing.T) {
	t.Parallel()
	video, audio := videoTrack(), audioTrack()
	video.edits = elst(1000, 2000, 1000, 7000)
	mvex := boxOf("mvex", boxOf("trex", 0, 1, 1, 100, 5, 0), boxOf("trex", 0, 2, 1, 1000, 5, 0))
	in := makeFile(video, audio)
	i := bytes.Index(in.head, []byte("moov"))
	size := int(binary.BigEndian.Uint32(in.head[i-4:]))
	video.shiftChunks(len(mvex))
	audio.shiftChunks(len(mvex))
	moov := boxOf("moov", boxOf("mvhd", 0, 0, 0, 1000, 0, make([]byte, 80)), video.trak(), audio.trak(), mvex)
	require.Len(t, moov, size+len(mvex))
	in.head = fieldsOf(in.head[:i-4], moov, in.head[i-4+size:])
	in.size += int64(len(mvex))
	f, err := mp4.Open(context.Background(), in)
	require.NoError(t, err)
	dts, _ := times(t, f, in, flv.TagVideo)
	require.Equal(t, append(steps(0, 100, 10), steps(1000, 100, 10)...), dts)
	require.Equal(t, []time.Duration{0, time.Second}, f.Info().KeyFrames)
	checkSeeks(t, f, in)
}

// TestForeignIndex has an mfra and a sidx that belong to another version of the file: what they lead to is no fragment.
func TestForeignIndex(t *testing.T) {
	t.Parallel()
	for _, index := range []string{"mfra", "sidx"} {
		in := hour(index, hourFragments)
		kind := map[string]string{"mfra": "tfra", "sidx": "sidx"}[index]
		for i, part := range in.parts {
			at := bytes.Index(part, []byte(kind))
			if at < 0 {
				continue
			}
			b := bytes.Clone(part)
			in.parts[i] = b
			if index == "sidx" {
				binary.BigEndian.PutUint32(b[at+20:], 12345) // the first offset
				continue
			}
			for entry := b[at+20:]; len(entry) >= 11; entry = entry[11:] {
				binary.BigEndian.PutUint32(entry[4:], binary.BigEndian.Uint32(entry[4:])+12345)
			}
		}
		for i, off := range in.offsets[2:] { // what lies where it leads looks like a box that is none
			if i < hourFragments {
				in.falsify(off+12345, fieldsOf(5, "moof"))
			}
		}
		f, err := mp4.Open(context.Background(), in)
		require.NoError(t, err, index)
		at, err := f.NewReader(in).Seek(context.Background(), 40*time.Minute+time.Second)
		require.NoError(t, err, index)
		require.Equal(t, 40*time.Minute, at, index)
	}
}

// TestEditLimits has edit lists that say more than a file may.
func TestEditLimits(t *testing.T) {
	t.Parallel()
	audio := audioTrack()
	audio.edits, audio.lists = manyEdits(1000), 2
	_, err := mp4.Open(context.Background(), makeFile(audio))
	require.ErrorIs(t, err, flv.ErrFormat)
	require.ErrorContains(t, err, "1000 edits after 1000, of at most 1024")

	video := videoTrack() // empty edits of 2^64 ticks, and then all of it
	video.edits = fieldsOf(1<<24, 3, ^uint64(0), ^uint64(0), 1<<16, ^uint64(0), ^uint64(0), 1<<16, uint64(0), uint64(0), 1<<16)
	f, in := openMade(t, video, audioTrack())
	require.Positive(t, f.Info().Duration)
	require.Less(t, f.Info().Duration, 40*365*24*time.Hour)
	_, err = f.NewReader(in).Seek(context.Background(), 1<<62)
	require.NoError(t, err)
}
