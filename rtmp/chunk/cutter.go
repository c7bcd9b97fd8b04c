package chunk

import (
	"encoding/binary"
	"slices"
)

const (
	// extendedTimestamp in a 24-bit field says that the value is in the 4 bytes behind the header (RTMP 1.0, 5.3.1.3).
	extendedTimestamp = 1<<24 - 1
	// maxHeader is the longest chunk header: basic header, message header of type 0, extended timestamp.
	maxHeader = 3 + 11 + 4
	// shortHeader is the header of type 0 of a chunk stream up to 63, whose basic header is one byte (5.3.1.1).
	shortHeader    = 1 + 11
	maxShortStream = 63 - MinChunkStream
)

// Append adds m, cut into chunks of chunkSize bytes, to dst. It allocates only when dst has less than Size bytes free.
// The body is copied, so m's slices are the caller's again on return.
//
// A chunkSize below 1 means DefaultChunkSize. A body longer than MaxMessageSize, which no header can state, is cut off
// there; a chunk stream id out of range becomes the nearest one in range.
func Append(dst []byte, m *Message, chunkSize int) []byte {
	if isShort(m, chunkSize) {
		return appendOne(dst, m)
	}
	c := Cut(m, chunkSize)
	dst, _ = c.Next(slices.Grow(dst, Size(m, chunkSize)))
	return dst
}

// isShort tells whether a message is one chunk with the shortest header, as nearly all of a server's are.
func isShort(m *Message, chunkSize int) bool {
	size := len(m.Head) + len(m.Payload)
	return size <= chunkSize && size <= MaxMessageSize && m.ChunkStream-MinChunkStream <= maxShortStream && m.Timestamp < extendedTimestamp
}

// appendOne adds a short message: the very bytes that a Cutter would make.
func appendOne(dst []byte, m *Message) []byte {
	size := len(m.Head) + len(m.Payload)
	dst = append(dst, byte(m.ChunkStream),
		byte(m.Timestamp>>16), byte(m.Timestamp>>8), byte(m.Timestamp),
		byte(size>>16), byte(size>>8), byte(size), byte(m.Type),
		byte(m.Stream), byte(m.Stream>>8), byte(m.Stream>>16), byte(m.Stream>>24))
	dst = append(dst, m.Head...)
	return append(dst, m.Payload...)
}

// Size is how many bytes Append adds.
func Size(m *Message, chunkSize int) int {
	if isShort(m, chunkSize) {
		return shortHeader + len(m.Head) + len(m.Payload)
	}
	body := bodySize(m)
	chunks := max(1, (body+usableChunkSize(chunkSize)-1)/usableChunkSize(chunkSize))
	perChunk := basicHeaderSize(m.ChunkStream)
	if m.Timestamp >= extendedTimestamp {
		perChunk += 4
	}
	return 11 + chunks*perChunk + body
}

// Cutter cuts one message piece by piece, for buffers that are smaller than the message. It keeps m's Head and Payload
// until it is done. Pieces end anywhere, so nothing else may be sent between them.
type Cutter struct {
	head, payload []byte // what is still to be cut
	chunkSize     int
	room          int // body bytes that the current chunk still takes

	header      [maxHeader]byte // of the current chunk
	at, end     int             // header[at:end] is still to be written
	chunkStream uint32
	timestamp   uint32
}

// Cut starts cutting m into chunks of chunkSize bytes, with Append's corrections.
func Cut(m *Message, chunkSize int) Cutter {
	size := bodySize(m)
	head := m.Head[:min(len(m.Head), size)]
	c := Cutter{
		head: head, payload: m.Payload[:size-len(head)],
		chunkSize: usableChunkSize(chunkSize), room: usableChunkSize(chunkSize),
		chunkStream: m.ChunkStream, timestamp: m.Timestamp,
	}
	b := appendBasicHeader(c.header[:0], 0, m.ChunkStream)
	b = appendUint24(b, min(m.Timestamp, extendedTimestamp))
	b = appendUint24(b, uint32(size))
	b = append(b, byte(m.Type))
	b = binary.LittleEndian.AppendUint32(b, m.Stream)
	c.end = len(c.appendExtended(b))
	return c
}

// Next fills dst from its length up to its capacity, never beyond, and reports whether the message is complete. The
// pieces join to exactly what Append would have made.
func (c *Cutter) Next(dst []byte) ([]byte, bool) {
	for {
		n := copy(dst[len(dst):cap(dst)], c.header[c.at:c.end])
		dst, c.at = dst[:len(dst)+n], c.at+n
		if c.at < c.end {
			return dst, false
		}
		dst, n = c.fill(dst, c.head)
		c.head = c.head[n:]
		dst, n = c.fill(dst, c.payload)
		c.payload = c.payload[n:]
		switch {
		case len(c.head)+len(c.payload) == 0:
			return dst, true
		case c.room > 0:
			return dst, false
		}
		c.continuation()
	}
}

// fill copies as much of body to dst as the chunk and dst take, and says how much that was.
func (c *Cutter) fill(dst, body []byte) ([]byte, int) {
	n := copy(dst[len(dst):cap(dst)], body[:min(len(body), c.room)])
	c.room -= n
	return dst[:len(dst)+n], n
}

// continuation starts the next chunk. The extended timestamp is repeated in it, as Flash does and its clients need.
func (c *Cutter) continuation() {
	b := appendBasicHeader(c.header[:0], 3, c.chunkStream)
	c.at, c.end = 0, len(c.appendExtended(b))
	c.room = c.chunkSize
}

func (c *Cutter) appendExtended(b []byte) []byte {
	if c.timestamp < extendedTimestamp {
		return b
	}
	return binary.BigEndian.AppendUint32(b, c.timestamp)
}

func usableChunkSize(n int) int {
	if n < 1 {
		return DefaultChunkSize
	}
	return min(n, MaxMessageSize)
}

func bodySize(m *Message) int { return min(len(m.Head)+len(m.Payload), MaxMessageSize) }

// basicHeaderSize is that of a chunk stream id: 1, 2 or 3 bytes (RTMP 1.0, 5.3.1.1).
func basicHeaderSize(id uint32) int {
	switch {
	case id < 64:
		return 1
	case id < 320:
		return 2
	default:
		return 3
	}
}

func appendBasicHeader(b []byte, format byte, id uint32) []byte {
	id = min(max(id, MinChunkStream), MaxChunkStream)
	switch basicHeaderSize(id) {
	case 1:
		return append(b, format<<6|byte(id))
	case 2:
		return append(b, format<<6, byte(id-64))
	default:
		return append(b, format<<6|1, byte(id-64), byte((id-64)>>8))
	}
}

func appendUint24(b []byte, v uint32) []byte { return append(b, byte(v>>16), byte(v>>8), byte(v)) }
