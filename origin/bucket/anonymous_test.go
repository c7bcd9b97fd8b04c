package bucket_test

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/origin/bucket"
)

// Of services that cannot tell what everybody may read, the mapping tells it; an identity reads all.
func TestAnonymousDirectories(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"public", "restricted"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name, "film"), []byte(name), 0o666))
	}
	isPublic := func(bucket string) bool { return bucket == "public" }
	for _, c := range []struct {
		anonymous        bool
		public           func(string) bool
		bucket, identity string
		refused          bool
	}{
		{true, isPublic, "public", "", false},
		{true, isPublic, "restricted", "", true},
		{true, isPublic, "restricted", "E1", false},
		{true, nil, "restricted", "", false},
		{false, isPublic, "restricted", "", false},
	} {
		b := &bucket.Buckets{URL: fileURL(dir) + "/{bucket}", Anonymous: c.anonymous, Public: c.public}
		o, err := b.Origin(t.Context(), c.bucket, c.identity)
		require.NoError(t, err)
		if c.refused {
			_, err := o.Open(t.Context(), "film")
			require.ErrorIs(t, err, fs.ErrPermission)
		} else {
			require.Equal(t, c.bucket, read(t, o, "film"))
		}
		require.NoError(t, b.Close())
	}
}

// Without an identity, S3 is sent no credentials, whatever the URL says of them.
func TestAnonymousS3(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	signed := make(chan bool, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed <- r.Header.Get("Authorization") != ""
		w.WriteHeader(http.StatusForbidden)
	}))
	defer srv.Close()
	for _, c := range []struct {
		anonymous bool
		identity  string
		signed    bool
	}{{true, "", false}, {true, "E1", true}, {false, "", true}} {
		b := &bucket.Buckets{URL: s3URL(srv.URL), Anonymous: c.anonymous}
		o, err := b.Origin(t.Context(), "films", c.identity)
		require.NoError(t, err)
		_, err = o.Open(t.Context(), "film")
		require.ErrorIs(t, err, fs.ErrPermission)
		require.Equal(t, c.signed, <-signed)
		require.NoError(t, b.Close())
	}
}
