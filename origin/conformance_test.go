package origin_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/origin/origintest"
)

// directory is a fixture over the files of a new directory.
func directory(t *testing.T) origintest.Fixture {
	dir := t.TempDir()
	now := time.Unix(1_000_000_000, 0)
	return origintest.Fixture{
		Origin: origin.FS(os.DirFS(dir)),
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
	for name, wrap := range map[string]func(t *testing.T, o origin.Origin) origin.Origin{
		"FS":      func(_ *testing.T, o origin.Origin) origin.Origin { return o },
		"guarded": func(_ *testing.T, o origin.Origin) origin.Origin { return origin.Guard{Hedge: true}.Wrap(o) },
		"cached": func(t *testing.T, o origin.Origin) origin.Origin {
			return wrapInCache(t, &origin.Cache{TTL: -1, NegativeTTL: -1}, o)
		},
		"cached on disk": func(t *testing.T, o origin.Origin) origin.Origin {
			return wrapInCache(t, &origin.Cache{TTL: -1, NegativeTTL: -1, MemoryBytes: -1, BlockBytes: block, Dir: t.TempDir()}, o)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origintest.Run(t, func(t *testing.T) origintest.Fixture {
				f := directory(t)
				f.Origin = wrap(t, f.Origin)
				return f
			})
		})
	}
}

func wrapInCache(t *testing.T, c *origin.Cache, o origin.Origin) origin.Origin {
	t.Cleanup(func() { closeCache(t, c) })
	return c.Wrap("s", o)
}
