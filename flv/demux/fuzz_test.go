package demux

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/internal/strangers"
)

// FuzzOpen opens anything, reads it and seeks in it, in bounded memory and time.
func FuzzOpen(f *testing.F) {
	for _, path := range append(clips(f), strangers.MediaIfAny(f, extensions...)...) {
		data, err := os.ReadFile(path)
		require.NoError(f, err)
		if len(data) < 128<<10 {
			f.Add(data, uint16(len(filepath.Base(path))))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, at uint16) {
		const memory, span = 64 << 20, time.Second
		if len(data) > 1<<20 {
			return
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		hint := []flv.Format{"", flv.FormatFLV, flv.FormatMP4, flv.FormatMP3}[at%4]
		file, err := Open(t.Context(), inputOf(data), hint)
		if err != nil {
			require.True(t, errors.Is(err, flv.ErrFormat) || errors.Is(err, flv.ErrNoTrack), err)
			return
		}
		require.NotEmpty(t, file.Info().Tracks)
		r := file.NewReader(inputOf(data))
		readOn(t, r)
		if _, err := r.Seek(t.Context(), time.Duration(at)*10*time.Millisecond); err == nil {
			readOn(t, r)
		}
		require.Less(t, time.Since(began), span)
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(memory))
	})
}

// readOn reads up to the end or an error, which is one of the file's faults.
func readOn(t *testing.T, r flv.Reader) {
	for {
		_, err := r.Next(t.Context())
		if err == nil {
			continue
		}
		require.True(t, err == io.EOF || errors.Is(err, flv.ErrFormat) || errors.Is(err, io.ErrUnexpectedEOF), err)
		return
	}
}
