package distribution

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/internal/strangers"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
)

// listen serves an edge's default distribution, whose bucket has clips under names that people gave to files, and
// returns the address.
func listen(t *testing.T, e *Edge, d *Distribution) string {
	t.Helper()
	files := fstest.MapFS{}
	for name, clip := range map[string]string{
		"dir/film.mp4":        "../flv/mp4/testdata/faststart.mp4",
		"dir/my film.mp4":     "../flv/mp4/testdata/faststart.mp4",
		"a+b~c.mp4":           "../flv/mp4/testdata/faststart.mp4",
		"dir/sub/video_1.flv": "../flv/testdata/avc-aac.flv",
		"dir/song.mp3":        "../flv/mp3/testdata/cbr.mp3",
	} {
		data, err := os.ReadFile(clip)
		require.NoError(t, err)
		files[name] = &fstest.MapFile{Data: data, ModTime: time.Unix(1, 0)}
	}
	e.Default = d.ID
	e.Origins = func(context.Context, string, string) (origin.Origin, error) { return origin.FS(files), nil }
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	secure := httptest.NewTLSServer(nil) // for its certificate
	secure.Close()
	srv, served := &rtmp.Server{Handler: e, TLSConfig: &tls.Config{Certificates: secure.TLS.Certificates}}, make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, srv.Close())
		require.ErrorIs(t, <-served, rtmp.ErrServerClosed)
	})
	return l.Addr().String()
}

// saved plays a stream with rtmpdump or ffmpeg and returns what it saved and said.
func saved(t *testing.T, program, address, name string) (data []byte, said string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.flv")
	url := "rtmp://" + address + "/cfx/st"
	var args []string
	switch program {
	case "rtmpdump":
		args = []string{"-r", url + "/" + name, "-o", out}
	case "rtmpdump -y":
		args = []string{"-r", url, "-a", "cfx/st", "-y", name, "-o", out}
	case "ffmpeg":
		args = []string{"-v", "error", "-i", url + "/" + name, "-c", "copy", "-y", out}
	}
	got := strangers.Run(t, strings.Fields(program)[0], args...)
	if got.Err != nil {
		require.IsType(t, new(exec.ExitError), got.Err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		require.ErrorIs(t, err, os.ErrNotExist)
	}
	return data, got.Stderr
}

func TestClientsPlaySignedNames(t *testing.T) {
	t.Parallel()
	e, _, d, _ := signedEdge(t)
	address := listen(t, e, d)
	for _, c := range []struct{ program, name, signed string }{
		{"rtmpdump", "mp4:dir/film.mp4", "dir/film.mp4"},
		{"rtmpdump", "dir/film.mp4", "dir/film.mp4"},
		{"rtmpdump", "dir/sub/video_1.flv", "dir/sub/video_1.flv"},
		{"rtmpdump", "dir/sub/video_1.flv", "dir/sub/video_1"},
		{"rtmpdump", "mp3:dir/song", "dir/song"},
		{"rtmpdump", "mp4:dir/my%20film.mp4", "dir/my film.mp4"},
		{"rtmpdump", "mp4:a+b~c.mp4", "a+b~c.mp4"},
		{"rtmpdump -y", "mp4:dir/film.mp4", "mp4:dir/film.mp4"},
		{"rtmpdump -y", "mp4:dir/my film.mp4", "dir/my film.mp4"},
		{"ffmpeg", "mp4:dir/film.mp4", "dir/film.mp4"},
		{"ffmpeg", "dir/sub/video_1", "dir/sub/video_1.flv"},
		{"ffmpeg", "mp3:dir/song", "dir/song.mp3"},
		{"ffmpeg", "mp4:dir/my%20film.mp4", "dir/my film.mp4"},
		{"ffmpeg", "a+b~c.mp4", "a+b~c.mp4"},
	} {
		t.Run(c.program+" "+c.name, func(t *testing.T) {
			t.Parallel()
			for _, params := range []string{canned(t, c.signed), custom(t, "*", `,"IpAddress":{"AWS:SourceIp":"127.0.0.0/8"}`)} {
				data, said := saved(t, c.program, address, withParams(c.name, params))
				require.Greater(t, len(data), 5000, said)
			}
		})
	}
}

func TestClientsAreRefused(t *testing.T) {
	t.Parallel()
	e, _, d, _ := signedEdge(t)
	address := listen(t, e, d)
	good := canned(t, "dir/film.mp4")
	for name, params := range map[string]string{
		"unsigned":        "",
		"tampered":        strings.Replace(good, "Expires=1", "Expires=2", 1),
		"another object":  canned(t, "dir/song.mp3"),
		"another address": custom(t, "*", `,"IpAddress":{"AWS:SourceIp":"192.0.2.0/24"}`),
		"another's key":   strings.Replace(good, testKeyID, "APKAOTHER", 1),
		"damaged":         strings.Replace(good, "Signature=", "Signature=AAAA", 1),
	} {
		for _, program := range []string{"rtmpdump", "ffmpeg"} {
			t.Run(name+" "+program, func(t *testing.T) {
				t.Parallel()
				data, said := saved(t, program, address, withParams("mp4:dir/film.mp4", params))
				require.Empty(t, data)
				if program == "ffmpeg" {
					require.Contains(t, said, "Failed to play  (stream ID: 1).")
				} else {
					require.Contains(t, said, rtmp.CodeStreamFailed)
				}
			})
		}
	}
}

// A signature says nothing of whether there is such an object.
func TestClientsSignedForNothing(t *testing.T) {
	t.Parallel()
	e, _, d, _ := signedEdge(t)
	_, said := saved(t, "rtmpdump", listen(t, e, d), withParams("mp4:dir/none.mp4", canned(t, "dir/none.mp4")))
	require.Contains(t, said, rtmp.CodePlayStreamNotFound)
}
