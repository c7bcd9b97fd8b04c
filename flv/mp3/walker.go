package mp3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/seed-3309b198/reelfront/flv"
)

// chain is how many headers in a row, each where the one before says, make a frame out of what may be chance.
const chain = 3

// chainLen is the room that a chain takes.
const chainLen = (chain-1)*maxFrame + headerLen

// errJunk says that there is no frame for longer than is looked for.
var errJunk = errors.New("no frame")

// A frame is one frame as it lies in the file.
type frame struct {
	header
	off  int64
	data []byte // a view, valid until the next call on the walker
}

// A walker goes from frame to frame, over junk where there is some.
type walker struct {
	in     flv.Input
	end    int64 // of the audio
	window int64 // bytes asked for at a time
	junk   int64 // bytes without a frame that are skipped before giving up

	off  int64  // where the next frame is looked for
	last header // of the frame before; the zero header fits none

	base int64 // where buf begins
	buf  []byte
}

// bytes returns a view of what lies at off: need bytes or more, fewer only at the end of the audio.
func (w *walker) bytes(ctx context.Context, off, need int64) ([]byte, error) {
	need = min(need, w.end-off)
	if need <= 0 {
		return nil, nil
	}
	if off < w.base || off+need > w.base+int64(len(w.buf)) {
		w.buf = nil
		n := min(max(need, w.window), w.end-off)
		b, err := w.in.Window(ctx, off, int(n))
		if err != nil {
			return nil, err
		}
		w.base, w.buf = off, b
	}
	return w.buf[off-w.base:], nil
}

// next returns the frame at or after w.off and moves behind it. It is io.EOF when there is none up to the end, and
// errJunk when there is none for w.junk bytes. After any other error it can be called again.
func (w *walker) next(ctx context.Context) (frame, error) {
	b, err := w.bytes(ctx, w.off, maxFrame)
	if err != nil {
		return frame{}, err
	}
	off := w.off
	h, ok := parseHeader(b)
	if !ok || !h.plays() || !h.alike(&w.last) || h.size > len(b) {
		if off, err = w.sync(ctx, off); err != nil {
			return frame{}, err
		}
		if b, err = w.bytes(ctx, off, maxFrame); err != nil {
			return frame{}, err
		}
		h, _ = parseHeader(b)
	}
	w.off, w.last = off+int64(h.size), h
	return frame{header: h, off: off, data: b[:h.size:h.size]}, nil
}

// sync finds the first frame at or after off that is complete and begins a chain.
func (w *walker) sync(ctx context.Context, off int64) (int64, error) {
	for limit := off + w.junk; off < limit; {
		b, err := w.bytes(ctx, off, chainLen)
		if err != nil {
			return 0, err
		}
		// Behind room a chain no longer fits into b, but for the end of the audio, where it need not.
		room := len(b) - chainLen + 1
		if off+int64(len(b)) == w.end {
			room = len(b)
		}
		if len(b) < headerLen {
			return 0, io.EOF
		}
		room = min(room, int(limit-off))
		i := firstChain(b, room)
		if i < room {
			return off + int64(i), nil
		}
		off += int64(room)
	}
	return 0, errJunk
}

// firstChain is the index of the first chain that begins in b[:room], or room.
func firstChain(b []byte, room int) int {
	for i := 0; i < room; i++ {
		k := bytes.IndexByte(b[i:room], 0xFF)
		if k < 0 {
			return room
		}
		if i += k; isChain(b[i:], 3) {
			return i
		}
	}
	return room
}

// isChain tells whether b begins with a complete frame of the given layer and then headers like its own, three in all
// or as many as there is room for.
func isChain(b []byte, layer uint8) bool {
	first, ok := parseHeader(b)
	if !ok || first.layer != layer || first.free || first.size > len(b) {
		return false
	}
	at := first.size
	for n := 1; n < chain && len(b)-at >= headerLen; n++ {
		h, ok := parseHeader(b[at:])
		if !ok || h.free || !h.alike(&first) {
			return false
		}
		at = min(at+h.size, len(b))
	}
	return true
}

// isEnd tells whether err says that no frame follows.
func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, errJunk) }

// fault turns the walker's own errors into what a caller is told of a frame looked for at off.
func (w *walker) fault(err error) error {
	if !errors.Is(err, errJunk) {
		return err
	}
	return &flv.FormatError{What: "frame", Offset: w.off, Reason: fmt.Sprintf("no frame of MP3 in %d bytes", w.junk)}
}
