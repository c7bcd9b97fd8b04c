package rtmp

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
)

// playState is what a player does.
type playState uint8

const (
	stateIdle    playState = iota // nothing to play
	statePlaying                  // sending, or waiting until more is due
	statePaused
	stateEnded // everything was sent; a seek starts again
)

// player plays the items of one NetStream, one after another.
//
// It has a goroutine only while there is something to be done: a command, or media that is due. In between a viewer, who
// takes nothing for a second or pauses for an hour, costs no stack. Nobody else uses the player, but for the mailbox.
type player struct {
	// Static after construction.
	c    *conn
	id   uint32 // the stream's
	mail mailbox
	life sync.WaitGroup // done when the player has ended

	// Owned by run.
	after      *player // the stream's last one; nil where there was none, or it has ended
	batch      batch
	timer      *time.Timer
	played     []played // what played before cur, oldest first
	list       []item   // what plays after cur
	waiting    bool     // the playlist does not begin by itself
	cur        *playing
	until      int64         // stream time at which cur is left
	from       int64         // stream time before which cur's media is not sent
	transition *transition   // a switch under way; nil for none
	opening    chan struct{} // holds a token while a switch is prepared; nil before the first
	state      playState
	seekTo     time.Duration   // a seek to be made, in stream time; -1 for none
	reading    context.Context // of the source's calls, until a command interrupts them
	timeline   timeline
	pace       pace
	settling   bool // the clock waits for the first sample, behind the sequence headers
	held       bool // tag was read but not sent yet
	oneFrame   bool // while paused: the frame at the new place is still to be sent
	full       bool // the client has been told that its buffer is full
	resting    bool // and not yet that more comes
	noAudio    bool
	noVideo    bool

	tag *flv.Tag // in flight
}

// newPlayer returns a player that begins once the stream's last one, if there was one, has ended. The connection waits
// for it.
func newPlayer(s *stream) *player {
	p := &player{c: s.c, id: s.id, after: s.last, seekTo: -1, noAudio: s.noAudio, noVideo: s.noVideo}
	p.mail = mailbox{limit: s.c.srv.Limits.commands(), playlist: s.c.srv.Limits.playlist(), run: p.run, buffer: s.buffer}
	p.batch.out = s.c.out
	p.pace.most = s.c.srv.Limits.ahead()
	p.c.players.Add(1)
	p.life.Add(1)
	return p
}

// run does what there is to be done, and has itself called again when there is more.
func (p *player) run() {
	if p.after != nil {
		p.after.life.Wait()
		p.after = nil
	}
	for {
		due, err := p.work()
		if err != nil || p.mail.closed.Load() {
			p.end(err)
			return
		}
		p.setTimer(due)
		if p.mail.leave() {
			return
		}
	}
}

// end ends what plays, and the player; with an error, the connection.
func (p *player) end(err error) {
	p.release()
	if failed := p.tearDown(); err == nil {
		err = failed
	}
	if err != nil {
		p.c.cut(err)
	}
	p.life.Done()
	p.c.players.Done()
}

// tearDown ends what plays. It calls the host, whose panic is to cost this connection alone.
func (p *player) tearDown() (err error) {
	defer p.c.recover(&err)
	p.leave()
	return nil
}

// When a player runs next: a time since the server's epoch, or one of these.
const (
	now   = 0
	never = -1
)

// setTimer has the player run when more is due.
func (p *player) setTimer(due time.Duration) {
	switch {
	case due == never:
		p.release()
	case p.timer == nil:
		p.timer = time.AfterFunc(due-p.c.srv.now(), p.mail.wake)
	default:
		p.timer.Reset(due - p.c.srv.now())
	}
}

// release gives up what is only needed while media is sent: it may be long until that is again.
func (p *player) release() {
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	p.reading = nil
	p.mail.guardStep(nil)
}

// work takes steps until nothing is left to be done for now.
func (p *player) work() (due time.Duration, err error) {
	defer p.c.recover(&err)
	for err == nil && due == now && !p.mail.closed.Load() {
		due, err = p.step()
	}
	return due, err
}

// step does what waits in the mailbox, then what is left of a seek, then sends what is due. An error ends the connection.
func (p *player) step() (due time.Duration, err error) {
	if a, ok := p.mail.take(); ok {
		return now, p.act(&a)
	}
	switch {
	case p.seekTo >= 0:
		return now, p.seek()
	case p.transition != nil && p.transition.opened() && !p.transition.armed:
		return now, p.arm()
	case p.idle() && len(p.list) > 0 && !p.waiting:
		return now, p.start(p.shift(), false)
	case p.state == statePlaying || p.oneFrame:
		return p.fill()
	}
	return never, nil
}

func (p *player) act(a *action) error {
	switch a.kind {
	case actionPlay:
		return p.play(a)
	case actionSeek:
		if p.cur != nil {
			p.seekTo = a.position
		}
	case actionPause:
		return p.pause()
	case actionUnpause:
		return p.unpause(a.position)
	case actionReceiveAudio:
		p.receive(&p.noAudio, a.on)
	case actionReceiveVideo:
		p.receive(&p.noVideo, a.on)
	}
	return nil
}

// idle tells whether all that was begun is over.
func (p *player) idle() bool { return p.cur == nil || p.state == stateEnded }

// receive turns a track off or on again. To be decoded again it needs its sequence header and a key frame, so the stream
// goes back to the last one, which the client is told as a seek.
func (p *player) receive(off *bool, on bool) {
	if on && *off && p.cur != nil && p.seekTo < 0 {
		p.seekTo = time.Duration(p.timeline.now()) * time.Millisecond
	}
	*off = !on
}

// readContext is the context of the source's next call. It is made anew after a command has cancelled the last one.
func (p *player) readContext() context.Context {
	if p.reading == nil || p.reading.Err() != nil {
		var cancel context.CancelFunc
		p.reading, cancel = context.WithCancel(context.Background())
		p.mail.guardStep(cancel)
	}
	return p.reading
}

// interrupted tells whether a source's error only means that a command, or the end, has come.
func (p *player) interrupted(err error) bool {
	return errors.Is(err, context.Canceled) && p.reading != nil && p.reading.Err() != nil
}

// fill sends what is due, and returns when more will be.
func (p *player) fill() (due time.Duration, err error) {
	p.pace.buffer = p.mail.bufferLength()
	if p.resting {
		p.resting = false
		p.control(chunk.EventBufferReady)
	}
	limit := p.pace.limit(p.c.srv.now())
	for p.settling || p.oneFrame || p.timeline.now() < limit {
		if p.mail.pending.Load() {
			return now, p.flush()
		}
		settling := p.settling
		done, err := p.next()
		if done || err != nil {
			return now, err
		}
		if settling {
			limit = p.pace.limit(p.c.srv.now())
		}
		first := settling && !p.settling // which does not wait for what fills the client's buffer
		if p.batch.full() || first {
			if err := p.flush(); err != nil {
				return now, err
			}
		}
	}
	return p.rest()
}

// rest returns when the client has played some of its buffer.
func (p *player) rest() (due time.Duration, err error) {
	if !p.full {
		p.full, p.resting = true, true
		p.control(chunk.EventBufferEmpty)
	}
	if err := p.flush(); err != nil {
		return never, err
	}
	return p.pace.next(p.c.srv.now(), p.timeline.now()), nil
}

// next sends one tag. It reports done when the loop should look at what else there is to do: the item has ended, a
// command has come, or the one frame that a paused viewer sees was sent.
func (p *player) next() (done bool, err error) {
	if p.held {
		p.held = false
	} else {
		p.tag, err = p.cur.src.Next(p.readContext())
	}
	switch {
	case err == nil:
	case p.interrupted(err):
		return true, p.flush()
	case errors.Is(err, io.EOF):
		return true, p.finish()
	default:
		return true, p.fail(err)
	}
	sent := p.timeline
	at := p.timeline.at(p.tag.Timestamp)
	if at < p.from {
		p.timeline = sent
		return false, nil
	}
	if at >= p.until && !p.oneFrame {
		p.timeline = sent
		return p.boundary(at)
	}
	if err := p.send(at); err != nil {
		return true, err
	}
	return p.afterSend(at)
}

// send adds the tag to the batch, unless the client does not want its kind.
func (p *player) send(at int64) error {
	m := chunk.Message{
		ChunkStream: csStatus,
		Type:        chunk.Type(p.tag.Type),
		Stream:      p.id,
		Timestamp:   uint32(at),
		Head:        p.tag.Head.Bytes(),
		Payload:     p.tag.Data,
	}
	switch p.tag.Type {
	case flv.TagAudio:
		if p.noAudio {
			return nil
		}
		m.ChunkStream = csAudio
	case flv.TagVideo:
		if p.noVideo {
			return nil
		}
		m.ChunkStream = csVideo
	}
	p.cur.bytes += uint64(p.tag.Len())
	if p.batch.add(&m) {
		return nil
	}
	if !p.batch.empty() { // what is written first may take as long as the viewer likes
		p.keepTag()
		m.Head, m.Payload = nil, p.tag.Data
	}
	return p.batch.addBehind(&m)
}

// flush writes the batch. That may take as long as the viewer likes, and the tag may be a window onto a much larger block
// of a file, so it is let go of first.
func (p *player) flush() error {
	if p.held {
		p.keepTag()
	} else if p.tag != nil {
		p.tag.Data = nil
	}
	return p.batch.flush()
}

// keepTag makes the tag the player's own, and lets go of the reader's.
func (p *player) keepTag() {
	tag := p.tag.Clone()
	p.tag.Data = nil
	p.tag = &tag
}

// afterSend sets the clock at the first sample, and stops behind it where one frame is all that is wanted.
func (p *player) afterSend(at int64) (done bool, err error) {
	if !p.settling && !p.oneFrame && p.cur.length != 0 {
		return false, nil
	}
	if p.settling {
		p.pace.set(p.c.srv.now(), at)
	}
	if p.tag.Type == flv.TagScript || p.tag.SequenceHeader() {
		return false, nil
	}
	p.settling = false
	if !p.oneFrame && p.cur.length != 0 || p.tag.Type != flv.TagVideo && p.hasVideo() {
		return false, nil
	}
	if p.oneFrame {
		p.oneFrame = false
		return true, p.flush()
	}
	return true, p.finish()
}

func (p *player) hasVideo() bool {
	if p.noVideo {
		return false
	}
	for _, t := range p.cur.src.Info().Tracks {
		if t.Type == flv.TrackVideo {
			return true
		}
	}
	return false
}
