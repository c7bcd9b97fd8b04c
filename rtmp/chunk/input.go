package chunk

import (
	"io"
	"sync/atomic"
)

const (
	inlineSize   = 64       // covers every header, and the small messages of a viewer at rest
	borrowedSize = 16 << 10 // while more is coming
	maxIdleReads = 100      // reads that bring neither bytes nor an error
)

// input reads ahead of the chunk parser. It reads into the few bytes of its own; when a read fills them, it borrows a
// larger buffer until a read does not fill that.
type input struct {
	r      io.Reader
	unread []byte // a window onto own or borrowed
	own    [inlineSize]byte

	borrowed *block
	more     bool // the last read filled its buffer
	count    atomic.Uint64
}

// need returns the next n bytes without consuming them; n is at most inlineSize.
func (in *input) need(n int) ([]byte, error) {
	for len(in.unread) < n {
		if err := in.fill(); err != nil {
			return nil, err
		}
	}
	return in.unread[:n], nil
}

func (in *input) discard(n int) { in.unread = in.unread[n:] }

// rest says that a wait may follow: when nothing is left to parse, the next read goes into the input's own bytes.
func (in *input) rest() {
	if len(in.unread) == 0 {
		in.more = false
	}
}

// read reads at least one byte into p; large reads pass the buffer by.
func (in *input) read(p []byte) (int, error) {
	if len(in.unread) == 0 {
		if len(p) >= borrowedSize {
			return in.readInto(p)
		}
		if err := in.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, in.unread)
	in.discard(n)
	return n, nil
}

// fill reads more behind what is unread, of which there is less than inlineSize.
func (in *input) fill() error {
	dst := in.own[:]
	last := in.borrowed
	if in.more {
		if in.borrowed == nil {
			in.borrowed = borrow(borrowedSize)
		}
		dst = in.borrowed.bytes
	} else {
		in.borrowed = nil
	}
	kept := copy(dst, in.unread)
	if last != in.borrowed {
		giveBack(last)
	}
	in.unread = dst[:kept]
	n, err := in.readInto(dst[kept:])
	in.unread = dst[:kept+n]
	in.more = kept+n == len(dst)
	return err
}

// readInto reads once and counts. An error that comes with bytes is left for the next read to repeat.
func (in *input) readInto(p []byte) (int, error) {
	for range maxIdleReads {
		n, err := in.r.Read(p)
		in.count.Add(uint64(n))
		if n > 0 {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, io.ErrNoProgress
}
