package bucket

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"gocloud.dev/blob"
)

// Open opens the bucket that url names, with any driver that the program links: a program that wants s3:// URLs imports
// gocloud.dev/blob/s3blob for its effect. To file URLs metadata=skip is added, since files beside the media that hold
// metadata cannot be read safely while somebody writes; to s3 URLs response_checksum_validation=when_required, unless they
// say otherwise.
func Open(ctx context.Context, url string) (*Origin, error) { return open(ctx, url, nil) }

func open(ctx context.Context, rawURL string, opts *Options) (*Origin, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("bucket: %w", err)
	}
	if u.Scheme == "" {
		return nil, fmt.Errorf("bucket: %q is not a bucket URL: it has no scheme such as file:// or s3://", rawURL)
	}
	if !blob.DefaultURLMux().ValidBucketScheme(u.Scheme) {
		return nil, &schemeError{u.Scheme}
	}
	if u.Scheme == "file" && u.Host != "" && u.Host != "." { // the driver would leave it out of the path
		return nil, fmt.Errorf("bucket: %s: a file URL has three slashes, file:///%s%s", u.Redacted(), u.Host, u.Path)
	}
	addDefaults(u)
	b, err := blob.DefaultURLMux().OpenBucketURL(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("bucket: open %s: %w", u.Redacted(), err)
	}
	return New(b, opts), nil
}

// addDefaults adds to a URL what reading ranges wants of its driver.
func addDefaults(u *url.URL) {
	q := u.Query()
	switch u.Scheme {
	case "file":
		q.Set("metadata", "skip")
	case "s3": // a range has no checksum, and the SDK would log that for each
		if !q.Has("response_checksum_validation") {
			q.Set("response_checksum_validation", "when_required")
		}
	default:
		return
	}
	u.RawQuery = q.Encode()
}

// schemeError says that a program does not link the driver for a URL.
type schemeError struct{ scheme string }

func (e *schemeError) Error() string {
	switch e.scheme {
	case "gs":
		return "bucket: gs: not linked into this program; build with -tags gcs"
	case "azblob":
		return "bucket: azblob: not linked into this program; build with -tags azure"
	}
	return fmt.Sprintf("bucket: %s: not linked into this program; linked are %s", e.scheme,
		strings.Join(blob.DefaultURLMux().BucketSchemes(), ", "))
}
