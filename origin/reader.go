package origin

import (
	"context"
	"fmt"
	"io"
	"time"
)

// NewReader returns a Reader over o, for one viewer. Where o comes from a Cache, windows are views of blocks shared with all
// other readers of that version; else the Reader reads blocks of 256 KiB into memory of its own. The caller closes the
// Reader first and then o.
func NewReader(o Object) *Reader {
	if c, ok := o.(*cachedObject); ok {
		return &Reader{size: c.v.info.Size, blockBytes: int64(c.v.blockBytes), load: c.block}
	}
	p := &privateBlocks{o: o}
	return &Reader{size: o.Info().Size, blockBytes: privateBlockBytes, load: p.block}
}

// Reader reads windows of one version of an object. It is used by one goroutine at a time. It holds the block that it
// read last, until Release or Close.
type Reader struct {
	size       int64
	blockBytes int64
	load       func(ctx context.Context, index int64) ([]byte, error)

	start   int64 // where block begins in the object
	block   []byte
	scratch []byte // what crosses a border
}

// Size is the length of the object in bytes.
func (r *Reader) Size() int64 { return r.size }

// Window returns the n bytes at off. They are valid until the next call on r and never written to: a view of a block where
// they lie in one, a copy where they do not. A range that is not wholly inside of the object is an error that wraps
// io.ErrUnexpectedEOF. Window may block on the origin; ctx ends that. When the object was replaced, the error wraps
// ErrChanged.
func (r *Reader) Window(ctx context.Context, off int64, n int) ([]byte, error) {
	if i := off - r.start; i >= 0 && n >= 0 && i <= int64(len(r.block)) && int64(n) <= int64(len(r.block))-i {
		return r.block[i : i+int64(n) : i+int64(n)], nil
	}
	if off < 0 || n < 0 || off > r.size || int64(n) > r.size-off {
		return nil, fmt.Errorf("origin: window of %d bytes at %d in an object of %d: %w", n, off, r.size, io.ErrUnexpectedEOF)
	}
	if n == 0 {
		return nil, nil
	}
	if err := r.enter(ctx, off/r.blockBytes); err != nil {
		return nil, err
	}
	if i := off - r.start; int64(n) <= int64(len(r.block))-i {
		return r.block[i : i+int64(n) : i+int64(n)], nil
	}
	return r.gather(ctx, off, n)
}

// enter makes block number index the one that r holds.
func (r *Reader) enter(ctx context.Context, index int64) error {
	if r.block != nil && index*r.blockBytes == r.start {
		return nil
	}
	b, err := r.load(ctx, index)
	if err != nil {
		r.block = nil
		return err
	}
	r.block, r.start = b, index*r.blockBytes
	return nil
}

// gather copies a window that crosses a border of blocks.
func (r *Reader) gather(ctx context.Context, off int64, n int) ([]byte, error) {
	if cap(r.scratch) < n {
		r.scratch = make([]byte, n)
	}
	p := r.scratch[:n]
	for done := 0; done < n; {
		at := off + int64(done)
		if err := r.enter(ctx, at/r.blockBytes); err != nil {
			return nil, err
		}
		done += copy(p[done:], r.block[at-r.start:])
	}
	return p, nil
}

// Release gives up the memory that r holds; the last window with it. The next Window fetches its block again.
func (r *Reader) Release() { r.block, r.scratch = nil, nil }

// Close gives up all that r holds. It does not close the Object.
func (r *Reader) Close() error {
	r.Release()
	return nil
}

// privateBlocks reads an object that no cache stands before.
type privateBlocks struct {
	o   Object
	buf []byte
}

func (p *privateBlocks) block(ctx context.Context, index int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	off := index * privateBlockBytes
	n := min(privateBlockBytes, p.o.Info().Size-off)
	if int64(cap(p.buf)) < n {
		p.buf = make([]byte, n)
	}
	b := p.buf[:n]
	if k, err := p.o.ReadAt(ctx, b, off); int64(k) < n {
		return nil, shortRead(err)
	}
	return b, nil
}

func shortRead(err error) error {
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

const (
	privateBlockBytes = 256 << 10
	readTimeout       = 30 * time.Second
)
