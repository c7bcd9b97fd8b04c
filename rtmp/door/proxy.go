package door

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/pires/go-proxyproto"
)

// trusts tells whether an address is one of TrustedProxies.
func (s *Server) trusts(addr net.Addr) bool {
	if len(s.TrustedProxies) == 0 {
		return false
	}
	tcp, ok := addr.(*net.TCPAddr)
	return ok && s.trustsIP(tcp.AddrPort().Addr())
}

func (s *Server) trustsIP(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	for _, prefix := range s.TrustedProxies {
		if prefix.Contains(ip) {
			return true
		}
	}
	return false
}

// readProxyHeader reads what a trusted proxy says of a connection, which may be nothing.
func readProxyHeader(in *bufio.Reader) (*ends, error) {
	header, err := proxyproto.Read(in)
	switch {
	case errors.Is(err, proxyproto.ErrNoProxyProtocol):
		return nil, nil
	case err != nil:
		return nil, err
	case header.Command.IsLocal() || header.SourceAddr == nil || header.DestinationAddr == nil:
		return nil, nil // the proxy's own connection
	}
	return &ends{header.SourceAddr, header.DestinationAddr}, nil
}

// forwarded is the address of the viewer who opened a tunnel: the peer's or, when that is a trusted proxy, the right-most
// address in X-Forwarded-For that is not one. What stands to the left of it anybody can have written.
func (s *Server) forwarded(r *http.Request) net.Addr {
	viewer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return nil
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for len(hops) > 0 && s.trustsIP(viewer.Addr()) {
		hop, ok := parseHop(hops[len(hops)-1])
		if !ok {
			break
		}
		viewer, hops = hop, hops[:len(hops)-1]
	}
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(viewer.Addr().Unmap(), viewer.Port()))
}

// parseHop reads an entry of X-Forwarded-For: an address, which some proxies write with a port.
func parseHop(s string) (netip.AddrPort, bool) {
	s = strings.TrimSpace(s)
	if hop, err := netip.ParseAddrPort(s); err == nil {
		return hop, true
	}
	ip, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return netip.AddrPortFrom(ip, 0), err == nil
}
