package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/seed-3309b198/reelfront/origin"
)

// object is one version of an object. Each read is a request of its own.
type object struct {
	o    *Origin
	key  string
	info origin.Info
}

func (o *object) Info() origin.Info { return o.info }

func (o *object) Close() error { return nil }

func (o *object) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("web: read %s at %d: negative offset", o.key, off)
	}
	var eof error
	if left := max(o.info.Size-off, 0); int64(len(p)) > left {
		p, eof = p[:left], io.EOF
	}
	if len(p) == 0 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return 0, eof
	}
	n, err := o.readRange(ctx, p, off)
	if err != nil {
		return n, fmt.Errorf("web: read %s at %d: %w", o.key, off, err)
	}
	return n, eof
}

func (o *object) readRange(ctx context.Context, p []byte, off int64) (int, error) {
	resp, err := o.get(ctx, off, int64(len(p)))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if err := o.check(resp, off, int64(len(p))); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(resp.Body, p)
	if err == nil {
		finish(resp)
	}
	return n, cutOff(err)
}

// check makes sure that an answer holds the range that was asked for, of this version.
func (o *object) check(resp *http.Response, off, n int64) error {
	switch resp.StatusCode {
	case http.StatusPartialContent:
		r, err := parseContentRange(resp.Header.Get("Content-Range"))
		if err != nil {
			return err
		}
		if r.size != o.info.Size {
			return origin.ErrChanged
		}
		if r.first != off || r.last != off+n-1 {
			return fmt.Errorf("the server sends the bytes from %d to %d instead", r.first, r.last)
		}
	case http.StatusOK: // If-Range does not hold; or it is all of an object of one byte
		if n != 1 || resp.ContentLength != 1 || o.info.Size != 1 {
			return origin.ErrChanged
		}
	case http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable:
		return origin.ErrChanged
	default:
		err := statusError(resp)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w (%v)", origin.ErrChanged, err)
		}
		return err
	}
	return o.checkVersion(resp)
}

// checkVersion compares what an answer says of its version, for servers that do not know If-Range.
func (o *object) checkVersion(resp *http.Response) error {
	if etag := resp.Header.Get("ETag"); o.info.ETag != "" && etag != "" && etag != o.info.ETag {
		return origin.ErrChanged
	}
	t, err := http.ParseTime(resp.Header.Get("Last-Modified"))
	if o.info.ETag == "" && !o.info.ModTime.IsZero() && err == nil && !t.Equal(o.info.ModTime) {
		return origin.ErrChanged
	}
	return nil
}

// get asks for n bytes at off, of this version if that is known already.
func (o *object) get(ctx context.Context, off, n int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.url(), nil)
	if err != nil {
		return nil, err
	}
	for name, values := range o.o.header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, off+n-1))
	switch {
	case o.info.ETag != "" && !weak(o.info.ETag):
		req.Header.Set("If-Range", o.info.ETag)
	case !o.info.ModTime.IsZero():
		req.Header.Set("If-Range", o.info.ModTime.UTC().Format(http.TimeFormat))
	}
	resp, err := o.o.client.Do(req)
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err // without the URL: its query may hold a secret
	}
	return resp, cutOff(err)
}

// cutOff makes an error of an answer, or of a connection, that ended too soon one that nobody takes for an object's end.
func cutOff(err error) error {
	if !errors.Is(err, io.EOF) {
		return err
	}
	return fmt.Errorf("%w (%v)", io.ErrUnexpectedEOF, err)
}

// url is the object's. A plus sign is escaped, since some servers take it for a space.
func (o *object) url() string {
	u := *o.o.base
	u.RawPath = strings.TrimSuffix(u.EscapedPath(), "/") + "/" +
		strings.ReplaceAll((&url.URL{Path: o.key}).EscapedPath(), "+", "%2B")
	u.Path = strings.TrimSuffix(u.Path, "/") + "/" + o.key
	return u.String()
}
