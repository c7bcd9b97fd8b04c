package door

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A connection's first byte tells through which door it comes: the version of an RTMP handshake, a TLS record of a
// handshake (RFC 8446, 5.1), or a letter of an HTTP method.
const (
	firstRTMP          = 0x03
	firstRTMPE         = 0x06
	firstRTMPEXTEA     = 0x08
	firstRTMPEBlowfish = 0x09
	firstTLS           = 0x16
)

// peekBytes is the least that a bufio.Reader has room for.
const peekBytes = 16

var errNoTLS = errors.New("door: TLS, but the server has no certificate")

// enter finds out how a connection comes, and whether it is for HTTP. What it has to say is from then on to be read.
func (s *Server) enter(c *Conn) (web bool, err error) {
	if err := c.SetReadDeadline(time.Now().Add(s.handshake())); err != nil {
		return false, err
	}
	if c.tunnelled() {
		return false, nil
	}
	limitUnsent(c.wire.Conn)
	first, err := s.outside(c)
	if err == nil && first == firstTLS {
		first, err = s.decrypt(c)
	}
	switch {
	case err != nil:
		return false, err
	case first == firstRTMP || first == firstRTMPE || first == firstRTMPEXTEA || first == firstRTMPEBlowfish:
		return false, nil
	case first >= 'A' && first <= 'Z':
		return true, nil
	}
	return false, fmt.Errorf("door: the first byte, %#02x, begins no protocol that is spoken here", first)
}

// outside takes a trusted proxy's PROXY header, if there is one, and returns the first byte behind it. Anybody else's is taken
// for the beginning of an HTTP request.
func (s *Server) outside(c *Conn) (byte, error) {
	size := peekBytes
	trusted := s.trusts(c.RemoteAddr())
	if trusted {
		size = proxyBytes
	}
	in := bufio.NewReaderSize(&c.wire, size)
	if trusted {
		var err error
		if c.ends, err = readProxyHeader(in); err != nil {
			return 0, err
		}
	}
	return c.ahead.peek(in)
}

// decrypt does the TLS handshake and returns the first byte behind it.
func (s *Server) decrypt(c *Conn) (byte, error) {
	if s.tls == nil {
		return 0, errNoTLS
	}
	secure := tls.Server(&c.wire, s.tls)
	if err := secure.Handshake(); err != nil {
		return 0, err
	}
	c.tls = secure
	return c.inside.peek(bufio.NewReaderSize(secure, peekBytes))
}

// peek waits for the first byte, and keeps it and what comes with it.
func (b *peeked) peek(in *bufio.Reader) (byte, error) {
	first, err := in.Peek(1)
	if err != nil {
		return 0, err
	}
	b.in = in
	return first[0], nil
}

// tlsConfig is what the host's becomes for all connections.
func tlsConfig(host *tls.Config) *tls.Config {
	if host == nil {
		return nil
	}
	config := host.Clone()
	config.NextProtos = withoutHTTP2(config.NextProtos)
	config.SessionTicketsDisabled = true // librtmp with GnuTLS takes a ticket of TLS 1.3 for an error
	return config
}

// withoutHTTP2 is what a client may choose by ALPN (RFC 7301): HTTP/1.1, because a tunnel's requests must not become
// HTTP/2, and what else the host's configuration names, such as the protocol of a certificate authority's challenges.
func withoutHTTP2(host []string) []string {
	all := []string{"http/1.1"}
	for _, name := range host {
		if name != "h2" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}
