package chunk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// messageHeaderSize is that of each header type (RTMP 1.0, 5.3.1.2).
var messageHeaderSize = [4]int{11, 7, 3, 0}

// Reader puts messages together from a chunk stream. One goroutine calls ReadMessage; BytesRead is for any.
type Reader struct {
	in        input
	limits    Limits
	chunkSize int
	streams   []stream
	held      int    // bytes in blocks of messages that have not ended
	last      *block // holds the payload that was returned last
	err       error  // sticky
}

// stream is what one chunk stream remembers from header to header.
type stream struct {
	id        uint32
	field     uint32 // the last timestamp field: a delta, or the timestamp itself after a header of type 0
	timestamp uint32 // of the last message, like the rest of its header
	message   uint32 // the message stream id
	length    uint32
	got       uint32 // bytes of the open message
	kind      Type
	extended  bool   // field came as an extended timestamp
	open      bool   // a message has begun and not ended
	body      *block // the bytes of the open message; grows as they come, never ahead of them
}

// NewReader returns a Reader on r, for which the handshake is done. It reads ahead of the messages that it returns.
func NewReader(r io.Reader, limits Limits) *Reader {
	return &Reader{in: input{r: r}, limits: limits.withDefaults(), chunkSize: DefaultChunkSize}
}

// BytesRead is how many bytes have been taken from the underlying reader, those read ahead included. It never wraps;
// acknowledgements carry its low 32 bits.
func (r *Reader) BytesRead() uint64 { return r.in.count.Load() }

// ReadMessage returns the next message; its body is in Payload, which is valid until the next call, and Head is nil.
// SetChunkSize and Abort are obeyed and not returned; all other types are the caller's, also those that nobody knows.
//
// The error is io.EOF between messages, io.ErrUnexpectedEOF within one, an *Error when the peer breaks the protocol or a
// limit, else that of the underlying reader. After an error every call returns the same: a read deadline that has passed
// may have passed in mid-header.
func (r *Reader) ReadMessage() (Message, error) {
	for r.err == nil {
		giveBack(r.last)
		r.last = nil
		m, complete, err := r.readChunk()
		if err != nil {
			r.fail(err)
			break
		}
		if !complete {
			continue
		}
		switch m.Type {
		case TypeSetChunkSize:
			err = r.setChunkSize(m.Payload)
		case TypeAbort:
			err = r.abort(m.Payload)
		default:
			return m, nil
		}
		if err != nil {
			r.fail(err)
		}
	}
	return Message{}, r.err
}

// fail keeps err for good and gives back what is held.
func (r *Reader) fail(err error) {
	r.err = err
	for i := range r.streams {
		giveBack(r.streams[i].body)
	}
	giveBack(r.in.borrowed)
	r.streams, r.in.borrowed, r.in.unread, r.held = nil, nil, nil, 0
}

// readChunk reads one chunk, and reports whether a message is complete with it.
func (r *Reader) readChunk() (m Message, complete bool, err error) {
	r.in.rest()
	if _, err := r.in.need(1); err != nil {
		if errors.Is(err, io.EOF) && r.held > 0 {
			err = io.ErrUnexpectedEOF
		}
		return Message{}, false, err
	}
	s, err := r.readHeader()
	if err == nil {
		var body []byte
		if body, err = r.readBody(s); err == nil && !s.open {
			return Message{ChunkStream: s.id, Type: s.kind, Stream: s.message, Timestamp: s.timestamp, Payload: body}, true, nil
		}
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return Message{}, false, err
}

// readHeader reads a chunk's header, and starts a message where one begins.
func (r *Reader) readHeader() (*stream, error) {
	format, id, err := r.readBasicHeader()
	if err != nil {
		return nil, err
	}
	s, err := r.stream(id, format)
	if err != nil {
		return nil, err
	}
	if err := r.readMessageHeader(s, format); err != nil {
		return nil, err
	}
	if s.open {
		return s, nil
	}
	if format == 0 {
		s.timestamp = s.field
	} else {
		s.timestamp += s.field
	}
	if int(s.length) > r.limits.MessageSize {
		return nil, s.violation("message length", int(s.length), fmt.Sprintf("the limit is %d", r.limits.MessageSize))
	}
	s.open, s.got = true, 0
	return s, nil
}

// readBasicHeader reads header type and chunk stream id (RTMP 1.0, 5.3.1.1).
func (r *Reader) readBasicHeader() (format byte, id uint32, err error) {
	b, err := r.in.need(1)
	if err != nil {
		return 0, 0, err
	}
	format, id = b[0]>>6, uint32(b[0]&0x3F)
	size := 1
	if id < MinChunkStream {
		size = 2 + int(id)
		if b, err = r.in.need(size); err != nil {
			return 0, 0, err
		}
		id = 64 + uint32(b[1])
		if size == 3 {
			id += uint32(b[2]) << 8
		}
	}
	r.in.discard(size)
	return format, id, nil
}

// stream finds the state of chunk stream id, or starts it. Clients do start one with a header of type 1, whose missing
// stream id is 0; the shorter ones cannot be understood without a header before them.
func (r *Reader) stream(id uint32, format byte) (*stream, error) {
	for i := range r.streams {
		if s := &r.streams[i]; s.id == id {
			if s.open && format != 3 {
				return nil, s.violation("header type", int(format), "within a message")
			}
			return s, nil
		}
	}
	fresh := stream{id: id}
	if format > 1 {
		return nil, fresh.violation("header type", int(format), "first on its chunk stream")
	}
	if len(r.streams) >= r.limits.ChunkStreams {
		return nil, fresh.violation("number of chunk streams", len(r.streams)+1, "too many")
	}
	r.streams = append(r.streams, fresh)
	return &r.streams[len(r.streams)-1], nil
}

// readMessageHeader reads what follows the basic header (RTMP 1.0, 5.3.1.2 and 5.3.1.3).
func (r *Reader) readMessageHeader(s *stream, format byte) error {
	if format == 3 {
		return r.skipRepeated(s)
	}
	b, err := r.in.need(messageHeaderSize[format])
	if err != nil {
		return err
	}
	s.field = uint24(b)
	if format < 2 {
		s.length, s.kind = uint24(b[3:]), Type(b[6])
	}
	if format == 0 {
		s.message = binary.LittleEndian.Uint32(b[7:])
	}
	r.in.discard(len(b))
	if s.extended = s.field == extendedTimestamp; s.extended {
		if b, err = r.in.need(4); err != nil {
			return err
		}
		s.field = binary.BigEndian.Uint32(b)
		r.in.discard(4)
	}
	return nil
}

// skipRepeated skips the extended timestamp of a type 3 chunk. Some senders do not repeat it, so it is skipped only when
// it is what it must be; bytes that differ are the body's, and waiting for more than the first of them could be in vain.
func (r *Reader) skipRepeated(s *stream) error {
	if !s.extended {
		return nil
	}
	var expected [4]byte
	binary.BigEndian.PutUint32(expected[:], s.field)
	for i := range expected {
		b, err := r.in.need(i + 1)
		if err != nil {
			return err
		}
		if b[i] != expected[i] {
			return nil
		}
	}
	r.in.discard(len(expected))
	return nil
}

// readBody reads a chunk's body, and returns the message's when it is complete.
func (r *Reader) readBody(s *stream) ([]byte, error) {
	n := min(r.chunkSize, int(s.length-s.got))
	if n == int(s.length) && n <= len(r.in.unread) {
		body := r.in.unread[:n:n]
		r.in.discard(n)
		s.open = false
		return body, nil
	}
	for n > 0 {
		if err := r.makeRoom(s); err != nil {
			return nil, err
		}
		got, err := r.in.read(s.body.bytes[s.got:min(int(s.got)+n, len(s.body.bytes))])
		if err != nil {
			return nil, err
		}
		s.got += uint32(got)
		n -= got
	}
	if s.got < s.length {
		return nil, nil
	}
	r.last = r.take(s)
	return r.last.bytes[:s.length], nil
}

// makeRoom gives an open message a larger block when it has filled its own.
func (r *Reader) makeRoom(s *stream) error {
	old := s.body
	size := 0
	if old != nil {
		if size = len(old.bytes); int(s.got) < size {
			return nil
		}
	}
	larger := borrow(min(int(s.length), max(smallestBlock, size*blockGrowth)))
	if r.held += len(larger.bytes) - size; r.held > r.limits.PartialBytes {
		giveBack(larger)
		return s.violation("memory for unfinished messages", r.held, fmt.Sprintf("the limit is %d", r.limits.PartialBytes))
	}
	if old != nil {
		copy(larger.bytes, old.bytes)
		giveBack(old)
	}
	s.body = larger
	return nil
}

// take closes an open message and returns its block, which may be nil.
func (r *Reader) take(s *stream) *block {
	b := s.body
	if b != nil {
		r.held -= len(b.bytes)
	}
	s.open, s.body = false, nil
	return b
}

// setChunkSize obeys SetChunkSize (RTMP 1.0, 5.4.1). Sizes are announced that no message has; nothing is made by them.
func (r *Reader) setChunkSize(payload []byte) error {
	size, err := ParseNumber(payload)
	if err != nil {
		return err
	}
	if size == 0 || size > 0x7FFFFFFF {
		return &Error{What: "chunk size", Value: uint64(size), Reason: "not in 1 to 0x7FFFFFFF", ChunkStream: ControlStream}
	}
	r.chunkSize = int(min(size, MaxMessageSize))
	return nil
}

// abort drops what has come of the message on a chunk stream (RTMP 1.0, 5.4.2).
func (r *Reader) abort(payload []byte) error {
	id, err := ParseNumber(payload)
	if err != nil {
		return err
	}
	for i := range r.streams {
		if s := &r.streams[i]; s.id == id {
			giveBack(r.take(s))
		}
	}
	return nil
}

func (s *stream) violation(what string, value int, reason string) *Error {
	return &Error{What: what, Value: uint64(value), Reason: reason, ChunkStream: s.id}
}

func uint24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }
