package distribution

import (
	"crypto/rand"
	"net/netip"
	"strings"
)

// cloudFrontDomain is what the names end in that CloudFront gave to its distributions.
const cloudFrontDomain = ".cloudfront.net"

// newID makes an id of CloudFront's form, such as EGTXBD79EXAMPLE; entity tags have the same.
func newID() string { return "E" + rand.Text()[:randomIDChars] }

// newDomainName makes a domain name such as s5c39gqb8ow64r.cloudfront.net.
func newDomainName() string {
	return "s" + strings.ToLower(rand.Text()[:randomIDChars]) + cloudFrontDomain
}

// isID tells whether s has the form of the id of a distribution or an origin access identity.
func isID(s string) bool {
	return len(s) > 1 && len(s) <= maxLabelBytes && s[0] == 'E' &&
		strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

func isAccount(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

// isKeyID tells whether s can be the id of a key pair, such as APKA9ONS7QCOWEXAMPLE or PK12345EXAMPLE.
func isKeyID(s string) bool {
	return s != "" && len(s) <= maxKeyIDBytes &&
		strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// isAlias tells whether s can be a CNAME: a host name in lower case, perhaps with "*" for its first label but not for
// all below a top-level domain.
func isAlias(s string) bool {
	name, wildcard := strings.CutPrefix(s, "*.")
	if !isHostName(name) || name == cloudFrontDomain[1:] || strings.HasSuffix(name, cloudFrontDomain) {
		return false
	}
	return !wildcard || strings.Contains(name, ".")
}

// isHostName tells whether s is a host name in lower case, without a trailing dot.
func isHostName(s string) bool {
	if s == "" || len(s) > maxHostBytes {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(strings.ReplaceAll(label, "_", "-")) {
			return false
		}
	}
	return true
}

func isLabel(s string) bool {
	if s == "" || len(s) > maxLabelBytes || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// isBucketName tells whether s is a bucket's name that is a DNS name too (Amazon S3 user guide, "Bucket naming rules").
func isBucketName(s string) bool {
	if len(s) < 3 || len(s) > maxLabelBytes {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(label) {
			return false
		}
	}
	_, err := netip.ParseAddr(s)
	return err != nil
}
