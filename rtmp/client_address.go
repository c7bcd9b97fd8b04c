package rtmp

import (
	"errors"
	"fmt"
	"net"
	"path"
	"strings"

	"github.com/seed-3309b198/reelfront/rtmp/door"
)

// address is an RTMP URL, taken apart.
type address struct {
	scheme door.Scheme
	host   string // host:port to connect to
	tcURL  string // what connect calls it
	app    string
	name   string // of the stream; empty where the URL names none
}

// parseAddress takes a URL apart by the rules that Dial documents. It is no url.URL: stream names are not escaped, and may
// hold what a URL may not.
func parseAddress(rawURL, app string) (address, error) {
	name, rest, ok := strings.Cut(rawURL, "://")
	s, known := door.ParseScheme(name)
	if !ok || !known {
		return address{}, fmt.Errorf("rtmp: %q is not the URL of an RTMP server", rawURL)
	}
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	host, err := hostPort(authority, s.Port())
	if err != nil {
		return address{}, fmt.Errorf("rtmp: URL %q: %w", rawURL, err)
	}
	a := address{scheme: s, host: host}
	tail = strings.TrimLeft(tail, "/")
	if app = strings.Trim(app, "/"); app != "" {
		a.app = app
		if tail != app {
			a.name = strings.TrimPrefix(tail, app+"/")
		}
	} else {
		a.app, a.name = splitTail(tail)
	}
	if a.app == "" {
		return address{}, fmt.Errorf("rtmp: URL %q names no application", rawURL)
	}
	a.name = streamName(a.name)
	a.tcURL = s.String() + "://" + authority + "/" + a.app
	return a, nil
}

// hostPort adds the port where there is none. An IPv6 address is in brackets.
func hostPort(authority, port string) (string, error) {
	if strings.Contains(authority, "@") {
		return "", errors.New("RTMP has no place for a user in the URL")
	}
	host := authority
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, port = authority[:i], authority[i+1:]
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if host == "" || port == "" {
		return "", errors.New("host or port is missing")
	}
	return net.JoinHostPort(host, port), nil
}

// splitTail splits what follows the host into application and stream name.
func splitTail(tail string) (app, name string) {
	file, query, hasQuery := strings.Cut(tail, "?")
	parts := strings.Split(file, "/")
	n := appParts(parts)
	app, name = strings.Trim(strings.Join(parts[:n], "/"), "/"), strings.Join(parts[n:], "/")
	switch {
	case !hasQuery:
		return app, name
	case name != "":
		return app, name + "?" + query
	}
	// The query is the application's. The name may be in it: "app?slist=name&x=1", or behind it: "app?x=1/name".
	if _, list, ok := strings.Cut(query, "slist="); ok {
		name, _, _ = strings.Cut(list, "&")
		return app + "?" + query, name
	}
	query, name, _ = strings.Cut(query, "/")
	return app + "?" + query, name
}

// appParts is how many of the parts of a path are the application.
func appParts(parts []string) int {
	for i, p := range parts {
		if i > 0 && strings.Contains(p, ":") {
			return i
		}
	}
	switch {
	case len(parts) < 2 || parts[0] == "ondemand":
		return 1
	case parts[0] == "cfx" && parts[1] == "st", parts[1] == "_definst_", len(parts) > 2:
		return 2
	}
	return 1
}

// streamName is the name of a file as Flash calls it: with the prefix of its kind, and without the extension where that
// kind has none. A name with a prefix is left alone.
func streamName(name string) string {
	file, query, hasQuery := strings.Cut(name, "?")
	if strings.Contains(file, ":") {
		return name
	}
	switch ext := path.Ext(file); strings.ToLower(ext) {
	case ".mp4", ".f4v", ".m4v", ".m4a", ".f4a", ".mov", ".3gp":
		file = "mp4:" + file
	case ".mp3":
		file = "mp3:" + strings.TrimSuffix(file, ext)
	case ".flv":
		file = strings.TrimSuffix(file, ext)
	}
	if hasQuery {
		return file + "?" + query
	}
	return file
}
