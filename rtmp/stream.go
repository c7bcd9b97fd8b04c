package rtmp

import (
	"errors"
	"strings"
	"time"
)

// stream is a NetStream as the reading goroutine, which owns it, sees it. Each run of its player, from the first play to
// closeStream, is a player of its own; the next one starts when the last has ended.
type stream struct {
	c  *conn
	id uint32

	player *player // nil while nothing plays
	last   *player // the one made last; nil before the first

	// What the client stated before it played.
	buffer           time.Duration
	noAudio, noVideo bool
}

func newStream(c *conn, id uint32) *stream { return &stream{c: c, id: id} }

// play hands a play command to the player. The name false stops what plays.
func (s *stream) play(cmd *command) error {
	name, ok := cmd.arg(0).(string)
	if !ok {
		s.close()
		return nil
	}
	a := action{kind: actionPlay, transition: TransitionAppend, item: item{name: name}, position: -1}
	a.item.kind, a.item.start, a.item.length = playTimes(cmd)
	if cmd.boolArg(3, true) {
		a.transition = TransitionReset
	}
	return s.begin(a)
}

// begin hands a play to the player, and makes one where there is none.
func (s *stream) begin(a action) error {
	if s.player == nil {
		s.player = newPlayer(s)
		s.last = s.player
	}
	err := s.post(a)
	if errors.Is(err, errPlaylistFull) {
		return s.refuse(a.item.name, errPlaylistFull.Description)
	}
	return err
}

// post hands an action to the player. While nothing plays there is nothing that it could be about.
func (s *stream) post(a action) error {
	switch a.kind {
	case actionReceiveAudio:
		s.noAudio = !a.on
	case actionReceiveVideo:
		s.noVideo = !a.on
	}
	if s.player == nil {
		return nil
	}
	return s.player.mail.post(a)
}

// setBuffer notes the buffer length that the client stated.
func (s *stream) setBuffer(d time.Duration) {
	s.buffer = d
	if s.player != nil {
		s.player.mail.setBuffer(d)
	}
}

// close ends the player. It does not wait for it.
func (s *stream) close() {
	if s.player != nil {
		s.player.mail.close()
		s.player = nil
	}
}

// logName is the name of a stream or an application for a log: without its query, which may hold a signature or a token. A
// client that has lost the question mark sends its signature as a part of the name.
func logName(name string) string {
	name, _, _ = strings.Cut(name, "?")
	name, _, _ = strings.Cut(name, "Signature")
	return name[:min(len(name), maxLogName)]
}

// displayName is a stream name as statuses call it: without the prefix and the query.
func displayName(name string) string {
	name, _, _ = strings.Cut(name, "?")
	if prefix, rest, ok := strings.Cut(name, ":"); ok && !strings.Contains(prefix, "/") {
		return rest
	}
	return name
}
