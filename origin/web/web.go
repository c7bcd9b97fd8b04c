package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/seed-3309b198/reelfront/origin"
)

// Options are what an Origin may need beside its URL. The zero value is none of it.
type Options struct {
	// Client makes the requests. nil means one of its own, with net/http's defaults. Redirects are its concern.
	Client *http.Client
	// Header goes with every request, as for a token of the server's.
	Header http.Header
}

// Origin is a web server as an origin.Origin.
type Origin struct {
	base   *url.URL
	client *http.Client
	header http.Header
	own    bool // the client is not shared
}

// idleConns is how many connections are kept for the next requests: as many as an origin.Guard makes at once.
const idleConns = 64

// New returns an Origin of the objects below base, an http or https URL. A key is appended to its path, escaped; its query
// goes with every request. opts may be nil.
func New(base string, opts *Options) (*Origin, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("web: %q is not an http or https URL", u.Redacted())
	}
	if opts == nil {
		opts = &Options{}
	}
	o := &Origin{base: u, client: opts.Client, header: opts.Header}
	if o.client == nil {
		o.own = true
		o.client = &http.Client{Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: idleConns, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
		}}
	}
	return o, nil
}

// Close closes the connections that are kept for the next requests, unless they are those of Options.Client.
func (o *Origin) Close() error {
	if o.own {
		o.client.CloseIdleConnections()
	}
	return nil
}

// Open implements origin.Origin. It asks for the first byte, which tells whether the server can do ranges.
func (o *Origin) Open(ctx context.Context, key string) (origin.Object, error) {
	if !origin.ValidKey(key) {
		return nil, &fs.PathError{Op: "open", Path: key, Err: fs.ErrNotExist}
	}
	obj := &object{o: o, key: key}
	resp, err := obj.get(ctx, 0, 1)
	if err != nil {
		return nil, fmt.Errorf("web: open %s: %w", key, err)
	}
	defer resp.Body.Close()
	if obj.info, err = describe(resp); err != nil {
		return nil, fmt.Errorf("web: open %s: %w", key, err)
	}
	finish(resp)
	return obj, nil
}

// describe reads what an answer to a request for the first byte says of the object.
func describe(resp *http.Response) (origin.Info, error) {
	var size int64
	switch resp.StatusCode {
	case http.StatusPartialContent:
		r, err := parseContentRange(resp.Header.Get("Content-Range"))
		if err != nil {
			return origin.Info{}, err
		}
		size = r.size
	case http.StatusRequestedRangeNotSatisfiable: // an empty object has no first byte
		if resp.Header.Get("Content-Range") != "bytes */0" {
			return origin.Info{}, statusError(resp)
		}
	case http.StatusOK: // a server may leave the range out where it would be all or nothing
		if resp.ContentLength != 0 && resp.ContentLength != 1 {
			return origin.Info{}, errors.New("the server does not answer range requests")
		}
		size = resp.ContentLength
	default:
		return origin.Info{}, statusError(resp)
	}
	if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return origin.Info{}, fmt.Errorf("the server sends it encoded as %q", e)
	}
	info := origin.Info{Size: size, ETag: resp.Header.Get("ETag"), CacheControl: resp.Header.Get("Cache-Control")}
	info.ModTime, _ = http.ParseTime(resp.Header.Get("Last-Modified"))
	info.Expires, _ = http.ParseTime(resp.Header.Get("Expires"))
	if weak(info.ETag) && !info.ModTime.IsZero() {
		info.ETag = "" // it does not tell two versions apart byte by byte
	}
	return info, nil
}

func weak(etag string) bool { return strings.HasPrefix(etag, "W/") }

// statusError is the error of an answer that is not what was asked for.
func statusError(resp *http.Response) error {
	err := fmt.Errorf("the server answers %q", resp.Status)
	switch resp.StatusCode {
	case http.StatusNotFound, http.StatusGone:
		return fmt.Errorf("%w (%w)", fs.ErrNotExist, err)
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%w (%w)", fs.ErrPermission, err)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return &throttledError{err, retryAfter(resp)}
	}
	return err
}

// throttledError is an origin.ErrThrottled that says how long to wait.
type throttledError struct {
	err   error
	after time.Duration
}

func (e *throttledError) Error() string             { return e.err.Error() }
func (e *throttledError) Unwrap() []error           { return []error{origin.ErrThrottled, e.err} }
func (e *throttledError) RetryAfter() time.Duration { return e.after }

// retryAfter reads Retry-After (RFC 9110, section 10.2.3).
func retryAfter(resp *http.Response) time.Duration {
	h := resp.Header.Get("Retry-After")
	if s, err := strconv.ParseUint(h, 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	if t, err := http.ParseTime(h); err == nil {
		return max(0, time.Until(t))
	}
	return 0
}

// contentRange is a Content-Range with all of its numbers (RFC 9110, section 14.4).
type contentRange struct{ first, last, size int64 }

func parseContentRange(h string) (r contentRange, err error) {
	rest, ok := strings.CutPrefix(h, "bytes ")
	span, size, ok2 := strings.Cut(rest, "/")
	first, last, ok3 := strings.Cut(span, "-")
	bad := !ok || !ok2 || !ok3
	for _, n := range []struct {
		s string
		p *int64
	}{{first, &r.first}, {last, &r.last}, {size, &r.size}} {
		v, err := strconv.ParseUint(n.s, 10, 63)
		bad = bad || err != nil
		*n.p = int64(v)
	}
	if bad || r.first > r.last || r.last >= r.size {
		return contentRange{}, fmt.Errorf("the server's Content-Range %q does not tell where, or of how many", h)
	}
	return r, nil
}

// finish reads an answer to its end, which should be now, so that its connection can be used again.
func finish(resp *http.Response) { _, _ = io.CopyN(io.Discard, resp.Body, 2) }
