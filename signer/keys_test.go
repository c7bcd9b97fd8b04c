package signer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// rsaKey is one key for all tests, since making one takes a while.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return newRSA(2048) })

var ecKey = sync.OnceValue(func() *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return k
})

func newRSA(bits int) *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return k
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func armour(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	r, e := rsaKey(), ecKey()
	publics := map[string][]byte{
		"PUBLIC KEY":     must(x509.MarshalPKIXPublicKey(&r.PublicKey)),
		"RSA PUBLIC KEY": x509.MarshalPKCS1PublicKey(&r.PublicKey),
	}
	for kind, der := range publics {
		for _, data := range [][]byte{der, armour(kind, der)} {
			key, err := ParsePublicKey(data)
			require.NoError(t, err, kind)
			require.True(t, r.PublicKey.Equal(key), kind)
		}
	}
	key, err := ParsePublicKey(must(x509.MarshalPKIXPublicKey(&e.PublicKey)))
	require.NoError(t, err)
	require.True(t, e.PublicKey.Equal(key))

	sec1 := must(x509.MarshalECPrivateKey(e))
	privates := map[string][]byte{
		"RSA PRIVATE KEY": x509.MarshalPKCS1PrivateKey(r),
		"PRIVATE KEY":     must(x509.MarshalPKCS8PrivateKey(r)),
		"EC PRIVATE KEY":  sec1,
	}
	for kind, der := range privates {
		for _, data := range [][]byte{der, armour(kind, der)} {
			key, err := ParsePrivateKey(data)
			require.NoError(t, err, kind)
			if kind == "EC PRIVATE KEY" {
				require.True(t, e.Equal(key))
			} else {
				require.True(t, r.Equal(key))
			}
		}
	}
	_, err = ParsePrivateKey(append(armour("EC PARAMETERS", []byte{6, 1, 0}), armour("EC PRIVATE KEY", sec1)...))
	require.NoError(t, err, "as openssl ecparam writes it")
}

func TestRefusedKeys(t *testing.T) {
	t.Parallel()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	for name, key := range map[string]crypto.PublicKey{"Ed25519": ed.Public(), "P-384": &p384.PublicKey} {
		_, err := ParsePublicKey(must(x509.MarshalPKIXPublicKey(key)))
		require.Error(t, err, name)
	}
	for name, key := range map[string]any{"Ed25519": ed, "P-384": p384} {
		_, err := ParsePrivateKey(must(x509.MarshalPKCS8PrivateKey(key)))
		require.Error(t, err, name)
	}
	_, err = ParsePublicKey([]byte("no key"))
	require.Error(t, err)
	_, err = ParsePublicKey(armour("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey())))
	require.ErrorContains(t, err, "a private key")
	_, err = ParsePrivateKey(armour("PRIVATE KEY", []byte{1, 2, 3}))
	require.Error(t, err)
	require.Error(t, CheckKey("a string"))
	for bits, good := range map[int]bool{1023: false, 1024: true, 4096: true, 4097: false} {
		err := CheckKey(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), uint(bits-1)), E: 65537})
		require.Equal(t, good, err == nil, "%d bits: %v", bits, err)
	}
}

func TestKeySizes(t *testing.T) {
	t.Parallel()
	for bits, weak := range map[int]bool{1024: true, 2048: false} {
		k := newRSA(bits)
		key, err := ParsePublicKey(must(x509.MarshalPKIXPublicKey(&k.PublicKey)))
		require.NoError(t, err)
		require.Equal(t, weak, Weak(key), bits)
		signed, err := Sign("a.mp4", Policy{Expires: at(100)}, Key{ID: "K", Signer: k})
		require.NoError(t, err)
		v := Verifier{Key: func(string) crypto.PublicKey { return key }, Now: clock(99)}
		_, err = v.Verify(signed, nil, viewer)
		require.NoError(t, err)
	}
	require.False(t, Weak(&ecKey().PublicKey))
}
