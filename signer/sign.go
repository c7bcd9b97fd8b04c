package signer

import (
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// A Key signs names.
type Key struct {
	// ID is the id of the key pair, which the name will carry.
	ID string
	// Signer is the private key: what ParsePrivateKey returns, or one in a hardware module.
	Signer crypto.Signer
	// Hash is crypto.SHA1 or crypto.SHA256; 0 is SHA-1, which is what RTMP distributions knew.
	Hash crypto.Hash
}

// Sign returns the stream name with the parameters that let it play: with a canned policy where the policy holds Expires
// alone, else with a custom one. The name may have a prefix and parameters of its own, but neither scheme nor host nor
// application.
func Sign(stream string, p Policy, key Key) (string, error) {
	base, own, query := strings.Cut(stream, "?")
	_, resource := cutPrefix(strings.TrimLeft(base, "/"))
	if err := checkSign(resource, own, p, key); err != nil {
		return "", fmt.Errorf("signer: %w", err)
	}
	if own != "" {
		resource += "?" + own
	}
	var policy []byte
	var param string
	if p.Resource == "" && p.NotBefore.IsZero() && !p.Source.IsValid() {
		param = strconv.FormatInt(p.Expires.Unix(), 10)
		policy = appendCanned(nil, &form{base: resource}, param)
		param = "Expires=" + param
	} else {
		if p.Resource == "" {
			p.Resource = resource
		}
		policy = p.appendCustom(nil)
		param = "Policy=" + encoding.EncodeToString(policy)
	}
	signature, err := key.sign(policy)
	if err != nil {
		return "", fmt.Errorf("signer: %w", err)
	}
	separator := "?"
	if query && own != "" {
		separator = "&"
	} else if query {
		separator = ""
	}
	signed := stream + separator + param + "&Signature=" + encoding.EncodeToString(signature) + "&Key-Pair-Id=" + key.ID
	if key.Hash == crypto.SHA256 {
		signed += "&Hash-Algorithm=SHA256"
	}
	return signed, nil
}

// checkSign refuses what no verifier would take.
func checkSign(base, own string, p Policy, key Key) error {
	switch {
	case strings.Contains(base, "://"):
		return errors.New("sign the stream name alone, not the whole URL")
	case base == "" || len(base)+len(own) > maxResource || len(p.Resource) > maxResource:
		return fmt.Errorf("the name is empty or longer than %d bytes", maxResource)
	case strings.ContainsFunc(base+own+p.Resource, unicode.IsControl):
		return errors.New("the name has a control character")
	case isSigned(own):
		return errors.New("the name is signed already")
	case p.Expires.Unix() <= 0 || !p.NotBefore.IsZero() && p.NotBefore.Unix() < 0:
		return errors.New("the policy's times must be set, and after 1970")
	case key.ID == "" || strings.ContainsAny(key.ID, "&%?=") || key.Signer == nil:
		return errors.New("the key has no id or no signer")
	case key.Hash != 0 && key.Hash != crypto.SHA1 && key.Hash != crypto.SHA256:
		return errors.New("the hash must be SHA-1 or SHA-256")
	}
	return CheckKey(key.Signer.Public())
}

// isSigned tells whether one of the parameters is CloudFront's.
func isSigned(query string) bool {
	var n name
	for pair := range strings.SplitSeq(query, "&") {
		key, _, _ := strings.Cut(pair, "=")
		if n.field(key, &n.expires) != nil {
			return true
		}
	}
	return false
}

// sign signs a policy's bytes.
func (k Key) sign(policy []byte) ([]byte, error) {
	hash := k.Hash
	if hash == 0 {
		hash = crypto.SHA1
	}
	h := hash.New()
	h.Write(policy)
	return k.Signer.Sign(rand.Reader, h.Sum(nil), hash)
}
