package origin_test

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/origin"
)

// bare hides all but Read of the files of a file system, or all but Read and Seek.
type bare struct {
	fs.FS
	seek bool
}

type bareFile struct{ fs.File }

type seekFile struct {
	fs.File
	io.Seeker
}

func (b bare) Open(name string) (fs.File, error) {
	f, err := b.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if b.seek {
		return seekFile{f, f.(io.Seeker)}, nil
	}
	return bareFile{f}, nil
}

func TestFSKindsOfFiles(t *testing.T) {
	t.Parallel()
	data := randomBytes(300_000)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "film"), data, 0o666))
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	w, err := z.Create("film")
	require.NoError(t, err)
	_, err = w.Write(data)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	zr, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	require.NoError(t, err)
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, root.Close()) })
	for name, fsys := range map[string]fs.FS{
		"directory": os.DirFS(dir), "root": root.FS(), "map": fstest.MapFS{"film": {Data: data, ModTime: time.Now()}},
		"archive": zr, "seek": bare{os.DirFS(dir), true}, "read": bare{os.DirFS(dir), false},
	} {
		t.Run(name, func(t *testing.T) {
			obj, err := origin.FS(fsys).Open(t.Context(), "film")
			require.NoError(t, err)
			defer obj.Close()
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					p := make([]byte, 10_000)
					for off := i * 10_000; off < len(data); off += 80_000 {
						n, err := obj.ReadAt(t.Context(), p, int64(off))
						if err != nil || !bytes.Equal(p[:n], data[off:off+10_000]) {
							t.Errorf("at %d: %d, %v", off, n, err)
						}
					}
				})
			}
			wg.Wait()
			n, err := obj.ReadAt(t.Context(), make([]byte, 20), int64(len(data)-10))
			require.Equal(t, 10, n)
			require.ErrorIs(t, err, io.EOF)
		})
	}
}

func TestFSChanged(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(string) fs.FS{
		"read at": os.DirFS,
		"seek":    func(dir string) fs.FS { return bare{os.DirFS(dir), true} },
		"read":    func(dir string) fs.FS { return bare{os.DirFS(dir), false} },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "film")
			require.NoError(t, os.WriteFile(path, []byte("0123456789"), 0o666))
			obj, err := origin.FS(open(dir)).Open(t.Context(), "film")
			require.NoError(t, err)
			defer obj.Close()
			p := make([]byte, 5)
			_, err = obj.ReadAt(t.Context(), p, 5)
			require.NoError(t, err)
			require.Equal(t, "56789", string(p))
			require.NoError(t, os.WriteFile(path, []byte("9876543210"), 0o666))
			require.NoError(t, os.Chtimes(path, time.Time{}, time.Unix(1, 0)))
			_, err = obj.ReadAt(t.Context(), p, 0)
			require.ErrorIs(t, err, origin.ErrChanged)
			require.NoError(t, obj.Close())
			_, err = obj.ReadAt(t.Context(), p, 0)
			require.ErrorIs(t, err, fs.ErrClosed)
		})
	}
}
