package rtmp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

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

// enter finds the door, under the handshake's deadline, and returns the connection on which RTMP is spoken. errWeb means
// that the connection has been given to the HTTP server, which owns it from then on.
func (c *conn) enter() (net.Conn, error) {
	if _, ok := c.nc.Conn.(*tunnel.Conn); ok {
		return c.nc, nil
	}
	limitUnsent(c.nc.Conn, unsentBytes)
	nc, err := c.peek(c.behindProxy())
	if err != nil {
		return nil, err
	}
	c.remote = nc.RemoteAddr()
	if nc.first == firstTLS {
		if nc, err = c.decrypt(nc); err != nil {
			return nil, err
		}
	}
	switch first := nc.first; {
	case first == firstRTMP || first == firstRTMPE || first == firstRTMPEXTEA || first == firstRTMPEBlowfish:
		return nc, nil
	case first >= 'A' && first <= 'Z':
		return nil, c.srv.serveWeb(nc, c.secure)
	default:
		return nil, fmt.Errorf("rtmp: the first byte, %#02x, begins no protocol that is spoken here", first)
	}
}

// behindProxy reads the PROXY header of a proxy that is trusted. Anybody else's is not one: it is taken for the
// beginning of an HTTP request.
func (c *conn) behindProxy() net.Conn {
	if !c.srv.trusts(c.nc.RemoteAddr()) {
		return c.nc
	}
	wait := c.srv.Limits.handshake()
	return proxyproto.NewConn(c.nc, proxyproto.WithPolicy(proxyproto.USE), proxyproto.SetReadHeaderTimeout(wait))
}

// decrypt does the TLS handshake and looks at the first byte behind it.
func (c *conn) decrypt(nc net.Conn) (*peekedConn, error) {
	if c.srv.TLSConfig == nil {
		return nil, errNoTLS
	}
	config := c.srv.TLSConfig.Clone()
	config.NextProtos = []string{"http/1.1"} // a tunnel's requests must not become HTTP/2
	config.SessionTicketsDisabled = true     // librtmp with GnuTLS takes a ticket of TLS 1.3 for an error
	secure := tls.Server(nc, config)
	if err := secure.Handshake(); err != nil {
		return nil, err
	}
	c.secure = true
	return c.peek(secure)
}

// peek waits for the first byte. A PROXY header's reader has a deadline of its own and clears ours, so it is set again.
func (c *conn) peek(nc net.Conn) (*peekedConn, error) {
	p := &peekedConn{Conn: nc}
	var b [1]byte
	if _, err := nc.Read(b[:]); err != nil {
		return nil, err
	}
	p.first, p.unread = b[0], true
	return p, c.nc.SetReadDeadline(time.Now().Add(c.srv.Limits.handshake()))
}

// protocol names the door as URLs do.
func (c *conn) protocol(encrypted bool) string {
	_, tunnelled := c.nc.Conn.(*tunnel.Conn)
	scheme := "rtmp"
	if tunnelled {
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
