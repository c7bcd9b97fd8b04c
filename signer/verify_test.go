package signer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const keyID = "APKATESTKEYPAIRID000"

var viewer = netip.MustParseAddr("192.0.2.7")

func at(seconds int64) time.Time { return time.Unix(seconds, 0) }

func clock(seconds int64) func() time.Time { return func() time.Time { return at(seconds) } }

// verifier trusts the tests' RSA key, at second 1000.
func verifier() *Verifier {
	return &Verifier{
		Key: func(id string) crypto.PublicKey {
			switch id {
			case keyID:
				return &rsaKey().PublicKey
			case "EC":
				return &ecKey().PublicKey
			}
			return nil
		},
		Now: clock(1000),
	}
}

// rawSign signs the bytes of a policy as they are.
func rawSign(policy string) string {
	sum := sha1.Sum([]byte(policy))
	return encoding.EncodeToString(must(rsa.SignPKCS1v15(rand.Reader, rsaKey(), crypto.SHA1, sum[:])))
}

// cannedParams are the parameters of a canned policy, valid until second 2000.
func cannedParams(resource string) string {
	policy := `{"Statement":[{"Resource":"` + resource + `","Condition":{"DateLessThan":{"AWS:EpochTime":2000}}}]}`
	return "Expires=2000&Signature=" + rawSign(policy) + "&Key-Pair-Id=" + keyID
}

func customParams(policy string) string {
	return "Policy=" + encoding.EncodeToString([]byte(policy)) + "&Signature=" + rawSign(policy) + "&Key-Pair-Id=" + keyID
}

// wild is a custom policy for a resource.
func wild(resource string) string {
	return customParams(`{"Statement":[{"Resource":"` + resource + `","Condition":{"DateLessThan":{"AWS:EpochTime":2000}}}]}`)
}

// keysOf are the objects that a name may mean, as a server finds them.
func keysOf(name string) []string {
	name, _, _ = strings.Cut(name, "?")
	prefix, base := cutPrefix(strings.TrimLeft(name, "/"))
	if decoded, err := url.PathUnescape(base); err == nil {
		base = decoded
	}
	switch prefix {
	case "mp4:":
		return []string{base, base + ".mp4", base + ".f4v", base + ".mov", base + ".m4v"}
	case "mp3:":
		return []string{base, base + ".mp3"}
	case "flv:":
		return []string{base, base + ".flv"}
	}
	return []string{base, base + ".flv", base + ".mp4", base + ".mp3"}
}

// TestClientsOfOldTimes has a row for each signer that is known to have been used with CloudFront: what it signed, and the
// name that it had the player play.
func TestClientsOfOldTimes(t *testing.T) {
	t.Parallel()
	cases := []struct {
		client, resource, name string
		custom                 bool
		key                    string // what plays; "" for what CloudFront refused
	}{
		{"AWS PHP demo", "example.mp4", "example.mp4", false, "example.mp4"},
		{"AWS PHP demo, JW Player adds a prefix", "example.mp4", "mp4:example.mp4", false, "example.mp4"},
		{"cfsign.pl", "example/video.mp4", "mp4:example/video.mp4", false, "example/video.mp4"},
		{"DuraCloud", "contentId.mp4", "mp4:contentId.mp4", true, "contentId.mp4"},
		{"Rails gist", "path/test.mp4", "mp4:path/test.mp4", false, "path/test.mp4"},
		{"s2Member, mp4", "dir/film.mp4", "mp4:dir/film.mp4", true, "dir/film.mp4"},
		{"s2Member, flv", "dir/film.flv", "flv:dir/film", true, "dir/film.flv"},
		{"s2Member, mp3", "dir/song", "mp3:dir/song", true, "dir/song.mp3"},
		{"s2Member, mp3 played with its extension", "dir/song", "mp3:dir/song.mp3", true, "dir/song.mp3"},
		{"Moodle, mp4", "dir/film.mp4", "mp4:dir/film.mp4", false, "dir/film.mp4"},
		{"Moodle, flv", "dir/film.flv", "flv:dir/film.flv", false, "dir/film.flv"},
		{"Moodle, mp3", "dir/song", "mp3:dir/song", false, "dir/song.mp3"},
		{"beckelman.net", "dir/film.flv", "dir/film", false, "dir/film.flv"},
		{"beckelman.net, mp4", "dir/film.mp4", "dir/film", false, "dir/film.mp4"},
		{"Video.js", "dir/x.flv", "flv:dir/x", true, "dir/x.flv"},
		{"Video.js, whole directory", "dir/*", "flv:dir/x", true, "dir/x.flv"},
		// CloudFront refused this one for the extension. It means the same object, so here it plays.
		{"Video.js, with the extension", "dir/x", "flv:dir/x.flv", true, "dir/x.flv"},
		{"botocore", "video", "video", false, "video.flv"},
		{"botocore, whole URL", "rtmp://s1.cloudfront.net/cfx/st/video", "video", false, ""},
		{"botocore, whole URL, custom", "rtmp://s1.cloudfront.net/cfx/st/video", "video", true, ""},
		{"botocore, with the application", "cfx/st/video", "video", false, ""},
		{"a leading slash", "/video", "video", false, ""},
		{"cloudfront-private-url-creator", "dir/film.mp4", "mp4:dir/film.mp4?a=1", false, "dir/film.mp4"},
		{"AWS SDK for Go", "mp4:dir/film.mp4", "mp4:dir/film.mp4", false, "dir/film.mp4"},
		{"AWS SDK for Go, own parameters", "dir/film.mp4?a=1&b=2", "dir/film.mp4?a=1&b=2", false, "dir/film.mp4"},
		{"AWS SDK for Go, prefix and own parameters", "mp4:dir/film.mp4?a=1", "mp4:dir/film.mp4?a=1", false, "dir/film.mp4"},
		{"AWS SDK for Go, custom, own parameters", "dir/film.mp4?a=1", "dir/film.mp4?a=1", true, "dir/film.mp4"},
		{"AWS SDK for PHP on Windows", `\\/film.mp4`, "film.mp4", false, ""},
		{"AWS SDK for JavaScript, which encodes", "dir/a%20b.mp4", "mp4:dir/a%20b.mp4", false, "dir/a b.mp4"},
		{"the same, decoded by the player", "dir/a%20b.mp4", "mp4:dir/a b.mp4", false, "dir/a b.mp4"},
		{"AWS SDK for Go, which decodes, encoded by the player", "dir/a b.mp4", "mp4:dir/a%20b.mp4", false, "dir/a b.mp4"},
		{"AWS SDK for Java", "dir/film.mp4", "dir/film.mp4", true, "dir/film.mp4"},
		{"boto in production", "*", "mp4:dir/film", true, "dir/film.mp4"},
		{"JW Player, prefix added twice", "dir/film.mp4", "mp4:mp4:dir/film.mp4", false, "dir/film.mp4"},
		{"a slash behind the prefix", "dir/film.mp4", "mp4:/dir/film.mp4", false, "dir/film.mp4"},
		{"another film", "dir/other.mp4", "mp4:dir/film.mp4", false, ""},
		{"another directory", "other/*", "mp4:dir/film.mp4", true, ""},
	}
	for _, c := range cases {
		t.Run(c.client, func(t *testing.T) {
			t.Parallel()
			params := cannedParams(c.resource)
			if c.custom {
				params = wild(c.resource)
			}
			separator := "?"
			if strings.Contains(c.name, "?") {
				separator = "&"
			}
			got, err := verifier().Verify(c.name+separator+params, keysOf(c.name), viewer)
			switch {
			case c.key != "":
				require.NoError(t, err)
				require.Contains(t, got, c.key)
			case c.custom:
				require.ErrorIs(t, err, ErrResource)
			default:
				require.ErrorIs(t, err, ErrBadSignature)
			}
		})
	}
}

// TestGranted says which of the objects that a name may mean are granted.
func TestGranted(t *testing.T) {
	t.Parallel()
	keys := []string{"dir/film", "dir/film.flv", "dir/film.mp4", "dir/film.mp3"}
	cases := []struct {
		params string
		want   []string
	}{
		{cannedParams("dir/film.mp4"), keys[2:3]},
		{cannedParams("dir/film"), keys},
		{wild("dir/*.mp?"), keys[2:]},
		{wild("*"), keys},
		{wild("dir/film.fl?"), keys[1:2]},
	}
	for _, c := range cases {
		got, err := verifier().Verify("dir/film?"+c.params, keys, viewer)
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
	got, err := verifier().Verify("dir/film.flv?"+cannedParams("dir/film.flv"), nil, viewer)
	require.NoError(t, err)
	require.Equal(t, []string{"dir/film.flv"}, got, "the name is the key when none is given")

	_, err = verifier().Verify("film.backup?"+cannedParams("film"), nil, viewer)
	require.ErrorIs(t, err, ErrBadSignature, "other extensions are no variants")
}

// TestParametersCannotWiden says that a viewer's own parameters do not make a name match what it would not.
func TestParametersCannotWiden(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, resource string }{
		{"secret/film.flv?x=.mp4", "secret/*.mp4"},
		{"secret/film?x=/free/a", "*/free/a"},
		{"secret/film?x=free", "*free"},
		{"clip?.mp4", "clip?.mp4"},
		{"clip?/x", "clip?/*"},
		{"clip?x", "clip??"},
	} {
		_, err := verifier().Verify(c.name+"&"+wild(c.resource), nil, viewer)
		require.ErrorIs(t, err, ErrResource, c.resource)
	}
	for _, resource := range []string{"film.mp4?a=?", "fil?.mp4?a=1", "*?a=1", "film.mp4?*", "film.mp4"} {
		_, err := verifier().Verify("film.mp4?a=1&"+wild(resource), nil, viewer)
		require.NoError(t, err, resource)
	}
	_, err := verifier().Verify("film.mp4?download&"+wild("film.mp4?download"), nil, viewer)
	require.NoError(t, err, "a parameter without a value")
}

// TestSpellings has one signed name in all the ways that clients spell it.
func TestSpellings(t *testing.T) {
	t.Parallel()
	const name = "mp4:dir/film.mp4"
	canned := strings.Split(cannedParams("dir/film.mp4"), "&")
	e, s, k := canned[0], canned[1], canned[2]
	custom := wild("dir/film.mp4")
	plain := name + "?" + cannedParams("dir/film.mp4")
	encode := strings.NewReplacer("?", "%3F", "=", "%3D", "&", "%26")
	plainBase64 := strings.NewReplacer("-", "+", "_", "=", "~", "/") // which CloudFront answered with 403
	good := map[string]string{
		"JavaScript's order":        name + "?" + e + "&" + k + "&" + s,
		"private-url-creator's":     name + "?" + s + "&" + k + "&" + e,
		"own parameter behind":      plain + "&color=red",
		"own parameter in front":    name + "?color=red&" + e + "&" + s + "&" + k,
		"both Expires and Policy":   name + "?Expires=1&" + custom,
		"for a web page":            encode.Replace(plain),
		"for a web page, lowercase": strings.ReplaceAll(strings.ReplaceAll(encode.Replace(plain), "%3F", "%3f"), "%3D", "%3d"),
		"all but the question mark": strings.Replace(encode.Replace(plain), "%3F", "?", 1),
		"tildes encoded":            strings.ReplaceAll(plain, "~", "%7E"),
		"policy encoded":            name + "?" + strings.ReplaceAll(custom, "_", "%5F"),
		"leading slash":             "/" + plain,
		"SHA1 named":                plain + "&Hash-Algorithm=SHA1",
		"an empty parameter":        name + "?&" + e + "&" + s + "&" + k,
	}
	for what, spelt := range good {
		_, err := verifier().Verify(spelt, keysOf(name), viewer)
		require.NoError(t, err, what)
	}
	bad := []struct {
		what, name string
		want       error
	}{
		{"nothing", name, ErrMissing},
		{"empty", "", ErrMissing},
		{"no signature", name + "?" + e + "&" + k, ErrMissing},
		{"no key", name + "?" + e + "&" + s, ErrMissing},
		{"no policy", name + "?" + s + "&" + k, ErrMissing},
		{"empty signature", name + "?" + e + "&Signature=&" + k, ErrMissing},
		{"other case", strings.Replace(plain, "Expires", "expires", 1), ErrMissing},
		{"twice", plain + "&Expires=3000", ErrMalformed},
		{"two signatures", plain + "&" + s, ErrMalformed},
		{"bad escape", plain + "&Policy=%zz", ErrMalformed},
		{"not a number", strings.Replace(plain, "=2000", "=2e9", 1), ErrMalformed},
		{"negative", strings.Replace(plain, "=2000", "=-1", 1), ErrMalformed},
		{"unknown hash", plain + "&Hash-Algorithm=MD5", ErrMalformed},
		{"plain base64", name + "?" + e + "&" + plainBase64.Replace(s) + "&" + k, ErrMalformed},
		{"plain base64, encoded", name + "?" + e + "&Signature=" + url.QueryEscape(plainBase64.Replace(s[len("Signature="):])) + "&" + k, ErrMalformed},
		{"base64 without padding", strings.Replace(plain, "__", "", 1), ErrMalformed},
		{"cut signature", name + "?" + e + "&" + s[:len(s)-5] + "&" + k, ErrMalformed},
		{"newline in the signature", name + "?" + e + "&" + s[:30] + "%0A" + s[30:] + "&" + k, ErrMalformed},
		{"long signature", name + "?" + e + "&Signature=" + strings.Repeat("A", 1000) + "&" + k, ErrMalformed},
		{"long policy", name + "?Policy=" + strings.Repeat("A", 12000) + "&" + s + "&" + k, ErrMalformed},
		{"long name", strings.Repeat("a", maxResource+1) + "?" + custom, ErrMalformed},
		{"very long name", strings.Repeat("a", maxName) + "?" + custom, ErrMalformed},
		{"unknown key", name + "?" + e + "&" + s + "&Key-Pair-Id=APKAOTHER", ErrUnknownKey},
		{"other expiry", strings.Replace(plain, "=2000", "=3000", 1), ErrBadSignature},
		{"leading zero", strings.Replace(plain, "=2000", "=02000", 1), ErrBadSignature},
		{"other hash", plain + "&Hash-Algorithm=SHA256", ErrBadSignature},
		{"other signature", name + "?" + e + "&Signature=" + rawSign("x") + "&" + k, ErrBadSignature},
		{"key of another kind", name + "?" + e + "&" + s + "&Key-Pair-Id=EC", ErrBadSignature},
	}
	for _, c := range bad {
		got, err := verifier().Verify(c.name, keysOf(name), viewer)
		require.ErrorIs(t, err, c.want, c.what)
		require.Nil(t, got, c.what)
	}
}

// TestPolicies reads custom policies as signers of all sorts wrote them.
func TestPolicies(t *testing.T) {
	t.Parallel()
	const film = "film.mp4"
	condition := func(s string) string { return `{"Statement":[{"Resource":"film.mp4","Condition":{` + s + `}}]}` }
	const less = `"DateLessThan":{"AWS:EpochTime":2000}`
	v6 := netip.MustParseAddr("2001:db8::7")
	cases := []struct {
		what, policy string
		from         netip.Addr
		want         error
	}{
		{"spaces and line ends", "{ \"Statement\" : [ {\r\n\t\"Resource\":\"film.mp4\",\r\n \"Condition\":{" + less + "}\r\n}]}\r\n", viewer, nil},
		{"Java's space", `{"Statement": [{"Resource":"film.mp4","Condition":{` + less + `,"IpAddress":{"AWS:SourceIp":"0.0.0.0/0"}}}]}`, viewer, nil},
		{"anybody, over IPv6", condition(less + `,"IpAddress":{"AWS:SourceIp":"0.0.0.0/0"}`), v6, nil},
		{"condition first", `{"Statement":[{"Condition":{` + less + `},"Resource":"film.mp4"}]}`, viewer, nil},
		{"valid", condition(`"DateGreaterThan":{"AWS:EpochTime":1000},` + less), viewer, nil},
		{"not yet valid", condition(`"DateGreaterThan":{"AWS:EpochTime":1001},` + less), viewer, ErrNotYetValid},
		{"last second", condition(`"DateLessThan":{"AWS:EpochTime":1001}`), viewer, nil},
		{"expired", condition(`"DateLessThan":{"AWS:EpochTime":1000}`), viewer, ErrExpired},
		{"network", condition(less + `,"IpAddress":{"AWS:SourceIp":"192.0.2.0/24"}`), viewer, nil},
		{"network with host bits", condition(less + `,"IpAddress":{"AWS:SourceIp":"192.0.2.200/24"}`), viewer, nil},
		{"one address", condition(less + `,"IpAddress":{"AWS:SourceIp":"192.0.2.7"}`), viewer, nil},
		{"mapped viewer", condition(less + `,"IpAddress":{"AWS:SourceIp":"192.0.2.7/32"}`), netip.MustParseAddr("::ffff:192.0.2.7"), nil},
		{"mapped network", condition(less + `,"IpAddress":{"AWS:SourceIp":"::ffff:192.0.2.0/120"}`), viewer, nil},
		{"IPv6 network", condition(less + `,"IpAddress":{"AWS:SourceIp":"2001:db8::/32"}`), v6, nil},
		{"IPv6 zone", condition(less + `,"IpAddress":{"AWS:SourceIp":"fe80::/10"}`), netip.MustParseAddr("fe80::1%eth0"), nil},
		{"other network", condition(less + `,"IpAddress":{"AWS:SourceIp":"198.51.100.0/24"}`), viewer, ErrAddress},
		{"other family", condition(less + `,"IpAddress":{"AWS:SourceIp":"192.0.2.0/24"}`), v6, ErrAddress},
		{"unknown viewer", condition(less + `,"IpAddress":{"AWS:SourceIp":"192.0.2.0/24"}`), netip.Addr{}, ErrAddress},
		{"no end", condition(`"DateGreaterThan":{"AWS:EpochTime":1}`), viewer, ErrMalformed},
		{"end without time", condition(`"DateLessThan":{}`), viewer, ErrMalformed},
		{"quoted time", condition(`"DateLessThan":{"AWS:EpochTime":"2000"}`), viewer, ErrMalformed},
		{"fraction", condition(`"DateLessThan":{"AWS:EpochTime":2000.5}`), viewer, ErrMalformed},
		{"bad network", condition(less + `,"IpAddress":{"AWS:SourceIp":"192.0.2.0/33"}`), viewer, ErrMalformed},
		{"no network", condition(less + `,"IpAddress":{}`), viewer, ErrMalformed},
		{"unknown condition", condition(less + `,"IpAddres":{"AWS:SourceIp":"198.51.100.0/24"}`), viewer, ErrMalformed},
		{"other case", condition(`"dateLessThan":{"AWS:EpochTime":2000}`), viewer, ErrMalformed},
		{"twice", condition(less + "," + less), viewer, ErrMalformed},
		{"two statements", `{"Statement":[{"Resource":"film.mp4","Condition":{` + less + `}},{"Resource":"*","Condition":{` + less + `}}]}`, viewer, ErrMalformed},
		{"no statement", `{"Statement":[]}`, viewer, ErrMalformed},
		{"empty", `{}`, viewer, ErrMalformed},
		{"resource list", `{"Statement":[{"Resource":["film.mp4"],"Condition":{` + less + `}}]}`, viewer, ErrMalformed},
		{"no resource", `{"Statement":[{"Condition":{` + less + `}}]}`, viewer, ErrMalformed},
		{"long resource", `{"Statement":[{"Resource":"` + strings.Repeat("*", maxResource+1) + `","Condition":{` + less + `}}]}`, viewer, ErrMalformed},
		{"something behind", condition(less) + "x", viewer, ErrMalformed},
		{"cut off", condition(less)[:50], viewer, ErrMalformed},
		{"no JSON", "film.mp4", viewer, ErrMalformed},
	}
	for _, c := range cases {
		got, err := verifier().Verify(film+"?"+customParams(c.policy), nil, c.from)
		if c.want != nil {
			require.ErrorIs(t, err, c.want, c.what)
			continue
		}
		require.NoError(t, err, c.what)
		require.Equal(t, []string{film}, got, c.what)
	}
}

func TestCannedTimes(t *testing.T) {
	t.Parallel()
	signed := "film.mp4?" + cannedParams("film.mp4")
	v := verifier()
	v.Now = clock(1999)
	_, err := v.Verify(signed, nil, viewer)
	require.NoError(t, err)
	v.Now = clock(2000)
	_, err = v.Verify(signed, nil, viewer)
	require.ErrorIs(t, err, ErrExpired)
	v.Now = nil
	_, err = v.Verify(signed, nil, viewer)
	require.ErrorIs(t, err, ErrExpired, "by the real clock")
}

func TestHashesAndKinds(t *testing.T) {
	t.Parallel()
	policy := `{"Statement":[{"Resource":"film.mp4","Condition":{"DateLessThan":{"AWS:EpochTime":2000}}}]}`
	s1, s256 := sha1.Sum([]byte(policy)), sha256.Sum256([]byte(policy))
	rsa256 := must(rsa.SignPKCS1v15(rand.Reader, rsaKey(), crypto.SHA256, s256[:]))
	ec1 := must(ecdsa.SignASN1(rand.Reader, ecKey(), s1[:]))
	ec256 := must(ecdsa.SignASN1(rand.Reader, ecKey(), s256[:]))
	for what, params := range map[string]string{
		"RSA, SHA-256":   "&Hash-Algorithm=SHA256&Key-Pair-Id=" + keyID + "&Signature=" + encoding.EncodeToString(rsa256),
		"ECDSA, SHA-1":   "&Key-Pair-Id=EC&Signature=" + encoding.EncodeToString(ec1),
		"ECDSA, SHA-256": "&Key-Pair-Id=EC&Hash-Algorithm=SHA256&Signature=" + encoding.EncodeToString(ec256),
	} {
		_, err := verifier().Verify("film.mp4?Expires=2000"+params, nil, viewer)
		require.NoError(t, err, what)
	}
}

// TestFormsAreFew says that a refusal costs at most 16 verifications.
func TestFormsAreFew(t *testing.T) {
	t.Parallel()
	n, err := parseName(`mp4:dir/"a b%20c"?a=1&` + cannedParams("x"))
	require.NoError(t, err)
	keys := make([]string, maxKeys)
	for i := range keys {
		keys[i] = fmt.Sprintf("key%d.mp4", i)
	}
	require.Len(t, n.forms(keys), maxResources)
	got, err := verifier().Verify("key0?"+wild("key*"), append(keys, "key8.mp4"), viewer)
	require.NoError(t, err)
	require.Equal(t, keys, got)
}

// TestQuotes says that names with quotes verify, whether their signer escaped them for JSON or not.
func TestQuotes(t *testing.T) {
	t.Parallel()
	for _, resource := range []string{`a "b".mp4`, `a \"b\".mp4`} {
		_, err := verifier().Verify(`a "b".mp4?`+cannedParams(resource), nil, viewer)
		require.NoError(t, err)
	}
}

// TestHostile says that what people without and with a key can send is dealt with quickly.
func TestHostile(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", maxResource-20)
	policies := []string{
		strings.Repeat("[", maxPolicy), strings.Repeat(`{"Statement":[`, maxPolicy/14), `{"Statement":` + strings.Repeat("[", maxPolicy-20),
		`{"` + strings.Repeat("a", maxPolicy-10) + `":1}`, strings.Repeat(" ", maxPolicy), "\x00",
	}
	for _, resource := range bombs() {
		policies = append(policies, `{"Statement":[{"Resource":"`+resource+`","Condition":{"DateLessThan":{"AWS:EpochTime":2000}}}]}`)
	}
	keys := []string{long, long + ".flv", long + ".mp4", long + ".mp3", long + ".f4v", long + ".mov", long + ".m4v", long + ".3gp"}
	for i, policy := range policies {
		name := "mp4:" + long + "?a=1&" + customParams(policy)
		_, _ = verifier().Verify(name, keys, viewer)
		best := time.Hour
		for range 5 {
			began := time.Now()
			_, _ = verifier().Verify(name, keys, viewer)
			best = min(best, time.Since(began))
		}
		require.Less(t, best, 10*time.Millisecond, i) // 1 ms, with room for a busy machine and the race detector
	}
}
