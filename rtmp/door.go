package rtmp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"

	"github.com/pires/go-proxyproto"

	"github.com/seed-3309b198/reelfront/rtmp/tunnel"
)

// A listener has many doors, and a connection's first byte tells through which one it comes: the version of an RTMP
// handshake, a TLS record of a handshake (RFC 8446, 5.1), or a letter of an HTTP method.
const (
	firstRTMP          = 0x03
	firstRTMPE         = 0x06
	firstRTMPEXTEA     = 0x08
	firstRTMPEBlowfish = 0x09
	firstTLS           = 0x16
)

var (
	errNoTLS = errors.New("rtmp: TLS, but the server has no certificate")
	errWeb   = errors.New("rtmp: the connection is HTTP's now")
)

// enter finds the door and returns the connection on which RTMP is spoken. errWeb means that the connection has been given
// to the HTTP server, which owns it from then on. All of it is under one deadline, the handshake's.
func (c *conn) enter() (net.Conn, error) {
	if c.tunnelled() {
		return c.nc, nil
	}
	limitUnsent(c.nc.Conn, unsentBytes)
	nc, err := peek(c.behindProxy())
	if err != nil {
		return nil, err
	}
	c.remote, c.local = nc.RemoteAddr(), nc.LocalAddr()
	if nc.first == firstTLS {
		if nc, err = c.decrypt(nc); err != nil {
			return nil, err
		}
	}
	switch first := nc.first; {
	case first == firstRTMP || first == firstRTMPE || first == firstRTMPEXTEA || first == firstRTMPEBlowfish:
		return nc, nil
	case first >= 'A' && first <= 'Z':
		return nil, c.srv.serveWeb(nc, c.tls)
	default:
		return nil, fmt.Errorf("rtmp: the first byte, %#02x, begins no protocol that is spoken here", first)
	}
}

// behindProxy reads the PROXY header of a proxy that is trusted. Anybody else's is not one: it is taken for the
// beginning of an HTTP request. The header gets no deadline of its own, because the reader would lift ours behind it.
func (c *conn) behindProxy() net.Conn {
	if !c.srv.trusts(c.nc.RemoteAddr()) {
		return c.nc
	}
	return proxyproto.NewConn(c.nc, proxyproto.WithPolicy(proxyproto.USE), proxyproto.SetReadHeaderTimeout(0))
}

// decrypt does the TLS handshake and looks at the first byte behind it.
func (c *conn) decrypt(nc net.Conn) (*peekedConn, error) {
	if c.srv.TLSConfig == nil {
		return nil, errNoTLS
	}
	config := c.srv.TLSConfig.Clone()
	config.NextProtos = withoutHTTP2(config.NextProtos)
	config.SessionTicketsDisabled = true // librtmp with GnuTLS takes a ticket of TLS 1.3 for an error
	secure := tls.Server(nc, config)
	if err := secure.Handshake(); err != nil {
		return nil, err
	}
	c.secure, c.tls = true, secure
	return peek(secure)
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

// peek waits for the first byte.
func peek(nc net.Conn) (*peekedConn, error) {
	var b [1]byte
	if _, err := io.ReadFull(nc, b[:]); err != nil {
		return nil, err
	}
	return &peekedConn{Conn: nc, first: b[0], unread: true}, nil
}

// closeWrite tells the client on every layer that nothing more will come. A tunnel's client learns it by Close.
func (c *conn) closeWrite() error {
	if c.tls != nil {
		if err := c.tls.CloseWrite(); err != nil {
			return err
		}
	}
	return c.nc.CloseWrite()
}

func (c *conn) tunnelled() bool {
	_, ok := c.nc.Conn.(*tunnel.Conn)
	return ok
}

// protocol names the door as URLs do.
func (c *conn) protocol(encrypted bool) string {
	scheme := "rtmp"
	if c.tunnelled() {
		scheme = "rtmpt"
	}
	switch {
	case c.secure:
		return scheme + "s"
	case encrypted:
		return scheme + "e"
	}
	return scheme
}

// peekedConn gives its first byte again.
type peekedConn struct {
	net.Conn
	first  byte
	unread bool
}

func (p *peekedConn) Read(b []byte) (int, error) {
	if !p.unread || len(b) == 0 {
		return p.Conn.Read(b)
	}
	p.unread = false
	b[0] = p.first
	return 1, nil
}
