package flv

import (
	"context"
	"fmt"
	"io"
)

// Input is the bytes of an object as one viewer reads them. It is used by one goroutine at a time.
type Input interface {
	// Size is the length of the object in bytes.
	Size() int64
	// Window returns the n bytes at off. They are valid until the next call and never written to: a view of a cached
	// block where they lie in one, a copy where they do not. A range that is not wholly inside of the object is an
	// error that wraps io.ErrUnexpectedEOF. Window may block on the origin; ctx ends that.
	Window(ctx context.Context, off int64, n int) ([]byte, error)
}

// NewInput returns an Input over the first size bytes of r: a file, a bytes.Reader.
func NewInput(r io.ReaderAt, size int64) Input { return &readerAtInput{r: r, size: size} }

type readerAtInput struct {
	r    io.ReaderAt
	size int64
	buf  []byte
}

func (in *readerAtInput) Size() int64 { return in.size }

func (in *readerAtInput) Window(ctx context.Context, off int64, n int) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if off < 0 || n < 0 || off > in.size || int64(n) > in.size-off {
		return nil, fmt.Errorf("flv: read of %d bytes at %d in an object of %d: %w", n, off, in.size, io.ErrUnexpectedEOF)
	}
	if cap(in.buf) < n {
		in.buf = make([]byte, n)
	}
	b := in.buf[:n]
	if k, err := in.r.ReadAt(b, off); k < n {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("flv: read of %d bytes at %d: %w", n, off, err)
	}
	return b, nil
}
