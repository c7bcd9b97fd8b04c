package rtmp

import (
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/seed-3309b198/reelfront/rtmp/chunk"
	"github.com/seed-3309b198/reelfront/rtmp/handshake"
)

// SWF is a Flash program as SWF verification knows it: by the length and the hash of its uncompressed file.
//
// What a player proves is that its author had the file, and no more: anybody who has downloaded it can do the same.
type SWF struct {
	Size uint32   // bytes
	Hash [32]byte // HMAC-SHA256 keyed with "Genuine Adobe Flash Player 001"
}

const (
	// swfSecret is the key of the hash.
	swfSecret = "Genuine Adobe Flash Player 001"
	// swfHeaderSize is the length of a SWF file's header, which is never compressed: "FWS" or "CWS", a version, the
	// uncompressed length (SWF File Format Specification 19, chapter 2).
	swfHeaderSize = 8
	// maxSWFSize is the largest file that is hashed, uncompressed.
	maxSWFSize = 256 << 20
	// swfProofSize is what follows the event in a reply: 1, 1, the size twice, an HMAC-SHA256 of the hash.
	swfProofSize = 2 + 4 + 4 + sha256.Size
)

var (
	errNotSWF     = errors.New("rtmp: not a SWF file, or one compressed by LZMA")
	errSWFLate    = errors.New("rtmp: no SWF verification in time")
	errSWFInvalid = errors.New("rtmp: SWF verification failed")
)

// HashSWF reads a SWF file, compressed by zlib or not, for Server.VerifySWF.
func HashSWF(r io.Reader) (SWF, error) {
	var header [swfHeaderSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return SWF{}, fmt.Errorf("rtmp: SWF header: %w", err)
	}
	switch string(header[:3]) {
	case "FWS":
	case "CWS":
		inflated, err := zlib.NewReader(r)
		if err != nil {
			return SWF{}, fmt.Errorf("rtmp: SWF file: %w", err)
		}
		defer inflated.Close()
		header[0], r = 'F', inflated
	default:
		return SWF{}, errNotSWF
	}
	hash := hmac.New(sha256.New, []byte(swfSecret))
	hash.Write(header[:])
	n, err := io.Copy(hash, io.LimitReader(r, maxSWFSize))
	if err != nil {
		return SWF{}, fmt.Errorf("rtmp: SWF file: %w", err)
	}
	if n == maxSWFSize {
		return SWF{}, fmt.Errorf("rtmp: SWF file of more than %d bytes", maxSWFSize)
	}
	return SWF{Size: swfHeaderSize + uint32(n), Hash: [32]byte(hash.Sum(nil))}, nil
}

// proof is the reply of a player of this file to a request on a connection with the given key.
func (f *SWF) proof(key []byte) []byte {
	b := []byte{1, 1}
	b = binary.BigEndian.AppendUint32(b, f.Size)
	b = binary.BigEndian.AppendUint32(b, f.Size)
	hash := hmac.New(sha256.New, key)
	hash.Write(f.Hash[:])
	return hash.Sum(b)
}

// swfCheck is the verification that a connection owes. Its methods do nothing on nil, which is for none, and belong to the
// reading goroutine.
type swfCheck struct {
	accepted []SWF
	key      [32]byte
	grace    *time.Timer // cuts the connection
}

// checkSWF prepares the verification, if the host wants one for this connection.
func (c *conn) checkSWF(r *ConnectRequest) error {
	if c.srv.VerifySWF == nil {
		return nil
	}
	accepted := c.srv.VerifySWF(r)
	if len(accepted) == 0 {
		return nil
	}
	if c.peer.Digest == handshake.NoDigest {
		return &StatusError{Code: CodeConnectRejected, Description: "SWF verification needs a handshake with digests."}
	}
	grace := time.AfterFunc(c.srv.Limits.swf(), func() { c.cut(errSWFLate) })
	c.swf = &swfCheck{accepted: accepted, key: c.peer.SWFKey, grace: grace}
	return nil
}

// request appends the request.
func (s *swfCheck) request(b []byte) []byte {
	if s == nil {
		return b
	}
	return chunk.AppendUserControl(b, chunk.EventSWFVerifyRequest)
}

// verify takes a reply. One that nobody asked for is left alone, as by Flash servers.
func (s *swfCheck) verify(proof []byte) error {
	if s == nil {
		return nil
	}
	if len(proof) != swfProofSize {
		return fmt.Errorf("%w: a reply of %d bytes", errSWFInvalid, len(proof))
	}
	for i := range s.accepted {
		if hmac.Equal(s.accepted[i].proof(s.key[:]), proof) {
			s.grace.Stop()
			return nil
		}
	}
	return errSWFInvalid
}

func (s *swfCheck) stop() {
	if s != nil {
		s.grace.Stop()
	}
}
