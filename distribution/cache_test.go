package distribution

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
)

// TestEdgeSharesCache has two distributions of one bucket, and a third that reads it as somebody else.
func TestEdgeSharesCache(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		share bool
		asked [3]int // of the bucket, for the same name through one distribution after the other
		purge int    // names known through the second
		again [3]int // after that
	}{
		"apart":  {share: false, asked: [3]int{2, 2, 2}, purge: 2, again: [3]int{0, 2, 0}},
		"shared": {share: true, asked: [3]int{2, 0, 2}, purge: 2, again: [3]int{2, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, set, d, buckets := newEdge(t, nil)
			e.Cache, e.ShareCache = new(origin.Cache), c.share
			defer func() { require.NoError(t, e.Cache.Close()) }()
			require.Zero(t, e.Purge("E123", "*"), "there is no such distribution")
			ids := []string{d.ID}
			for _, host := range []string{"b.example.com", "c.example.com"} {
				other := valid()
				other.CallerReference, other.Aliases = host, []string{host}
				if host == "c.example.com" {
					other.S3Origin.OriginAccessIdentity = "origin-access-identity/cloudfront/E127EXAMPLE51Z"
				}
				d, err := set.Create(other)
				require.NoError(t, err)
				ids = append(ids, d.ID)
			}
			ask := func() (n [3]int) {
				for i, host := range []string{"films.example.com", "b.example.com", "c.example.com"} {
					app, err := e.Connect(t.Context(), request("cfx/st", "rtmp://"+host+"/cfx/st"))
					require.NoError(t, err)
					_, err = app.Play(t.Context(), &rtmp.PlayRequest{Name: "flv:a"})
					require.ErrorIs(t, err, fs.ErrNotExist)
					_, asked := buckets.take()
					n[i] = len(asked)
				}
				return n
			}
			require.Equal(t, c.asked, ask())
			require.Equal(t, c.purge, e.Purge(ids[1], "a*"))
			require.Equal(t, c.again, ask())
		})
	}
}

// TestEdgeCacheAfterRestart has a set that is made anew from the same configuration, as in a program without a store: its
// distribution has another ID, and is the same to the cache.
func TestEdgeCacheAfterRestart(t *testing.T) {
	t.Parallel()
	cache := new(origin.Cache)
	defer func() { require.NoError(t, cache.Close()) }()
	for _, want := range []int{2, 0} {
		e, _, _, buckets := newEdge(t, nil)
		e.Cache = cache
		app, err := e.Connect(t.Context(), request("cfx/st", "rtmp://films.example.com/cfx/st"))
		require.NoError(t, err)
		_, err = app.Play(t.Context(), &rtmp.PlayRequest{Name: "flv:a"})
		require.ErrorIs(t, err, fs.ErrNotExist)
		_, asked := buckets.take()
		require.Len(t, asked, want)
	}
}
