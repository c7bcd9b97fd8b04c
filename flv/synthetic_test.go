package flv

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv/amf"
)

// memory is an Input of bytes in memory: windows are views, as they are of a cached block.
type memory []byte

func (m memory) Size() int64 { return int64(len(m)) }

func (m memory) Window(_ context.Context, off int64, n int) ([]byte, error) {
	if off < 0 || n < 0 || off > int64(len(m)) || int64(n) > int64(len(m))-off {
		return nil, io.ErrUnexpectedEOF
	}
	return m[off : off+int64(n) : off+int64(n)], nil
}

// film builds FLV files in memory, with whatever may be wrong with them.
type film struct {
	b      []byte
	random *rand.Rand
}

func newFilm(flags byte) *film {
	return &film{b: []byte{'F', 'L', 'V', 1, flags, 0, 0, 0, 9, 0, 0, 0, 0}, random: rand.New(rand.NewPCG(3, 4))}
}

// tag appends a tag, and returns where it starts.
func (f *film) tag(kind TagType, ts uint32, body ...byte) int {
	at := len(f.b)
	f.b = append(appendTagHeader(f.b, kind, len(body), ts), body...)
	f.b = binary.BigEndian.AppendUint32(f.b, uint32(len(f.b)-at))
	return at
}

// noise returns n random bytes.
func (f *film) noise(n int) []byte {
	b := make([]byte, 0, n+7)
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, f.random.Uint64())
	}
	return b[:n]
}

func (f *film) videoHeader(ts uint32, content byte) int {
	return f.tag(TagVideo, ts, 0x17, 0, 0, 0, 0, content)
}

func (f *film) audioHeader(ts uint32, content byte) int {
	return f.tag(TagAudio, ts, 0xAF, 0, 0x12, content)
}

func (f *film) video(ts uint32, key bool, size int) int {
	first := byte(0x27)
	if key {
		first = 0x17
	}
	return f.tag(TagVideo, ts, append([]byte{first, 1, 0, 0, 0}, f.noise(size)...)...)
}

func (f *film) audio(ts uint32, size int) int {
	return f.tag(TagAudio, ts, append([]byte{0xAF, 1}, f.noise(size)...)...)
}

func (f *film) metadata(ts uint32, pairs amf.ECMAArray) int {
	body, err := amf.Append(nil, "onMetaData", pairs)
	if err != nil {
		panic(err)
	}
	return f.tag(TagScript, ts, body...)
}

// plain appends seconds of film, 25 pictures and 25 sounds a second with a key frame every gop seconds, from ts on.
func (f *film) plain(ts uint64, seconds, gop, size int) {
	for i := range seconds * 25 {
		t := uint32(ts + uint64(i)*40)
		f.video(t, i%(gop*25) == 0, size)
		f.audio(t+10, 50)
	}
}

func open(t *testing.T, b []byte) (*Index, []Tag, []int64) {
	t.Helper()
	x, err := Open(t.Context(), memory(b))
	require.NoError(t, err)
	tags := linear(t, x, memory(b))
	return x, tags, timesOf(x, tags)
}

// TestSeekBisects seeks in files that are too large to be known from opening them.
func TestSeekBisects(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		build func(f *film)
	}{
		{"plain", func(f *film) { f.plain(0, 120, 2, 1500) }},
		{"starts late", func(f *film) { f.plain(4150892, 120, 2, 1500) }},
		{"past 4 h 39 min", func(f *film) { f.plain(1<<24-60000, 120, 2, 1500) }},
		{"past 2^31 ms", func(f *film) { f.plain(1<<31-60000, 120, 2, 1500) }},
		{"past 2^32 ms", func(f *film) { f.plain(1<<32-60000, 120, 2, 1500) }},
		{"past 2^32 ms, headers at 0", func(f *film) { f.videoHeader(0, 7); f.plain(1<<32-60000, 120, 2, 1500) }},
		{"past 2^31 ms, headers at 0", func(f *film) { f.metadata(0, nil); f.plain(1<<31+60000, 120, 2, 1500) }},
		{"long groups", func(f *film) { f.plain(0, 120, 40, 1500) }},
		{"one key frame", func(f *film) { f.plain(0, 120, 1000, 1500) }},
		{"large frames", func(f *film) { f.plain(0, 8, 1, 60000) }},
		{"uneven", func(f *film) { f.plain(0, 60, 2, 100); f.plain(60000, 20, 2, 8000); f.plain(80000, 60, 2, 100) }},
		{"pause", func(f *film) { f.plain(0, 60, 2, 1500); f.plain(3600000, 60, 2, 1500) }},
		{"sound only at the end", func(f *film) {
			f.plain(0, 60, 2, 1500)
			for i := range 5000 {
				f.audio(uint32(60000+i*40), 300)
			}
		}},
		{"headers change with each key frame", func(f *film) {
			for i := range 100 {
				f.videoHeader(uint32(i*2000), byte(i))
				f.audioHeader(uint32(i*2000), byte(i))
				f.plain(uint64(i*2000), 2, 2, 1500)
			}
		}},
		{"headers change at times", func(f *film) {
			for i := range 6 {
				f.videoHeader(uint32(i*30000), byte(i))
				f.metadata(uint32(i*30000), amf.ECMAArray{{Key: "n", Value: i}})
				f.plain(uint64(i*30000), 30, 2, 1500)
			}
		}},
		{"junk at times", func(f *film) {
			for i := range 20 {
				f.plain(uint64(i*4000), 4, 2, 1500)
				f.b = append(f.b, f.noise(1000)...)
			}
		}},
		{"sizes of previous tags wrong", func(f *film) {
			for i := range 3000 {
				f.video(uint32(i*40), i%50 == 0, 1500)
				copy(f.b[len(f.b)-4:], []byte{1, 2, 3, 4})
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFilm(5)
			c.build(f)
			head := newFilm(5)
			first := binary.BigEndian.Uint32([]byte{f.b[20], f.b[17], f.b[18], f.b[19]})
			head.videoHeader(first, 200)
			head.audioHeader(first, 200)
			seekEverywhere(t, append(head.b, f.b[13:]...), 5)
		})
	}
}

// TestSeekBehindAChange seeks to long behind a change of headers that another viewer has come by.
func TestSeekBehindAChange(t *testing.T) {
	t.Parallel()
	f := newFilm(5)
	f.videoHeader(0, 1)
	f.audioHeader(0, 1)
	f.plain(0, 60, 2, 1500)
	f.videoHeader(60000, 2)
	f.audioHeader(60000, 2)
	f.plain(60000, 540, 2, 1500)
	x, err := Open(t.Context(), memory(f.b))
	require.NoError(t, err)
	_, err = x.NewReader(memory(f.b)).Seek(t.Context(), 62*time.Second)
	require.NoError(t, err)
	_, tags, times := open(t, f.b)
	for _, ms := range []int64{590_000, 30_000, 59_999, 60_000, 300_000} {
		requireSeek(t, x.NewReader(memory(f.b)), tags, times, ms)
	}
}

func TestSeekSoundOnly(t *testing.T) {
	t.Parallel()
	f := newFilm(4)
	f.audioHeader(0, 1)
	for i := range 20000 {
		f.audio(uint32(i*26), 200)
	}
	seekEverywhere(t, f.b, 6)
}

// TestSeekOfOneTrack leaves out the picture: seeks go to the nearest sound.
func TestSeekOfOneTrack(t *testing.T) {
	t.Parallel()
	f := newFilm(5)
	f.metadata(0, nil)
	f.videoHeader(0, 1)
	f.audioHeader(0, 1)
	f.plain(0, 60, 10, 1500)
	x, _, _ := open(t, f.b)
	sound := x.Info().Tracks[1]
	require.Equal(t, TrackAudio, sound.Type)
	tags := linear(t, x, memory(f.b), sound)
	require.Len(t, tags, 60*25+1)
	times := timesOf(x, tags)
	r := x.NewReader(memory(f.b), sound)
	for _, ms := range []int64{0, 9, 10, 11, 30000, 59999, 70000} {
		requireSeek(t, r, tags, times, ms)
	}
}

func TestDamage(t *testing.T) {
	t.Parallel()
	whole := func() *film {
		f := newFilm(5)
		f.videoHeader(0, 1)
		f.audioHeader(0, 1)
		f.plain(0, 4, 1, 300)
		return f
	}
	_, want, _ := open(t, whole().b)
	for _, c := range []struct {
		name  string
		build func() []byte
		want  []Tag
	}{
		{"no PreviousTagSize0", func() []byte { b := whole().b; return append(b[:9:9], b[13:]...) }, want},
		{"wrong version", func() []byte { b := whole().b; b[3] = 9; return b }, want},
		{"header flags tell nothing", func() []byte { b := whole().b; b[4] = 0; return b }, want},
		{"junk after the header", func() []byte { f := whole(); return append(append(f.b[:13:13], f.noise(500)...), f.b[13:]...) }, want},
		{"zeros at the end", func() []byte { return append(whole().b, make([]byte, 5000)...) }, want},
		{"cut in the last tag", func() []byte { b := whole().b; return b[:len(b)-10] }, want[:len(want)-1]},
		{"cut in the last header", func() []byte { b := whole().b; return b[:len(b)-60] }, want[:len(want)-1]},
		{"last PreviousTagSize missing", func() []byte { b := whole().b; return b[:len(b)-4] }, want},
		{"cut in a huge last tag", func() []byte {
			f := whole()
			f.video(4000, true, 3<<20)
			return f.b[:len(f.b)-1000]
		}, want},
		{"reserved bits", func() []byte {
			b := whole().b
			b[13] |= 0xC0
			b[13+8] = 1 // stream id
			return b
		}, want},
		{"empty tags", func() []byte {
			f := whole()
			f.tag(TagAudio, 4000)
			f.tag(TagVideo, 4000)
			f.tag(TagScript, 4000)
			return f.b
		}, append(append([]Tag{}, want...), Tag{Type: TagAudio, Timestamp: 4000, Data: []byte{}},
			Tag{Type: TagVideo, Timestamp: 4000, Data: []byte{}}, Tag{Type: TagScript, Timestamp: 4000, Data: []byte{}})},
		{"tag of an unknown type", func() []byte {
			f := whole()
			f.tag(15, 4000, f.noise(100)...)
			return append(f.b, f.b[13:]...)
		}, append(append([]Tag{}, want...), want...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, tags, _ := open(t, c.build())
			require.Equal(t, c.want, tags)
		})
	}
}

// TestEncryptedLater has a clear beginning.
func TestEncryptedLater(t *testing.T) {
	t.Parallel()
	f := newFilm(5)
	f.plain(0, 1, 1, 100)
	n := len(linearBytes(t, f.b))
	f.tag(TagVideo|tagFilterBit, 1000, f.noise(100)...)
	f.tag(TagVideo|tagFilterBit, 1040, f.noise(100)...)
	x, err := Open(t.Context(), memory(f.b))
	require.NoError(t, err)
	r := x.NewReader(memory(f.b))
	for range n {
		_, err := r.Next(t.Context())
		require.NoError(t, err)
	}
	_, err = r.Next(t.Context())
	require.ErrorIs(t, err, ErrFormat)
	require.ErrorContains(t, err, "encrypted")
}

func linearBytes(t *testing.T, b []byte) []Tag {
	_, tags, _ := open(t, b)
	return tags
}

func TestInfo(t *testing.T) {
	t.Parallel()
	frames := func(n int) amf.Object {
		var seconds, positions amf.StrictArray
		for i := range n {
			seconds, positions = append(seconds, float64(i)), append(positions, float64(100+i))
		}
		return amf.Object{{Key: "times", Value: seconds}, {Key: "filepositions", Value: positions}}
	}
	avc, aac := "avc1", "mp4a"
	for _, c := range []struct {
		name  string
		pairs amf.ECMAArray
		want  amf.ECMAArray
	}{
		{"nothing told", nil, amf.ECMAArray{{Key: "duration", Value: 29.97},
			{Key: "videocodecid", Value: avc}, {Key: "audiocodecid", Value: aac}, {Key: "aacaot", Value: 2.0}, {Key: "audiosamplerate", Value: 44100.0}, {Key: "audiochannels", Value: 2.0}}},
		{"all told", amf.ECMAArray{{Key: "duration", Value: 30}, {Key: "width", Value: 5}, {Key: "creator", Value: "x"}, {Key: "videocodecid", Value: 7},
			{Key: "audiocodecid", Value: 10}, {Key: "aacaot", Value: 2}, {Key: "audiosamplerate", Value: 1}, {Key: "audiochannels", Value: 2}},
			amf.ECMAArray{{Key: "duration", Value: 30.0}, {Key: "creator", Value: "x"}, {Key: "width", Value: 5.0}, {Key: "videocodecid", Value: 7.0},
				{Key: "audiocodecid", Value: 10.0}, {Key: "aacaot", Value: 2.0}, {Key: "audiosamplerate", Value: 1.0}, {Key: "audiochannels", Value: 2.0}}},
		{"what FFmpeg does not take", amf.ECMAArray{{Key: "duration", Value: math.NaN()}, {Key: "u", Value: amf.Undefined{}}, {Key: "x", Value: amf.XML("x")},
			{Key: string(make([]byte, 128)), Value: 1}, {Key: "o", Value: amf.Typed{Class: "c", Object: amf.Object{{Key: "k", Value: true}, {Key: "u", Value: amf.Undefined{}}}}},
			{Key: "a", Value: amf.StrictArray{amf.Undefined{}, 1.0}}, {Key: "keyframes", Value: frames(100)}},
			amf.ECMAArray{{Key: "duration", Value: 29.97}, {Key: "o", Value: amf.Object{{Key: "k", Value: true}}}, {Key: "a", Value: amf.StrictArray{nil, 1.0}},
				{Key: "videocodecid", Value: avc}, {Key: "audiocodecid", Value: aac}, {Key: "aacaot", Value: 2.0}, {Key: "audiosamplerate", Value: 44100.0}, {Key: "audiochannels", Value: 2.0}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFilm(5)
			f.metadata(0, c.pairs)
			f.videoHeader(0, 1)
			f.audioHeader(0, 0x10)
			f.plain(0, 30, 2, 50)
			x, _, _ := open(t, f.b)
			info := x.Info()
			require.Equal(t, c.want, info.OnMetaData())
			require.Equal(t, FormatFLV, info.Format)
			require.Equal(t, 29970*time.Millisecond, info.Duration)
			require.Nil(t, info.KeyFrames)
		})
	}
}

// TestMetadataIsBounded has onMetaData with more than is sent to viewers, and with an index of many key frames.
func TestMetadataIsBounded(t *testing.T) {
	t.Parallel()
	long := make(amf.StrictArray, 100000)
	for i := range long {
		long[i] = float64(i)
	}
	f := newFilm(5)
	f.metadata(0, amf.ECMAArray{{Key: "long", Value: long}, {Key: "text", Value: string(make([]byte, 70000))}, {Key: "width", Value: 1},
		{Key: "keyframes", Value: amf.Object{{Key: "times", Value: long}, {Key: "filepositions", Value: long}}}})
	f.plain(0, 100, 2, 500)
	x, _, _ := open(t, f.b)
	require.Len(t, x.frames, 100000)
	require.Nil(t, x.Info().KeyFrames)
	body, err := amf.Append(nil, x.Info().OnMetaData())
	require.NoError(t, err)
	require.Less(t, len(body), maxSentMetadata)
	w, _ := x.Info().OnMetaData().Number("width")
	require.Equal(t, 1.0, w)
	require.Greater(t, x.Bytes(), 1600000)
}

// TestOwnIndex seeks with an index of key frames that is right, names the sequence header before each, or lies.
func TestOwnIndex(t *testing.T) {
	t.Parallel()
	const groups = 200
	build := func(entries func(header, key int, ts uint32) (float64, float64)) []byte {
		var seconds, positions amf.StrictArray
		for i := range groups {
			seconds, positions = append(seconds, float64(i*2)), append(positions, float64(i))
		}
		f := newFilm(5)
		for pass := range 2 { // the first one learns where the key frames lie
			f = newFilm(5)
			f.metadata(0, amf.ECMAArray{{Key: "keyframes", Value: amf.Object{{Key: "times", Value: seconds}, {Key: "filepositions", Value: positions}}}})
			f.audioHeader(0, 1)
			for i := range groups {
				ts := uint32(i * 2000)
				header := f.videoHeader(ts, byte(i))
				key := len(f.b)
				f.plain(uint64(ts), 2, 2, 300)
				if pass == 0 {
					seconds[i], positions[i] = entries(header, key, ts)
				}
			}
		}
		return f.b
	}
	for _, c := range []struct {
		name    string
		entries func(header, key int, ts uint32) (float64, float64)
		proves  bool
	}{
		{"right", func(_, key int, ts uint32) (float64, float64) { return float64(ts) / 1000, float64(key) }, true},
		{"headers", func(header, _ int, ts uint32) (float64, float64) { return float64(ts) / 1000, float64(header) }, true},
		{"places wrong", func(_, key int, ts uint32) (float64, float64) { return float64(ts) / 1000, float64(key + 7) }, false},
		{"times wrong", func(_, key int, ts uint32) (float64, float64) { return float64(ts)/1000 + 5, float64(key) }, false},
		{"other tags", func(_, key int, ts uint32) (float64, float64) { return float64(ts) / 1000, float64(key + 300 + 20) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := build(c.entries)
			x, tags, times := open(t, b)
			require.Len(t, x.frames, groups)
			require.Equal(t, c.proves, x.Info().KeyFrames != nil)
			for _, ms := range []int64{0, 1, 1999, 2000, 2001, 199999, 200000, 399999, 500000} {
				fresh, err := Open(t.Context(), memory(b))
				require.NoError(t, err)
				requireSeek(t, fresh.NewReader(memory(b)), tags, times, ms)
			}
		})
	}
}

// TestDurations has metadata whose duration is right, wrong, or longer than 2^32 ms.
func TestDurations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		first, last uint64
		stated      float64
		want        time.Duration
		told        float64
	}{
		{0, 60000, 0, time.Minute, 60},
		{0, 60000, 60.04, time.Minute, 60.04},
		{0, 60000, 600, time.Minute, 60},
		{0, 60000, -1, time.Minute, 60},
		{0, 10000, 10.04, 10 * time.Second, 10},
		{1 << 31, 1<<31 + 60000, 0, time.Minute, 60},
		{1<<32 - 120000, 1<<32 - 60000, 0, time.Minute, 60},
		{1<<32 - 30000, 1<<32 + 30000, 0, time.Minute, 60},
		{0, 3 << 30, 0, 3 << 30 * time.Millisecond, 3 << 30 / 1000.0},
		{0, 1<<32 + 60000, 4295027, (1<<32 + 60000) * time.Millisecond, 4295027},
	} {
		f := newFilm(5)
		f.metadata(0, amf.ECMAArray{{Key: "duration", Value: c.stated}})
		f.plain(c.first, 30, 2, 50)
		f.b = append(f.b, f.noise(200<<10)...)
		f.audio(uint32(c.last), 100<<10)
		f.audio(uint32(c.last), 10)
		x, err := Open(t.Context(), memory(f.b))
		require.NoError(t, err)
		require.Equal(t, c.want, x.Info().Duration, "%v", c)
		d, _ := x.Info().Metadata.Number("duration")
		require.InDelta(t, c.told, d, 1e-6, "%v", c)
	}
}

// endless is a film of which every byte is computed when it is read: two tags every 40 ms, the picture's of frameBytes.
type endless struct {
	head    []byte
	ticks   int64
	windows int
	bytes   int64
	buf     []byte
}

const (
	endlessVideo = 10000
	endlessAudio = 100
	endlessGroup = 50 // ticks
	endlessTick  = 2*(tagHeaderSize+previousTagSizeSize) + endlessVideo + endlessAudio
)

func newEndless(size int64) *endless {
	f := newFilm(5)
	f.videoHeader(0, 1)
	f.audioHeader(0, 1)
	return &endless{head: f.b, ticks: (size - int64(len(f.b))) / endlessTick}
}

func (e *endless) Size() int64 { return int64(len(e.head)) + e.ticks*endlessTick }

func (e *endless) Window(_ context.Context, off int64, n int) ([]byte, error) {
	if off < 0 || n < 0 || int64(n) > e.Size()-off {
		return nil, fmt.Errorf("window of %d at %d: %w", n, off, io.ErrUnexpectedEOF)
	}
	e.windows++
	e.bytes += int64(n)
	e.buf = e.buf[:0]
	for ; len(e.buf) < n; off++ {
		if off < int64(len(e.head)) {
			e.buf = append(e.buf, e.head[off])
		} else {
			e.buf = append(e.buf, tickByte((off-int64(len(e.head)))/endlessTick, (off-int64(len(e.head)))%endlessTick))
		}
	}
	return e.buf, nil
}

// tickByte is byte i of a tick.
func tickByte(tick, i int64) byte {
	const picture, heads = tagHeaderSize + endlessVideo + previousTagSizeSize, tagHeaderSize + 2
	kind, at := TagVideo, i
	if i >= picture {
		kind, at = TagAudio, i-picture
	}
	switch {
	case at >= heads:
		return byte(uint64(tick*31+i) * 0x9E3779B97F4A7C15 >> 56)
	case kind == TagAudio:
		return append(appendTagHeader(nil, kind, endlessAudio, uint32(tick*40+10)), 0xAF, 1)[at]
	case tick%endlessGroup == 0:
		return append(appendTagHeader(nil, kind, endlessVideo, uint32(tick*40)), 0x17, 1)[at]
	}
	return append(appendTagHeader(nil, kind, endlessVideo, uint32(tick*40)), 0x27, 1)[at]
}

// TestSeekReadsLittle counts what a seek in a large file without an index reads.
func TestSeekReadsLittle(t *testing.T) {
	t.Parallel()
	in := newEndless(200 << 20)
	x, err := Open(t.Context(), in)
	require.NoError(t, err)
	t.Logf("open: %d windows, %d KiB", in.windows, in.bytes>>10)
	require.LessOrEqual(t, in.windows, 8)
	require.Equal(t, time.Duration((in.ticks-1)*40+10)*time.Millisecond, x.Info().Duration)
	r := x.NewReader(in)
	for _, share := range []float64{0.5, 0.999, 0.1, 0.5, 0.501, 2} {
		in.windows, in.bytes = 0, 0
		target := milliseconds(int64(share * float64(in.ticks*40)))
		got, err := r.Seek(t.Context(), target)
		require.NoError(t, err)
		group := milliseconds(endlessGroup * 40)
		require.Equal(t, min(target, milliseconds((in.ticks-1)*40)).Truncate(group), got)
		t.Logf("seek to %v: %d windows, %d KiB", target, in.windows, in.bytes>>10)
		require.LessOrEqual(t, in.windows, 8)
		require.LessOrEqual(t, in.bytes, int64(3<<20))
		for _, want := range []byte{0, 0, 1} {
			tag, err := r.Next(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, tag.Data[1])
			require.Equal(t, uint32(got.Milliseconds()), tag.Timestamp)
		}
	}
}
