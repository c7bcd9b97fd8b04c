package origintest_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/origin/origintest"
)

// TestDirectory is what the test of an origin of one's own looks like; this one is a directory.
func TestDirectory(t *testing.T) {
	origintest.Run(t, func(t *testing.T) origintest.Fixture {
		dir := t.TempDir()
		written := time.Unix(1_000_000_000, 0)
		return origintest.Fixture{
			Origin: origin.FS(os.DirFS(dir)),
			Put: func(t *testing.T, key string, data []byte) {
				path := filepath.Join(dir, filepath.FromSlash(key))
				check(t, os.MkdirAll(filepath.Dir(path), 0o700))
				check(t, os.WriteFile(path+".new", data, 0o600))
				written = written.Add(time.Second) // by which FS tells versions
				check(t, os.Chtimes(path+".new", written, written))
				check(t, os.Rename(path+".new", path))
			},
			Remove: func(t *testing.T, key string) { check(t, os.Remove(filepath.Join(dir, filepath.FromSlash(key)))) },
		}
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
