package origin_test

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/origin"
)

func diskCache(dir string, bytes int64) *origin.Cache {
	return &origin.Cache{BlockBytes: block, Dir: dir, DirBytes: bytes}
}

// diskFiles are the files of a cache directory, without its lock.
func diskFiles(t *testing.T, dir string) (paths []string, bytes int64) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "lock" {
			info, err := d.Info()
			require.NoError(t, err)
			paths, bytes = append(paths, path), bytes+info.Size()
		}
		return err
	}))
	return paths, bytes
}

// fillDisk reads a film through a cache over dir, and returns what it read of the origin.
func fillDisk(t *testing.T, dir string, data []byte) (opens, reads int) {
	t.Helper()
	f := newFake("film", data)
	cache := diskCache(dir, 0)
	require.NoError(t, cache.Prepare())
	require.Equal(t, data, mustReadAll(t, cache.Wrap("s", f), "film"))
	closeCache(t, cache)
	opens, reads, _ = f.counts()
	return opens, reads
}

func TestDiskOutlastsTheProgram(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "[a]*")
	data := randomBytes(10*block + 7)
	_, reads := fillDisk(t, dir, data)
	require.Equal(t, 11, reads)
	opens, reads := fillDisk(t, dir, data)
	require.Equal(t, 1, opens)
	require.Zero(t, reads)
	paths, _ := diskFiles(t, dir)
	require.Len(t, paths, 11)
}

func TestDiskDamage(t *testing.T) {
	t.Parallel()
	data := randomBytes(4 * block)
	for name, damage := range map[string]func(t *testing.T, path, other string){
		"a bit": func(t *testing.T, path, _ string) {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			b[len(b)-10] ^= 1
			require.NoError(t, os.WriteFile(path, b, 0o600))
		},
		"the head": func(t *testing.T, path, _ string) {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			b[45] ^= 1
			require.NoError(t, os.WriteFile(path, b, 0o600))
		},
		"truncated": func(t *testing.T, path, _ string) { require.NoError(t, os.Truncate(path, 1000)) },
		"empty":     func(t *testing.T, path, _ string) { require.NoError(t, os.Truncate(path, 0)) },
		"another's": func(t *testing.T, path, other string) {
			b, err := os.ReadFile(other)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, b, 0o600))
		},
		"removed": func(t *testing.T, path, _ string) { require.NoError(t, os.Remove(path)) },
		"a directory": func(t *testing.T, path, _ string) {
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.MkdirAll(filepath.Join(path, "x"), 0o700))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fillDisk(t, dir, data)
			paths, _ := diskFiles(t, dir)
			require.Len(t, paths, 4)
			damage(t, paths[1], paths[2])
			_, reads := fillDisk(t, dir, data)
			require.Equal(t, 1, reads, "what is damaged is fetched again")
			if name != "a directory" {
				_, reads = fillDisk(t, dir, data)
				require.Zero(t, reads)
			}
		})
	}
}

func TestDiskIsBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := newFake("film", randomBytes(20*block))
	cache := diskCache(dir, 5*(block+200))
	o := cache.Wrap("s", f)
	mustReadAll(t, o, "film")
	closeCache(t, cache)
	paths, bytes := diskFiles(t, dir)
	require.Len(t, paths, 5)
	require.LessOrEqual(t, bytes, int64(5*(block+200)))
	require.Equal(t, bytes, cache.Stats().DiskUsed)

	smaller := diskCache(dir, 2*(block+200))
	require.NoError(t, smaller.Prepare())
	paths, _ = diskFiles(t, dir)
	require.Len(t, paths, 2)
	closeCache(t, smaller)
}

func TestDiskStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fillDisk(t, dir, randomBytes(3*block))
	paths, _ := diskFiles(t, dir)
	half := filepath.Join(filepath.Dir(paths[0]), "new-1234")
	others := []string{filepath.Join(dir, "README"), filepath.Join(filepath.Dir(paths[0]), "README"), filepath.Join(dir, "zz-0")}
	for _, path := range append(others, half) {
		require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	}
	cache := diskCache(dir, 1)
	require.NoError(t, cache.Prepare())
	closeCache(t, cache)
	left, _ := diskFiles(t, dir)
	require.ElementsMatch(t, others, left, "what is not the cache's stays")
}

func TestDiskPurge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := newFake("a/1", randomBytes(2*block))
	f.put("a/2", randomBytes(3*block), "v1")
	f.put("b", randomBytes(4*block), "v1")
	cache := diskCache(dir, 0)
	o := cache.Wrap("s", f)
	for key := range f.objects {
		mustReadAll(t, o, key)
	}
	closeCache(t, cache)
	again := diskCache(dir, 0)
	defer closeCache(t, again)
	require.Zero(t, again.Purge("s", "a/*"), "no object is known after a start, but their blocks are")
	paths, _ := diskFiles(t, dir)
	require.Len(t, paths, 4)
	again.Purge("t", "*")
	paths, _ = diskFiles(t, dir)
	require.Len(t, paths, 4)
	again.Purge("s", "*")
	paths, _ = diskFiles(t, dir)
	require.Empty(t, paths)
}

func TestDiskThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	cache := diskCache(filepath.Join(file, "dir"), 0)
	defer closeCache(t, cache)
	require.Error(t, cache.Prepare())
	data := randomBytes(2 * block)
	require.Equal(t, data, mustReadAll(t, cache.Wrap("s", newFake("film", data)), "film"))
}

// TestDiskIsLocked has two caches in one directory: the second says so, and does without.
func TestDiskIsLocked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := randomBytes(2 * block)
	first := diskCache(dir, 0)
	require.NoError(t, first.Prepare())
	second := diskCache(dir, 0)
	err := second.Prepare()
	require.ErrorContains(t, err, filepath.Join(dir, "lock"))
	require.ErrorContains(t, err, "in use by another cache")
	require.Equal(t, data, mustReadAll(t, second.Wrap("s", newFake("film", data)), "film"))
	closeCache(t, second)
	paths, _ := diskFiles(t, dir)
	require.Empty(t, paths)
	closeCache(t, first)
	third := diskCache(dir, 0)
	require.NoError(t, third.Prepare())
	closeCache(t, third)
}

// TestDiskKilled kills programs that fill a directory, and reads what they leave.
func TestDiskKilled(t *testing.T) {
	if dir := os.Getenv("TEST_FILL_DIRECTORY"); dir != "" {
		fillUntilKilled(dir)
		return
	}
	if testing.Short() {
		t.Skip("not with -short: it starts processes and kills them")
	}
	t.Parallel()
	dir := t.TempDir()
	data := killedFilm()
	for i := range 6 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestDiskKilled$")
		cmd.Env = append(os.Environ(), "TEST_FILL_DIRECTORY="+dir)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for range i + 1 {
			require.True(t, lines.Scan(), "the program is at work")
		}
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())

		f := newFake("film", data)
		cache := diskCache(dir, 16*block)
		require.NoError(t, cache.Prepare())
		require.Equal(t, data, mustReadAll(t, cache.Wrap("s", f), "film"))
		closeCache(t, cache)
		_, bytes := diskFiles(t, dir)
		require.LessOrEqual(t, bytes, int64(16*block))
	}
}

func killedFilm() []byte { return randomBytes(12 * block) }

// fillUntilKilled writes blocks without end: of the film, and of others, which push it out.
func fillUntilKilled(dir string) {
	data := killedFilm()
	f := newFake("film", data)
	cache := diskCache(dir, 16*block)
	o := cache.Wrap("s", f)
	for i := 0; ; i++ {
		key := fmt.Sprint("film", i%3)
		f.put(key, data, fmt.Sprint(i))
		for _, key := range []string{"film", key} {
			if _, err := readAll(context.Background(), o, key, 1000); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			fmt.Println(key)
		}
		cache.Purge("s", "film"+fmt.Sprint(i%3))
	}
}
