package main

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/distribution"
	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/signer"
)

const keyID = "APKATESTKEYPAIRID000"

// films is the configuration of a distribution with the alias films.example.com.
func films(change func(*distribution.Config)) distribution.Config {
	c := distribution.Config{
		CallerReference: "films",
		S3Origin:        distribution.S3Origin{DomainName: "films.s3.amazonaws.com"},
		Aliases:         []string{"films.example.com"},
		Enabled:         true,
	}
	if change != nil {
		change(&c)
	}
	return c
}

// private makes a configuration one that plays signed names alone.
func private(c *distribution.Config) {
	c.TrustedSigners = distribution.TrustedSigners{Enabled: true, Items: []string{distribution.Self}}
}

// write puts a file into a new folder and returns its path.
func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

// writeConfig writes a configuration as a file for -distribution.
func writeConfig(t *testing.T, c distribution.Config) string {
	t.Helper()
	data, err := json.Marshal(c)
	require.NoError(t, err)
	return write(t, "distribution.json", data)
}

func newKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	require.NoError(t, err)
	return key
}

// writeKey writes the public key of a private one as PEM.
func writeKey(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	return write(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func sign(t *testing.T, name string, key crypto.Signer) string {
	t.Helper()
	signed, err := signer.Sign(name, signer.Policy{Expires: time.Now().Add(time.Hour)}, signer.Key{ID: keyID, Signer: key})
	require.NoError(t, err)
	return signed
}

// seat connects as a client that was told to play from a host, and makes a stream.
func (p *program) seat(t *testing.T, host string) (*rtmp.ClientStream, error) {
	t.Helper()
	c, err := rtmp.Dial(t.Context(), "rtmp://"+p.addr+"/cfx/st/", &rtmp.ClientOptions{
		Object: amf.Object{{Key: "tcUrl", Value: "rtmp://" + host + "/cfx/st"}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	if err := c.Connect(t.Context()); err != nil {
		return nil, err
	}
	return stream(t, c), nil
}

func requirePlays(t *testing.T, p *program, host, name string) {
	t.Helper()
	s, err := p.seat(t, host)
	require.NoError(t, err)
	tags, err := play(t.Context(), s, name)
	require.NoError(t, err)
	require.NotEmpty(t, tags)
}

func requireFails(t *testing.T, p *program, host, name, code string) {
	t.Helper()
	s, err := p.seat(t, host)
	require.NoError(t, err)
	_, err = play(t.Context(), s, name)
	requireCode(t, code, err)
}

// A distribution is known by what the AWS command line prints of it: whole, its configuration with an ETag, or that alone.
func TestDistributionFiles(t *testing.T) {
	t.Parallel()
	_, url := folder(t)
	config, err := json.Marshal(films(nil))
	require.NoError(t, err)
	for form, c := range map[string]struct{ text, host string }{
		"create-streaming-distribution's input": {"%s", "films.example.com"},
		"get-streaming-distribution-config":     {`{"ETag": "E2QWRUHEXAMPLE", "StreamingDistributionConfig": %s}`, "FILMS.example.com."},
		"get-streaming-distribution": {`{"ETag": "E2QWRUHEXAMPLE", "StreamingDistribution": {"Id": "EGTXBD79EXAMPLE",
			"ARN": "arn:aws:cloudfront::123456789012:streaming-distribution/EGTXBD79EXAMPLE", "Status": "Deployed",
			"LastModifiedTime": "2020-06-15T21:53:34.512000+00:00", "DomainName": "s5c39gqb8ow64r.cloudfront.net",
			"ActiveTrustedSigners": {"Enabled": false, "Quantity": 0}, "StreamingDistributionConfig": %s}}`, "s5c39gqb8ow64r.cloudfront.net"},
	} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			p := start(t, "-origin", url, "-distribution", write(t, "d.json", fmt.Appendf(nil, c.text, config)))
			requirePlays(t, p, c.host, "mp4:demo.mp4")
			requirePlays(t, p, "films.example.com:1935", "demo")
			_, err := p.seat(t, p.addr)
			requireCode(t, rtmp.CodeConnectRejected, err)
			require.ErrorContains(t, err, "DistributionNotFound")
			p.stderr.await(t, `msg=distribution .*aliases=\[films.example.com\]`)
		})
	}
}

// One distribution answers to the hosts that are nobody's, if it is said which.
func TestDefaultDistribution(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, bucket := range []string{"films", "songs"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, bucket), 0o700))
	}
	clip, err := demoFiles.ReadFile("demo/demo.mp3")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "films", "film.mp3"), clip, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "songs", "song.mp3"), clip, 0o600))
	config, err := json.Marshal(films(func(c *distribution.Config) {
		c.CallerReference, c.Aliases, c.S3Origin.DomainName = "songs", []string{"*.example.com"}, "songs.s3.eu-west-1.amazonaws.com"
	}))
	require.NoError(t, err)
	songs := write(t, "songs.json", fmt.Appendf(nil, `{"StreamingDistribution": {"Id": "ESONGS", "DomainName": "s1234567890abc.cloudfront.net",
		"StreamingDistributionConfig": %s}}`, config))
	args := []string{"-origin", "file://" + filepath.ToSlash(dir) + "/{bucket}", "-distribution", writeConfig(t, films(nil)), "-distribution", songs}
	for id, name := range map[string]string{"first": "mp3:film", "ESONGS": "mp3:song"} {
		p := start(t, append(args, "-default-distribution", id)...)
		requirePlays(t, p, p.addr, name)
		requirePlays(t, p, "films.example.com", "mp3:film")
		requirePlays(t, p, "any.example.com", "mp3:song")
		requireFails(t, p, "films.example.com", "mp3:song", rtmp.CodePlayStreamNotFound)
	}
}

// A private distribution plays what was signed with a key that was given for one of its trusted signers.
func TestPublicKeys(t *testing.T) {
	t.Parallel()
	_, url := folder(t)
	key, other := newKey(t, 2048), newKey(t, 2048)
	p := start(t, "-origin", url, "-distribution", writeConfig(t, films(private)),
		"-public-key", "self:"+keyID+"="+writeKey(t, key),
		"-public-key", "123456789012:APKAOTHER="+writeKey(t, other))
	const host = "films.example.com"
	requirePlays(t, p, host, sign(t, "mp4:demo.mp4", key))
	requireFails(t, p, host, "mp4:demo.mp4", rtmp.CodeStreamFailed)
	requireFails(t, p, host, sign(t, "mp4:demo.mp4", other), rtmp.CodeStreamFailed)
	requireFails(t, p, host, strings.Replace(sign(t, "mp4:demo.mp4", other), keyID, "APKAOTHER", 1), rtmp.CodeStreamFailed)
	requireFails(t, p, host, sign(t, "mp4:missing.mp4", key), rtmp.CodePlayStreamNotFound)
	p.stderr.await(t, `msg="play refused".*not signed`)
	require.NotContains(t, p.stderr.String(), "Signature=")
}

// What works but ought not to stay so is said at start.
func TestWarnings(t *testing.T) {
	t.Parallel()
	_, url := folder(t)
	idle := films(func(c *distribution.Config) {
		c.Logging = distribution.Logging{Enabled: true, Bucket: "logs.s3.amazonaws.com"}
		c.PriceClass = distribution.PriceClass100
	})
	unsigned := films(func(c *distribution.Config) {
		private(c)
		c.CallerReference, c.Aliases = "unsigned", nil
		c.TrustedSigners.Items = []string{"123456789012"}
	})
	off := films(func(c *distribution.Config) { c.CallerReference, c.Aliases, c.Enabled = "off", nil, false })
	p := start(t, "-origin", url, "-public-key", "self:"+keyID+"="+writeKey(t, newKey(t, 1024)),
		"-distribution", writeConfig(t, idle), "-distribution", writeConfig(t, unsigned), "-distribution", writeConfig(t, off))
	said, _, _ := strings.Cut(p.stderr.String(), "msg=listening")
	for _, warning := range []string{
		`level=WARN msg="a signer's key has under 2048 bits" account=self key=` + keyID,
		`level=WARN msg="no access logs are written" distribution=`,
		`level=WARN msg="the price class has no effect" distribution=`,
		`level=WARN msg="nothing plays: no trusted signer has a key" distribution=`,
	} {
		require.Equal(t, 1, strings.Count(said, warning), "%s\n%s", warning, said)
	}
	require.Equal(t, 4, strings.Count(p.stderr.String(), "level=WARN"), p.stderr.String())
	require.Regexp(t, `msg=distribution .*enabled=false`, said)
}

// Files that are no good are said in one line, and the exit code is 2.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	_, url := folder(t)
	good := writeConfig(t, films(nil))
	text, err := os.ReadFile(good)
	require.NoError(t, err)
	altered := func(old, replacement string) string {
		changed := strings.Replace(string(text), old, replacement, 1)
		require.NotEqual(t, string(text), changed)
		return write(t, "altered.json", []byte(changed))
	}
	key := newKey(t, 2048)
	pkcs1 := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	twin := films(func(c *distribution.Config) { c.CallerReference = "twin" })
	public := "self:" + keyID + "="
	missing := "file://" + filepath.ToSlash(t.TempDir()) + "/{bucket}"
	for name, c := range map[string]struct{ args, want string }{
		"no JSON":              {"-distribution " + write(t, "d.json", []byte("films")), "InvalidArgument"},
		"empty":                {"-distribution " + write(t, "d.json", nil), "InvalidArgument"},
		"something else":       {"-distribution " + write(t, "d.json", []byte(`{"DistributionConfig": {}}`)), "InvalidArgument"},
		"unknown member":       {"-distribution " + altered(`"Comment"`, `"Coment"`), "Coment"},
		"wrong quantity":       {"-distribution " + altered(`"Quantity":1`, `"Quantity":2`), "InconsistentQuantities"},
		"no bucket":            {"-distribution " + altered("films.s3.amazonaws.com", "www.example.com"), "InvalidOrigin"},
		"website":              {"-distribution " + altered("films.s3.amazonaws.com", "s3.amazonaws.com/films"), "InvalidOrigin"},
		"identity malformed":   {"-distribution " + altered(`"OriginAccessIdentity":""`, `"OriginAccessIdentity":"E1"`), "InvalidOriginAccessIdentity"},
		"the same alias twice": {"-distribution " + good + " -distribution " + writeConfig(t, twin), "CNAMEAlreadyExists"},
		"no such default":      {"-distribution " + good + " -default-distribution EOTHER", "EOTHER"},
		"bucket missing":       {"-distribution " + good + " -origin " + missing, "films"},
		"identity not known":   {"-distribution " + altered(`"OriginAccessIdentity":""`, `"OriginAccessIdentity":"origin-access-identity/cloudfront/E1"`) + " -identity E2=" + url, "E1"},
		"no key":               {"-public-key " + public + good, "-public-key"},
		"a private key":        {"-public-key " + public + write(t, "pk.pem", pkcs1), "private key"},
		"key of another kind":  {"-public-key " + public + writeKey(t, ed), "-public-key"},
		"no such account":      {"-public-key me:K=" + writeKey(t, key), "12 digits"},
		"three keys":           {strings.Repeat("-public-key self:K%d="+writeKey(t, key)+" ", 3), "2 active keys"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := c.args
			for i := 1; strings.Contains(args, "%d"); i++ {
				args = strings.Replace(args, "%d", fmt.Sprint(i), 1)
			}
			if !strings.Contains(args, "-origin") {
				args += " -origin " + url
			}
			if !strings.Contains(args, "-distribution") {
				args += " -distribution " + good
			}
			requireRefused(t, args+" -log-level warn", c.want)
		})
	}
}
