package signer

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/cloudfront/sign"
	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/internal/strangers"
)

// TestVectors verifies names that were signed long before with a key that nobody has any more.
func TestVectors(t *testing.T) {
	t.Parallel()
	folders := []string{"testdata"}
	if dir := os.Getenv("REELFRONT_VECTORS"); dir != "" {
		folders = append(folders, dir)
	}
	for _, dir := range folders {
		key, err := ParsePublicKey(must(os.ReadFile(filepath.Join(dir, "test-rsa2048.pub.pem"))))
		require.NoError(t, err)
		var vectors []struct{ Name, SignedResource, Output, Err string }
		require.NoError(t, json.Unmarshal(must(os.ReadFile(filepath.Join(dir, "signed-rtmp.json"))), &vectors))
		v := Verifier{Key: func(string) crypto.PublicKey { return key }, Now: clock(1357034399)}
		late := Verifier{Key: v.Key, Now: clock(1357034400)}
		verified := 0
		for _, c := range vectors {
			if c.Err != "" {
				continue
			}
			verified++
			got, err := v.Verify(c.Output, keysOf(c.Output), netip.MustParseAddr("192.0.2.200"))
			require.NoError(t, err, c.Name)
			require.NotEmpty(t, got, c.Name)
			_, err = late.Verify(c.Output, keysOf(c.Output), netip.MustParseAddr("192.0.2.200"))
			require.ErrorIs(t, err, ErrExpired, c.Name)
			_, err = v.Verify(strings.Replace(c.Output, "deo", "dea", 1), nil, viewer)
			if c.SignedResource != "*" && !strings.Contains(c.SignedResource, "?") {
				require.Error(t, err, c.Name)
			}
		}
		require.GreaterOrEqual(t, verified, 11)
	}
}

// TestAgainstSDK signs the same with AWS's SDK and compares: RSA signatures have but one form.
func TestAgainstSDK(t *testing.T) {
	t.Parallel()
	sdk := sign.NewURLSigner(keyID, rsaKey())
	key := Key{ID: keyID, Signer: rsaKey()}
	canned := 0
	for _, name := range []string{"a", "videos/film.flv", "videos/film", "videos/film.mp4", "mp3_name", "a b.mp4", "a+b.mp4", "a~b_c.mp4",
		"videos/film.mp4?color=red", "videos/film.mp4?color=red&size=medium", "deep/er/and/deeper/film.f4v", "UPPER.MP4", "x_-~.mp3", "film.mp4?a"} {
		want, err := sdk.Sign("rtmp://host/"+strings.ReplaceAll(name, " ", "%20"), at(2000))
		require.NoError(t, err)
		got, err := Sign(name, Policy{Expires: at(2000)}, key)
		require.NoError(t, err)
		require.Equal(t, want, got)
		_, err = verifier().Verify(want, nil, viewer)
		require.NoError(t, err)
		canned++
	}
	require.GreaterOrEqual(t, canned, 14)

	// The SDK leaves the prefix in the resource.
	want, err := sdk.Sign("rtmp://host/mp4:videos/film.mp4", at(2000))
	require.NoError(t, err)
	_, err = verifier().Verify(want, nil, viewer)
	require.NoError(t, err)

	for _, p := range []Policy{
		{Resource: "videos/*", Expires: at(2000)},
		{Resource: "*", Expires: at(2000), NotBefore: at(900)},
		{Resource: "videos/fil?.mp4", Expires: at(2000), Source: netip.MustParsePrefix("192.0.2.0/24")},
		{Resource: "videos/film.mp4", Expires: at(2000), NotBefore: at(900), Source: netip.MustParsePrefix("192.0.2.7/32")},
		{Resource: `videos/*<&>"`, Expires: at(2000)},
	} {
		c := sign.Condition{DateLessThan: sign.NewAWSEpochTime(p.Expires)}
		if !p.NotBefore.IsZero() {
			c.DateGreaterThan = sign.NewAWSEpochTime(p.NotBefore)
		}
		if p.Source.IsValid() {
			c.IPAddress = &sign.IPAddress{SourceIP: p.Source.String()}
		}
		want, err := sdk.SignWithPolicy("rtmp://host/videos/film.mp4", &sign.Policy{Statements: []sign.Statement{{Resource: p.Resource, Condition: c}}})
		require.NoError(t, err)
		got, err := Sign("videos/film.mp4", p, key)
		require.NoError(t, err)
		require.Equal(t, want, got)
		_, err = verifier().Verify(want, nil, viewer)
		if strings.Contains(p.Resource, "<") {
			require.ErrorIs(t, err, ErrResource)
		} else {
			require.NoError(t, err, p.Resource)
		}
	}
}

// TestAgainstOpenSSL signs as the shell samples of AWS's guide do.
func TestAgainstOpenSSL(t *testing.T) {
	t.Parallel()
	strangers.Path(t, "openssl")
	dir := t.TempDir()
	pem := filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(pem, armour("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey())), 0o600))
	run := func(input, script string) string {
		cmd := exec.Command("sh", "-c", script)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(input)
		out, err := cmd.Output()
		require.NoError(t, err)
		return strings.TrimSpace(string(out))
	}
	expires := time.Now().Add(time.Hour).Unix()
	v := verifier()
	v.Now = nil
	policy := fmt.Sprintf(`{"Statement":[{"Resource":"videos/film.mp4","Condition":{"DateLessThan":{"AWS:EpochTime":%d}}}]}`, expires)
	signature := run(policy+"\n", `tr -d "\n" | openssl sha1 -sign key.pem | openssl base64 -A | tr -- '+=/' '-_~'`)
	_, err := v.Verify(fmt.Sprintf("mp4:videos/film.mp4?Expires=%d&Signature=%s&Key-Pair-Id=%s", expires, signature, keyID), nil, viewer)
	require.NoError(t, err)

	custom := strings.ReplaceAll(policy, ",", ",\r\n   ")
	encoded := run(custom, `openssl base64 -A | tr -- '+=/' '-_~'`)
	signature = run(custom, `openssl sha1 -sign key.pem | openssl base64 -A | tr -- '+=/' '-_~'`)
	_, err = v.Verify("mp4:videos/film.mp4?Policy="+encoded+"&Signature="+signature+"&Key-Pair-Id="+keyID, nil, viewer)
	require.NoError(t, err)
}
