package mp4

import (
	"encoding/binary"
	"fmt"

	"github.com/seed-3309b198/reelfront/flv"
)

// fourCC is a box type, a handler or a sample entry's format.
type fourCC [4]byte

func (c fourCC) String() string { return string(c[:]) }

// printable is c as it may stand in a message.
func (c fourCC) printable() string {
	for _, b := range c {
		if b < 0x20 || b > 0x7e {
			return fmt.Sprintf("0x%x", c[:])
		}
	}
	return string(c[:])
}

// box is a box that lies in memory (ISO/IEC 14496-12, 4.2).
type box struct {
	kind   fourCC
	offset int64 // of the box in the file
	header int   // bytes before the body
	body   []byte
}

// boxReader goes through the boxes that lie one after the other in a region of memory.
type boxReader struct {
	box
	rest []byte
	at   int64
	path string
	err  error
}

// children goes through the boxes in b, the first of which lies skip bytes into the body. path names b in errors.
func (b *box) children(path string, skip int) boxReader {
	if skip > len(b.body) {
		return boxReader{err: bad(path, b.offset, "too short")}
	}
	return boxReader{rest: b.body[skip:], at: b.offset + int64(b.header+skip), path: path}
}

// next moves to the next box and tells whether there is one. Less than a header's bytes at the end are no error:
// QuickTime ends some lists with a zero.
func (r *boxReader) next() bool {
	if r.err != nil || len(r.rest) < 8 {
		return false
	}
	size, header := boxSize(r.rest)
	if size == 0 {
		size = uint64(len(r.rest))
	}
	if size < uint64(header) || size > uint64(len(r.rest)) {
		kind := fourCC(r.rest[4:8])
		r.err = bad(r.path+"/"+kind.printable(), r.at, "size %d does not fit the %d bytes that are there", size, len(r.rest))
		return false
	}
	r.box = box{kind: fourCC(r.rest[4:8]), offset: r.at, header: header, body: r.rest[header:size:size]}
	r.rest = r.rest[size:]
	r.at += int64(size)
	return true
}

// boxSize is the size that the header at b gives, 0 for "to the end", and the length of that header. b has at least 8
// bytes; where a 64-bit size is cut off, header is 16 and size 0xf, which fits nowhere.
func boxSize(b []byte) (size uint64, header int) {
	size = uint64(binary.BigEndian.Uint32(b))
	if size != 1 {
		return size, 8
	}
	if len(b) < 16 {
		return 15, 16
	}
	return binary.BigEndian.Uint64(b[8:]), 16
}

// bad is the error of a structure that is no good.
func bad(path string, offset int64, format string, args ...any) error {
	return &flv.FormatError{What: path, Offset: offset, Reason: fmt.Sprintf(format, args...)}
}

// fields reads big-endian numbers one after the other. Past the end it reads zeros and remembers that it did, so that
// one look at short after the last field is enough.
type fields struct {
	b     []byte
	short bool
}

func (f *fields) take(n int) []byte {
	if n < 0 || n > len(f.b) {
		f.b, f.short = nil, true
		return nil
	}
	b := f.b[:n]
	f.b = f.b[n:]
	return b
}

func (f *fields) skip(n int) { f.take(n) }

func (f *fields) uint(n int) (v uint64) {
	for _, b := range f.take(n) {
		v = v<<8 | uint64(b)
	}
	return v
}

func (f *fields) u8() uint8   { return uint8(f.uint(1)) }
func (f *fields) u16() uint16 { return uint16(f.uint(2)) }
func (f *fields) u24() uint32 { return uint32(f.uint(3)) }
func (f *fields) u32() uint32 { return uint32(f.uint(4)) }
func (f *fields) u64() uint64 { return f.uint(8) }

// version reads the head of a full box.
func (f *fields) version() (version uint8, flags uint32) { return f.u8(), f.u24() }

// sized reads a number of 64 bits in version 1 of a box, of 32 in version 0.
func (f *fields) sized(version uint8) uint64 {
	if version == 1 {
		return f.u64()
	}
	return uint64(f.u32())
}
