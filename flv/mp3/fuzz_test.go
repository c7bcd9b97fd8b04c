package mp3

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/internal/strangers"
)

// FuzzOpen reads anything, from the start and after seeks, in bounded memory and time; what Open told holds.
func FuzzOpen(f *testing.F) {
	files, err := filepath.Glob("testdata/*.mp*")
	require.NoError(f, err)
	for _, path := range append(files, strangers.MediaIfAny(f, ".mp3")...) {
		data, err := os.ReadFile(path)
		require.NoError(f, err)
		if len(data) < 1<<17 {
			f.Add(data, uint16(1))
		}
	}
	for _, m := range []made{withXing(200, variableFrames), withVBRI(200, 100, variableFrames), damaged(20)} {
		f.Add(m.data, uint16(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, at uint16) {
		const memory = 8 << 20
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		file, err := Open(t.Context(), inputOf(data))
		if err != nil {
			return
		}
		r := file.NewReader(inputOf(data))
		n := 0
		for _, seek := range []time.Duration{0, time.Duration(at) * 50 * time.Millisecond} {
			got, err := r.Seek(t.Context(), seek)
			require.NoError(t, err)
			for previous := int64(-1); ; n++ {
				tag, err := r.Next(t.Context())
				if err != nil {
					require.ErrorIs(t, err, io.EOF)
					break
				}
				if previous < 0 {
					require.EqualValues(t, got.Milliseconds(), tag.Timestamp)
				}
				require.Greater(t, int64(tag.Timestamp), previous)
				require.NotEmpty(t, tag.Data)
				previous = int64(tag.Timestamp)
			}
		}
		require.Positive(t, n)
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(memory+10*len(data)))
		require.Less(t, time.Since(began), time.Second)
	})
}
