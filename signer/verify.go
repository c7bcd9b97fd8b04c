package signer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"time"
)

// A Verifier verifies signed names. Several goroutines may use it at once.
type Verifier struct {
	// Key returns the public key of an id, an *rsa.PublicKey or an *ecdsa.PublicKey, or nil when it is none that is
	// trusted and active.
	Key func(id string) crypto.PublicKey
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Verify returns those of keys that the name is signed for and the viewer may play now. The name is the stream name as it
// was played, with its prefix and parameters. keys are the objects that it may mean, at most 8, the likeliest first; with
// none given, the name without prefix and parameters is the key. That the keys belong to the name is for the caller to see
// to.
//
// Errors wrap one of ErrMissing, ErrMalformed, ErrUnknownKey, ErrBadSignature, ErrExpired, ErrNotYetValid, ErrAddress and
// ErrResource, and hold nothing that must not be logged. A signature is verified before anything that it signs is read,
// in at most 16 attempts.
func (v *Verifier) Verify(stream string, keys []string, viewer netip.Addr) ([]string, error) {
	n, err := parseName(stream)
	if err != nil {
		return nil, err
	}
	key := v.Key(n.keyID)
	if key == nil {
		return nil, ErrUnknownKey
	}
	signature, ok := decode(n.signature, maxSignature)
	if !ok {
		return nil, fmt.Errorf("%w: Signature is not base64 as CloudFront has it", ErrMalformed)
	}
	if len(keys) == 0 {
		keys = []string{n.base}
	}
	keys = keys[:min(len(keys), maxKeys)]
	now := time.Now()
	if v.Now != nil {
		now = v.Now()
	}
	if n.policy == "" {
		return n.verifyCanned(key, signature, keys, now)
	}
	return n.verifyCustom(key, signature, keys, now, viewer)
}

// verifyCanned looks for the form of resource that was signed.
func (n *name) verifyCanned(key crypto.PublicKey, signature []byte, keys []string, now time.Time) ([]string, error) {
	forms := n.forms(keys)
	buf := make([]byte, 0, len(cannedHead)+len(cannedMid)+len(cannedTail)+512)
	for i := range forms {
		f := &forms[i]
		buf = appendCanned(buf[:0], f, n.expires)
		if !verified(key, n.hash, buf, signature) {
			continue
		}
		p := Policy{Expires: epochTime(n.expires)}
		if err := p.check(now, netip.Addr{}); err != nil {
			return nil, err
		}
		return granted(keys, f.keys), nil
	}
	return nil, ErrBadSignature
}

// verifyCustom verifies the policy's very bytes, and only then reads them.
func (n *name) verifyCustom(key crypto.PublicKey, signature []byte, keys []string, now time.Time, viewer netip.Addr) ([]string, error) {
	data, ok := decode(n.policy, maxPolicy)
	if !ok {
		return nil, fmt.Errorf("%w: Policy is not base64 as CloudFront has it, or too long", ErrMalformed)
	}
	if !verified(key, n.hash, data, signature) {
		return nil, ErrBadSignature
	}
	p, err := parsePolicy(data)
	if err != nil {
		return nil, err
	}
	if err := p.check(now, viewer); err != nil {
		return nil, err
	}
	set := uint8(0)
	forms := n.forms(keys)
	for i := range forms {
		if f := &forms[i]; f.keys&^set != 0 && f.matched(p.Resource) {
			set |= f.keys
		}
	}
	if set == 0 {
		return nil, ErrResource
	}
	return granted(keys, set), nil
}

// verified tells whether the signature over data is the key's.
func verified(key crypto.PublicKey, hash crypto.Hash, data, signature []byte) bool {
	var sum [sha256.Size]byte
	digest := sum[:hash.Size()]
	if hash == crypto.SHA256 {
		sum = sha256.Sum256(data)
	} else {
		short := sha1.Sum(data)
		copy(digest, short[:])
	}
	switch k := key.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(k, hash, digest, signature) == nil
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(k, digest, signature)
	}
	return false
}
