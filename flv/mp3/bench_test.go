package mp3

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/stretchr/testify/require"
)

func TestNextAllocatesNothing(t *testing.T) {
	m := withXing(5000, variableFrames)
	f := open(t, m.data)
	r := f.NewReader(flv.NewInput(bytes.NewReader(m.data), int64(len(m.data))))
	for range 100 { // the input's own buffer
		_, err := r.Next(t.Context())
		require.NoError(t, err)
	}
	require.Zero(t, testing.AllocsPerRun(4000, func() { _, _ = r.Next(t.Context()) }))
}

func BenchmarkNext(b *testing.B) {
	m := withXing(20_000, variableFrames)
	f := open(b, m.data)
	r := f.NewReader(flv.NewInput(bytes.NewReader(m.data), int64(len(m.data))))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Next(b.Context()); err == io.EOF {
			_, _ = r.Seek(b.Context(), 0)
		}
	}
}

func BenchmarkSeek(b *testing.B) {
	for name, fill := range map[string]func(*made, int){"constant": constantFrames, "variable": variableFrames} {
		b.Run(name, func(b *testing.B) {
			m := withXing(140_000, fill)
			f := open(b, m.data)
			r := f.NewReader(flv.NewInput(bytes.NewReader(m.data), int64(len(m.data))))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				_, _ = r.Seek(b.Context(), time.Duration(i*7919%3600)*time.Second)
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	m := withXing(140_000, constantFrames)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = Open(b.Context(), flv.NewInput(bytes.NewReader(m.data), int64(len(m.data))))
	}
}
