package bucket_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/origin/bucket"
)

// TestReplacedWhileRead replaces a file over and over while viewers read it.
func TestReplacedWhileRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "film")
	// A version is its number, 300,000 times and as many times more: no two have one size.
	version := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 300_000+i) }
	require.NoError(t, os.WriteFile(path, version(0), 0o666))
	o, err := bucket.Open(t.Context(), fileURL(dir))
	require.NoError(t, err)
	defer o.Close()
	cache := &origin.Cache{TTL: -1, MinTTL: -1, NegativeTTL: -1, BlockBytes: 32 << 10, MemoryBytes: 1 << 20}
	defer cache.Close()
	cached := cache.Wrap("s", o)

	const rounds = 200
	var done atomic.Bool
	var whole, changed atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !done.Load() {
				err := readVersion(cached)
				switch {
				case err == nil:
					whole.Add(1)
				case errors.Is(err, origin.ErrChanged):
					changed.Add(1)
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range rounds {
		require.NoError(t, os.WriteFile(path+".new", version(i+1), 0o666))
		require.NoError(t, os.Rename(path+".new", path))
	}
	done.Store(true)
	wg.Wait()
	t.Logf("%d read to the end, %d met a change", whole.Load(), changed.Load())
}

// readVersion reads a film, which must be all of one version.
func readVersion(o origin.Origin) error {
	ctx := context.Background()
	obj, err := o.Open(ctx, "film")
	if err != nil {
		return err
	}
	defer obj.Close()
	r := origin.NewReader(obj)
	defer r.Close()
	number := byte(r.Size() - 300_000)
	for off := int64(0); off < r.Size(); off += 3000 {
		w, err := r.Window(ctx, off, int(min(3000, r.Size()-off)))
		if err != nil {
			return err
		}
		if bytes.Count(w, []byte{number}) != len(w) {
			return errors.New("bytes of another version")
		}
	}
	return nil
}
