package vod_test

import (
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/demux"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

// Files of every kind, as viewers name them, from an origin and from a cache: the tags are those of the file.
func TestPlayFiles(t *testing.T) {
	t.Parallel()
	files := origin.FS(os.DirFS("../../flv"))
	cache := &origin.Cache{BlockBytes: 4096}
	t.Cleanup(func() { require.NoError(t, cache.Close()) })
	for _, o := range []origin.Origin{files, cache.Wrap("flv", files)} {
		app, err := (&vod.Handler{Origin: o}).Connect(t.Context(), &rtmp.ConnectRequest{App: "vod"})
		require.NoError(t, err)
		for name, path := range map[string]string{
			"testdata/avc-aac":                 "testdata/avc-aac.flv",
			"flv:testdata/h263-mp3":            "testdata/h263-mp3.flv",
			"testdata/speex.flv":               "testdata/speex.flv",
			"mp4:mp4/testdata/faststart":       "mp4/testdata/faststart.mp4",
			"mp4:mp4/testdata/faststart.mp4?x": "mp4/testdata/faststart.mp4",
			"mp3:mp3/testdata/vbr-xing":        "mp3/testdata/vbr-xing.mp3",
		} {
			s, err := app.Play(t.Context(), &rtmp.PlayRequest{Name: name, Kind: rtmp.PlayAny, Length: -1})
			require.NoError(t, err, name)
			want := tagsOf(t, "../../flv/"+path)
			require.Equal(t, len(want), countTags(t, s, want), name)
			require.NotEmpty(t, s.Info().OnMetaData())
			require.NoError(t, s.Close())
			length, err := app.(rtmp.Lengther).Length(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, s.Info().Duration, length)
		}
	}
}

// countTags counts the tags that are as wanted.
func countTags(t *testing.T, r flv.Reader, want []flv.Tag) (n int) {
	t.Helper()
	for {
		tag, err := r.Next(t.Context())
		if err == io.EOF {
			return n
		}
		require.NoError(t, err)
		require.Less(t, n, len(want))
		require.Equal(t, want[n], tag.Clone())
		n++
	}
}

func tagsOf(t *testing.T, path string) (tags []flv.Tag) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	st, err := f.Stat()
	require.NoError(t, err)
	in := flv.NewInput(f, st.Size())
	file, err := demux.Open(t.Context(), in, "")
	require.NoError(t, err)
	for r := file.NewReader(in); ; {
		tag, err := r.Next(t.Context())
		if err == io.EOF {
			return tags
		}
		require.NoError(t, err)
		tags = append(tags, tag.Clone())
	}
}
