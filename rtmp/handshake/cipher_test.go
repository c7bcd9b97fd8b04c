package handshake

import (
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Schneier's own vectors (schneier.com, vectors.txt).
func TestBlowfish(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ key, clear, cipher string }{
		{"0000000000000000", "0000000000000000", "4EF997456198DD78"},
		{"FFFFFFFFFFFFFFFF", "FFFFFFFFFFFFFFFF", "51866FD5B85ECB8A"},
		{"0123456789ABCDEF", "1111111111111111", "61F9C3802281B096"},
		{"FEDCBA9876543210", "0123456789ABCDEF", "0ACEAB0FC6A0A28D"},
		{"F0E1D2C3B4A5968778695A4B3C2D1E0F0011223344556677", "FEDCBA9876543210", "05044B62FA52D080"},
	} {
		key, err := hex.DecodeString(c.key)
		require.NoError(t, err)
		clear, err := hex.DecodeString(c.clear)
		require.NoError(t, err)
		l, r := newBlowfish(string(key)).encrypt(binary.BigEndian.Uint32(clear), binary.BigEndian.Uint32(clear[4:]))
		got := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, l), r)
		want, err := hex.DecodeString(c.cipher)
		require.NoError(t, err)
		require.Equal(t, want, got, "key %s", c.key)
	}
}

// The tables are the first bits of pi behind the point, computed here by Machin's formula.
func TestBlowfishTables(t *testing.T) {
	t.Parallel()
	const bits, guard = (18 + 4*256) * 32, 64
	one := new(big.Int).Lsh(big.NewInt(1), bits+guard)
	pi := new(big.Int).Mul(arccot(5, one), big.NewInt(16))
	pi.Sub(pi, new(big.Int).Mul(arccot(239, one), big.NewInt(4)))
	pi.Sub(pi, new(big.Int).Mul(one, big.NewInt(3)))
	digits := pi.Rsh(pi, guard).FillBytes(make([]byte, bits/8))

	var tables []byte
	for _, w := range blowfishP {
		tables = binary.BigEndian.AppendUint32(tables, w)
	}
	for i := range blowfishS {
		for _, w := range blowfishS[i] {
			tables = binary.BigEndian.AppendUint32(tables, w)
		}
	}
	require.Equal(t, digits, tables)
}

// arccot is arccot(n) in units of one.
func arccot(n int64, one *big.Int) *big.Int {
	power := new(big.Int).Div(one, big.NewInt(n))
	sum := new(big.Int)
	for k, sign := int64(1), int64(1); power.Sign() > 0; k, sign = k+2, -sign {
		sum.Add(sum, new(big.Int).Quo(power, big.NewInt(sign*k)))
		power.Quo(power, big.NewInt(n*n))
	}
	return sum
}

// A vector of the cipher's authors' code, as other implementations have it.
func TestXTEA(t *testing.T) {
	t.Parallel()
	key := [4]uint32{0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f}
	v0, v1 := xtea(&key, 0x41424344, 0x45464748)
	require.Equal(t, []uint32{0x497df3d0, 0x72612cb5}, []uint32{v0, v1})
}

// One exchange in 256 has a secret, and one a public key, that starts with a zero. Neither may become shorter.
func TestKeyPairPads(t *testing.T) {
	t.Parallel()
	random := rand.NewChaCha8([32]byte{7})
	fixed, err := newKeyPair(random)
	require.NoError(t, err)
	var shortPublic, shortSecret bool
	for !shortPublic || !shortSecret {
		k, err := newKeyPair(random)
		require.NoError(t, err)
		mine, err := fixed.secret(k.public[:])
		require.NoError(t, err)
		theirs, err := k.secret(fixed.public[:])
		require.NoError(t, err)
		require.Equal(t, mine, theirs)
		require.Len(t, mine, publicKeySize)
		shortPublic = shortPublic || k.public[0] == 0
		shortSecret = shortSecret || mine[0] == 0
	}
}
