package mp4_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv/mp4"
)

func BenchmarkOpen(b *testing.B) {
	in := twoHours()
	b.ReportAllocs()
	for b.Loop() {
		in.reads = 0
		if _, err := mp4.Open(context.Background(), in); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(in.reads), "reads/op")
}

func BenchmarkNext(b *testing.B) {
	in := twoHours()
	f, err := mp4.Open(context.Background(), in)
	require.NoError(b, err)
	r := f.NewReader(in)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Next(context.Background()); err == io.EOF {
			_, err = r.Seek(context.Background(), 0)
			require.NoError(b, err)
		}
	}
}

func BenchmarkSeek(b *testing.B) {
	in := twoHours()
	f, err := mp4.Open(context.Background(), in)
	require.NoError(b, err)
	r := f.NewReader(in)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		if _, err := r.Seek(context.Background(), time.Duration(i*7919%7200)*time.Second); err != nil {
			b.Fatal(err)
		}
	}
}

// TestTwoHours holds what opening and reading a long film may cost.
func TestTwoHours(t *testing.T) {
	in := twoHours()
	f, err := mp4.Open(context.Background(), in)
	require.NoError(t, err)
	require.LessOrEqual(t, in.reads, 2)
	require.LessOrEqual(t, f.Bytes(), len(in.head)*21/20)
	require.InDelta(t, 7200, f.Info().Duration.Seconds(), 1)
	r := f.NewReader(in)
	_, err = r.Next(context.Background())
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(1000, func() { _, err = r.Next(context.Background()) }))
	require.NoError(t, err)
	at, err := r.Seek(context.Background(), time.Hour+time.Second)
	require.NoError(t, err)
	require.Equal(t, time.Hour, at)
	in.reads = 0
	require.Zero(t, testing.AllocsPerRun(100, func() { _, err = r.Seek(context.Background(), 90*time.Minute) }))
	require.NoError(t, err)
	require.Zero(t, in.reads, "a seek needs nothing but the index")
}
