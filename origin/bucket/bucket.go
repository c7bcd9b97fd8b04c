package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/seed-3309b198/reelfront/origin"
)

// Options is what only a driver's own types can do: a program that links the driver sets these functions, this package
// does not know any driver. Each may be nil.
type Options struct {
	// Pin makes a read fail unless the object still has etag, through the driver's request (blob.ReaderOptions.BeforeRead).
	// It returns nil where the driver has no such request. On S3 it sets IfMatch of a *s3.GetObjectInput to etag as it is.
	// Without it a version is told by its ModTime and Size alone, to the second on most services.
	Pin func(as func(any) bool, etag string) error
	// Expires returns the Expires header of an object, or the zero time.
	Expires func(*blob.Attributes) time.Time
}

// Origin is a bucket as an origin.Origin. Objects are pinned to their version as far as Options.Pin, ModTime and Size can
// tell; a read of a file is checked before and after it.
type Origin struct {
	bucket *blob.Bucket
	opts   Options
}

// New returns b as an Origin, which owns b from then on. opts may be nil.
func New(b *blob.Bucket, opts *Options) *Origin {
	o := &Origin{bucket: b}
	if opts != nil {
		o.opts = *opts
	}
	return o
}

// Open implements origin.Origin. A bucket that does not allow listing may answer fs.ErrPermission for an object that does
// not exist, as S3 does.
func (o *Origin) Open(ctx context.Context, key string) (origin.Object, error) {
	if !origin.ValidKey(key) {
		return nil, &fs.PathError{Op: "open", Path: key, Err: fs.ErrNotExist}
	}
	if err := ctx.Err(); err != nil { // the file and memory drivers do not look
		return nil, err
	}
	attrs, err := o.bucket.Attributes(ctx, key)
	if err != nil {
		return nil, openError(ctx, key, err)
	}
	info := origin.Info{Size: attrs.Size, ETag: attrs.ETag, ModTime: attrs.ModTime, CacheControl: attrs.CacheControl}
	if o.opts.Expires != nil {
		info.Expires = o.opts.Expires(attrs)
	}
	return &object{bucket: o.bucket, pin: o.opts.Pin, key: key, info: info}, nil
}

// Close closes the bucket. No object of it is read after that.
func (o *Origin) Close() error { return o.bucket.Close() }

// openError makes a driver's error one that errors.Is knows.
func openError(ctx context.Context, key string, err error) error {
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		return fmt.Errorf("bucket: open %s: %w", key, withCause(fs.ErrNotExist, err))
	case gcerrors.PermissionDenied:
		return fmt.Errorf("bucket: open %s: %w", key, withCause(fs.ErrPermission, err))
	}
	if impossible(err) {
		return fmt.Errorf("bucket: open %s: %w", key, withCause(fs.ErrNotExist, err))
	}
	return fmt.Errorf("bucket: open %s: %w", key, transient(ctx, err))
}

// impossible tells whether a directory cannot hold a file of that name: what lies above it is a file itself, or the name
// is too long. Another kind of bucket could hold it, so the key is valid; here it does not exist.
func impossible(err error) bool {
	return errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG)
}

// transient makes errors that may go away ones that errors.Is knows: those of a context that has ended, of a service that is
// asked too much, and of an answer that ended too soon, which nobody is to take for the end of an object.
func transient(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return withCause(ctx.Err(), err)
	case throttled(err):
		return withCause(origin.ErrThrottled, err)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w (%v)", io.ErrUnexpectedEOF, err)
	}
	return err
}

// azureBusy is in the text of Azure's answer when an account is asked too much (Blob service REST API, "Status and error
// codes"). Its error has the code in a field of a type that only the driver knows, and gocloud has none for it.
const azureBusy = "ERROR CODE: ServerBusy"

// throttled knows the answers of S3 and of those who speak like it by their code, and others by gocloud's.
func throttled(err error) bool {
	var coded interface{ ErrorCode() string }
	if errors.As(err, &coded) {
		switch coded.ErrorCode() {
		case "SlowDown", "ServiceUnavailable", "RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequests":
			return true
		}
	}
	if strings.Contains(err.Error(), azureBusy) {
		return true
	}
	return gcerrors.Code(err) == gcerrors.ResourceExhausted
}

// causeError is a known error together with what the driver said.
type causeError struct{ kind, cause error }

func withCause(kind, cause error) error {
	if errors.Is(cause, kind) {
		return cause
	}
	return &causeError{kind, cause}
}

func (e *causeError) Error() string   { return fmt.Sprintf("%v (%v)", e.kind, e.cause) }
func (e *causeError) Unwrap() []error { return []error{e.kind, e.cause} }
