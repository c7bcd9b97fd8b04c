package door

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"
	"github.com/stretchr/testify/require"
)

// script is a connection on which certain bytes come, and then the end.
type script struct {
	net.Conn
	io.Reader
}

func (s *script) Read(p []byte) (int, error)      { return s.Reader.Read(p) }
func (s *script) SetReadDeadline(time.Time) error { return nil }
func (s *script) RemoteAddr() net.Addr            { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4000} }
func (s *script) LocalAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1935} }

// FuzzEnter holds that of what a trusted proxy's client says nothing but the PROXY header is lost.
func FuzzEnter(f *testing.F) {
	viewer := &net.TCPAddr{IP: net.IPv4(203, 0, 113, 9), Port: 4000}
	for _, rest := range []string{"", "\x03", "\x06abc", "GET / HTTP/1.1\r\n", "\x16\x03\x01", "\xff"} {
		f.Add([]byte(rest))
		for _, version := range []byte{1, 2} {
			header, err := proxyproto.HeaderProxyFromAddrs(version, viewer, viewer).Format()
			require.NoError(f, err)
			f.Add(append(header, rest...))
		}
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		s := &Server{TrustedProxies: loopback()}
		c := newConn(&script{Reader: bytes.NewReader(said)}, &s.terms)
		web, err := s.enter(c)
		require.NotEmpty(t, c.RemoteAddr().String())
		require.NotEmpty(t, c.LocalAddr().String())
		if err != nil {
			return
		}
		rest, err := io.ReadAll(c)
		require.NoError(t, err)
		require.NotEmpty(t, rest)
		require.True(t, bytes.HasSuffix(said, rest))
		require.Equal(t, web, rest[0] >= 'A')
	})
}

// FuzzForwarded holds that the viewer is somebody of whom the request speaks, and that a stranger's word counts for nothing.
func FuzzForwarded(f *testing.F) {
	f.Add("10.0.0.1:80", "192.0.2.1, 203.0.113.9")
	f.Add("[fd00::1%eth0]:80", "[2001:db8::1]:4000,10.0.0.2")
	f.Add("198.51.100.7:5000", "::ffff:10.0.0.1, unknown")
	s := &Server{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}
	f.Fuzz(func(t *testing.T, peer, header string) {
		got := s.forwarded(&http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {header}}})
		from, err := netip.ParseAddrPort(peer)
		if err != nil {
			require.Nil(t, got)
			return
		}
		told, err := netip.ParseAddrPort(got.String())
		require.NoError(t, err)
		if !s.trustsIP(from.Addr()) {
			require.Equal(t, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), told)
		}
	})
}
