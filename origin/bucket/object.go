package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/seed-3309b198/reelfront/origin"
)

// object is one version of an object. It holds nothing open: each read is a range request of its own.
type object struct {
	bucket *blob.Bucket
	pin    func(as func(any) bool, etag string) error
	key    string
	info   origin.Info
}

func (o *object) Info() origin.Info { return o.info }

func (o *object) Close() error { return nil }

func (o *object) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("bucket: read %s at %d: negative offset", o.key, off)
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	// A range past the end is an empty one to some drivers and an error to others.
	var eof error
	if left := max(o.info.Size-off, 0); int64(len(p)) > left {
		p, eof = p[:left], io.EOF
	}
	if len(p) == 0 {
		return 0, eof
	}
	n, err := o.readRange(ctx, p, off)
	if err == nil {
		return n, eof
	}
	switch code := gcerrors.Code(err); {
	case code == gcerrors.FailedPrecondition, code == gcerrors.NotFound:
		n, err = 0, withCause(origin.ErrChanged, err)
	case errors.Is(err, origin.ErrChanged):
		n = 0
	case code == gcerrors.PermissionDenied:
		err = withCause(fs.ErrPermission, err)
	default:
		err = transient(ctx, err)
	}
	return n, fmt.Errorf("bucket: read %s at %d: %w", o.key, off, err)
}

func (o *object) readRange(ctx context.Context, p []byte, off int64) (n int, err error) {
	var file *os.File
	r, err := o.bucket.NewRangeReader(ctx, o.key, off, int64(len(p)), &blob.ReaderOptions{
		BeforeRead: func(as func(any) bool) error {
			if as(&file) {
				return o.checkFile(file)
			}
			if o.pin != nil && o.info.ETag != "" {
				return o.pin(as, o.info.ETag)
			}
			return nil
		},
	})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if r.Size() != o.info.Size || !r.ModTime().Equal(o.info.ModTime) {
		return 0, origin.ErrChanged
	}
	n, err = io.ReadFull(r, p)
	if file != nil {
		if e := o.checkFile(file); e != nil {
			return 0, e
		}
	}
	return n, err
}

// checkFile compares an open file with the version. The file driver looks at the name first and opens it afterwards, so
// what it says of size and time may be another file's; and a file may be written to in place.
func (o *object) checkFile(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if st.Size() != o.info.Size || !st.ModTime().Equal(o.info.ModTime) {
		return origin.ErrChanged
	}
	return nil
}
