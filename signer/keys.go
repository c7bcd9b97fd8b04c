package signer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// ParsePublicKey reads a public key, PEM or DER, in the form of PKIX ("PUBLIC KEY") or PKCS #1 ("RSA PUBLIC KEY"): RSA of
// 1024 to 4096 bits, or ECDSA on P-256.
func ParsePublicKey(data []byte) (crypto.PublicKey, error) {
	if block, _ := pem.Decode(data); block != nil && strings.HasSuffix(block.Type, "PRIVATE KEY") {
		return nil, errors.New("signer: a private key, want the public one that belongs to it")
	}
	der := unwrap(data)
	if key, err := x509.ParsePKCS1PublicKey(der); err == nil {
		if err := CheckKey(key); err != nil {
			return nil, err
		}
		return key, nil
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("signer: neither a PKIX nor a PKCS #1 public key: %w", err)
	}
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	return key, nil
}

// ParsePrivateKey reads a private key, PEM or DER, in the form of PKCS #1 ("RSA PRIVATE KEY"), PKCS #8 ("PRIVATE KEY") or
// SEC 1 ("EC PRIVATE KEY"), of the kinds of ParsePublicKey.
func ParsePrivateKey(data []byte) (crypto.Signer, error) {
	der := unwrap(data)
	var key crypto.Signer
	if k, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		key = k
	} else if k, err := x509.ParseECPrivateKey(der); err == nil {
		key = k
	} else {
		k, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			return nil, fmt.Errorf("signer: no private key of PKCS #1, PKCS #8 or SEC 1: %w", err)
		}
		if key, _ = k.(crypto.Signer); key == nil {
			return nil, errors.New("signer: the private key is not one that signs")
		}
	}
	if err := CheckKey(key.Public()); err != nil {
		return nil, err
	}
	return key, nil
}

// Weak tells whether a key is shorter than is held safe today: RSA under 2048 bits. Such keys work, as they did on
// CloudFront; who accepts them should say so in a log.
func Weak(key crypto.PublicKey) bool {
	k, ok := key.(*rsa.PublicKey)
	return ok && k.N.BitLen() < weakRSABits
}

// unwrap takes the PEM armour off, where there is some.
func unwrap(data []byte) []byte {
	for rest := data; ; {
		block, r := pem.Decode(rest)
		if block == nil {
			return data
		}
		if block.Type != "EC PARAMETERS" { // openssl puts them in front of an EC key
			return block.Bytes
		}
		rest = r
	}
}

// CheckKey refuses keys of other kinds and sizes than ParsePublicKey's, for those that come from elsewhere: a longer one
// would make each refusal of a name dear.
func CheckKey(key crypto.PublicKey) error {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < minRSABits || n > maxRSABits {
			return fmt.Errorf("signer: RSA key of %d bits, want %d to %d", n, minRSABits, maxRSABits)
		}
		return nil
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return nil
		}
		return fmt.Errorf("signer: ECDSA key on %s, want P-256", k.Curve.Params().Name)
	}
	return fmt.Errorf("signer: key of type %T, want RSA or ECDSA", key)
}
