package signer

import (
	"crypto"
	"fmt"
	"net/url"
	"strings"
)

// A name is a signed stream name, taken apart.
type name struct {
	prefix string // with its colon, "" for none
	base   string // without prefix, leading slashes and parameters
	own    string // the parameters that are not CloudFront's, joined as they were sent

	expires   string // the digits, of a canned policy
	policy    string // encoded, of a custom one; "" for a canned one
	signature string // encoded
	keyID     string
	hash      crypto.Hash
}

// parseName takes a name apart. Of parameters that count twice none can be believed.
func parseName(s string) (n name, err error) {
	if len(s) > maxName {
		return n, fmt.Errorf("%w: name of %d bytes", ErrMalformed, len(s))
	}
	base, query, ok := strings.Cut(s, "?")
	if !ok {
		// Names that went through a web page may have come out percent-encoded as a whole.
		if base, err = url.PathUnescape(s); err != nil || !strings.Contains(base, "?") {
			return n, ErrMissing
		}
		base, query, _ = strings.Cut(base, "?")
	}
	if !strings.Contains(query, "=") { // only what follows the question mark was encoded
		if query, err = url.PathUnescape(query); err != nil {
			return n, ErrMissing
		}
	}
	n.prefix, n.base = cutPrefix(strings.TrimLeft(base, "/"))
	if err := n.parseQuery(query); err != nil {
		return n, err
	}
	if len(n.base)+len(n.own) > maxResource {
		return n, fmt.Errorf("%w: longer than any resource", ErrMalformed)
	}
	switch {
	case n.signature == "", n.keyID == "", n.policy == "" && n.expires == "":
		return n, ErrMissing
	case n.policy == "" && !isEpoch(n.expires):
		return n, fmt.Errorf("%w: Expires is not a time", ErrMalformed)
	}
	return n, nil
}

// parseQuery sorts the parameters, which may come in any order, into CloudFront's and others.
func (n *name) parseQuery(query string) error {
	var hash string
	var own []string
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		field := n.field(key, &hash)
		if field == nil {
			own = append(own, pair)
			continue
		}
		value, err := url.PathUnescape(value)
		if err != nil || *field != "" {
			return fmt.Errorf("%w: parameter %s is there twice or badly encoded", ErrMalformed, key)
		}
		*field = value
	}
	n.own = strings.Join(own, "&")
	switch hash {
	case "", "SHA1":
		n.hash = crypto.SHA1
	case "SHA256":
		n.hash = crypto.SHA256
	default:
		return fmt.Errorf("%w: unknown Hash-Algorithm", ErrMalformed)
	}
	return nil
}

// field is where the value of a parameter of CloudFront's goes, nil for others.
func (n *name) field(key string, hash *string) *string {
	switch key {
	case "Expires":
		return &n.expires
	case "Policy":
		return &n.policy
	case "Signature":
		return &n.signature
	case "Key-Pair-Id":
		return &n.keyID
	case "Hash-Algorithm":
		return hash
	}
	return nil
}

// cutPrefix takes off the prefixes that say what kind of file a name is (Adobe Media Server, "Streaming media files"),
// and the slashes behind them. Of several, which players' glue code put there, the last is the name's.
func cutPrefix(s string) (prefix, base string) {
	for _, p := range [...]string{"mp4:", "mp3:", "flv:", "id3:", "raw:"} {
		if rest, ok := strings.CutPrefix(s, p); ok {
			if inner, base := cutPrefix(strings.TrimLeft(rest, "/")); inner != "" {
				return inner, base
			}
			return p, strings.TrimLeft(rest, "/")
		}
	}
	return "", s
}

// isEpoch tells whether s is a time as a policy has it: whole seconds since 1970.
func isEpoch(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != "" && len(s) <= 18
}
