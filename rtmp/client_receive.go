package rtmp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
)

// read is the reading goroutine.
func (c *Client) read() {
	defer close(c.done)
	for {
		m, err := c.in.ReadMessage()
		if err == nil {
			err = c.receive(&m)
		}
		if errors.Is(err, io.EOF) {
			err = errHungUp
		}
		if err != nil {
			_ = c.end(err)
			return
		}
	}
}

// receive does what one message asks for. An error ends the connection.
func (c *Client) receive(m *chunk.Message) error {
	if err := c.acknowledge(); err != nil {
		return err
	}
	switch m.Type {
	case chunk.TypeAudio, chunk.TypeVideo:
		c.deliver(m.Stream, flv.TagType(m.Type), m.Timestamp, m.Payload)
	case chunk.TypeDataAMF0, chunk.TypeDataAMF3:
		return c.data(m.Stream, m.Timestamp, withoutSelector(m.Type == chunk.TypeDataAMF3, m.Payload))
	case chunk.TypeAggregate:
		return c.split(m)
	case chunk.TypeCommandAMF0, chunk.TypeCommandAMF3:
		return c.command(m)
	case chunk.TypeUserControl:
		return c.userControl(m.Payload)
	case chunk.TypeWindowAckSize:
		n, err := chunk.ParseNumber(m.Payload)
		c.ackEvery = uint64(n)
		return err
	case chunk.TypeSetPeerBandwidth:
		return c.setWindow(m.Payload)
	}
	// Acknowledgements, shared objects and what nobody knows.
	return nil
}

// acknowledge tells the server how much was received, once per window that it stated (RTMP 1.0, 5.4.3).
func (c *Client) acknowledge() error {
	n := c.in.BytesRead()
	if c.ackEvery == 0 || n-c.acked < c.ackEvery {
		return nil
	}
	c.acked = n
	return c.reply(chunk.AppendAck(nil, uint32(n)))
}

// setWindow answers SetPeerBandwidth, unless that window was stated already (RTMP 1.0, 5.4.5).
func (c *Client) setWindow(payload []byte) error {
	n, err := chunk.ParseNumber(payload)
	if err != nil || n == c.window {
		return err
	}
	c.window = n
	return c.reply(chunk.AppendWindowAckSize(nil, n))
}

func (c *Client) userControl(payload []byte) error {
	control, err := chunk.ParseUserControl(payload)
	if err != nil {
		return err
	}
	if control.Event == chunk.EventPing {
		return c.reply(chunk.AppendUserControl(nil, chunk.EventPong, control.Value))
	}
	return nil
}

// command takes what the server calls or answers. Calls that want an answer get none, as from other players.
func (c *Client) command(m *chunk.Message) error {
	if len(m.Payload) > clientCommandBytes {
		return fmt.Errorf("rtmp: command of %d bytes", len(m.Payload))
	}
	cmd, err := parseCommand(m)
	if err != nil {
		return err
	}
	switch cmd.name {
	case "_result":
		c.answer(cmd.transaction, answer{values: cmd.args})
	case "_error":
		refused := statusOf(0, cmd.arg(0))
		c.answer(cmd.transaction, answer{err: refused.refusal()})
	case "onStatus":
		return c.status(statusOf(m.Stream, cmd.arg(0)))
	case "close":
		return errHungUp
	}
	return nil
}

// answer wakes the call with this transaction id, if it still waits.
func (c *Client) answer(transaction float64, a answer) {
	c.mu.Lock()
	answered := c.calls[transaction]
	delete(c.calls, transaction)
	c.mu.Unlock()
	if answered != nil {
		answered <- a
	}
}

// status tells a status to the stream that it is about. One that says that the connection is refused or shut down ends
// it: some servers then wait for the client to hang up.
func (c *Client) status(s Status) error {
	if c.opts.OnStatus != nil {
		c.opts.OnStatus(s)
	}
	if strings.HasPrefix(s.Code, "NetConnection.") {
		if s.Level == levelError && strings.HasPrefix(s.Code, "NetConnection.Connect.") {
			return s.refusal()
		}
		return nil
	}
	if stream := c.stream(s.StreamID); stream != nil {
		stream.status(&s)
	}
	return nil
}

// stream finds a stream. Some servers name stream 0 where they mean the only one there is.
func (c *Client) stream(id uint32) *ClientStream {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id == 0 && len(c.streams) == 1 {
		for _, s := range c.streams {
			return s
		}
	}
	return c.streams[id]
}

// deliver hands a tag to its stream. It waits until there is room.
func (c *Client) deliver(stream uint32, kind flv.TagType, timestamp uint32, body []byte) {
	if len(body) == 0 {
		return // Flash servers send empty messages, which no file has, where a stream begins and where it is silent
	}
	if s := c.stream(stream); s != nil {
		s.deliver(kind, timestamp, body)
	}
}

// The data messages that are about the playback and not of the file.
var (
	nameStatus       = []byte("onStatus")
	namePlayStatus   = []byte("onPlayStatus")
	nameSampleAccess = []byte("|RtmpSampleAccess")
)

// data takes a data message: a status, or a script tag.
func (c *Client) data(stream, timestamp uint32, body []byte) error {
	switch name := scriptName(body); {
	case bytes.Equal(name, nameSampleAccess):
		return nil
	case bytes.Equal(name, nameStatus), bytes.Equal(name, namePlayStatus):
		return c.dataStatus(stream, body)
	}
	c.deliver(stream, flv.TagScript, timestamp, body)
	return nil
}

func (c *Client) dataStatus(stream uint32, body []byte) error {
	if len(body) > clientCommandBytes {
		return fmt.Errorf("rtmp: status of %d bytes", len(body))
	}
	values, err := amf.Decode(body)
	if err != nil {
		return fmt.Errorf("rtmp: status: %w", err)
	}
	for _, v := range values[1:] {
		if _, ok := amf.Properties(v); ok {
			return c.status(statusOf(stream, v))
		}
	}
	return nil
}

// scriptName is the string that a data message begins with, nil where it begins with something else.
func scriptName(body []byte) []byte {
	const markerString = 2 // AMF0, 2.1
	if len(body) < 3 || body[0] != markerString {
		return nil
	}
	n := 3 + int(binary.BigEndian.Uint16(body[1:]))
	if n > len(body) {
		return nil
	}
	return body[3:n]
}

// withoutSelector takes away the byte 0 in front of an AMF3 message, which some servers omit; what follows is AMF0.
func withoutSelector(amf3 bool, body []byte) []byte {
	if amf3 && len(body) > 0 && body[0] == 0 {
		return body[1:]
	}
	return body
}

// The parts of an aggregate message: tags as in an FLV file (RTMP 1.0, 7.1.6; FLV v10.1, E.4.1).
const (
	tagHeaderSize   = 11
	backPointerSize = 4
)

// split takes an aggregate message apart. The first tag has the message's time, and the others keep their distance to it.
func (c *Client) split(m *chunk.Message) error {
	var offset uint32
	for rest, first := m.Payload, true; len(rest) > 0; first = false {
		if len(rest) < tagHeaderSize {
			return errAggregate
		}
		size := int(binary.BigEndian.Uint32(rest) & 0xFFFFFF)
		timestamp := binary.BigEndian.Uint32(rest[4:])>>8 | uint32(rest[7])<<24
		if first {
			offset = m.Timestamp - timestamp
		}
		if len(rest)-tagHeaderSize < size {
			return errAggregate
		}
		body := rest[tagHeaderSize : tagHeaderSize+size]
		switch kind := flv.TagType(rest[0]); kind {
		case flv.TagAudio, flv.TagVideo:
			c.deliver(m.Stream, kind, timestamp+offset, body)
		case flv.TagScript:
			if err := c.data(m.Stream, timestamp+offset, body); err != nil {
				return err
			}
		}
		// The last back pointer may be missing.
		rest = rest[min(len(rest), tagHeaderSize+size+backPointerSize):]
	}
	return nil
}

var errAggregate = errors.New("rtmp: an aggregate message ends within a tag")
