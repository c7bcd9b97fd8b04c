package flv

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/seed-3309b198/reelfront/flv/amf"
)

// Writer writes an FLV file. It is used by one goroutine, and does not buffer.
type Writer struct {
	w   io.Writer
	buf []byte
	err error
}

// NewWriter writes the header of a file, and onMetaData from info, to w. info may be nil for a file without.
func NewWriter(w io.Writer, info *Info) (*Writer, error) {
	fw := &Writer{w: w}
	flags := byte(0)
	if info == nil {
		flags = 5 // sound and picture, since nothing is known
	} else {
		for _, t := range info.Tracks {
			switch t.Type {
			case TrackAudio:
				flags |= 4
			case TrackVideo:
				flags |= 1
			}
		}
	}
	fw.buf = append(fw.buf, 'F', 'L', 'V', 1, flags, 0, 0, 0, fileHeaderSize, 0, 0, 0, 0)
	if fw.flush(); fw.err != nil || info == nil {
		return fw, fw.err
	}
	body, err := amf.Append(nil, "onMetaData", info.OnMetaData())
	if err != nil {
		return nil, err
	}
	return fw, fw.Write(&Tag{Type: TagScript, Data: body})
}

// Write writes a tag. After an error every call returns it.
func (w *Writer) Write(t *Tag) error {
	if w.err != nil {
		return w.err
	}
	n := t.Len()
	if n > maxTagSize {
		return fmt.Errorf("flv: a tag of %d bytes, of which %d are possible", n, maxTagSize)
	}
	w.buf = t.AppendBody(appendTagHeader(w.buf, t.Type, n, t.Timestamp))
	w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(tagHeaderSize+n))
	w.flush()
	return w.err
}

func (w *Writer) flush() {
	_, w.err = w.w.Write(w.buf)
	w.buf = w.buf[:0]
}
