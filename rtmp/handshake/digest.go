package handshake

import (
	"crypto/hmac"
	"crypto/sha256"
	"io"
)

// The secrets that sign the blocks: the name alone for the digests of C1 and S1, with the tail for the signatures of C2
// and S2.
const (
	playerName = "Genuine Adobe Flash Player 001"
	serverName = "Genuine Adobe Flash Media Server 001"
	secretTail = "\xF0\xEE\xC2\x4A\x80\x68\xBE\xE8\x2E\x00\xD0\xD1\x02\x9E\x7E\x57" +
		"\x6E\xEC\x5D\x2D\x29\x80\x6F\xAB\x93\xB8\xE6\x36\xCF\xEB\x31\xAE"
)

// digestAt is where the digest lies: four bytes of the block add up to it.
func (b *block) digestAt(d Digest) int {
	if d == Scheme1 {
		return b.sum(772)%728 + 776
	}
	return b.sum(8)%728 + 12
}

// publicKey is the Diffie-Hellman key of RTMPE, which lies in the half of the block that the digest leaves.
func (b *block) publicKey(d Digest) []byte {
	at := b.sum(1532)%632 + 772
	if d == Scheme1 {
		at = b.sum(768)%632 + 8
	}
	return b[at : at+publicKeySize]
}

func (b *block) sum(at int) int { return int(b[at]) + int(b[at+1]) + int(b[at+2]) + int(b[at+3]) }

// digest returns the 32 bytes that are the digest when d is the scheme.
func (b *block) digest(d Digest) []byte {
	at := b.digestAt(d)
	return b[at : at+digestSize]
}

// sign writes the digest; everything else must be in place.
func (b *block) sign(d Digest, name string) { copy(b.digest(d), b.computeDigest(d, name)) }

func (b *block) computeDigest(d Digest, name string) []byte {
	at := b.digestAt(d)
	return sign([]byte(name), b[:at], b[at+digestSize:])
}

// findDigest returns the scheme by which the block is signed in the given name.
func (b *block) findDigest(name string) Digest {
	for _, d := range []Digest{Scheme0, Scheme1} {
		if hmac.Equal(b.digest(d), b.computeDigest(d, name)) {
			return d
		}
	}
	return NoDigest
}

// reply makes the block that answers one with the given digest: random bytes, and their signature.
func (b *block) reply(p Protocol, name string, digest []byte, random io.Reader) error {
	if _, err := io.ReadFull(random, b[:signedSize]); err != nil {
		return err
	}
	copy(b[signedSize:], b.signature(p, name, digest))
	return nil
}

// repliesTo reports whether the block is the answer of name to the one with the given digest.
func (b *block) repliesTo(p Protocol, name string, digest []byte) bool {
	return hmac.Equal(b[signedSize:], b.signature(p, name, digest))
}

func (b *block) signature(p Protocol, name string, digest []byte) []byte {
	key := sign([]byte(name+secretTail), digest)
	signature := sign(key, b[:signedSize])
	switch p {
	case RTMPEXTEA:
		encipherXTEA(signature, key)
	case RTMPEBlowfish:
		encipherBlowfish(signature, key)
	}
	return signature
}

// sign is HMAC-SHA256.
func sign(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range parts {
		mac.Write(part)
	}
	return mac.Sum(nil)
}
