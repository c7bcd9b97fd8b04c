package mp3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/internal/strangers"
)

func open(t testing.TB, data []byte) *File {
	t.Helper()
	f, err := Open(t.Context(), inputOf(data))
	require.NoError(t, err)
	return f
}

// readAll returns clones of all tags.
func readAll(t testing.TB, r flv.Reader) (tags []flv.Tag) {
	t.Helper()
	for {
		tag, err := r.Next(t.Context())
		if err == io.EOF {
			return tags
		}
		require.NoError(t, err)
		require.Equal(t, flv.TagAudio, tag.Type)
		tags = append(tags, tag.Clone())
	}
}

func property(pairs []amf.Pair, key string) any {
	for _, p := range pairs {
		if p.Key == key {
			return p.Value
		}
	}
	return nil
}

// TestMedia compares with what ffprobe makes of real files.
func TestMedia(t *testing.T) {
	t.Parallel()
	for _, path := range strangers.Media(t, ".mp3") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			f := open(t, data)
			tags := readAll(t, f.NewReader(inputOf(data)))
			i := 0
			for _, r := range strangers.Record(t, path+".packets.tsv") {
				if r["type"] != "audio" {
					continue
				}
				require.Less(t, i, len(tags))
				require.InDelta(t, r.Number(t, "dts_ms"), tags[i].Timestamp, 0.51, i)
				require.Equal(t, r.MD5(t, data), strangers.MD5(tags[i].Data[1:]), i)
				i++
			}
			require.Len(t, tags, i)
			if strings.Contains(path, "8khz") {
				require.Equal(t, byte(0x27), tags[0].Data[0])
			}
		})
	}
}

// TestArtwork says that a picture is stepped over.
func TestArtwork(t *testing.T) {
	t.Parallel()
	data := append(id3Tag(3, 0, textFrame(3, "TIT2", "\x00before"),
		rawFrame(3, "APIC", make([]byte, 3<<20)), textFrame(3, "TALB", "\x00behind")), make([]byte, 0)...)
	m := made{}
	constantFrames(&m, 100)
	in := inputOf(append(data, m.data...))
	f, err := Open(t.Context(), in)
	require.NoError(t, err)
	require.Less(t, in.bytes, int64(2*len(m.data)+1024))
	tags := property(f.Info().Metadata, "tags").(amf.Object)
	require.Equal(t, amf.Object{{Key: "TIT2", Value: "before"}, {Key: "TALB", Value: "behind"}}, tags)
}

func TestClips(t *testing.T) {
	t.Parallel()
	// What ffprobe says of them.
	cases := []struct {
		name        string
		frames      int
		first, last int // sizes
		lastMs      uint32
		sound       byte
		tags        amf.Object
	}{
		{"cbr.mp3", 59, 208, 209, 1515, 0x2F, nil},
		{"vbr-xing.mp3", 78, 104, 104, 2011, 0x2E, amf.Object{{Key: "TIT2", Value: "Étude"}, {Key: "TPE1", Value: "Reelfront"},
			{Key: "TXXX:comment", Value: "made with ffmpeg"}, {Key: "TXXX:mood", Value: "calm"}, {Key: "TSSE"}, {Key: "COMM", Value: "made with ffmpeg"}}},
		{"mpeg2.mp3", 41, 104, 104, 1045, 0x2A, amf.Object{{Key: "TIT2", Value: "mpeg2"}, {Key: "TSSE"}}},
		{"mpeg25-11025.mp3", 22, 156, 157, 1097, 0x27, nil},
		{"mpeg25-8000.mp3", 16, 144, 144, 1080, 0x26, nil},
		{"art.mp3", 43, 144, 144, 1008, 0x2F, amf.Object{{Key: "TIT2", Value: "With art"}, {Key: "TALB", Value: "Album"}, {Key: "TSSE"}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(filepath.Join("testdata", c.name))
			require.NoError(t, err)
			f := open(t, data)
			tags := readAll(t, f.NewReader(inputOf(data)))
			require.Len(t, tags, c.frames)
			first, last := tags[0], tags[len(tags)-1]
			require.Equal(t, c.sound, first.Data[0])
			require.Zero(t, first.Timestamp)
			require.Equal(t, c.first, len(first.Data)-1)
			require.Equal(t, c.last, len(last.Data)-1)
			require.Equal(t, c.lastMs, last.Timestamp)
			words, _ := property(f.Info().Metadata, "tags").(amf.Object)
			require.Len(t, words, len(c.tags))
			for _, p := range c.tags {
				if p.Value != nil {
					require.Equal(t, p.Value, property(words, p.Key), p.Key)
				}
			}
		})
	}
}

func TestInfo(t *testing.T) {
	t.Parallel()
	m := withXing(20_000, variableFrames)
	f := open(t, m.data)
	info := f.Info()
	require.Equal(t, flv.FormatMP3, info.Format)
	require.Equal(t, duration(20_000*1152*(ticksPerSecond/44100)), info.Duration)
	require.Len(t, info.Tracks, 1)
	require.Equal(t, flv.CodecMP3, info.Tracks[0].Codec)
	all := info.OnMetaData()
	require.Equal(t, ".mp3", property(all, "audiocodecid"))
	require.Equal(t, 44100.0, property(all, "audiosamplerate"))
	require.Equal(t, 2.0, property(all, "audiochannels"))
	require.Equal(t, info.Duration.Seconds(), property(all, "duration"))
	require.Greater(t, property(all, "audiodatarate"), 32.0)
	require.Greater(t, f.Bytes(), 20_000/spacing*16)

	short := made{}
	constantFrames(&short, 100)
	f = open(t, short.data)
	last := float64(short.times[99]) / 1000
	require.Equal(t, last, property(f.Info().Metadata, "duration"), "the last tag is within 99.9 % of what is told")
	require.Greater(t, f.Info().Duration.Seconds(), last)
	require.Equal(t, 128.0, math.Round(property(f.Info().OnMetaData(), "audiodatarate").(float64)))
}

// TestDamage plays what can be played.
func TestDamage(t *testing.T) {
	t.Parallel()
	part := func(n int) []byte { m := made{}; constantFrames(&m, n); return m.data }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	ape := func(flags byte) []byte {
		b := append([]byte("APETAGEX"), 0xD0, 7, 0, 0, 64, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, flags)
		return append(b, make([]byte, 8)...)
	}
	v1 := append([]byte("TAG"), make([]byte, 125)...)
	cases := []struct {
		name   string
		data   []byte
		frames int
	}{
		{"zeros in front", join(make([]byte, 5000), part(10)), 10},
		{"junk in front with syncs", join(bytes.Repeat([]byte{0xFF, 0xFB, 0x90, 0x44, 1}, 1000), part(10)), 10},
		{"junk between", join(part(10), make([]byte, 70_000), part(10)), 20},
		{"truncated frame between", join(part(10)[:10*417], part(10)), 19},
		{"truncated tail", part(10)[:9*418+100], 9},
		{"one frame", part(1), 1},
		{"ID3v1", join(part(10), v1), 10},
		{"APE with header, then ID3v1", join(part(10), ape(0xA0), make([]byte, 32), ape(0x80), v1), 10},
		{"Lyrics3 v2, then ID3v1", join(part(10), []byte("LYRICSBEGININD0000200000011LYRICS200"), v1), 10},
		{"enhanced and plain ID3v1", join(part(10), []byte("TAG+"), make([]byte, 223), v1), 10},
		{"ID3v2.4 behind", join(part(10), id3Tag(4, 0x10, textFrame(4, "TIT2", "\x00x"))), 10},
		{"three ID3v2 tags", join(id3Tag(3, 0, nil), id3Tag(4, 0x10, nil), id3Tag(2, 0, nil), part(10)), 10},
		{"another rate in the middle", join(part(10), bytes.Repeat(appendFrame(nil, hdrMPEG2, 8, false), 10), part(10)), 30},
		{"a table that lies", join(lyingTable(), part(10)), 10},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := open(t, c.data)
			tags := readAll(t, f.NewReader(inputOf(c.data)))
			require.Len(t, tags, c.frames)
			require.Less(t, f.Info().Duration, 2*time.Second)
		})
	}
}

// lyingTable is a Xing frame with numbers far from any file.
func lyingTable() []byte {
	tag := appendFrame(nil, hdrMPEG1, 9, false)
	copy(tag[36:], "Xing\x00\x00\x00\x07\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")
	return tag
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	layer2, err := os.ReadFile("testdata/layer2.mp2")
	require.NoError(t, err)
	layer1 := bytes.Repeat(append([]byte{0xFF, 0xFF, 0x94, 0x44}, make([]byte, 12*288000/48000*4-4)...), 5)
	long := made{}
	constantFrames(&long, 100)
	cases := []struct {
		name string
		data []byte
		want error
		text string
	}{
		{"empty", nil, flv.ErrFormat, "no frame of MP3"},
		{"text", bytes.Repeat([]byte("no music at all "), 100), flv.ErrFormat, "frame at byte 0"},
		{"only an ID3v2 tag", id3Tag(4, 0, nil), flv.ErrFormat, "no frame"},
		{"junk beyond the bound", append(make([]byte, maxLeadJunk+1), long.data...), flv.ErrFormat, "no frame"},
		{"only a Xing frame", lyingTable(), flv.ErrFormat, "behind the Xing"},
		{"layer II", layer2, flv.ErrNoTrack, "MPEG audio layer II"},
		{"layer I", layer1, flv.ErrNoTrack, "codec MPEG audio layer I cannot be sent"},
		{"free format", bytes.Repeat(append([]byte{0xFF, 0xFB, 0x00, 0x44}, make([]byte, 413)...), 9), flv.ErrNoTrack, "free format"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Open(t.Context(), inputOf(c.data))
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.text)
		})
	}
}

func TestJunkBeyondBound(t *testing.T) {
	t.Parallel()
	m := made{}
	constantFrames(&m, 10)
	data := append(append(bytes.Clone(m.data), make([]byte, maxJunk+20_000)...), m.data...)
	r := open(t, data).NewReader(inputOf(data))
	for range 10 {
		_, err := r.Next(t.Context())
		require.NoError(t, err)
	}
	_, err := r.Next(t.Context())
	require.ErrorIs(t, err, flv.ErrFormat)
}

// A failingInput fails once for each time that fail is set.
type failingInput struct {
	flv.Input
	fail bool
}

var errAway = errors.New("origin away")

func (in *failingInput) Window(ctx context.Context, off int64, n int) ([]byte, error) {
	if in.fail {
		in.fail = false
		return nil, errAway
	}
	return in.Input.Window(ctx, off, n)
}

// TestGoOnAfterError says that an error loses no frame.
func TestGoOnAfterError(t *testing.T) {
	t.Parallel()
	m := withXing(300, variableFrames)
	f := open(t, m.data)
	in := &failingInput{Input: inputOf(m.data)}
	r := f.NewReader(in)
	failures := 0
	for i, want := range m.times {
		in.fail = i%7 == 0
		tag, err := r.Next(t.Context())
		if err != nil {
			require.ErrorIs(t, err, errAway)
			failures++
			tag, err = r.Next(t.Context())
		}
		require.NoError(t, err)
		require.EqualValues(t, want, tag.Timestamp)
	}
	require.Positive(t, failures)
	in.fail = true
	_, err := r.Seek(t.Context(), time.Second)
	require.ErrorIs(t, err, errAway)
	at, err := r.Seek(t.Context(), time.Second)
	require.NoError(t, err)
	require.InDelta(t, 1000, at.Milliseconds(), 27)
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	m := withXing(300, variableFrames)
	_, err := Open(t.Context(), &failingInput{Input: inputOf(m.data), fail: true})
	require.ErrorIs(t, err, errAway)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Open(ctx, inputOf(m.data))
	require.ErrorIs(t, err, context.Canceled)
}
