package signer

import (
	"net/url"
	"path"
	"slices"
	"strings"
)

// A form is one way of writing the resource that a name means.
type form struct {
	prefix, base, own string
	keys              uint8 // which keys it means, by bits
}

// appendTo appends the form, as a signer would have signed it.
func (f *form) appendTo(b []byte) []byte {
	b = append(append(b, f.prefix...), f.base...)
	if f.own != "" {
		b = append(append(b, '?'), f.own...)
	}
	return b
}

// matched tells whether the form fits a policy's resource. A wildcard does not reach from the name into the parameters:
// else anybody could put into them what the end of a resource wants. Nor does a "?" stand before parameters where
// what follows goes on like a name: "clip?.mp4" is not "clip" with the parameter ".mp4".
func (f *form) matched(resource string) bool {
	name := f.prefix + f.base
	if f.own == "" {
		return matches(resource, name)
	}
	for _, i := range [...]int{strings.IndexByte(resource, '?'), strings.LastIndexByte(resource, '?')} {
		if i < 0 {
			return false
		}
		own := resource[i+1:]
		if (strings.Contains(own, "=") || !strings.ContainsAny(own, "./?")) && matches(resource[:i], name) && matches(own, f.own) {
			return true
		}
	}
	return false
}

// forms are the ways of writing what n means, which may be any of keys; the likeliest first, since each may cost a
// verification.
func (n *name) forms(keys []string) []form {
	all := uint8(1<<len(keys) - 1)
	forms := make([]form, 0, maxResources)
	add := func(prefix, base, own string, keys uint8) {
		for i := range forms {
			if f := &forms[i]; f.base == base && f.prefix == prefix && f.own == own {
				f.keys |= keys
				return
			}
		}
		if len(forms) < maxResources {
			forms = append(forms, form{prefix: prefix, base: base, own: own, keys: keys})
		}
	}
	add("", n.base, n.own, all)
	add("", n.base, "", all)
	add(n.prefix, n.base, n.own, all)
	add(n.prefix, n.base, "", all)
	for _, variant := range [...]struct{ prefix, own string }{{"", ""}, {"", n.own}, {n.prefix, ""}, {n.prefix, n.own}} {
		for i, key := range keys {
			add(variant.prefix, key, variant.own, 1<<i)
			add(variant.prefix, withoutExtension(key), variant.own, 1<<i)
		}
		for _, other := range recoded(n.base) {
			add(variant.prefix, other, variant.own, all)
		}
	}
	return forms
}

// withoutExtension is the key without the extension of a media file: players leave it out, and so do some signers. Of
// other keys it is all, or else who may play "film" could play "film.backup".
func withoutExtension(key string) string {
	ext := path.Ext(key)
	switch strings.ToLower(ext) {
	case ".flv", ".mp3", ".mp4", ".f4v", ".mov", ".m4v", ".m4a", ".aac", ".3gp":
		return key[:len(key)-len(ext)]
	}
	return key
}

// recoded are the name with its percent signs decoded; the name percent-encoded; and the name as it stands in JSON. Some
// signers sign what a URL parser or a JSON encoder made of a name, and some clients decode what they are given.
func recoded(base string) (others []string) {
	if decoded, err := url.PathUnescape(base); err == nil && decoded != base {
		others = append(others, decoded)
	}
	if encoded := (&url.URL{Path: base}).EscapedPath(); encoded != base {
		others = append(others, encoded)
	}
	if strings.ContainsAny(base, "\"\\") {
		inJSON := quoted(base)
		others = append(others, string(inJSON[1:len(inJSON)-1]))
	}
	return others
}

// granted are the keys with their bits set.
func granted(keys []string, set uint8) []string {
	if set == 1<<len(keys)-1 {
		return slices.Clone(keys)
	}
	var some []string
	for i, key := range keys {
		if set&(1<<i) != 0 {
			some = append(some, key)
		}
	}
	return some
}
