package chunk

// Sizes that the protocol sets.
const (
	// DefaultChunkSize is the chunk size of both directions until SetChunkSize says otherwise (RTMP 1.0, 5.4.1).
	DefaultChunkSize = 128
	// MaxMessageSize is the longest body that a message header can state: 24 bits (5.3.1.2.1).
	MaxMessageSize = 1<<24 - 1
	// MinChunkStream and MaxChunkStream bound the ids that a basic header can state (5.3.1.1).
	MinChunkStream = 2
	MaxChunkStream = 65599
)

// Limits bounds what a Reader accepts and holds. Zero fields mean the defaults.
type Limits struct {
	// MessageSize is the longest body in bytes; 1 MiB by default, never more than MaxMessageSize.
	MessageSize int
	// ChunkStreams is how many chunk streams a peer may use on one connection; 64 by default.
	ChunkStreams int
	// PartialBytes bounds the memory of messages that have begun but not ended; 4 MiB by default.
	PartialBytes int
}

const (
	defaultMessageSize  = 1 << 20
	defaultChunkStreams = 64
	defaultPartialBytes = 4 << 20
)

func (l Limits) withDefaults() Limits {
	if l.MessageSize <= 0 {
		l.MessageSize = defaultMessageSize
	}
	if l.ChunkStreams <= 0 {
		l.ChunkStreams = defaultChunkStreams
	}
	if l.PartialBytes <= 0 {
		l.PartialBytes = defaultPartialBytes
	}
	l.MessageSize = min(l.MessageSize, MaxMessageSize)
	return l
}
