package distribution

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

const testKeyID = "APKATESTKEYPAIRID000"

var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// expires is a time in the future of the clock that signedEdge has.
const expires = 1357034400

// signedEdge is an edge whose distribution has one trusted signer, itself, with one key. Its clock stands an hour before
// expires.
func signedEdge(t *testing.T) (*Edge, *Memory, *Distribution, *fakeBuckets) {
	t.Helper()
	e, set, d, buckets := newEdge(t, private)
	e.Keys = new(Keys)
	require.NoError(t, e.Keys.Add(Self, testKeyID, testKey().Public()))
	e.Now = func() time.Time { return time.Unix(expires-3600, 0) }
	e.MaxRefusals = -1
	return e, set, d, buckets
}

// signature signs a policy as the CloudFront developer guide does with openssl, base64 and tr.
func signature(t *testing.T, policy string) string {
	t.Helper()
	sum := sha1.Sum([]byte(policy))
	sig, err := rsa.SignPKCS1v15(nil, testKey(), crypto.SHA1, sum[:])
	require.NoError(t, err)
	return urlSafe(sig)
}

func urlSafe(b []byte) string {
	return strings.NewReplacer("+", "-", "=", "_", "/", "~").Replace(base64.StdEncoding.EncodeToString(b))
}

// canned are the parameters of a canned policy for a resource.
func canned(t *testing.T, resource string) string {
	t.Helper()
	policy := fmt.Sprintf(`{"Statement":[{"Resource":"%s","Condition":{"DateLessThan":{"AWS:EpochTime":%d}}}]}`, resource, expires)
	return fmt.Sprintf("Expires=%d&Signature=%s&Key-Pair-Id=%s", expires, signature(t, policy), testKeyID)
}

// custom are the parameters of a custom policy.
func custom(t *testing.T, resource, conditions string) string {
	t.Helper()
	policy := fmt.Sprintf(`{"Statement":[{"Resource":"%s","Condition":{"DateLessThan":{"AWS:EpochTime":%d}%s}}]}`, resource, expires, conditions)
	return fmt.Sprintf("Policy=%s&Signature=%s&Key-Pair-Id=%s", urlSafe([]byte(policy)), signature(t, policy), testKeyID)
}

func withParams(name, params string) string {
	if strings.Contains(name, "?") {
		return name + "&" + params
	}
	return name + "?" + params
}

func playSigned(t *testing.T, e *Edge, app, name string) error {
	t.Helper()
	conn, err := e.Connect(t.Context(), &rtmp.ConnectRequest{
		App: app, TCURL: "rtmp://films.example.com/" + app,
		RemoteAddr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 10), Port: 1234},
	})
	require.NoError(t, err)
	_, err = conn.Play(t.Context(), &rtmp.PlayRequest{Connect: conn.(*connection).request, Name: name, StreamID: 1})
	return err
}

// What software of the time signed, what its players asked for, and the object that was meant.
var signedCases = []struct{ who, signed, app, name, key string }{
	{"developer guide, PHP", "example.mp4", "cfx/st", "mp4:example.mp4", "example.mp4"},
	{"developer guide, Perl", "example/video.mp4", "cfx/st", "mp4:example/video.mp4", "example/video.mp4"},
	{"DuraCloud", "content/id.mp4", "cfx/st", "mp4:content/id.mp4", "content/id.mp4"},
	{"a Rails site", "path/test.mp4", "cfx/st", "mp4:path/test.mp4", "path/test.mp4"},
	{"s2Member, mp4", "film.mp4", "cfx/st", "mp4:film.mp4", "film.mp4"},
	{"s2Member, flv", "film.flv", "cfx/st", "flv:film.flv", "film.flv"},
	{"s2Member, mp3", "song", "cfx/st", "mp3:song.mp3", "song.mp3"},
	{"Moodle", "dir/film.mp4", "cfx/st/_definst_", "mp4:dir/film.mp4", "dir/film.mp4"},
	{"a C# program", "videos/film.mp4", "cfx/st", "videos/film", "videos/film.mp4"},
	{"a C# program, with prefix", "videos/film.mp4", "cfx/st", "mp4:videos/film", "videos/film.mp4"},
	{"Video.js", "dir/x", "cfx/st", "flv:dir/x", "dir/x.flv"},
	{"Video.js, with extension", "dir/x.flv", "cfx/st", "flv:dir/x", "dir/x.flv"},
	{"Video.js, doubled prefix", "movie.mp4", "cfx/st", "mp4:mp4:movie.mp4", "movie.mp4"},
	{"botocore", "video", "cfx/st", "video", "video.flv"},
	{"cloudfront-private-url-creator", "dir/video.flv", "cfx/st", "dir/video.flv", "dir/video.flv"},
	{"SDKs, prefix", "mp4:videos/film.mp4", "cfx/st", "mp4:videos/film.mp4", "videos/film.mp4"},
	{"SDKs, prefix, cut by rtmpdump", "mp4:videos/film.mp4", "cfx/st/mp4:videos", "mp4:film", "videos/film.mp4"},
	{"SDKs, prefix, cut by GStreamer", "mp4:videos/film.mp4", "cfx/st/mp4:videos", "film.mp4", "videos/film.mp4"},
	{"SDKs, own query", "videos/film.mp4?color=red&size=medium", "cfx/st", "mp4:videos/film.mp4?color=red&size=medium", "videos/film.mp4"},
	{"own query not signed", "film.mp4", "cfx/st", "mp4:film.mp4?audio=deu", "film.mp4"},
	{"space", "videos/a b.mp4", "cfx/st", "videos/a b.mp4", "videos/a b.mp4"},
	{"space signed decoded, sent encoded", "videos/a b.mp4", "cfx/st", "mp4:videos/a%20b.mp4", "videos/a b.mp4"},
	{"space signed encoded", "videos/a%20b.mp4", "cfx/st", "mp4:videos/a%20b.mp4", "videos/a%20b.mp4"},
	{"underscore", "video_1.flv", "cfx/st", "video_1.flv", "video_1.flv"},
	{"plus and tilde", "a+b~c.mp4", "cfx/st", "mp4:a+b~c.mp4", "a+b~c.mp4"},
	{"directory in the app", "videos/film.mp4", "cfx/st/videos", "mp4:film", "videos/film.mp4"},
	{"app without instance", "videos/film.mp4", "cfx", "st/mp4:videos/film.mp4", "videos/film.mp4"},
}

func TestSignedNames(t *testing.T) {
	t.Parallel()
	for _, c := range signedCases {
		t.Run(c.who, func(t *testing.T) {
			t.Parallel()
			for form, name := range map[string]string{
				"canned":   withParams(c.name, canned(t, c.signed)),
				"custom":   withParams(c.name, custom(t, c.signed, "")),
				"wildcard": withParams(c.name, custom(t, "*", `,"IpAddress":{"AWS:SourceIp":"192.0.2.0/24"},"DateGreaterThan":{"AWS:EpochTime":1}`)),
			} {
				e, _, _, buckets := signedEdge(t)
				require.ErrorIs(t, playSigned(t, e, c.app, name), fs.ErrNotExist, form)
				_, asked := buckets.take()
				require.Contains(t, asked, "films/"+c.key, form)
			}
		})
	}
}

// A policy for one object opens no other.
func TestSignedForAnother(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		signed, name string
		asked        []string
	}{
		{"film.mp4", "mp4:other.mp4", nil},
		{"film.mp4", "mp4:dir/film.mp4", nil},
		{"film", "mp4:film.v2", nil},
		{"film.flv", "film", []string{"films/film.flv"}},
		{"film.mp4", "mp4:film", []string{"films/film.mp4"}},
		{"film.mp4?a=1", "mp4:film.mp4?a=2", nil},
		{"cfx/st/film.mp4", "mp4:film.mp4", nil},
	} {
		e, _, _, buckets := signedEdge(t)
		err := playSigned(t, e, "cfx/st", withParams(c.name, canned(t, c.signed)))
		_, asked := buckets.take()
		require.Equal(t, c.asked, asked, "%s for %s", c.signed, c.name)
		if c.asked == nil {
			requireRefused(t, 1, err)
		}
	}
}

// All refusals are alike to the viewer, and touch no bucket; the log tells them apart and holds no signature.
func TestSignedRefusals(t *testing.T) {
	t.Parallel()
	good := canned(t, "film.mp4")
	for _, c := range []struct {
		name   string
		params string
		change func(*Edge)
		cause  string
	}{
		{"unsigned", "x=1", nil, "not signed"},
		{"incomplete", strings.Split(good, "&Key-Pair-Id")[0], nil, "not signed"},
		{"tampered", strings.Replace(good, "Signature=", "Signature=A", 1), nil, ""},
		{"extended", strings.Replace(good, fmt.Sprint(expires), fmt.Sprint(expires+1), 1), nil, "does not match"},
		{"expired", good, func(e *Edge) { e.Now = func() time.Time { return time.Unix(expires+1, 0) } }, "expired"},
		{"not yet valid", custom(t, "film.mp4", fmt.Sprintf(`,"DateGreaterThan":{"AWS:EpochTime":%d}`, expires-1)), nil, "not yet valid"},
		{"another address", custom(t, "film.mp4", `,"IpAddress":{"AWS:SourceIp":"198.51.100.0/24"}`), nil, "address"},
		{"another key", good, func(e *Edge) { e.Keys.Remove(Self, testKeyID) }, "not trusted"},
		{"no keys at all", good, func(e *Edge) { e.Keys = nil }, "not trusted"},
		{"another account's key", good, func(e *Edge) {
			e.Keys.Remove(Self, testKeyID)
			if err := e.Keys.Add("123456789012", testKeyID, testKey().Public()); err != nil {
				panic(err)
			}
		}, "not trusted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var text bytes.Buffer
			e, _, _, buckets := signedEdge(t)
			e.Logger = slog.New(slog.NewTextHandler(&text, nil))
			if c.change != nil {
				c.change(e)
			}
			err := playSigned(t, e, "cfx/st", "mp4:film.mp4?"+c.params)
			requireRefused(t, 1, err)
			_, asked := buckets.take()
			require.Empty(t, asked)
			require.ErrorContains(t, err, c.cause)
			if sig := vodParam(c.params, "Signature"); sig != "" {
				require.NotContains(t, text.String()+err.Error(), sig[:20])
			}
		})
	}
}

func vodParam(params, name string) string {
	_, rest, _ := strings.Cut(params, name+"=")
	value, _, _ := strings.Cut(rest, "&")
	return value
}

// Clients look for slashes before they look for question marks, and so cut a name in its query.
func TestSignedNameCutInItsQuery(t *testing.T) {
	t.Parallel()
	e, _, _, buckets := signedEdge(t)
	resource := "videos/film.mp4?from=example.com/page/1"
	url := "cfx/st/mp4:" + withParams(resource, canned(t, resource))
	for at := len("cfx/st"); at >= 0; at = nextSlash(url, at) {
		require.ErrorIs(t, playSigned(t, e, url[:at], url[at+1:]), fs.ErrNotExist, "%s %s", url[:at], url[at+1:])
		_, asked := buckets.take()
		require.Equal(t, []string{"films/videos/film.mp4"}, asked)
	}
}

func nextSlash(s string, at int) int {
	if i := strings.IndexByte(s[at+1:], '/'); i >= 0 {
		return at + 1 + i
	}
	return -1
}

// Expiry ends no play, but what would begin another: a seek.
func TestSignedSeek(t *testing.T) {
	t.Parallel()
	e, _, d, _ := signedEdge(t)
	now := e.Now()
	e.Now = func() time.Time { return now }
	conn := connectTo(t, e)
	src := conn.guard(d, new(sourceAtStart), &rtmp.PlayRequest{Name: "mp4:film.mp4?" + canned(t, "film.mp4"), StreamID: 1})
	_, err := src.Seek(t.Context(), time.Second)
	require.NoError(t, err)
	now = time.Unix(expires, 0)
	_, err = src.Next(t.Context())
	require.Equal(t, io.EOF, err)
	_, err = src.Seek(t.Context(), time.Second)
	requireRefused(t, 1, err)
}

func TestSignedLength(t *testing.T) {
	t.Parallel()
	e, _, _, buckets := signedEdge(t)
	conn := connectTo(t, e)
	_, err := conn.Length(t.Context(), "mp4:film.mp4?"+canned(t, "film.mp4"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, asked := buckets.take()
	require.Equal(t, []string{"films/film.mp4"}, asked)
}

func TestViewer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		addr net.Addr
		want string
	}{
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}, "192.0.2.1"},
		{&net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 1}, "2001:db8::1"},
		{&net.UDPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 1}, "192.0.2.2"},
		{&net.UnixAddr{Name: "/run/x"}, "invalid IP"},
		{nil, "invalid IP"},
	} {
		require.Equal(t, c.want, viewer(&rtmp.ConnectRequest{RemoteAddr: c.addr}).Unmap().String())
	}
	require.False(t, viewer(nil).IsValid())
}

// Keys, signers and accounts change while connections are open.
func TestSignersChange(t *testing.T) {
	t.Parallel()
	e, set, d, _ := signedEdge(t)
	name := "mp4:film.mp4?" + canned(t, "film.mp4")
	require.ErrorIs(t, playSigned(t, e, "cfx/st", name), fs.ErrNotExist)

	c := d.Config
	c.TrustedSigners.Items = []string{"123456789012"}
	d, err := set.Update(d.ID, d.ETag, c)
	require.NoError(t, err)
	requireRefused(t, 1, playSigned(t, e, "cfx/st", name))
	require.NoError(t, e.Keys.Add("123456789012", testKeyID, testKey().Public()))
	require.ErrorIs(t, playSigned(t, e, "cfx/st", name), fs.ErrNotExist)

	c.TrustedSigners = TrustedSigners{}
	_, err = set.Update(d.ID, d.ETag, c)
	require.NoError(t, err)
	require.ErrorIs(t, playSigned(t, e, "cfx/st", "mp4:film.mp4?Expires=1&Signature=x&Key-Pair-Id=y"), fs.ErrNotExist,
		"without trusted signers a signature means nothing")
}

// A host's authorizer sees what the signature is worth.
func TestAuthorizerBesideSignature(t *testing.T) {
	t.Parallel()
	e, _, _, buckets := signedEdge(t)
	e.Authorizer = func(_ context.Context, a *Authorization) (vod.Grant, error) {
		if a.Err != nil {
			return vod.Grant{Keys: a.Keys, End: 30 * time.Second}, nil // guests see the beginning
		}
		return a.Grant, nil
	}
	require.ErrorIs(t, playSigned(t, e, "cfx/st", "mp4:film"), fs.ErrNotExist)
	_, asked := buckets.take()
	require.Len(t, asked, 7)
	require.ErrorIs(t, playSigned(t, e, "cfx/st", "mp4:film?"+canned(t, "film.mp4")), fs.ErrNotExist)
	_, asked = buckets.take()
	require.True(t, slices.Equal([]string{"films/film.mp4"}, asked), "%q", asked)
}

// Whatever is done to a signed name, it means the same object or nothing.
func FuzzSignedName(f *testing.F) {
	set := new(Memory)
	config := valid()
	private(&config)
	d, err := set.Create(config)
	require.NoError(f, err)
	e := &Edge{Set: set, Keys: new(Keys), Now: func() time.Time { return time.Unix(expires-3600, 0) }}
	require.NoError(f, e.Keys.Add(Self, testKeyID, testKey().Public()))
	policy := fmt.Sprintf(`{"Statement":[{"Resource":"dir/film.mp4","Condition":{"DateLessThan":{"AWS:EpochTime":%d}}}]}`, expires)
	sum := sha1.Sum([]byte(policy))
	sig, err := rsa.SignPKCS1v15(nil, testKey(), crypto.SHA1, sum[:])
	require.NoError(f, err)
	signed := fmt.Sprintf("Expires=%d&Signature=%s&Key-Pair-Id=%s", expires, urlSafe(sig), testKeyID)
	for _, name := range []string{"mp4:dir/film.mp4", "dir/film", "mp4:dir/film.mp4%3F", "dir/film.mp4?x=1", "dir/../film.mp4", "other.mp4"} {
		f.Add("cfx/st", name, "")
		f.Add("cfx/st/mp4:dir", strings.TrimPrefix(name, "mp4:dir/"), "&x=1")
	}
	f.Add("cfx/st", strings.Repeat("mp4:", 1500), "&Policy="+strings.Repeat("A", 8000))
	f.Fuzz(func(t *testing.T, app, name, more string) {
		m, ok := vod.Split(app, instance)
		if !ok {
			return
		}
		var grant vod.Grant
		var err error
		bytes := allocated(func() {
			p := m.Path(withParams(name, signed) + more)
			grant, err = e.authorize(t.Context(), d, &rtmp.PlayRequest{}, p, p.Keys())
		})
		require.Less(t, bytes, uint64(4<<20))
		if err != nil {
			require.ErrorIs(t, err, fs.ErrPermission)
			require.Empty(t, grant.Keys)
			return
		}
		for _, key := range grant.Keys {
			require.True(t, strings.HasPrefix(key, "dir/film.mp4"), key)
		}
	})
}

func BenchmarkSignedPlay(b *testing.B) {
	for _, c := range []struct{ name, params string }{{"granted", ""}, {"refused", "&x=1"}} {
		b.Run(c.name, func(b *testing.B) {
			set, buckets := new(Memory), new(fakeBuckets)
			config := valid()
			private(&config)
			d, err := set.Create(config)
			require.NoError(b, err)
			e := &Edge{Set: set, Default: d.ID, Origins: buckets.open, Keys: new(Keys), MaxRefusals: -1,
				Now: func() time.Time { return time.Unix(expires-3600, 0) }}
			require.NoError(b, e.Keys.Add(Self, testKeyID, testKey().Public()))
			policy := fmt.Sprintf(`{"Statement":[{"Resource":"film.mp4","Condition":{"DateLessThan":{"AWS:EpochTime":%d}}}]}`, expires)
			sum := sha1.Sum([]byte(policy))
			sig, err := rsa.SignPKCS1v15(nil, testKey(), crypto.SHA1, sum[:])
			require.NoError(b, err)
			expiry := expires
			if c.name == "refused" {
				expiry++
			}
			name := fmt.Sprintf("mp4:film.mp4?Expires=%d&Signature=%s&Key-Pair-Id=%s", expiry, urlSafe(sig), testKeyID)
			app, err := e.Connect(b.Context(), request("cfx/st", ""))
			require.NoError(b, err)
			r := &rtmp.PlayRequest{Name: name, StreamID: 1}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := app.Play(b.Context(), r); err == nil {
					b.Fatal("played")
				}
				buckets.asked = buckets.asked[:0]
			}
		})
	}
}
