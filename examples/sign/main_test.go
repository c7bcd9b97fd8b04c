package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/seed-3309b198/reelfront/distribution"
	"github.com/seed-3309b198/reelfront/internal/strangers"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/signer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const keyID = "APKATESTKEYPAIRID000"

var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// keyFlags are the flags that name the key, which is written to a file.
func keyFlags(t *testing.T) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pk-"+keyID+".pem")
	data := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key())})
	require.NoError(t, os.WriteFile(file, data, 0o600))
	return []string{"-key", file, "-key-pair-id", keyID}
}

// signed runs the program and returns the lines that it prints: the name and the commands.
func signed(t *testing.T, args ...string) []string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(append(keyFlags(t), args...), &stdout, &stderr), "%s", &stderr)
	require.Empty(t, stderr.String())
	lines := strings.Split(strings.TrimRight(stdout.String(), "\n"), "\n")
	require.Len(t, lines, 4)
	require.Empty(t, lines[1])
	return lines
}

func verify(name string, at time.Time, viewer string) error {
	v := signer.Verifier{
		Key: func(id string) crypto.PublicKey {
			if id != keyID {
				return nil
			}
			return key().Public()
		},
		Now: func() time.Time { return at },
	}
	_, err := v.Verify(name, nil, netip.MustParseAddr(viewer))
	return err
}

// The name that is printed is valid for as long, from when, and for whom the flags say.
func TestSigns(t *testing.T) {
	t.Parallel()
	now, viewer := time.Now(), "203.0.113.7"
	name := signed(t, "-expires", "1h", "mp4:videos/film.mp4?color=red")[0]
	require.Regexp(t, `^mp4:videos/film\.mp4\?color=red&Expires=\d+&Signature=[^&]+&Key-Pair-Id=`+keyID+`$`, name)
	require.NoError(t, verify(name, now.Add(59*time.Minute), viewer))
	require.ErrorIs(t, verify(name, now.Add(61*time.Minute), viewer), signer.ErrExpired)

	name = signed(t, "-resource", "videos/*", "-source", "203.0.113.0/24", "-from", now.Add(time.Minute).Format(time.RFC3339), "mp4:videos/film.mp4")[0]
	require.Regexp(t, `^mp4:videos/film\.mp4\?Policy=[^&]+&Signature=[^&]+&Key-Pair-Id=`+keyID+`$`, name)
	require.ErrorIs(t, verify(name, now, viewer), signer.ErrNotYetValid)
	require.NoError(t, verify(name, now.Add(2*time.Minute), viewer))
	require.ErrorIs(t, verify(name, now.Add(2*time.Minute), "198.51.100.1"), signer.ErrAddress)
	require.NoError(t, verify(strings.Replace(name, "film", "other", 1), now.Add(2*time.Minute), viewer))

	lines := signed(t, "-url", "rtmps://films.example.com/cfx/st/", "film")
	require.Contains(t, lines[2], "rtmpdump -r 'rtmps://films.example.com/cfx/st' -a 'cfx/st' -y 'film?Expires=")
	require.Contains(t, lines[3], "ffplay -rtmp_app 'cfx/st' -rtmp_playpath 'film?Expires=")
}

func TestBadCommandLines(t *testing.T) {
	t.Parallel()
	flags := keyFlags(t)
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	noKey := filepath.Join(t.TempDir(), "no.pem")
	require.NoError(t, os.WriteFile(noKey, []byte("no key"), 0o600))
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"nothing":                {nil, "give -key"},
		"no name":                {flags, "one stream name"},
		"two names":              {append(flags[:4:4], "a", "b"), "one stream name"},
		"no key":                 {[]string{"-key-pair-id", keyID, "film"}, "give -key"},
		"no key file":            {[]string{"-key", nowhere, "-key-pair-id", keyID, "film"}, nowhere},
		"not a key":              {[]string{"-key", noKey, "-key-pair-id", keyID, "film"}, noKey},
		"a whole URL":            {append(flags[:4:4], "rtmp://host/cfx/st/film"), "not the whole URL"},
		"signed already":         {append(flags[:4:4], "film?Expires=1"), "signed already"},
		"a time in words":        {append(flags[:4:4], "-from", "tomorrow", "film"), "-from"},
		"a wrong duration":       {append(flags[:4:4], "-expires", "soon", "film"), "-expires"},
		"over already":           {append(flags[:4:4], "-expires", "-1h", "film"), "-expires"},
		"a wrong network":        {append(flags[:4:4], "-source", "203.0.113.0/33", "film"), "-source"},
		"a wrong flag":           {append(flags[:4:4], "-ressource", "x", "film"), "-ressource"},
		"a URL without a scheme": {append(flags[:4:4], "-url", "host", "film"), "-url"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			require.Equal(t, 2, run(c.args, &stdout, &stderr))
			require.Empty(t, stdout.String())
			require.Contains(t, stderr.String(), c.want)
			require.Regexp(t, `^sign: [^\n]+\n$`, stderr.String())
		})
	}
	var stderr bytes.Buffer
	require.Zero(t, run([]string{"-h"}, nil, &stderr))
	require.Contains(t, stderr.String(), "-resource")
}

// serve is an edge with a private distribution, whose bucket has a film under names that shells and clients find hard.
func serve(t *testing.T) (url string) {
	t.Helper()
	dir := t.TempDir()
	clip, err := os.ReadFile("../../flv/mp4/testdata/faststart.mp4")
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "videos"), 0o700))
	for _, name := range names {
		require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(name, "mp4:"))), clip, 0o600))
	}
	set, keys := new(distribution.Memory), new(distribution.Keys)
	d, err := set.Create(distribution.Config{
		CallerReference: "films",
		S3Origin:        distribution.S3Origin{DomainName: "films.s3.amazonaws.com"},
		TrustedSigners:  distribution.TrustedSigners{Enabled: true, Items: []string{distribution.Self}},
		Enabled:         true,
	})
	require.NoError(t, err)
	require.NoError(t, keys.Add(distribution.Self, keyID, key().Public()))
	films := origin.FS(os.DirFS(dir))
	srv := &rtmp.Server{Handler: &distribution.Edge{
		Set: set, Default: d.ID, Keys: keys,
		Origins: func(context.Context, string, string) (origin.Origin, error) { return films, nil },
	}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, srv.Close())
		require.ErrorIs(t, <-served, rtmp.ErrServerClosed)
	})
	return fmt.Sprintf("rtmp://%s/cfx/st", l.Addr())
}

var names = []string{"mp4:videos/film.mp4", "mp4:videos/my film's end.mp4", "mp4:a+b~c_1.mp4", "film.mp4"}

// shell runs a printed line as its reader would.
func shell(t *testing.T, line string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", line, out)
	if saved, err := os.ReadFile(filepath.Join(cmd.Dir, "out.flv")); err == nil {
		require.Greater(t, len(saved), 5000, "%s\n%s", line, out)
	}
	return string(out)
}

func TestRTMPDumpLinePlays(t *testing.T) {
	t.Parallel()
	strangers.Path(t, "rtmpdump")
	url := serve(t)
	for _, name := range names {
		for _, policy := range [][]string{{name}, {"-resource", "*", "-source", "127.0.0.0/8", name}} {
			line := signed(t, append([]string{"-url", url}, policy...)...)[2]
			require.Contains(t, shell(t, line), "Download complete")
		}
	}
}

// The line for ffplay, with ffprobe in its place: the two take the same options.
func TestFFplayLinePlays(t *testing.T) {
	t.Parallel()
	strangers.Path(t, "ffprobe")
	url := serve(t)
	for _, name := range names {
		for _, policy := range [][]string{{name}, {"-resource", "*", name}} {
			line := signed(t, append([]string{"-url", url}, policy...)...)[3]
			line = "ffprobe -v error -count_packets -show_entries stream=codec_name,nb_read_packets -of csv=p=0" + strings.TrimPrefix(line, "ffplay")
			out := shell(t, line)
			require.Regexp(t, `(?m)^h264,\d\d+$`, out, line)
			require.Regexp(t, `(?m)^aac,\d\d+$`, out, line)
		}
	}
}
