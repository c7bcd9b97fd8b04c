//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package origin

import "os"

// lockFile opens a file. These systems have no lock in the standard library that ends with its program.
func lockFile(path string) (*os.File, error) { return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) }
