package vod

import "strings"

const defaultInstance = "_definst_" // the instance that Flash servers gave to an application named without one

// Mount is how a connection is attached to an application: what its connect command's app says beyond the application's
// own name. Clients put directories, prefixes and queries there.
type Mount struct {
	Root  string // the root that matched, as Split was given it
	Tail  string // what of the app's path follows the root: "", "dir", "mp4:videos"
	Query string // the app's query, without "?"

	// missing is the end of Root that the app lacks: a client that was given rtmp://host/cfx/st and a stream name
	// connects to "cfx", and may or may not begin the name with "st/".
	missing string
}

// Split matches the app of a connect command with the longest of roots that it is in, component by component: "cfx/st"
// has "cfx/st", "cfx/st/" and "cfx/st/_definst_/mp4:videos?x=1" in it. Where none matches in full, an app that is the
// beginning of a root is attached to it as well. It reports false where the app is in no root.
func Split(app string, roots ...string) (Mount, bool) {
	if len(app) > maxNameBytes {
		return Mount{}, false
	}
	path, query, _ := strings.Cut(app, "?")
	have := components(path)
	found, longest := Mount{}, 0
	for _, root := range roots {
		want := components(root)
		n := common(have, want)
		switch {
		case n == 0:
		case n == len(want) && (n > longest || found.missing != ""):
			found, longest = Mount{Root: root, Tail: tail(have[n:]), Query: query}, n
		case n == len(have) && longest == 0:
			found, longest = Mount{Root: root, Query: query, missing: strings.Join(want[n:], "/")}, n
		}
	}
	return found, longest > 0
}

func tail(components []string) string {
	if len(components) > 0 && components[0] == defaultInstance {
		components = components[1:]
	}
	return strings.Join(components, "/")
}

// components are the components of a slash-separated path that are not empty.
func components(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// common is the number of leading components that a and b share.
func common(a, b []string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
