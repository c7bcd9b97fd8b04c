package vod

import (
	"net/url"
	"strings"
)

// signatureParams are the parameters that CloudFront puts into a stream name (CloudFront developer guide, "Creating
// signed URLs").
var signatureParams = [...]string{"Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"}

// rejoin puts together again a stream name that the client cut at a slash inside of its query, so that the name and
// the beginning of the query ended up in the app. Clients look for slashes before they look for question marks.
func (m Mount) rejoin(name string) (Mount, string) {
	if m.Query == "" || strings.Contains(name, "?") {
		return m, name
	}
	if rest, list, ok := cutList(m.Query); ok {
		return m.rejoinList(rest, list, name)
	}
	if _, ok := leadingPrefix(name); ok || m.Tail == "" || !(endsOpen(m.Query) || hasSignature(name) || hasMediaExt(m.Tail)) {
		return m, name
	}
	name = m.Tail + "?" + m.Query + "/" + name
	m.Tail, m.Query = "", ""
	return m, name
}

// rejoinList deals with URLs of the form app?slist=mp4:dir/film.mp4&x=1. Most clients send all of it as the app, and
// the list as the stream name as well; some cut it at its last slash.
func (m Mount) rejoinList(rest, list, name string) (Mount, string) {
	m.Query = rest
	_, whole := cutPrefix(list)
	if _, n := cutPrefix(name); strings.HasPrefix(whole, n) {
		return m, name
	}
	base, query, _ := strings.Cut(name, "&")
	name = list + "/" + base
	if query != "" {
		name += "?" + query
	}
	return m, name
}

// cutList takes the parameter slist out of a query.
func cutList(query string) (rest, list string, ok bool) {
	params := strings.Split(query, "&")
	for i, p := range params {
		if list, ok = strings.CutPrefix(p, "slist="); ok {
			return strings.Join(append(params[:i:i], params[i+1:]...), "&"), list, true
		}
	}
	return query, "", false
}

// endsOpen reports whether a query ends in a parameter whose value may hold slashes, and so may have been cut at one.
func endsOpen(query string) bool {
	last := query[strings.LastIndexByte(query, '&')+1:]
	return strings.HasPrefix(last, "Policy=") || strings.HasPrefix(last, "Signature=")
}

// hasSignature reports whether s looks like the end of a query that has signature parameters.
func hasSignature(s string) bool {
	for _, p := range signatureParams {
		if strings.Contains(s, "&"+p+"=") {
			return true
		}
	}
	return false
}

// decodeQuery undoes the percent-encoding of a whole stream name, as web pages give it to a player that should have
// decoded it ("film.mp4%3FExpires%3D1"). Any other name stays as it is.
func decodeQuery(name string) string {
	i := strings.Index(strings.ToUpper(name), "%3F")
	if i < 0 || strings.Contains(name, "?") {
		return name
	}
	decoded, err := url.PathUnescape(name)
	if err != nil || !strings.Contains(decoded[strings.IndexByte(decoded, '?'):], "=") {
		return name
	}
	return decoded
}

// param is the value of a parameter of a query, percent-decoded; "" where it is not there.
func param(query, name string) string {
	for p := range strings.SplitSeq(query, "&") {
		if value, ok := strings.CutPrefix(p, name+"="); ok {
			if decoded, err := url.PathUnescape(value); err == nil {
				return decoded
			}
		}
	}
	return ""
}
