package chunk

import "encoding/binary"

// ControlStream is the chunk stream of protocol control and user control messages (RTMP 1.0, 5.4 and 6.2).
const ControlStream = 2

// Event is the kind of a user control message (RTMP 1.0, 7.1.7).
type Event uint16

// The events. Those from 26 on are not in the specification; Flash Media Server sends them and its clients know them.
const (
	EventStreamBegin      Event = 0  // stream id
	EventStreamEOF        Event = 1  // stream id
	EventStreamDry        Event = 2  // stream id
	EventSetBufferLength  Event = 3  // stream id, ms
	EventStreamIsRecorded Event = 4  // stream id
	EventPing             Event = 6  // timestamp
	EventPong             Event = 7  // timestamp of the ping
	EventSWFVerifyRequest Event = 26 // one byte, the version
	EventSWFVerifyReply   Event = 27 // 42 bytes
	EventBufferEmpty      Event = 31 // stream id
	EventBufferReady      Event = 32 // stream id
)

// BandwidthLimit is the kind of limit that SetPeerBandwidth sets (RTMP 1.0, 5.4.5).
type BandwidthLimit uint8

// The kinds of limit.
const (
	LimitHard    BandwidthLimit = 0
	LimitSoft    BandwidthLimit = 1
	LimitDynamic BandwidthLimit = 2
)

// swfVerifyVersion is the only version of SWF verification that clients answer.
const swfVerifyVersion = 1

// UserControl is a user control message.
type UserControl struct {
	Event  Event
	Value  uint32 // the stream id; the timestamp of EventPing and EventPong
	Buffer uint32 // EventSetBufferLength: ms
	Data   []byte // all that follows the event; a view of the message's payload
}

// The messages below fit one chunk of any size from DefaultChunkSize on, the least that a sender should announce
// (RTMP 1.0, 5.4.1), and are always written as one.

// AppendSetChunkSize adds the message that announces the size of the chunks behind it: 1 to 0x7FFFFFFF.
func AppendSetChunkSize(dst []byte, size uint32) []byte {
	return appendNumber(dst, TypeSetChunkSize, size&0x7FFFFFFF)
}

// AppendAck adds an acknowledgement: how many bytes have been received, modulo 2^32.
func AppendAck(dst []byte, received uint32) []byte { return appendNumber(dst, TypeAck, received) }

// AppendWindowAckSize adds the message that asks for an acknowledgement every size bytes.
func AppendWindowAckSize(dst []byte, size uint32) []byte {
	return appendNumber(dst, TypeWindowAckSize, size)
}

// AppendSetPeerBandwidth adds the message that sets the peer's window to size bytes.
func AppendSetPeerBandwidth(dst []byte, size uint32, limit BandwidthLimit) []byte {
	var body [5]byte
	binary.BigEndian.PutUint32(body[:], size)
	body[4] = byte(limit)
	return appendControl(dst, TypeSetPeerBandwidth, body[:])
}

// AppendUserControl adds a user control message with the numbers that belong to event: none for EventSWFVerifyRequest,
// whose version byte it writes itself, stream id and milliseconds for EventSetBufferLength, else one.
func AppendUserControl(dst []byte, event Event, args ...uint32) []byte {
	var buf [16]byte
	body := binary.BigEndian.AppendUint16(buf[:0], uint16(event))
	if event == EventSWFVerifyRequest {
		body = append(body, swfVerifyVersion)
	}
	for _, arg := range args {
		body = binary.BigEndian.AppendUint32(body, arg)
	}
	return appendControl(dst, TypeUserControl, body)
}

func appendNumber(dst []byte, t Type, n uint32) []byte {
	var body [4]byte
	binary.BigEndian.PutUint32(body[:], n)
	return appendControl(dst, t, body[:])
}

func appendControl(dst []byte, t Type, body []byte) []byte {
	return Append(dst, &Message{ChunkStream: ControlStream, Type: t, Payload: body}, DefaultChunkSize)
}

// ParseNumber reads the body of an Ack, WindowAckSize or SetPeerBandwidth message: the number of bytes in it.
func ParseNumber(payload []byte) (uint32, error) {
	if len(payload) < 4 {
		return 0, &Error{What: "control message length", Value: uint64(len(payload)), Reason: "less than 4 bytes"}
	}
	return binary.BigEndian.Uint32(payload), nil
}

// ParseUserControl reads the body of a user control message. Events that it does not know have their Data alone.
func ParseUserControl(payload []byte) (UserControl, error) {
	if len(payload) < 2 {
		return UserControl{}, shortUserControl(payload)
	}
	u := UserControl{Event: Event(binary.BigEndian.Uint16(payload)), Data: payload[2:]}
	switch u.Event {
	case EventStreamBegin, EventStreamEOF, EventStreamDry, EventSetBufferLength, EventStreamIsRecorded,
		EventPing, EventPong, EventBufferEmpty, EventBufferReady:
		if len(u.Data) < 4 {
			return UserControl{}, shortUserControl(payload)
		}
		u.Value = binary.BigEndian.Uint32(u.Data)
	}
	if u.Event == EventSetBufferLength {
		if len(u.Data) < 8 {
			return UserControl{}, shortUserControl(payload)
		}
		u.Buffer = binary.BigEndian.Uint32(u.Data[4:])
	}
	return u, nil
}

func shortUserControl(payload []byte) error {
	return &Error{What: "user control message length", Value: uint64(len(payload)), Reason: "shorter than its event needs"}
}
