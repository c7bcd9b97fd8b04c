package bucket

import (
	"context"
	"io/fs"
	"net/url"
	"strings"

	"github.com/seed-3309b198/reelfront/origin"
)

// anonymous returns a bucket URL without credentials, and whether its driver knows such a thing: those of S3 and of Google
// Cloud Storage do.
func anonymous(bucketURL string) (string, bool) {
	scheme, _, _ := strings.Cut(bucketURL, "://")
	if scheme != "s3" && scheme != "gs" {
		return bucketURL, false
	}
	base, query, _ := strings.Cut(bucketURL, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return bucketURL, true // which the driver will refuse, and say why
	}
	for _, credentials := range []string{"profile", "access_id", "private_key_path"} {
		values.Del(credentials)
	}
	values.Set("anonymous", "true")
	return base + "?" + values.Encode(), true
}

// closedOrigin is a bucket that the reader may not read.
type closedOrigin struct{}

// Open implements origin.Origin.
func (closedOrigin) Open(_ context.Context, key string) (origin.Object, error) {
	return nil, &fs.PathError{Op: "open", Path: key, Err: fs.ErrPermission}
}
