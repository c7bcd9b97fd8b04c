package rtmp

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
)

// The chunk streams that a server sends on, as Flash Media Server 3.5 used them; any client takes any.
const (
	csControl = 2
	csConnect = 3
	csStatus  = 5
	csAudio   = 6
	csVideo   = 7
)

// command is one remote procedure call (RTMP 1.0, 7.1.1 and 7.2).
type command struct {
	name        string
	transaction float64
	args        []any // the first is the command object, nil but for connect
	stream      uint32
}

var errNotCommand = errors.New("rtmp: a command does not begin with a name")

// parseCommand decodes a message of type 20 or 17. The AMF3 type begins with a selector byte 0, which some peers omit;
// what follows is AMF0 in either case.
func parseCommand(m *chunk.Message) (command, error) {
	body := m.Payload
	if m.Type == chunk.TypeCommandAMF3 && len(body) > 0 && body[0] == 0 {
		body = body[1:]
	}
	values, err := amf.Decode(body)
	if err != nil {
		return command{}, fmt.Errorf("rtmp: command: %w", err)
	}
	if len(values) == 0 {
		return command{}, errNotCommand
	}
	cmd := command{stream: m.Stream}
	var ok bool
	if cmd.name, ok = values[0].(string); !ok {
		return command{}, errNotCommand
	}
	if len(values) > 1 {
		cmd.transaction, _ = values[1].(float64)
		cmd.args = values[2:]
	}
	return cmd, nil
}

// arg is argument i behind the command object, nil where it was not sent.
func (c *command) arg(i int) any {
	if i+1 < len(c.args) {
		return c.args[i+1]
	}
	return nil
}

func (c *command) stringArg(i int) string {
	s, _ := c.arg(i).(string)
	return s
}

// boolArg reads a boolean that may also come as a number, and is byDefault where it is missing.
func (c *command) boolArg(i int, byDefault bool) bool {
	switch v := c.arg(i).(type) {
	case bool:
		return v
	case float64:
		return v != 0
	}
	return byDefault
}

// millis reads a number of milliseconds, byDefault where it is missing or no number; it is bounded to 24 days, which
// keeps all further arithmetic exact.
func (c *command) millis(i int, byDefault float64) time.Duration {
	v, ok := c.arg(i).(float64)
	if !ok || math.IsNaN(v) {
		v = byDefault
	}
	return time.Duration(max(-math.MaxInt32, min(v, math.MaxInt32))) * time.Millisecond
}

// encoder turns values into chunks; what it appends can be sent as it is.
type encoder struct{ chunkSize int }

func (e encoder) command(dst []byte, cs, stream, timestamp uint32, values ...any) []byte {
	return e.amf(dst, chunk.TypeCommandAMF0, cs, stream, timestamp, values)
}

func (e encoder) data(dst []byte, stream, timestamp uint32, values ...any) []byte {
	return e.amf(dst, chunk.TypeDataAMF0, csStatus, stream, timestamp, values)
}

func (e encoder) amf(dst []byte, t chunk.Type, cs, stream, timestamp uint32, values []any) []byte {
	body, err := amf.Append(nil, values...)
	if err != nil {
		// Only a host's own value can be one that AMF has no form for; the client is told null in its stead.
		body, _ = amf.Append(nil, values[0], 0.0, nil)
	}
	return chunk.Append(dst, &chunk.Message{ChunkStream: cs, Type: t, Stream: stream, Timestamp: timestamp, Payload: body}, e.chunkSize)
}

// status appends an onStatus.
func (e encoder) status(dst []byte, stream, timestamp uint32, info amf.Object) []byte {
	return e.command(dst, csStatus, stream, timestamp, "onStatus", 0.0, nil, info)
}

// result and failure answer a call; transaction 0 asks for no answer and gets none.
func (e encoder) result(dst []byte, transaction float64, values ...any) []byte {
	if transaction == 0 {
		return dst
	}
	return e.command(dst, csConnect, 0, 0, append([]any{"_result", transaction}, values...)...)
}

func (e encoder) failure(dst []byte, transaction float64, info amf.Object) []byte {
	if transaction == 0 {
		return dst
	}
	return e.command(dst, csConnect, 0, 0, "_error", transaction, nil, info)
}
