package origin_test

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/origin"
)

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func TestReaderWindow(t *testing.T) {
	t.Parallel()
	data := randomBytes(3<<20 + 17)
	fsys := origin.FS(fstest.MapFS{"a/film.flv": {Data: data}})
	cache := &origin.Cache{BlockBytes: 64 << 10}
	t.Cleanup(func() { require.NoError(t, cache.Close()) })
	for name, o := range map[string]origin.Origin{"plain": fsys, "cached": cache.Wrap("s", fsys)} {
		t.Run(name, func(t *testing.T) {
			obj, err := o.Open(t.Context(), "a/film.flv")
			require.NoError(t, err)
			defer obj.Close()
			r := origin.NewReader(obj)
			defer r.Close()
			require.EqualValues(t, len(data), r.Size())
			rnd := rand.New(rand.NewPCG(1, 2))
			for range 300 {
				off := rnd.IntN(len(data) + 1)
				n := rnd.IntN(min(len(data)-off, 200<<10) + 1)
				w, err := r.Window(t.Context(), int64(off), n)
				require.NoError(t, err)
				require.True(t, bytes.Equal(data[off:off+n], w), "%d at %d", n, off)
			}
			for _, c := range []struct {
				off int64
				n   int
			}{{-1, 1}, {0, -1}, {int64(len(data)), 1}, {int64(len(data)) + 1, 0}, {0, len(data) + 1}, {1 << 62, math.MaxInt}} {
				_, err := r.Window(t.Context(), c.off, c.n)
				require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%v", c)
			}
		})
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	o := origin.FS(fstest.MapFS{"a/b": {Data: []byte("x")}})
	for _, key := range []string{"", ".", "..", "/a/b", "a//b", "a/../a/b", "a/b/", "a", "a\\b", "a/b\x00", "nope", "a/\xff"} {
		_, err := o.Open(context.Background(), key)
		require.ErrorIs(t, err, fs.ErrNotExist, "%q", key)
	}
}
