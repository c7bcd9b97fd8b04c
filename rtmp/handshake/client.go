package handshake

import (
	"fmt"
	"io"
	"net"
)

// ClientOptions are optional; nil means the zero value, a plain handshake.
type ClientOptions struct {
	// Protocol is what to ask for; RTMP by default. A server may answer any kind of RTMPE to any other.
	Protocol Protocol
	// Digest is how to sign C1: NoDigest by default, for RTMPE Scheme1.
	Digest Digest
	// Strict refuses servers whose S1 or S2 is not signed as a Flash Media Server's, when Digest asks for that. RTMPE is
	// always strict; otherwise such a server is taken for a plain one.
	Strict bool
	// Rand is the source of everything random; crypto/rand's by default. The same source makes the same bytes.
	Rand io.Reader
}

// The versions of the Flash Players that sign by one scheme and the other.
var (
	playerVersion0 = [4]byte{10, 0, 45, 2}
	playerVersion1 = [4]byte{128, 0, 3, 2}
)

// Client does the client's side: it sends C0 and C1 in one Write, reads S0, S1 and S2, and sends C2.
//
// It reads exactly the server's 3073 bytes. Errors are of type *Error.
func Client(conn net.Conn, opts *ClientOptions) (*Result, error) {
	if opts == nil {
		opts = &ClientOptions{}
	}
	c := question{protocol: opts.Protocol, scheme: opts.Digest, strict: opts.Strict, random: randomOrDefault(opts.Rand)}
	if err := c.make(); err != nil {
		return nil, err
	}
	if _, err := conn.Write(append([]byte{byte(c.protocol)}, c.c1[:]...)); err != nil {
		return nil, &Error{What: "C0", Err: err}
	}
	var s0 [1]byte
	if err := read(conn, "S0", s0[:]); err != nil {
		return nil, err
	}
	if err := c.accept(Protocol(s0[0])); err != nil {
		return nil, err
	}
	var s1, s2 block
	if err := read(conn, "S1", s1[:]); err != nil {
		return nil, err
	}
	if err := read(conn, "S2", s2[:]); err != nil {
		return nil, err
	}
	return c.finish(conn, &s1, &s2)
}

// question is a client's C1, and what it expects for an answer.
type question struct {
	protocol Protocol
	scheme   Digest
	strict   bool
	random   io.Reader
	c1       block
	keys     *keyPair // RTMPE
}

func (c *question) make() (err error) {
	if c.protocol == 0 {
		c.protocol = RTMP
	}
	if !c.protocol.known() || c.scheme > Scheme1 {
		return &Error{What: "C0", Reason: fmt.Sprintf("no such protocol %d or scheme %d", c.protocol, c.scheme)}
	}
	if c.protocol.encrypted() {
		c.strict = true
		if c.scheme == NoDigest {
			c.scheme = Scheme1
		}
	}
	if err := c.c1.randomize(c.random); err != nil {
		return &Error{What: "C1", Err: err}
	}
	if c.protocol.encrypted() {
		if c.keys, err = newKeyPair(c.random); err != nil {
			return &Error{What: "C1", Err: err}
		}
		copy(c.c1.publicKey(c.scheme), c.keys.public[:])
	}
	switch c.scheme {
	case Scheme0:
		c.c1.setVersion(playerVersion0)
		c.c1.sign(Scheme0, playerName)
	case Scheme1:
		c.c1.setVersion(playerVersion1)
		c.c1.sign(Scheme1, playerName)
	}
	return nil
}

// accept takes the server's protocol, which counts.
func (c *question) accept(p Protocol) error {
	if p != c.protocol && !(p.encrypted() && c.protocol.encrypted()) {
		return &Error{What: "S0", Reason: fmt.Sprintf("version %d in answer to %d", p, c.protocol)}
	}
	c.protocol = p
	return nil
}

func (c *question) finish(conn net.Conn, s1, s2 *block) (*Result, error) {
	result := &Result{Conn: conn, Protocol: c.protocol, SWFKey: [32]byte(s1[signedSize:])}
	if c.scheme != NoDigest {
		result.Digest = s1.findDigest(serverName)
	}
	if c.strict && c.scheme != NoDigest {
		if err := c.verify(result.Digest, s2); err != nil {
			return nil, err
		}
	}
	c2 := *s1
	if result.Digest != NoDigest {
		if err := c2.reply(c.protocol, playerName, s1.digest(result.Digest), c.random); err != nil {
			return nil, &Error{What: "C2", Err: err}
		}
	}
	if c.protocol.encrypted() {
		peer := s1.publicKey(result.Digest)
		secret, err := c.keys.secret(peer)
		if err != nil {
			return nil, &Error{What: "S1", Err: err}
		}
		if result.Conn, err = encrypt(conn, secret, c.keys.public[:], peer); err != nil {
			return nil, &Error{What: "S1", Err: err}
		}
	}
	if _, err := conn.Write(c2[:]); err != nil {
		return nil, &Error{What: "C2", Err: err}
	}
	return result, nil
}

// verify checks that S1, whose scheme is found, and S2 are signed.
func (c *question) verify(found Digest, s2 *block) error {
	if found == NoDigest {
		return &Error{What: "S1", Reason: "no valid digest"}
	}
	if !s2.repliesTo(c.protocol, serverName, c.c1.digest(c.scheme)) {
		return &Error{What: "S2", Reason: "signature is not valid"}
	}
	return nil
}
