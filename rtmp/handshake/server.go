package handshake

import (
	"fmt"
	"io"
	"net"
)

// ServerOptions are optional; nil means the zero value.
type ServerOptions struct {
	// Rand is the source of everything random; crypto/rand's by default. The same source makes the same bytes.
	Rand io.Reader

	// upgrade is answered to a client that asks for RTMPE, as later Flash Media Servers did.
	upgrade Protocol
}

// serverVersion is Flash Media Server 3.5.7. Clients take a version of zeros for a server without digests.
var serverVersion = [4]byte{3, 5, 7, 7}

// Server does the server's side: it reads C0 and C1, answers with S0, S1 and S2 in one Write, which clients wait for
// before they send C2, and reads C2. The answer is in the client's protocol and digest scheme, and plain when the client
// speaks RTMP and no digest of its C1 is valid. C2 is checked for RTMPE alone, because clients alter it.
//
// It reads exactly the client's 3073 bytes. Errors are of type *Error.
func Server(conn net.Conn, opts *ServerOptions) (*Result, error) {
	if opts == nil {
		opts = &ServerOptions{}
	}
	var c0 [1]byte
	if err := read(conn, "C0", c0[:]); err != nil {
		return nil, err
	}
	protocol := Protocol(c0[0])
	if !protocol.known() {
		return nil, &Error{What: "C0", Reason: fmt.Sprintf("version %d is not RTMP", protocol)}
	}
	var c1, c2 block
	if err := read(conn, "C1", c1[:]); err != nil {
		return nil, err
	}
	if protocol == RTMPE && opts.upgrade != 0 {
		protocol = opts.upgrade
	}
	a := answer{protocol: protocol, c1: &c1}
	if err := a.make(randomOrDefault(opts.Rand)); err != nil {
		return nil, err
	}
	if _, err := conn.Write(a.wire()); err != nil {
		return nil, &Error{What: "S0", Err: err}
	}
	if err := read(conn, "C2", c2[:]); err != nil {
		return nil, err
	}
	return a.finish(conn, &c2)
}

// answer is a server's answer to C1.
type answer struct {
	protocol Protocol
	c1       *block
	digest   Digest
	s1, s2   block
	keys     *keyPair // RTMPE
	secret   []byte   // RTMPE
}

func (a *answer) make(random io.Reader) error {
	a.digest = a.findScheme()
	if a.protocol.encrypted() && a.digest == NoDigest {
		return &Error{What: "C1", Reason: "no valid digest, which RTMPE needs"}
	}
	if err := a.s1.randomize(random); err != nil {
		return &Error{What: "S1", Err: err}
	}
	if a.digest == NoDigest {
		// rtmpdump compares S2 with C1 byte for byte, so not even the time in it is set.
		a.s2 = *a.c1
		return nil
	}
	if a.protocol.encrypted() {
		if err := a.exchangeKeys(random); err != nil {
			return err
		}
	}
	a.s1.setVersion(serverVersion)
	a.s1.sign(a.digest, serverName)
	if err := a.s2.reply(a.protocol, serverName, a.c1.digest(a.digest), random); err != nil {
		return &Error{What: "S2", Err: err}
	}
	return nil
}

// findScheme is the scheme of C1. A version of zeros says that there is none, and saves looking.
func (a *answer) findScheme() Digest {
	if a.protocol == RTMP && [4]byte(a.c1[4:8]) == [4]byte{} {
		return NoDigest
	}
	return a.c1.findDigest(playerName)
}

func (a *answer) exchangeKeys(random io.Reader) (err error) {
	if a.keys, err = newKeyPair(random); err != nil {
		return &Error{What: "S1", Err: err}
	}
	if a.secret, err = a.keys.secret(a.c1.publicKey(a.digest)); err != nil {
		return &Error{What: "C1", Err: err}
	}
	copy(a.s1.publicKey(a.digest), a.keys.public[:])
	return nil
}

// wire is S0, S1 and S2.
func (a *answer) wire() []byte {
	b := make([]byte, 0, 1+2*blockSize)
	b = append(b, byte(a.protocol))
	b = append(b, a.s1[:]...)
	return append(b, a.s2[:]...)
}

func (a *answer) finish(conn net.Conn, c2 *block) (*Result, error) {
	result := &Result{Conn: conn, Protocol: a.protocol, Digest: a.digest, SWFKey: [32]byte(a.s1[signedSize:])}
	if !a.protocol.encrypted() {
		return result, nil
	}
	if !c2.repliesTo(a.protocol, playerName, a.s1.digest(a.digest)) {
		return nil, &Error{What: "C2", Reason: "signature is not valid"}
	}
	encrypted, err := encrypt(conn, a.secret, a.keys.public[:], a.c1.publicKey(a.digest))
	if err != nil {
		return nil, &Error{What: "C2", Err: err}
	}
	result.Conn = encrypted
	return result, nil
}
