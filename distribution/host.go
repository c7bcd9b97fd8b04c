package distribution

import (
	"net/netip"
	"strings"
)

// hostOf is the host of a tcUrl, as a Set knows hosts: in lower case, without port and trailing dot. It is "" where the
// URL is missing or names none, and false where it has something else in the place of a host.
func hostOf(tcURL string) (string, bool) {
	authority := strings.Trim(tcURL, " '\"") // seen in the wild
	if _, rest, ok := strings.Cut(authority, "://"); ok {
		authority = rest
	}
	if i := strings.IndexAny(authority, "/?#"); i >= 0 {
		authority = authority[:i]
	}
	authority = authority[strings.LastIndexByte(authority, '@')+1:]
	host := strings.ToLower(strings.TrimSuffix(withoutPort(authority), "."))
	return host, host == "" || isHostName(host) || isAddress(host)
}

// withoutPort takes the port off a host, and the brackets off an IPv6 address.
func withoutPort(authority string) string {
	if inner, ok := strings.CutPrefix(authority, "["); ok {
		host, _, _ := strings.Cut(inner, "]")
		return host
	}
	if host, _, ok := strings.Cut(authority, ":"); ok && strings.Count(authority, ":") == 1 {
		return host
	}
	return authority
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// isWebHost tells whether a host is the domain name of a CloudFront distribution of the other kind, for HTTP.
func isWebHost(host string) bool {
	name, ok := strings.CutSuffix(host, cloudFrontDomain)
	return ok && len(name) > 12 && name[0] == 'd' && isLabel(name)
}
