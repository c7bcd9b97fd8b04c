package signer

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAllocations bounds what the common case allocates; crypto/rsa's own are among them.
func TestAllocations(t *testing.T) {
	signed := "mp4:videos/film.mp4?" + cannedParams("videos/film.mp4")
	keys := []string{"videos/film.mp4", "videos/film.mp4.flv"}
	v := verifier()
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		if _, err := v.Verify(signed, keys, viewer); err != nil {
			panic(err)
		}
	}), 12.0)
}

func BenchmarkRSA(b *testing.B) {
	sum := sha1.Sum([]byte("policy"))
	signature := must(rsa.SignPKCS1v15(nil, rsaKey(), crypto.SHA1, sum[:]))
	b.ReportAllocs()
	for b.Loop() {
		_ = rsa.VerifyPKCS1v15(&rsaKey().PublicKey, crypto.SHA1, sum[:], signature)
	}
}

func BenchmarkVerify(b *testing.B) {
	keys := []string{"videos/film.mp4", "videos/film.mp4.flv"}
	for what, name := range map[string]string{
		"canned":  "mp4:videos/film.mp4?" + cannedParams("videos/film.mp4"),
		"custom":  "mp4:videos/film.mp4?" + wild("videos/*"),
		"refused": "mp4:videos/film.mp4?a=1&" + cannedParams("other"),
		"bomb":    "mp4:" + strings.Repeat("a", 1000) + "?a=1&" + wild("*"+strings.Repeat("a?", 600)+"b*b"),
	} {
		b.Run(what, func(b *testing.B) {
			v := verifier()
			b.ReportAllocs()
			for b.Loop() {
				_, _ = v.Verify(name, keys, viewer)
			}
		})
	}
}
