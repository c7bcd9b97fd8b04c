package rtmp

import (
	"context"
	"errors"
	"io"
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

// player plays the items of one NetStream, one after another. Only its own goroutine uses it, but for the mailbox.
type player struct {
	// Static after construction.
	c      *conn
	id     uint32 // the stream's
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{} // closed when run has returned
	mail   mailbox

	// Owned by run.
	batch      batch
	timer      *time.Timer
	played     []played // what played before cur, oldest first
	list       []item   // what plays after cur
	waiting    bool     // the playlist does not begin by itself
	cur        *playing
	until      int64         // stream time at which cur is left
	from       int64         // stream time before which cur's media is not sent
	transition *transition   // a switch under way; nil for none
	opening    chan struct{} // holds a token while a switch is prepared
	state      playState
	seekTo     time.Duration // a seek to be made, in stream time; -1 for none
	step       context.Context
	timeline   timeline
	pace       pace
	settling   bool // the clock waits for the first sample, behind the sequence headers
	held       bool // tag was read but not sent yet
	oneFrame   bool // while paused: the frame at the new place is still to be sent
	full       bool // the client has been told that its buffer is full
	resting    bool // and not yet that more comes
	noAudio    bool
	noVideo    bool

	// The tag and the message in flight: fields, so that sending one allocates nothing.
	tag *flv.Tag
	msg chunk.Message
}

func newPlayer(s *stream) *player {
	p := &player{c: s.c, id: s.id, done: make(chan struct{}), seekTo: -1, noAudio: s.noAudio, noVideo: s.noVideo}
	p.ctx, p.cancel = context.WithCancel(s.c.ctx)
	p.mail = mailbox{limit: s.c.srv.Limits.commands(), playlist: s.c.srv.Limits.playlist(), wake: make(chan struct{}, 1), buffer: s.buffer}
	p.opening = make(chan struct{}, 1)
	p.batch.out = s.c.out
	p.pace.most = s.c.srv.Limits.ahead()
	return p
}

// run plays until the stream is closed, once the stream's last player, if there was one, has ended.
func (p *player) run(after <-chan struct{}) {
	defer close(p.done)
	if after != nil {
		<-after
	}
	var err error
	defer func() {
		p.leave()
		p.cancel()
		if err != nil {
			p.c.cut(err)
		}
	}()
	defer p.c.recover(&err)
	err = p.loop()
}

// loop does what waits in the mailbox, then what is left of a seek, then sends what is due. An error ends the
// connection.
func (p *player) loop() error {
	for p.ctx.Err() == nil {
		var err error
		if a, ok := p.mail.take(); ok {
			err = p.act(&a)
		} else if p.seekTo >= 0 {
			err = p.seek()
		} else if p.transition != nil && p.transition.opened() && !p.transition.armed {
			err = p.arm()
		} else if p.idle() && len(p.list) > 0 && !p.waiting {
			err = p.start(p.shift(), false)
		} else if p.state == statePlaying || p.oneFrame {
			err = p.fill()
		} else {
			p.wait(-1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wait returns when a command or a new buffer length has come, when the stream is closed, or at due; a negative due
// means never.
func (p *player) wait(due time.Duration) {
	if due < 0 {
		select {
		case <-p.mail.wake:
		case <-p.ctx.Done():
		}
		return
	}
	d := due - p.c.srv.now()
	if p.timer == nil {
		p.timer = time.NewTimer(d)
	} else {
		p.timer.Reset(d)
	}
	select {
	case <-p.mail.wake:
	case <-p.ctx.Done():
	case <-p.timer.C:
	}
	p.timer.Stop()
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

// stepContext is the context of the source's next call. It is made anew after a command has cancelled the last one.
func (p *player) stepContext() context.Context {
	if p.step == nil || p.step.Err() != nil {
		var cancel context.CancelFunc
		p.step, cancel = context.WithCancel(p.cur.ctx)
		p.mail.guardStep(cancel)
	}
	return p.step
}

// interrupted tells whether a source's error only means that a command, or the end, has come.
func (p *player) interrupted(err error) bool {
	return errors.Is(err, context.Canceled) && p.step != nil && p.step.Err() != nil
}

// fill sends what is due, then waits for more to be.
func (p *player) fill() error {
	p.pace.buffer = p.mail.bufferLength()
	if p.resting {
		p.resting = false
		p.control(chunk.EventBufferReady)
	}
	limit := p.pace.limit(p.c.srv.now())
	for p.settling || p.oneFrame || p.timeline.now() < limit {
		if p.mail.pending.Load() {
			return p.flush()
		}
		settling := p.settling
		done, err := p.next()
		if done || err != nil {
			return err
		}
		if settling {
			limit = p.pace.limit(p.c.srv.now())
		}
	}
	return p.rest()
}

// rest waits until the client has played some of its buffer.
func (p *player) rest() error {
	if !p.full {
		p.full, p.resting = true, true
		p.control(chunk.EventBufferEmpty)
	}
	if err := p.flush(); err != nil {
		return err
	}
	p.wait(p.pace.next(p.c.srv.now(), p.timeline.now()))
	return nil
}

// next sends one tag. It reports done when the loop should look at what else there is to do: the item has ended, a
// command has come, or the one frame that a paused viewer sees was sent.
func (p *player) next() (done bool, err error) {
	if p.held {
		p.held = false
	} else {
		p.tag, err = p.cur.src.Next(p.stepContext())
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
	m := &p.msg
	m.ChunkStream, m.Type, m.Stream, m.Timestamp = csStatus, chunk.Type(p.tag.Type), p.id, uint32(at)
	m.Head, m.Payload = p.tag.Head.Bytes(), p.tag.Data
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
	if p.batch.add(m) {
		return nil
	}
	if !p.batch.empty() { // what is written first may take as long as the viewer likes
		p.keepTag()
		m.Head, m.Payload = nil, p.tag.Data
	}
	return p.batch.addBehind(m)
}

// flush writes the batch. That may take as long as the viewer likes, and the tag may be a window onto a much larger block
// of a file, so it is let go of first.
func (p *player) flush() error {
	p.msg.Head, p.msg.Payload = nil, nil
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
