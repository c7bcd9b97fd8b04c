package origin

import (
	"io/fs"
	"strings"
)

// ValidKey reports whether key can name an object: a slash-separated UTF-8 path as fs.ValidPath has it (no leading or
// trailing slash, no empty, "." or ".." element), of 1 to 1024 bytes, without NUL and without a backslash, which some
// file systems take for a slash. Every origin answers fs.ErrNotExist to any other key, before it asks anything outside.
func ValidKey(key string) bool {
	return len(key) <= maxKeyBytes && key != "." && fs.ValidPath(key) && !strings.ContainsAny(key, "\x00\\")
}
