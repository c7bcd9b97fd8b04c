package origin

import (
	"context"
	"errors"
	"time"
)

// Origin is where objects come from: a bucket, a web server, a file system. It is safe for concurrent use.
type Origin interface {
	// Open returns the object named key, pinned to its present version. It fails with an error that wraps
	// fs.ErrNotExist where there is none, and fs.ErrPermission where it may not be read. A key is a clean slash-separated
	// path without a leading slash; anything else does not exist.
	Open(ctx context.Context, key string) (Object, error)
}

// Object is one version of an object. It is safe for concurrent use.
type Object interface {
	Info() Info
	// ReadAt reads len(p) bytes at off, and returns fewer only with an error, which is io.EOF at the end of the object.
	// When the object was replaced since Open it fails with ErrChanged: bytes of two versions are never mixed.
	ReadAt(ctx context.Context, p []byte, off int64) (int, error)
	Close() error
}

// Info describes a version of an object.
type Info struct {
	Size         int64
	ETag         string // names the version; "" where the origin has none
	ModTime      time.Time
	CacheControl string    // the header's value, "" when there is none
	Expires      time.Time // zero when there is none
}

// ErrChanged says that an object was replaced or removed after it was opened.
var ErrChanged = errors.New("object changed since it was opened")
