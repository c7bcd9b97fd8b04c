package rtmptest_test

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/internal/strangers"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/rtmptest"
)

// enhanced are the codecs that a client announces.
func enhanced() []flv.Codec {
	return []flv.Codec{flv.CodecHEVC, flv.CodecVVC, flv.CodecAV1, flv.CodecVP9, flv.CodecVP8, flv.CodecOpus, flv.CodecFLAC,
		flv.CodecAC3, flv.CodecEAC3}
}

// Real files of all kinds, to a client that takes every codec and to one that takes those of classic FLV alone: what
// arrives is what the records beside the files say.
func TestMedia(t *testing.T) {
	t.Parallel()
	paths := strangers.Media(t, ".flv", ".mp4", ".mp3", ".mov", ".f4v", ".m4a")
	srv := rtmptest.NewServer(t, os.DirFS(filepath.Dir(paths[0])))
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			t.Run("enhanced", func(t *testing.T) { requireMedia(t, srv, path, enhanced()) })
			t.Run("classic", func(t *testing.T) { requireMedia(t, srv, path, nil) })
		})
	}
}

// Files of the codecs that only Enhanced RTMP carries, to a client that announces them and to one that does not.
func TestEnhanced(t *testing.T) {
	t.Parallel()
	strangers.Path(t, "ffprobe")
	srv := rtmptest.NewServer(t, os.DirFS(root))
	for _, name := range []string{"hevc", "av1", "vp9", "opus", "flac", "ac3", "eac3"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := "flv/mp4/testdata/" + name + ".mp4"
			tags, err := playAs(t.Context(), srv.URL+"/mp4:"+path, enhanced())
			require.NoError(t, err)
			requireFilm(t, timelines(t, filepath.Join(root, path)), filmOf(t, tags))
			_, err = playAs(t.Context(), srv.URL+"/mp4:"+path, nil)
			requireCode(t, rtmp.CodePlayNoSupportedTrack, err)
		})
	}
}

func requireMedia(t *testing.T, srv *rtmptest.Server, path string, codecs []flv.Codec) {
	name := filepath.Base(path)
	tags, err := playAs(t.Context(), srv.URL+"/"+streamName(name), codecs)
	if err != nil {
		var status *rtmp.StatusError
		require.ErrorAs(t, err, &status)
	}
	switch {
	case strings.Contains(name, "cenc"):
		require.Error(t, err, "it is encrypted")
	case strings.Contains(name, "malformed") && err != nil:
	case strings.HasSuffix(name, ".flv"):
		requireTags(t, path, tags, err, codecs)
	default:
		requireTracks(t, path, tags, err, codecs)
	}
}

// streamName is what a player of Flash's time calls a file.
func streamName(name string) string {
	switch stem, ext, _ := strings.Cut(name, "."); ext {
	case "flv":
		return stem
	case "mp3":
		return "mp3:" + stem
	}
	return "mp4:" + name
}

// playAs plays a stream to its end, as a client that announces codecs.
func playAs(ctx context.Context, url string, codecs []flv.Codec) ([]flv.Tag, error) {
	return playWith(ctx, url, &rtmp.ClientOptions{Codecs: codecs})
}

func playWith(ctx context.Context, url string, opts *rtmp.ClientOptions) (tags []flv.Tag, err error) {
	c, err := rtmp.Dial(ctx, url, opts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return downloadFrom(ctx, c)
}

// requireTags requires the tags of an FLV file: the same bodies at the same times. An empty body is no media.
func requireTags(t *testing.T, path string, got []flv.Tag, refusal error, codecs []flv.Codec) {
	t.Helper()
	rows := strangers.Record(t, path+".tags.tsv")
	require.NotEmpty(t, rows)
	if codecs == nil && slices.ContainsFunc(rows, func(r strangers.Row) bool { return strings.HasPrefix(r["codec"], "EX:") }) {
		requireCode(t, rtmp.CodePlayNoSupportedTrack, refusal)
		return
	}
	require.NoError(t, refusal)
	for kind, tagType := range map[string]flv.TagType{"audio": flv.TagAudio, "video": flv.TagVideo} {
		want := slices.DeleteFunc(slices.Clone(rows), func(r strangers.Row) bool { return r["tag"] != kind || r["body_size"] == "0" })
		have := slices.DeleteFunc(slices.Clone(got), func(tag flv.Tag) bool { return tag.Type != tagType })
		require.Equal(t, len(want), len(have), kind)
		for i, r := range want {
			sum := sha1.Sum(have[i].Data)
			require.Equal(t, r["body_sha1_12"], hex.EncodeToString(sum[:])[:12], "%s tag %d", kind, i)
			shift := got[0].Timestamp - firstMedia(t, rows)
			require.Equal(t, uint32(r.Number(t, "ts_ms"))+shift, have[i].Timestamp, "%s tag %d", kind, i)
		}
	}
}

// requireTracks requires the packets of one video and one audio track of a file, of those that the client takes. A file
// whose picture or sound it would have to do without is refused.
func requireTracks(t *testing.T, path string, got []flv.Tag, refusal error, codecs []flv.Codec) {
	t.Helper()
	have := filmOf(t, got)
	var wanted []film
	for _, suffix := range []string{".packets.tsv", ".packets-noelst.tsv"} {
		if rows := strangers.Record(t, path+suffix); rows != nil {
			wanted = append(wanted, filmOfRows(t, path, rows, have, codecs))
		}
	}
	if len(wanted) == 0 { // for the malformed file
		require.NotZero(t, have.count())
		return
	}
	if codecs == nil && len(wanted[0]) < len(filmOfRows(t, path, strangers.Record(t, path+".packets.tsv"), have, enhanced())) {
		requireCode(t, rtmp.CodePlayNoSupportedTrack, refusal)
		return
	}
	require.NoError(t, refusal)
	requireFilm(t, wanted, have)
}
