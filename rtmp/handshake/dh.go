package handshake

import (
	"errors"
	"io"
	"math/big"
)

const (
	publicKeySize = 128 // big-endian, padded with zeros on the left

	// privateKeySize is twice what the group's strength, 80 bits, asks for, and far less work than a whole 1024 bits.
	privateKeySize = 40

	// prime is that of Oakley group 2 (RFC 2409, 6.2); the generator is 2.
	prime = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74" +
		"020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437" +
		"4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED" +
		"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF"
)

var errPublicKey = errors.New("public key out of range")

// keyPair is one side's part of the Diffie-Hellman exchange.
type keyPair struct {
	prime, private *big.Int
	public         [publicKeySize]byte
}

func newKeyPair(random io.Reader) (*keyPair, error) {
	var b [privateKeySize]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, err
	}
	b[0] |= 0x80
	k := &keyPair{private: new(big.Int).SetBytes(b[:])}
	k.prime, _ = new(big.Int).SetString(prime, 16)
	new(big.Int).Exp(big.NewInt(2), k.private, k.prime).FillBytes(k.public[:])
	return k, nil
}

// secret is what both sides share, padded as the public keys are. It refuses the keys that would make it known to all:
// those below 2 and above prime-2.
func (k *keyPair) secret(peer []byte) ([]byte, error) {
	y := new(big.Int).SetBytes(peer)
	highest := new(big.Int).Sub(k.prime, big.NewInt(2))
	if y.Cmp(big.NewInt(2)) < 0 || y.Cmp(highest) > 0 {
		return nil, errPublicKey
	}
	return new(big.Int).Exp(y, k.private, k.prime).FillBytes(make([]byte, publicKeySize)), nil
}
