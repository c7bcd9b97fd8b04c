package rtmp

import (
	"math"
	"time"

	"github.com/seed-3309b198/reelfront/flv/amf"
)

// Transition says what play2 does with the stream that it names (ActionScript 3 reference, NetStreamPlayTransitions).
type Transition string

// The transitions.
const (
	// TransitionReset plays the stream now, in the place of what plays and of the playlist.
	TransitionReset Transition = "reset"
	// TransitionAppend puts the stream at the end of the playlist, and starts the playlist where it does not play.
	TransitionAppend Transition = "append"
	// TransitionAppendAndWait puts the stream at the end of the playlist, which does not start for it.
	TransitionAppendAndWait Transition = "appendAndWait"
	// TransitionResume plays the stream from Offset on, and then what the playlist has behind it: what a player does on a
	// new connection, once it has built its playlist there with TransitionAppendAndWait.
	TransitionResume Transition = "resume"
	// TransitionStop stops what plays and empties the playlist.
	TransitionStop Transition = "stop"
	// TransitionSwap has the stream take the place of another in the playlist, whose content may be different. What plays
	// already is played to its end first.
	TransitionSwap Transition = "swap"
	// TransitionSwitch goes on with the stream in mid-play: it has the same content as what plays, at another bitrate.
	TransitionSwitch Transition = "switch"
)

// known tells whether there is such a transition.
func (t Transition) known() bool {
	switch t {
	case TransitionReset, TransitionAppend, TransitionAppendAndWait, TransitionResume, TransitionStop, TransitionSwap, TransitionSwitch:
		return true
	}
	return false
}

// play2 hands a play2 command to the player. Its argument is a NetStreamPlayOptions, whose times are in seconds.
func (s *stream) play2(cmd *command) error {
	options, _ := amf.Properties(cmd.arg(0))
	a := action{
		kind:       actionPlay,
		transition: Transition(options.String("transition")),
		old:        options.String("oldStreamName"),
		position:   seconds(options, "offset", -1),
		item:       item{name: options.String("streamName")},
	}
	a.item.kind, a.item.start, a.item.length = playTimes2(options)
	if a.transition == "" {
		a.transition = TransitionReset // as play has it by default
	}
	switch {
	case !a.transition.known():
		return s.refuse(a.item.name, "There is no such transition.")
	case a.transition == TransitionStop && s.player == nil:
		return nil
	case a.transition == TransitionSwitch, a.transition == TransitionSwap:
		if s.player == nil {
			return s.refuse(a.item.name, nothingPlays)
		}
	}
	return s.begin(a)
}

const nothingPlays = "Nothing plays that could be replaced."

// refuse answers a command for which there is no player.
func (s *stream) refuse(name, why string) error {
	e := &StatusError{Code: CodePlayFailed, Description: why}
	return s.c.out.reply(s.c.out.status(nil, s.id, 0, e.streamRefusal(displayName(name), s.id, s.c.id)))
}

// playTimes2 reads the start and len of a NetStreamPlayOptions. The special values of start come both as the reference
// has them and multiplied by 1,000.
func playTimes2(options amf.Object) (PlayKind, time.Duration, time.Duration) {
	start, length := seconds(options, "start", -2), seconds(options, "len", -1)
	switch {
	case start >= 0:
		return PlayRecorded, start, length
	case start == -time.Second || start == -1000*time.Second:
		return PlayLive, 0, length
	}
	return PlayAny, 0, length
}

// seconds reads a number of seconds, bounded as command.millis bounds milliseconds.
func seconds(options amf.Object, key string, byDefault float64) time.Duration {
	v, ok := options.Number(key)
	if !ok || math.IsNaN(v) {
		v = byDefault
	}
	ms := math.Round(1000 * v)
	return time.Duration(max(-math.MaxInt32, min(ms, math.MaxInt32))) * time.Millisecond
}
