package main

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/rtmp"
)

// Names that try to leave the bucket, and names that are none: each is refused, and the connection is as good as before.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	dir, _ := folder(t)
	films := filepath.Join(dir, "films")
	require.NoError(t, os.Mkdir(films, 0o700))
	require.NoError(t, os.Rename(filepath.Join(dir, "demo.mp3"), filepath.Join(films, "tune.mp3")))
	p := start(t, "-origin", "file://"+filepath.ToSlash(films))
	s := stream(t, p.dial(t))
	for _, name := range []string{
		"../demo", "../demo.flv", "mp4:../demo.mp4", "/../demo", "films/../../demo", "./../demo", "..", ".", "../",
		`..\demo.flv`, "%2e%2e/demo.flv", "..%2fdemo.flv", "mp4:mp4:../demo.mp4", "__0x2e____0x2e__/demo.flv",
		filepath.Join(dir, "demo.flv"), "file://" + dir + "/demo.flv", "flv:" + dir + "/demo",
		"", "/", "//", "mp4:", "mp3:", "?", "?x=1", "mp3:?", "\x00", "tune\x00", "tune.mp3\x00.flv", "mp3:tune\x00", "\xff\xfe",
		"tune.mp3/", strings.Repeat("a", 8<<10), strings.Repeat("a/", 4<<10), strings.Repeat("é", 100), "tune.mp3/x", strings.Repeat("é", 500),
		"CON", "tune\r\n", "*", "{bucket}",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err := play(ctx, s, name)
		requireCode(t, rtmp.CodePlayStreamNotFound, err)
		cancel()
	}
	tags, err := play(t.Context(), s, "mp3:tune")
	require.NoError(t, err)
	require.NotEmpty(t, tags)
	_, err = play(t.Context(), stream(t, p.dial(t, "cfx/st/..")), "demo")
	requireCode(t, rtmp.CodePlayStreamNotFound, err)
}

// filmTags are the first n tags of a film of large pictures, ten a second.
func filmTags(seed uint64, n int) (tags []flv.Tag) {
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range n {
		picture := make([]byte, 20_000)
		for i := range picture {
			picture[i] = byte(random.Uint32())
		}
		picture[0] = 0x12 // a key frame in H.263
		tags = append(tags, flv.Tag{Type: flv.TagVideo, Timestamp: uint32(i) * 100, Data: picture})
	}
	return tags
}

// longFilm puts a film of a minute in place, of which a viewer is sent the first seconds before the rest is read.
func longFilm(t *testing.T, path string, seed uint64) {
	t.Helper()
	var film bytes.Buffer
	w, err := flv.NewWriter(&film, nil)
	require.NoError(t, err)
	for _, tag := range filmTags(seed, 600) {
		require.NoError(t, w.Write(&tag))
	}
	temporary := path + ".new"
	require.NoError(t, os.WriteFile(temporary, film.Bytes(), 0o600))
	require.NoError(t, os.Rename(temporary, path))
}

// A file that goes away while it plays, or becomes another, breaks the play off with a status; nothing of the other file
// is sent. The connection stays, and who plays it again gets what is there now.
func TestFileChangesInPlay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(t *testing.T, path string)
		then   []flv.Tag
	}{
		"vanishes": {func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) }, nil},
		"is replaced": {func(t *testing.T, path string) {
			longFilm(t, path, 2)
			later(t, path)
		}, filmTags(2, 600)},
		"is cut": {func(t *testing.T, path string) {
			require.NoError(t, os.Truncate(path, 1<<20))
			later(t, path)
		}, filmTags(1, (1<<20)/20_015)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, url := folder(t)
			path := filepath.Join(dir, "long.flv")
			longFilm(t, path, 1)
			p := start(t, "-origin", url)
			s, err := p.dial(t).CreateStream(t.Context())
			require.NoError(t, err)
			require.NoError(t, s.Play(t.Context(), "long", nil))
			test.change(t, path)
			require.NoError(t, s.SetBufferLength(time.Hour))
			tags, err := rest(t.Context(), s)
			requireCode(t, rtmp.CodePlayFailed, err)
			require.NotEmpty(t, tags)
			require.Less(t, len(tags), 600)
			require.True(t, slices.EqualFunc(filmTags(1, len(tags)), tags, same))

			tags, err = play(t.Context(), s, "long")
			if test.then == nil {
				requireCode(t, rtmp.CodePlayStreamNotFound, err)
			} else {
				require.NoError(t, err)
			}
			require.True(t, slices.EqualFunc(test.then, tags, same))
		})
	}
}

func same(a, b flv.Tag) bool { return a.Timestamp == b.Timestamp && bytes.Equal(a.Data, b.Data) }

// later makes a file a second younger, for file systems whose clock is coarse.
func later(t *testing.T, path string) {
	t.Helper()
	when := time.Now().Add(time.Second)
	require.NoError(t, os.Chtimes(path, when, when))
}

// A bucket that takes requests and does not answer: a viewer who gives up costs nothing more, and the edge ends when it is
// told to.
func TestBucketHangs(t *testing.T) {
	t.Parallel()
	asked, given := make(chan struct{}, 100), make(chan struct{}, 100)
	s3 := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
		given <- struct{}{}
	}))
	t.Cleanup(s3.Close)
	p := start(t, "-origin", "s3://films?region=eu-west-1&anonymous=true&use_path_style=true&endpoint="+s3.URL, "-drain", "0s")
	c := p.dial(t)
	s := stream(t, c)
	played := make(chan error, 1)
	go func() { played <- s.Play(context.Background(), "mp4:film.mp4", nil) }()
	<-asked
	require.NoError(t, c.Close())
	require.Error(t, <-played)
	<-given // the request was given up, too

	c = p.dial(t)
	s = stream(t, c)
	go func() { played <- s.Play(context.Background(), "mp4:film.mp4", nil) }()
	<-asked
	began := time.Now()
	p.stop()
	require.Zero(t, p.wait(t))
	require.Less(t, time.Since(began), 10*time.Second)
	require.Error(t, <-played)
}

// Clients that send something else than RTMP, or nothing, are hung up on; those after them are served.
func TestHostileClients(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, greeting := range []string{"\x00\x01\x02", "\x16\x03\x01\x00\x00", "SSH-2.0-x\r\n", strings.Repeat("\x03", 1<<16), "\x04"} {
		nc, err := net.Dial("tcp", p.addr)
		require.NoError(t, err)
		_, err = nc.Write([]byte(greeting))
		require.NoError(t, errors.Join(err, nc.Close()))
	}
	tags, err := play(t.Context(), stream(t, p.dial(t)), "demo")
	require.NoError(t, err)
	require.NotEmpty(t, tags)
}
