package mp3

import (
	"context"
	"fmt"
	"sort"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// frameAt is the number of the last frame at or before ms.
func (m *made) frameAt(ms int64) int {
	return max(sort.Search(len(m.times), func(i int) bool { return m.times[i] > ms })-1, 0)
}

// seekTimes are times all over the file, at, before and after the edges of frames.
func (m *made) seekTimes() (at []int64) {
	for i := 0; i < len(m.times); i += 1 + len(m.times)/37 {
		at = append(at, m.times[i]-1, m.times[i], m.times[i]+1)
	}
	last := m.times[len(m.times)-1]
	return append(at, -5, last-1, last, last+1, last+1_000_000_000)
}

// TestSeekExact seeks where the time of each frame is certain.
func TestSeekExact(t *testing.T) {
	t.Parallel()
	files := map[string]func() made{
		"small":          func() made { m := made{}; variableFrames(&m, 300); return m },
		"constant":       func() made { m := made{}; constantFrames(&m, 50_000); return m },
		"constant, Info": func() made { return withXing(50_000, constantFrames) },
		"constant, never padded": func() made {
			m := made{}
			m.frames(hdrMPEG1, 9000, func(int) (int, bool) { return 9, false })
			return m
		},
		"constant, damaged":       func() made { return damaged(9000) },
		"variable, no table":      func() made { m := made{}; variableFrames(&m, 9000); return m },
		"variable, no table, big": func() made { m := made{}; variableFrames(&m, 15_000); return m },
		"variable, cheap":         func() made { return withXing(2000, variableFrames) },
		"8 kHz": func() made {
			m := made{}
			m.frames(hdrMPEG25, 3000, func(int) (int, bool) { return 8, false })
			return m
		},
	}
	for name, build := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := build()
			f := open(t, m.data)
			for _, ms := range m.seekTimes() {
				r := f.NewReader(inputOf(m.data))
				want := m.frameAt(ms)
				at, err := r.Seek(t.Context(), time.Duration(ms)*time.Millisecond)
				require.NoError(t, err)
				require.Equal(t, m.times[want], at.Milliseconds(), ms)
				for i := want; i < min(want+3, len(m.times)); i++ {
					tag, err := r.Next(t.Context())
					require.NoError(t, err)
					require.EqualValues(t, m.times[i], tag.Timestamp, ms)
					require.Equal(t, m.data[m.offs[i]:m.offs[i]+int64(len(tag.Data))], tag.Data)
				}
			}
		})
	}
}

// damaged is a file of constant bit rate with junk in the middle, which the arithmetic cannot know of.
func damaged(n int) made {
	a, b := made{}, made{}
	constantFrames(&a, n)
	constantFrames(&b, n)
	junk := make([]byte, 5000)
	b = b.after(append(a.data, junk...))
	b.offs = append(a.offs, b.offs...)
	b.times = nil
	for i := range b.offs {
		b.times = append(b.times, milliseconds(int64(i)*1152*(ticksPerSecond/44100)))
	}
	return b
}

// TestSeekByTable seeks where only a table says what plays when: the time is told to a frame, the place is right to what
// the table can tell.
func TestSeekByTable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		m    made
		off  float64 // of the duration
	}{
		{"Xing", withXing(40_000, variableFrames), 0.012},
		{"VBRI", withVBRI(20_000, 100, variableFrames), 0.003},
		{"VBRI whose last entry is of a few frames", withVBRI(20_010, 200, variableFrames), 0.003},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := len(c.m.times)
			for _, ms := range c.m.seekTimes() {
				in := inputOf(c.m.data)
				f, err := Open(t.Context(), in)
				require.NoError(t, err)
				require.Less(t, in.bytes, int64(300<<10), "opening reads the ends alone")
				in.bytes = 0
				r := f.NewReader(in)
				want := c.m.frameAt(ms)
				at, err := r.Seek(t.Context(), time.Duration(ms)*time.Millisecond)
				require.NoError(t, err)
				require.Equal(t, c.m.times[want], at.Milliseconds(), ms)
				require.Less(t, in.bytes, int64(cheapWalk+walkWindow*3))
				tag, err := r.Next(t.Context())
				require.NoError(t, err)
				require.EqualValues(t, at.Milliseconds(), tag.Timestamp)
				got := sort.Search(n, func(i int) bool { return c.m.offs[i] >= r.(*reader).w.off }) - 1
				require.InDelta(t, want, got, c.off*float64(n), ms)
				if want == n-1 {
					require.Equal(t, n-1, got, "the last frame is the last frame")
				}
			}
		})
	}
}

// TestSeekReadsLittle counts the bytes of a seek in an hour of sound.
func TestSeekReadsLittle(t *testing.T) {
	t.Parallel()
	m := made{}
	constantFrames(&m, 140_000)
	in := inputOf(m.data)
	f, err := Open(t.Context(), in)
	require.NoError(t, err)
	require.Less(t, in.bytes, int64(256<<10))
	require.LessOrEqual(t, in.windows, 8)
	in.bytes = 0
	_, err = f.NewReader(in).Seek(t.Context(), 40*time.Minute)
	require.NoError(t, err)
	require.Less(t, in.bytes, int64(64<<10))
}

// TestCutOff says that a file whose end is missing is not told to last as long as its header says.
func TestCutOff(t *testing.T) {
	t.Parallel()
	m := withXing(40_000, variableFrames)
	half := m.offs[20_000] + 5
	f := open(t, m.data[:half])
	require.InDelta(t, m.times[20_000], f.Info().Duration.Milliseconds(), float64(m.times[39_999])*0.01)
	at, err := f.NewReader(inputOf(m.data[:half])).Seek(t.Context(), time.Hour)
	require.NoError(t, err)
	require.LessOrEqual(t, at, f.Info().Duration)
}

// TestAppended says that a table is not believed once something was appended to its file.
func TestAppended(t *testing.T) {
	t.Parallel()
	m := withXing(1000, variableFrames)
	data := append([]byte(nil), m.data...)
	for range 9 {
		data = append(data, m.data[m.offs[0]:]...)
	}
	f := open(t, data)
	require.InDelta(t, 10*26.122*1000, f.Info().Duration.Milliseconds(), 30)
}

// TestLearning says that what one viewer counted spares the others the reading.
func TestLearning(t *testing.T) {
	t.Parallel()
	m := made{}
	variableFrames(&m, 20_000)
	f := open(t, m.data)
	require.InEpsilon(t, m.times[len(m.times)-1], f.Info().Duration.Milliseconds(), 0.25, "without a table it is estimated")
	at := time.Duration(m.times[15_000]) * time.Millisecond
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			_, err := f.NewReader(inputOf(m.data)).Seek(context.Background(), at)
			require.NoError(t, err)
		})
	}
	wg.Wait()
	in := inputOf(m.data)
	got, err := f.NewReader(in).Seek(t.Context(), at)
	require.NoError(t, err)
	require.Equal(t, at, got)
	require.Less(t, in.bytes, int64(128<<10))

	played := withXing(40_000, variableFrames)
	g := open(t, played.data)
	r := g.NewReader(inputOf(played.data))
	for range 30_000 {
		_, err := r.Next(t.Context())
		require.NoError(t, err)
	}
	r = g.NewReader(inputOf(played.data))
	_, err = r.Seek(t.Context(), time.Duration(played.times[29_000])*time.Millisecond)
	require.NoError(t, err)
	require.True(t, r.(*reader).exact)
	require.Equal(t, played.offs[29_000], r.(*reader).w.off)
}

// TestWalkCancelled says that who waits for another's walk can be called off, and that a walk called off goes on later.
func TestWalkCancelled(t *testing.T) {
	t.Parallel()
	m := made{}
	variableFrames(&m, 20_000)
	f := open(t, m.data)
	f.index.walking <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.NewReader(inputOf(m.data)).Seek(ctx, 5*time.Minute)
	require.ErrorIs(t, err, context.Canceled)
	<-f.index.walking
	_, err = f.NewReader(inputOf(m.data)).Seek(t.Context(), 5*time.Minute)
	require.NoError(t, err)
}

func TestConstantRate(t *testing.T) {
	t.Parallel()
	h, _ := parseHeader([]byte{0xFF, 0xFB, 0x90, 0x44})
	c := newConstantRate(1000, h, true)
	for _, n := range []int64{0, 1, 2, 1000, 123_456_789} {
		for d := int64(-slop); d <= slop; d++ {
			got, fits := c.frame(max(c.offset(n)+d, 1000))
			require.True(t, fits)
			require.Equal(t, n, got)
		}
		_, fits := c.frame(c.offset(n) + 100)
		require.False(t, fits, fmt.Sprint(n))
	}
}
