package mp4

import (
	"bytes"
	"context"

	"github.com/seed-3309b198/reelfront/flv"
)

// Open reads the index of the MP4, QuickTime, F4V or M4A file that in holds. Besides the errors of in it returns a
// *flv.FormatError for a file that is damaged, encrypted or none of these, and an error that wraps flv.ErrNoTrack for one
// in which nothing can be played.
func Open(ctx context.Context, in flv.Input) (*File, error) {
	s := scanner{in: in}
	moov, err := s.find(ctx, "moov")
	if err != nil {
		return nil, err
	}
	if moov.size > maxMoovBytes {
		return nil, bad("moov", moov.offset, "%d bytes, of at most %d", moov.size, maxMoovBytes)
	}
	body, err := s.read(ctx, moov)
	if err != nil {
		return nil, err
	}
	m, err := parseMovie(&body, in.Size())
	if err != nil {
		return nil, err
	}
	f := &File{movie: m}
	if m.fragmented {
		if f.fragments, err = openFragments(ctx, &s, m); err != nil {
			return nil, err
		}
		if f.fragments.first == nil {
			f.fragments = nil
			if err = m.withoutFragments(); err != nil {
				return nil, err
			}
		}
	}
	f.describe()
	return f, nil
}

// topBox is a box at the top level of a file.
type topBox struct {
	kind   fourCC
	offset int64
	header int
	size   int64
	torn   bool // the file ends before the box does
}

func (b *topBox) end() int64 { return b.offset + b.size }

// scanner walks the top level of a file, looking at the headers alone.
type scanner struct {
	in     flv.Input
	at     int64  // the box to come
	window []byte // the bytes at start that the last read brought; valid until the next read
	start  int64
}

// next reads the header of the box at s.at, and moves past that box. ok is false at the end of the file.
func (s *scanner) next(ctx context.Context) (b topBox, ok bool, err error) {
	left := s.in.Size() - s.at
	if left < 8 {
		return topBox{}, false, nil
	}
	head, err := s.peek(ctx, int(min(left, 16)))
	if err != nil {
		return topBox{}, false, err
	}
	size, header := boxSize(head)
	if size == 0 {
		size = uint64(left)
	}
	b = topBox{kind: fourCC(head[4:8]), offset: s.at, header: header, size: int64(size)}
	if size < uint64(header) || size > uint64(left) {
		b.torn = size > uint64(left)
		return b, false, bad(b.kind.printable(), s.at, "size %d does not fit the %d bytes that are left of the file", size, left)
	}
	s.at = b.end()
	return b, true, nil
}

// buffered returns the box at s.at where its header lies in the last window, so that looking costs no read.
func (s *scanner) buffered() (b topBox, ok bool) {
	from := s.at - s.start
	if from < 0 || from+16 > int64(len(s.window)) {
		return topBox{}, false
	}
	size, header := boxSize(s.window[from:])
	if size < uint64(header) || size > uint64(s.in.Size()-s.at) {
		return topBox{}, false
	}
	return topBox{kind: fourCC(s.window[from+4:][:4]), offset: s.at, header: header, size: int64(size)}, true
}

// torn tells whether the file ends at s.at or within the box there, as that of a recording that broke off does.
func (s *scanner) torn(ctx context.Context) (bool, error) {
	at := s.at
	b, ok, err := s.next(ctx)
	s.at = at
	if b.torn {
		return true, nil
	}
	return !ok && err == nil, err
}

// around returns the n bytes at off, and keeps them for boxes in them to be looked at.
func (s *scanner) around(ctx context.Context, off int64, n int) (w []byte, err error) {
	w, err = s.in.Window(ctx, off, n)
	s.window, s.start = w, off
	return w, err
}

// far returns the n bytes at off. They are valid until the next read.
func (s *scanner) far(ctx context.Context, off int64, n int) ([]byte, error) {
	s.window = nil
	return s.in.Window(ctx, off, n)
}

// peek returns the n bytes at s.at, from the last window where that has them.
func (s *scanner) peek(ctx context.Context, n int) ([]byte, error) {
	if from := s.at - s.start; from >= 0 && from+int64(n) <= int64(len(s.window)) {
		return s.window[from:][:n], nil
	}
	w, err := s.in.Window(ctx, s.at, max(n, int(min(windowBytes, s.in.Size()-s.at))))
	if err != nil {
		return nil, err
	}
	s.window, s.start = w, s.at
	return w[:n], nil
}

// find returns the next box of the given kind.
func (s *scanner) find(ctx context.Context, kind string) (topBox, error) {
	for range maxTopBoxes {
		b, ok, err := s.next(ctx)
		if err != nil {
			return b, err
		}
		if !ok {
			return b, bad(kind, s.at, "missing")
		}
		if b.kind.String() == kind {
			return b, nil
		}
	}
	return topBox{}, bad(kind, s.at, "not among the first %d boxes", maxTopBoxes)
}

// read brings a box into memory of its own.
func (s *scanner) read(ctx context.Context, b topBox) (box, error) {
	at := s.at
	defer func() { s.at = at }()
	s.at = b.offset + int64(b.header)
	body, err := s.peek(ctx, int(b.size)-b.header)
	if err != nil {
		return box{}, err
	}
	return box{kind: b.kind, offset: b.offset, header: b.header, body: bytes.Clone(body)}, nil
}
