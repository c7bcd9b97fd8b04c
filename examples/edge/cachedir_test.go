package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
)

// TestCacheDirectory kills edges that fill their cache directory, damages what they leave, and has the next one play the
// film from it as it is.
func TestCacheDirectory(t *testing.T) {
	if dir := os.Getenv("TEST_EDGE_CACHE"); dir != "" {
		os.Exit(run(context.Background(), func() {}, edgeArgs(os.Getenv("TEST_EDGE_ORIGIN"), dir), os.Stderr))
	}
	if testing.Short() {
		t.Skip("not with -short: it starts processes and kills them")
	}
	t.Parallel()
	media, url := folder(t)
	longFilm(t, filepath.Join(media, "film.flv"), 1)
	want := filmTags(1, 600)
	cacheDir := filepath.Join(t.TempDir(), "cache")
	for i := range 4 {
		p, child := spawn(t, url, cacheDir)
		s := stream(t, p.dial(t))
		require.NoError(t, s.Play(t.Context(), "film", nil))
		for n := 0; n < 100*(i+1); {
			tag, err := s.ReadTag(t.Context())
			require.NoError(t, err)
			if tag.Type == flv.TagVideo {
				require.True(t, same(want[n], tag), "tag %d", n)
				n++
			}
		}
		if i == 0 {
			stderr := &output{more: make(chan struct{}, 1)}
			require.Equal(t, 2, run(t.Context(), func() {}, edgeArgs(url, cacheDir), stderr))
			require.Contains(t, stderr.String(), "-cache-dir")
			require.Contains(t, stderr.String(), "in use by another cache")
		}
		require.NoError(t, child.Process.Kill())
		require.Error(t, child.Wait())
	}

	blocks := cachedBlocks(t, cacheDir)
	require.GreaterOrEqual(t, len(blocks), 4)
	whole := make(map[string][]byte)
	for i, path := range blocks[:3] {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		whole[path] = b
		damaged := append([]byte(nil), b...)
		damaged[len(damaged)/(i+1)-1] ^= 1
		require.NoError(t, os.WriteFile(path, damaged[:len(damaged)-i*1000], 0o600))
	}
	p := start(t, "-origin", url, "-cache-dir", cacheDir)
	got, err := play(t.Context(), stream(t, p.dial(t)), "film")
	require.NoError(t, err)
	require.Equal(t, hashTags(want), hashTags(got))
	p.stop()
	require.Zero(t, p.wait(t))
	require.Len(t, cachedBlocks(t, cacheDir), 12)
	for path, b := range whole {
		again, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, string(b) == string(again), "%s was not fetched again", path)
	}
}

func edgeArgs(url, cacheDir string) []string {
	return []string{"-listen", "127.0.0.1:0", "-origin", url, "-cache-dir", cacheDir}
}

// spawn runs the edge as a process of its own.
func spawn(t *testing.T, url, cacheDir string) (*program, *exec.Cmd) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCacheDirectory$")
	cmd.Env = append(os.Environ(), "TEST_EDGE_CACHE="+cacheDir, "TEST_EDGE_ORIGIN="+url)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // which the test has done, if it got that far
	listening := regexp.MustCompile(`msg=listening addr=(\S+)`)
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			return &program{addr: m[1]}, cmd
		}
	}
	t.Fatal("the edge does not listen")
	return nil, nil
}

// cachedBlocks are the files of whole blocks in a cache directory.
func cachedBlocks(t *testing.T, dir string) (paths []string) {
	t.Helper()
	block := regexp.MustCompile(`^[0-9a-f]{32}-[0-9a-f]+$`)
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && block.MatchString(d.Name()) {
			paths = append(paths, path)
		}
		return err
	}))
	return paths
}

func hashTags(tags []flv.Tag) [sha256.Size]byte {
	h := sha256.New()
	for _, tag := range tags {
		h.Write([]byte{byte(tag.Type), byte(tag.Timestamp >> 16), byte(tag.Timestamp >> 8), byte(tag.Timestamp)})
		h.Write(tag.AppendBody(nil))
	}
	return [sha256.Size]byte(h.Sum(nil))
}
