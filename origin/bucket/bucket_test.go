package bucket_test

import (
	"context"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"

	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/origin/bucket"
)

func read(t *testing.T, o origin.Origin, key string) string {
	t.Helper()
	obj, err := o.Open(t.Context(), key)
	require.NoError(t, err)
	defer obj.Close()
	p := make([]byte, obj.Info().Size)
	n, err := obj.ReadAt(t.Context(), p, 0)
	require.NoError(t, err)
	return string(p[:n])
}

func fileURL(dir string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(dir)}).String()
}

func TestReadAt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "film"), []byte("0123456789"), 0o666))
	file, err := bucket.Open(t.Context(), fileURL(dir))
	require.NoError(t, err)
	defer file.Close()
	b := memblob.OpenBucket(nil)
	require.NoError(t, b.WriteAll(t.Context(), "film", []byte("0123456789"), &blob.WriterOptions{CacheControl: "max-age=5"}))
	mem := bucket.New(b, nil)
	defer mem.Close()
	for name, o := range map[string]origin.Origin{"file": file, "mem": mem} {
		t.Run(name, func(t *testing.T) {
			obj, err := o.Open(t.Context(), "film")
			require.NoError(t, err)
			defer obj.Close()
			require.EqualValues(t, 10, obj.Info().Size)
			for _, c := range []struct {
				off  int64
				n    int
				want string
				err  error
			}{
				{0, 10, "0123456789", nil}, {3, 4, "3456", nil}, {8, 5, "89", io.EOF}, {10, 1, "", io.EOF}, {99, 1, "", io.EOF}, {4, 0, "", nil},
			} {
				p := make([]byte, c.n)
				n, err := obj.ReadAt(t.Context(), p, c.off)
				require.ErrorIs(t, err, c.err)
				require.Equal(t, c.want, string(p[:n]))
			}
			_, err = obj.ReadAt(t.Context(), make([]byte, 1), -1)
			require.Error(t, err)
			_, err = o.Open(t.Context(), "nope")
			require.ErrorIs(t, err, fs.ErrNotExist)
			for _, key := range []string{"/film", "", "../film", "a\\b", "film\x00"} {
				_, err = o.Open(t.Context(), key)
				require.ErrorIs(t, err, fs.ErrNotExist, "%q", key)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err = o.Open(ctx, "film")
			require.Error(t, err)
		})
	}
}

func TestChanged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "film")
	require.NoError(t, os.WriteFile(path, []byte("0123456789"), 0o666))
	o, err := bucket.Open(t.Context(), fileURL(dir))
	require.NoError(t, err)
	defer o.Close()
	obj, err := o.Open(t.Context(), "film")
	require.NoError(t, err)
	require.NoError(t, os.Chtimes(path, time.Time{}, time.Unix(1, 0)))
	_, err = obj.ReadAt(t.Context(), make([]byte, 3), 0)
	require.ErrorIs(t, err, origin.ErrChanged)
	require.NoError(t, os.Remove(path))
	_, err = obj.ReadAt(t.Context(), make([]byte, 3), 0)
	require.ErrorIs(t, err, origin.ErrChanged)
}

func TestOpenSchemes(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"gs://films":     "gs: not linked into this program; build with -tags gcs",
		"azblob://films": "azblob: not linked into this program; build with -tags azure",
		"ftp://films":    "ftp: not linked into this program; linked are file, mem, s3",
		"films":          "no scheme",
		"::":             "missing protocol scheme",
		"file://srv/m":   "three slashes, file:///srv/m",
	} {
		_, err := bucket.Open(t.Context(), url)
		require.ErrorContains(t, err, want)
	}
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"one", "two"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name, "film"), []byte(name), 0o666))
	}
	b := &bucket.Buckets{URL: fileURL(dir) + "/{bucket}", Identities: map[string]string{"E2": fileURL(dir) + "/two"}}
	one, err := b.Origin(t.Context(), "one", "")
	require.NoError(t, err)
	require.Equal(t, "one", read(t, one, "film"))
	two, err := b.Origin(t.Context(), "one", "E2")
	require.NoError(t, err)
	require.Equal(t, "two", read(t, two, "film"))
	_, err = b.Origin(t.Context(), "one", "E3")
	require.ErrorContains(t, err, "E3")

	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			o, err := b.Origin(context.Background(), "two", "")
			if err != nil || o != two {
				t.Errorf("got %p, %v", o, err)
			}
		})
	}
	wg.Wait()
	for _, name := range []string{"", "a", "..", "one/../two", "one?metadata=x", "One", "192.168.0.1", "one#", "a..b", "-one", "one%2f", "one\n"} {
		_, err := b.Origin(t.Context(), name, "")
		require.ErrorContains(t, err, "naming rules", "%q", name)
	}
	_, err = b.Origin(t.Context(), "three", "")
	require.Error(t, err)
	require.NoError(t, b.Close())
	_, err = b.Origin(t.Context(), "one", "")
	require.Error(t, err)
}
