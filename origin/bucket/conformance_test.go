package bucket_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gocloud.dev/blob/memblob"

	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/origin/bucket"
	"github.com/seed-3309b198/reelfront/origin/origintest"
)

func memory(t *testing.T) origintest.Fixture {
	b := memblob.OpenBucket(nil)
	o := bucket.New(b, nil)
	t.Cleanup(func() { require.NoError(t, o.Close()) })
	return origintest.Fixture{
		Origin: o,
		Put: func(t *testing.T, key string, data []byte) {
			t.Helper()
			require.NoError(t, b.WriteAll(t.Context(), key, data, nil))
		},
		Remove: func(t *testing.T, key string) {
			t.Helper()
			require.NoError(t, b.Delete(t.Context(), key))
		},
	}
}

func directory(t *testing.T) origintest.Fixture {
	dir := t.TempDir()
	o, err := bucket.Open(t.Context(), fileURL(dir))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, o.Close()) })
	now := time.Unix(1_000_000_000, 0)
	return origintest.Fixture{
		Origin: o,
		Put: func(t *testing.T, key string, data []byte) {
			t.Helper()
			path := filepath.Join(dir, filepath.FromSlash(key))
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
			require.NoError(t, os.WriteFile(path, data, 0o666))
			now = now.Add(time.Second)
			require.NoError(t, os.Chtimes(path, now, now))
		},
		Remove: func(t *testing.T, key string) {
			t.Helper()
			require.NoError(t, os.Remove(filepath.Join(dir, filepath.FromSlash(key))))
		},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(t *testing.T) origintest.Fixture{"mem": memory, "file": directory} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origintest.Run(t, make)
		})
		t.Run(name+" cached", func(t *testing.T) {
			t.Parallel()
			origintest.Run(t, func(t *testing.T) origintest.Fixture { return cached(t, make(t)) })
		})
	}
}

// cached puts a cache before a fixture's origin that looks up each object each time.
func cached(t *testing.T, f origintest.Fixture) origintest.Fixture {
	c := &origin.Cache{TTL: -1, MinTTL: -1, NegativeTTL: -1}
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	f.Origin = c.Wrap("s", f.Origin)
	return f
}
