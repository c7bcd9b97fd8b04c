package signer

import (
	"encoding/base64"
	"strings"
)

// encoding is CloudFront's base64: with padding, and with three characters of its own that can stand in a query
// (developer guide, "Creating a signature": "+" becomes "-", "=" becomes "_", "/" becomes "~").
var encoding = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-~").WithPadding('_').Strict()

// decode decodes a parameter's value, of at most limit bytes.
func decode(s string, limit int) ([]byte, bool) {
	if s == "" || encoding.DecodedLen(len(s)) > limit+2 || strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	b, err := encoding.DecodeString(s)
	return b, err == nil && len(b) <= limit
}
