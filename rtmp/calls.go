package rtmp

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/seed-3309b198/reelfront/flv/amf"
)

var (
	errConnectedTwice = errors.New("rtmp: a second connect")
	errTooManyStreams = errors.New("rtmp: too many streams")
)

// dispatch answers a command. What a command gets:
//
//   - those of a NetConnection and a NetStream that a player sends: their answer;
//   - a publisher's: Flash's refusal of publish, and for the rest a result, without which encoders stop before it;
//   - any other: the App's answer where it is a Caller, else _error, NetConnection.Call.Failed;
//   - transaction 0: no answer, since none was asked for;
//   - a second connect, or more waiting commands or streams than the limits allow: the connection ends.
func (c *conn) dispatch(cmd *command) error {
	switch cmd.name {
	case "connect":
		return errConnectedTwice
	case "createStream":
		return c.createStream(cmd)
	case "deleteStream":
		return c.deleteStream(cmd)
	case "getStreamLength":
		return c.streamLength(cmd)
	case "releaseStream", "FCPublish", "FCUnpublish", "_checkbw", "initStream", "setPeerInfo":
		return c.out.reply(c.out.result(nil, cmd.transaction, nil))
	case "FCSubscribe":
		return c.subscribe(cmd)
	case "checkBandwidth":
		return c.checkBandwidth(cmd)
	case "_result", "_error":
		return c.probeAnswered(cmd.transaction)
	case "onStatus", "FCUnsubscribe":
		return nil
	case "play", "play2", "closeStream", "seek", "pause", "pauseRaw", "receiveAudio", "receiveVideo", "publish":
		return c.streamCommand(cmd)
	}
	return c.call(cmd)
}

func (c *conn) createStream(cmd *command) error {
	if len(c.streams) >= c.srv.Limits.streams() {
		return errTooManyStreams
	}
	id := uint32(1) // the first must be 1: GStreamer's player ends on no other
	for c.stream(id) != nil {
		id++
	}
	c.streams = append(c.streams, newStream(c, id))
	return c.out.reply(c.out.result(nil, cmd.transaction, nil, id))
}

// deleteStream ends a stream. Some clients name it by something other than its number; their stream ends with the
// connection.
func (c *conn) deleteStream(cmd *command) error {
	v, _ := cmd.arg(0).(float64)
	if v < 1 || v > math.MaxUint32 {
		return nil
	}
	id := uint32(v)
	if s := c.stream(id); s != nil {
		s.close()
		c.streams = slices.DeleteFunc(c.streams, func(other *stream) bool { return other == s })
	}
	return nil
}

func (c *conn) subscribe(cmd *command) error {
	name := displayName(cmd.stringArg(0))
	info := statusInfo(levelStatus, CodePlayStart, "FCSubscribe to stream "+name+".", "", c.id)
	return c.out.reply(c.out.command(nil, csConnect, 0, 0, "onFCSubscribe", 0.0, nil, info))
}

func (c *conn) call(cmd *command) error {
	if caller, ok := c.app.(Caller); ok {
		v, err := caller.Call(c.context(), cmd.name, cmd.args)
		if err == nil {
			return c.out.reply(c.out.result(nil, cmd.transaction, nil, v))
		}
		c.srv.logger().Debug("call failed", "command", cmd.name, "err", err)
	}
	info := amf.Object{
		{Key: "level", Value: levelError},
		{Key: "code", Value: CodeCallFailed},
		{Key: "description", Value: fmt.Sprintf("Method not found (%.100s).", cmd.name)},
	}
	return c.out.reply(c.out.failure(nil, cmd.transaction, info))
}

// streamLength answers getStreamLength on a goroutine of its own, since it may ask a bucket. A client that asks for too
// many at once is told 0, not known.
func (c *conn) streamLength(cmd *command) error {
	name, transaction := cmd.stringArg(0), cmd.transaction
	lengther, ok := c.app.(Lengther)
	if !ok || name == "" || !c.beginCall() {
		return c.out.reply(c.out.result(nil, transaction, nil, 0))
	}
	ctx := c.context()
	c.players.Go(func() {
		var err error
		defer c.endCall()
		defer c.recover(&err)
		length, err := lengther.Length(ctx, name)
		if err != nil {
			length = 0
		}
		_ = c.out.reply(c.out.result(nil, transaction, nil, length.Seconds()))
	})
	return nil
}

// maxCalls is how many calls of getStreamLength may run at once.
const maxCalls = 4

func (c *conn) beginCall() bool {
	if c.calls.Add(1) > maxCalls {
		c.endCall()
		return false
	}
	return true
}

func (c *conn) endCall() { c.calls.Add(-1) }

// streamCommand hands a command to the stream that it came on.
func (c *conn) streamCommand(cmd *command) error {
	s := c.stream(cmd.stream)
	if s == nil {
		if cmd.name == "closeStream" {
			return nil
		}
		e := &StatusError{Code: CodeStreamFailed, Description: fmt.Sprintf("There is no stream %d.", cmd.stream)}
		return c.out.reply(c.out.status(nil, cmd.stream, 0, e.streamRefusal("", cmd.stream, c.id)))
	}
	switch cmd.name {
	case "play":
		return s.play(cmd)
	case "play2":
		return s.play2(cmd)
	case "closeStream":
		s.close()
		return nil
	case "seek":
		return s.post(action{kind: actionSeek, position: max(0, cmd.millis(0, 0))})
	case "pause", "pauseRaw":
		kind := actionUnpause
		if cmd.boolArg(0, true) {
			kind = actionPause
		}
		return s.post(action{kind: kind, position: max(0, cmd.millis(1, 0))})
	case "receiveAudio":
		return s.post(action{kind: actionReceiveAudio, on: cmd.boolArg(0, true)})
	case "receiveVideo":
		return s.post(action{kind: actionReceiveVideo, on: cmd.boolArg(0, true)})
	}
	name := displayName(cmd.stringArg(0))
	info := statusInfo(levelError, CodePublishDenied, "Publishing "+name+" is not allowed.", name, c.id)
	return c.out.reply(c.out.status(nil, s.id, 0, info))
}

// playTimes reads the start and length of a play command: milliseconds on the wire, except that some clients send the
// special values as they stand in the ActionScript reference.
func playTimes(cmd *command) (PlayKind, time.Duration, time.Duration) {
	start, length := cmd.millis(1, -2000), cmd.millis(2, -1000)
	switch {
	case start >= 0:
		return PlayRecorded, start, length
	case start == -time.Millisecond || start == -time.Second:
		return PlayLive, 0, length
	}
	return PlayAny, 0, length
}
