package handshake

import (
	"crypto/rand"
	"io"
	"net"
)

// Protocol is the first byte of either side.
type Protocol uint8

// The protocols. 8 and 9 are RTMPE with signatures that are enciphered once more.
const (
	RTMP          Protocol = 3
	RTMPE         Protocol = 6
	RTMPEXTEA     Protocol = 8
	RTMPEBlowfish Protocol = 9
)

func (p Protocol) known() bool { return p == RTMP || p.encrypted() }

func (p Protocol) encrypted() bool { return p == RTMPE || p == RTMPEXTEA || p == RTMPEBlowfish }

// Digest says whether the handshake is signed, and where in the blocks the signature lies.
type Digest uint8

// The schemes. Flash Player 9 and most programs use the first, RTMPE and later Flash Players the second.
const (
	NoDigest Digest = iota
	Scheme0
	Scheme1
)

// Result is a handshake that went well.
type Result struct {
	// Conn is the connection to go on with: for RTMPE one that enciphers, else the one that was given. The former's Write
	// leaves its argument as it is; after a Write that was cut short, by a deadline say, the next one goes on behind the
	// bytes that it reported. Closing it closes the one that was given.
	Conn net.Conn
	// Protocol is the server's first byte.
	Protocol Protocol
	// Digest is the scheme of S1. A client that got no valid digest has NoDigest.
	Digest Digest
	// SWFKey is the end of S1: the key with which a player signs the hash of its SWF file (user control event 27). It
	// counts only where there is a digest.
	SWFKey [32]byte
}

// The sizes of the parts.
const (
	blockSize  = 1536 // C1, C2, S1, S2 (RTMP 1.0, 5.2.3)
	digestSize = 32
	signedSize = blockSize - digestSize // what the signature of C2 or S2 covers
)

// block is one of C1, C2, S1 and S2.
type block [blockSize]byte

// setVersion writes the field that is zero in a plain handshake.
func (b *block) setVersion(v [4]byte) { copy(b[4:8], v[:]) }

// randomize fills what follows time, which is left 0, and version.
func (b *block) randomize(random io.Reader) error {
	_, err := io.ReadFull(random, b[8:])
	return err
}

func randomOrDefault(r io.Reader) io.Reader {
	if r == nil {
		return rand.Reader
	}
	return r
}
