package signer

import (
	"crypto"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSignAndVerify(t *testing.T) {
	t.Parallel()
	keys := map[string]Key{
		"RSA":            {ID: keyID, Signer: rsaKey()},
		"RSA, SHA-256":   {ID: keyID, Signer: rsaKey(), Hash: crypto.SHA256},
		"ECDSA":          {ID: "EC", Signer: ecKey()},
		"ECDSA, SHA-256": {ID: "EC", Signer: ecKey(), Hash: crypto.SHA256},
	}
	policies := map[string]Policy{
		"canned":  {Expires: at(2000)},
		"custom":  {Expires: at(2000), NotBefore: at(500), Source: netip.MustParsePrefix("192.0.2.0/24")},
		"pattern": {Resource: "di?/*", Expires: at(2000)},
	}
	for kind, key := range keys {
		for form, policy := range policies {
			for _, name := range []string{"dir/film.mp4", "mp4:dir/film.mp4", "dir/film", "flv:dir/film", "/dir/film.mp4", "dir/a b+c~d_e.flv",
				"mp4:dir/film.mp4?a=1&b=2", "dir/film?", "dir/film?a=1&", "dir/été.mp4", `dir/"x"\y.mp4`} {
				signed, err := Sign(name, policy, key)
				require.NoError(t, err, name)
				got, err := verifier().Verify(signed, keysOf(name), viewer)
				require.NoError(t, err, "%s %s %s", kind, form, signed)
				require.NotEmpty(t, got)
				require.Equal(t, form == "canned", strings.Contains(signed, "Expires=2000"))
				_, err = verifier().Verify(strings.Replace(signed, "dir/", "other/", 1), []string{"other/film.mp4"}, viewer)
				require.Error(t, err)
			}
		}
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	good := Key{ID: keyID, Signer: rsaKey()}
	until := Policy{Expires: at(2000)}
	cases := []struct {
		name string
		p    Policy
		key  Key
	}{
		{"", until, good},
		{"mp4:/", until, good},
		{"rtmp://host/cfx/st/film.mp4", until, good},
		{"film.mp4?Expires=1", until, good},
		{"film.mp4?a=1&Hash-Algorithm", until, good},
		{"film\n.mp4", until, good},
		{strings.Repeat("a", maxResource+1), until, good},
		{"film.mp4", Policy{}, good},
		{"film.mp4", Policy{Expires: at(-1)}, good},
		{"film.mp4", Policy{Expires: at(1), NotBefore: time.Unix(-1, 0)}, good},
		{"film.mp4", until, Key{Signer: rsaKey()}},
		{"film.mp4", until, Key{ID: "a&b", Signer: rsaKey()}},
		{"film.mp4", until, Key{ID: "K"}},
		{"film.mp4", until, Key{ID: "K", Signer: rsaKey(), Hash: crypto.MD5}},
	}
	for _, c := range cases {
		_, err := Sign(c.name, c.p, c.key)
		require.Error(t, err, c.name)
	}
}
