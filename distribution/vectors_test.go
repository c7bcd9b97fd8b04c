package distribution

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/signer"
)

// vectorFilms has an object for each name that the vectors sign.
func vectorFilms(t *testing.T) fstest.MapFS {
	t.Helper()
	films := fstest.MapFS{}
	for clip, keys := range map[string][]string{
		"../flv/testdata/avc-aac.flv":       {"videos/mediafile.flv"},
		"../flv/mp3/testdata/cbr.mp3":       {"videos/mp3_name.mp3"},
		"../flv/mp4/testdata/faststart.mp4": {"videos/mediafile.mp4", "cfx/st/videos/mediafile.mp4", "videos/sydney-vacation.mp4", "videos/a b.mp4", "videos/a1.mp4"},
	} {
		data, err := os.ReadFile(clip)
		require.NoError(t, err)
		for _, key := range keys {
			films[key] = &fstest.MapFile{Data: data, ModTime: time.Unix(1, 0)}
		}
	}
	return films
}

// Names that the AWS SDK signed long ago, with a key that nobody has any more, play until they expire.
func TestVectors(t *testing.T) {
	t.Parallel()
	folders := []string{"../signer/testdata"}
	if folder := os.Getenv("REELFRONT_VECTORS"); folder != "" {
		folders = append(folders, folder)
	}
	for _, folder := range folders {
		pem, err := os.ReadFile(filepath.Join(folder, "test-rsa2048.pub.pem"))
		require.NoError(t, err)
		key, err := signer.ParsePublicKey(pem)
		require.NoError(t, err)
		data, err := os.ReadFile(filepath.Join(folder, "signed-rtmp.json"))
		require.NoError(t, err)
		var vectors []struct{ Name, SignedResource, Output, Err string }
		require.NoError(t, json.Unmarshal(data, &vectors))

		e, _, _, _ := newEdge(t, private)
		films := origin.FS(vectorFilms(t))
		e.Origins = func(context.Context, string, string) (origin.Origin, error) { return films, nil }
		e.Keys, e.MaxRefusals = new(Keys), -1
		require.NoError(t, e.Keys.Add(Self, testKeyID, key))
		now := time.Unix(expires-1, 0)
		e.Now = func() time.Time { return now }
		play := func(name string) (*flv.Tag, error) {
			conn := connectTo(t, e)
			src, err := conn.Play(t.Context(), &rtmp.PlayRequest{Connect: &rtmp.ConnectRequest{RemoteAddr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 77)}}, Name: name, StreamID: 1})
			if err != nil {
				return nil, err
			}
			defer func() { require.NoError(t, src.Close()) }()
			return src.Next(t.Context())
		}
		played := 0
		for _, v := range vectors {
			if v.Err != "" { // the signer refused to sign
				continue
			}
			played++
			now = time.Unix(expires-1, 0)
			tag, err := play(v.Output)
			require.NoError(t, err, v.Name)
			require.NotZero(t, tag.Len(), v.Name)

			name, params, _ := strings.Cut(v.Output, "?")
			_, err = play("mp4:" + strings.TrimPrefix(name, "mp4:") + "?" + params) // as players changed it
			if !strings.Contains(v.Name, "flv") && !strings.Contains(v.Name, "mp3") {
				require.NoError(t, err, v.Name)
			}
			for _, changed := range []string{
				"videos/other.mp4?" + params,
				strings.Replace(v.Output, "Signature=", "Signature=A", 1),
				strings.Replace(v.Output, "Expires=1", "Expires=2", 1),
				strings.Replace(v.Output, "Policy=", "Policy=eyJ9", 1),
				name,
			} {
				if _, err := play(changed); changed != v.Output && !grants(v.SignedResource, changed) {
					requireRefused(t, 1, err)
				}
			}
			now = time.Unix(expires, 0)
			_, err = play(v.Output)
			requireRefused(t, 1, err)
		}
		require.GreaterOrEqual(t, played, 11)

		now = time.Unix(expires-1, 0)
		for _, v := range vectors { // who signs the application too signs another object
			if rest, ok := strings.CutPrefix(v.Output, "cfx/st/"); ok {
				_, err := play(rest)
				requireRefused(t, 1, err)
			}
		}
	}
}

// grants tells whether a vector's resource is a wildcard that another film of the directory fits.
func grants(resource, name string) bool {
	return strings.HasPrefix(name, "videos/other.mp4?") && (resource == "*" || resource == "videos/*")
}
