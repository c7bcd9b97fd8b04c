package flv

import (
	"context"
	"fmt"
	"io"
)

// entry is a tag as a scanner sees it.
type entry struct {
	tagHeader
	off  int64
	time int64 // ms on the file's own timeline, which does not wrap
	body body
}

func (e *entry) end() int64 { return e.off + e.span() }

// frame tells whether the entry holds coded frames of the given type.
func (e *entry) frame(kind TagType) bool { return e.kind == kind && e.body.packet == packetFrame }

// scanner walks over the tags of a file without reading more of their bodies than it takes to tell what they are. It
// keeps a copy of the bytes around the place where it is.
type scanner struct {
	in    Input
	chunk int
	buf   []byte
	off   int64 // of buf
	// time is the time of the last tag seen, near which the next one is taken to be.
	time int64
}

// near is the time that ts stands for: of all with these 32 bits, the one nearest to expected.
func near(ts uint32, expected int64) int64 { return expected + int64(int32(ts-uint32(expected))) }

// bytes returns the bytes from off to the end of the chunk: at least n, unless the file ends before.
func (s *scanner) bytes(ctx context.Context, off int64, n int) ([]byte, error) {
	if off >= s.in.Size() {
		return nil, nil
	}
	n = int(min(int64(n), s.in.Size()-off))
	if i := off - s.off; i >= 0 && i+int64(n) <= int64(len(s.buf)) {
		return s.buf[i:], nil
	}
	b, err := s.in.Window(ctx, off, int(min(int64(max(n, s.chunk)), s.in.Size()-off)))
	if err != nil {
		return nil, err
	}
	s.buf, s.off = append(s.buf[:0], b...), off
	return s.buf, nil
}

// header reads the header at off, and tells whether a whole tag may follow it.
func (s *scanner) header(ctx context.Context, off int64) (tagHeader, bool, error) {
	b, err := s.bytes(ctx, off, tagHeaderSize)
	if err != nil || len(b) < tagHeaderSize {
		return tagHeader{}, false, err
	}
	h, ok := parseTagHeader(b)
	return h, ok && off+tagHeaderSize+int64(h.size) <= s.in.Size(), nil
}

// tag reads the tag at off, and tells whether there is one. A header with bits set that should be 0 counts where another
// header, or the end of the file, follows its tag.
func (s *scanner) tag(ctx context.Context, off int64) (entry, bool, error) {
	h, ok, err := s.header(ctx, off)
	if err != nil || !ok {
		return entry{}, false, err
	}
	if h.encrypted || !h.clean {
		next := off + h.span()
		if _, ok, err = s.header(ctx, next); err != nil || !ok && next < s.in.Size() {
			return entry{}, false, err
		}
	}
	if h.encrypted {
		return entry{}, false, &FormatError{"tag", off, "encrypted"}
	}
	b, err := s.bytes(ctx, off, tagHeaderSize+min(h.size, bodyPrefix))
	if err != nil {
		return entry{}, false, err
	}
	tag := Tag{Type: h.kind, Data: b[tagHeaderSize : tagHeaderSize+min(h.size, bodyPrefix)]}
	s.time = near(h.timestamp, s.time)
	return entry{tagHeader: h, off: off, time: s.time, body: tag.parseBody()}, true, nil
}

// next returns the tag at off or, when junk lies there, the first one after it. io.EOF means that there is none.
func (s *scanner) next(ctx context.Context, off int64) (entry, error) {
	if e, ok, err := s.tag(ctx, off); err != nil || ok {
		return e, err
	}
	found, err := s.sync(ctx, off, off+maxResync)
	if err != nil {
		return entry{}, err
	}
	e, ok, err := s.tag(ctx, found)
	if err == nil && !ok {
		err = io.EOF
	}
	return e, err
}

// sync returns the first place in [off, limit) where a tag provably starts. io.EOF means that the file ends without one,
// or with the beginning of one; a *FormatError that there is none before limit.
func (s *scanner) sync(ctx context.Context, off, limit int64) (int64, error) {
	h, ok, err := s.cutOff(ctx, off)
	if err != nil {
		return 0, err
	}
	start, proofs := off, 0
	for off < limit {
		b, err := s.bytes(ctx, off, tagHeaderSize)
		if err != nil {
			return 0, err
		}
		if len(b) < tagHeaderSize {
			return 0, io.EOF
		}
		i := candidate(b[:min(int64(len(b)), limit-off+tagHeaderSize-1)])
		if off += int64(i); i > len(b)-tagHeaderSize {
			continue
		}
		switch proven, err := s.proven(ctx, off); {
		case err != nil:
			return 0, err
		case proven:
			return off, nil
		}
		if proofs++; proofs == maxProofs {
			break
		}
		off++
	}
	if ok && h.clean {
		return 0, io.EOF
	}
	return 0, &FormatError{"tag", start, fmt.Sprintf("no tag found in %d bytes", off-start)}
}

// cutOff tells whether off has a header whose tag goes past the end of the file.
func (s *scanner) cutOff(ctx context.Context, off int64) (tagHeader, bool, error) {
	b, err := s.bytes(ctx, off, tagHeaderSize)
	if err != nil || len(b) < tagHeaderSize {
		return tagHeader{}, false, err
	}
	h, ok := parseTagHeader(b)
	return h, ok && off+tagHeaderSize+int64(h.size) > s.in.Size(), nil
}

// candidate is the index of the first byte in b from which a header may start; where there is none, of the first one that
// was not tried.
func candidate(b []byte) int {
	for i := 0; i+tagHeaderSize <= len(b); i++ {
		switch b[i] &^ tagFilterBit {
		case byte(TagAudio), byte(TagVideo), byte(TagScript):
			if b[i+8] == 0 && b[i+9] == 0 && b[i+10] == 0 {
				return i
			}
		}
	}
	return max(len(b)-tagHeaderSize+1, 0)
}

// proven tells whether three clean headers follow one another from off, or fewer and then the end of the file. The chunk
// around off stays as it is, since off is only one of many candidates in it.
func (s *scanner) proven(ctx context.Context, off int64) (bool, error) {
	const run = 3
	ahead := scanner{in: s.in, chunk: tagHeaderSize}
	for n := range run {
		if n > 0 && off >= s.in.Size() {
			return true, nil
		}
		from := &ahead
		if i := off - s.off; i >= 0 && i+tagHeaderSize <= int64(len(s.buf)) {
			from = s
		}
		h, ok, err := from.header(ctx, off)
		if err != nil || !ok || !h.clean {
			return false, err
		}
		off += h.span()
	}
	return true, nil
}
