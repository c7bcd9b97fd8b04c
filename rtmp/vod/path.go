package vod

import "strings"

// Path is what a client asks for, whichever way it cut its URL into app and stream name.
type Path struct {
	// Prefix is the kind that the client gave: "mp4", "mp3", "flv", "id3", "raw", or "" for none.
	Prefix string
	// Name is the directory and the name, without prefix and query, as sent: percent signs are not decoded. Keys checks
	// it; Name itself may be anything.
	Name string
	// Query is the stream name's query, without "?", and AppQuery the app's.
	Query, AppQuery string
}

// Path is what a stream name means on a connection so attached. It does no more than take the name apart, so it never
// fails: a name that cannot be an object's has no keys.
func (m Mount) Path(name string) Path {
	if len(m.Tail)+len(m.Query)+len(name) > maxNameBytes {
		return Path{}
	}
	m, name = m.rejoin(name)
	base, query, _ := strings.Cut(decodeQuery(name), "?")

	dirPrefix, dir := cutPrefixes(strings.Split(m.Tail, "/"))
	prefix, parts := cutPrefixes(m.enter(strings.Split(base, "/")))
	if prefix == "" || dirPrefix == "id3" { // id3 says what is wanted of the file, the others what the file is
		prefix = dirPrefix
	}
	if m.Tail != "" {
		parts = append(dir, parts...)
	}
	return Path{Prefix: prefix, Name: strings.Join(parts, "/"), Query: query, AppQuery: m.Query}
}

// enter drops what stands in front of a stream name and belongs to the app: a leading slash, the instance.
func (m Mount) enter(parts []string) []string {
	if len(parts) > 1 && parts[0] == "" {
		parts = parts[1:]
	}
	if m.Tail != "" {
		return parts
	}
	for _, instance := range []string{m.missing, defaultInstance} {
		if p, first := cutPrefix(parts[0]); len(parts) > 1 && instance != "" && first == instance {
			parts = append([]string{p + parts[1]}, parts[2:]...)
		}
	}
	return parts
}

// cutPrefixes takes the prefixes off the components of a path, and says which it was. Of several the innermost counts:
// a client that finds ".mp3" behind "mp4:dir/" puts "mp3:" in front of the name. A directory that was but a prefix goes.
func cutPrefixes(parts []string) (prefix string, rest []string) {
	for i, part := range parts {
		p, name := cutPrefix(part)
		if p != "" && prefix != "id3:" {
			prefix = p
		}
		if name != "" || p == "" || i == len(parts)-1 {
			rest = append(rest, name)
		}
	}
	return strings.TrimSuffix(prefix, ":"), rest
}

// cutPrefix takes all prefixes off one component: players' glue code doubled them. It returns the one that counts.
func cutPrefix(part string) (prefix, name string) {
	for {
		p, ok := leadingPrefix(part)
		if !ok {
			return prefix, part
		}
		if prefix != "id3:" {
			prefix = p
		}
		part = part[len(p):]
	}
}

// leadingPrefix is the prefix that a name begins with, colon included (Adobe Media Server, "Streaming media files").
func leadingPrefix(name string) (string, bool) {
	for _, p := range [...]string{"mp4:", "mp3:", "flv:", "id3:", "raw:"} {
		if strings.HasPrefix(name, p) {
			return p, true
		}
	}
	return "", false
}
