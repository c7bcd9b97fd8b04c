package rtmptest_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/internal/strangers"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/rtmptest"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

// The same port in each of the protocols that clients speak, with the clients that speak them.
func TestProtocols(t *testing.T) {
	t.Parallel()
	strangers.Path(t, "ffprobe")
	secure := httptest.NewUnstartedServer(nil) // for its certificate
	secure.StartTLS()
	t.Cleanup(secure.Close)
	srv := rtmptest.NewUnstartedServer(t, &vod.Handler{Origin: origin.FS(os.DirFS(root))})
	srv.Config.TLSConfig = secure.TLS
	srv.Start()

	const path = "rtmp/rtmptest/clips/clip.mp4"
	want := timelines(t, filepath.Join(root, path))
	for client, protocols := range map[string]string{
		"rtmpdump": "rtmp rtmpe rtmpt rtmpte rtmps",
		"ffprobe":  "rtmp rtmpt rtmps rtmpts", // Debian's has no RTMPE
		"ours":     "rtmp rtmpe rtmpt rtmpte rtmps rtmpts",
	} {
		for protocol := range strings.FieldsSeq(protocols) {
			t.Run(client+" "+protocol, func(t *testing.T) {
				t.Parallel()
				url := protocol + strings.TrimPrefix(srv.URL, "rtmp") + "/" + path
				switch client {
				case "rtmpdump":
					out := filepath.Join(t.TempDir(), "out.flv")
					dump(t, "-r", url, "-o", out)
					requireFilm(t, want, probe(t, out))
				case "ffprobe":
					requireFilm(t, want, probe(t, "-rtmp_buffer", hour, url))
				default:
					tags, err := playWith(t.Context(), url, &rtmp.ClientOptions{TLSConfig: secure.Client().Transport.(*http.Transport).TLSClientConfig})
					require.NoError(t, err)
					requireFilm(t, want, filmOf(t, tags))
				}
			})
		}
	}
}
