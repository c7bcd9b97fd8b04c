package chunk

// Type is the type id of a message (RTMP 1.0, 5.4, 6.2 and 7.1).
type Type uint8

// The message types.
const (
	TypeSetChunkSize     Type = 1
	TypeAbort            Type = 2
	TypeAck              Type = 3
	TypeUserControl      Type = 4
	TypeWindowAckSize    Type = 5
	TypeSetPeerBandwidth Type = 6
	TypeAudio            Type = 8
	TypeVideo            Type = 9
	TypeDataAMF3         Type = 15
	TypeSharedObjectAMF3 Type = 16
	TypeCommandAMF3      Type = 17
	TypeDataAMF0         Type = 18
	TypeSharedObjectAMF0 Type = 19
	TypeCommandAMF0      Type = 20
	TypeAggregate        Type = 22
)

// Message is one RTMP message. Its body is Head and then Payload: two slices, so that a codec header and a window onto a
// file need not be joined first.
type Message struct {
	ChunkStream uint32 // 2 to 65599
	Type        Type
	Stream      uint32 // message stream id; 0 is the connection itself
	Timestamp   uint32 // ms
	Head        []byte
	Payload     []byte
}
