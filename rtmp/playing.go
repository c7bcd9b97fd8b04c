package rtmp

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/seed-3309b198/reelfront/rtmp/chunk"
)

// item is an entry of a playlist: what a play command asked for.
type item struct {
	name          string
	kind          PlayKind
	start, length time.Duration
}

// playing is the item that plays.
type playing struct {
	item
	src     Source
	display string          // the name as statuses call it
	ctx     context.Context // of the play; the source's steps derive from it
	cancel  context.CancelFunc
	end     int64  // stream time at which it ends, in ms; -1 for the end of the file
	bytes   uint64 // of media sent
}

var errNoSource = errors.New("rtmp: the application returned no Source")

// play starts an item, or puts it behind those that wait.
func (p *player) play(a *action) error {
	if a.on {
		p.leave()
		p.list = p.list[:0]
		return p.start(a.item, true)
	}
	if p.cur == nil || p.state == stateEnded {
		return p.start(a.item, false)
	}
	if len(p.list) >= p.c.srv.Limits.playlist() {
		return p.refuse(a.item, &StatusError{Code: CodePlayFailed, Description: "The playlist is full."})
	}
	p.list = append(p.list, a.item)
	return nil
}

// shift takes the next item off the playlist.
func (p *player) shift() item {
	it := p.list[0]
	p.list = append(p.list[:0], p.list[1:]...)
	return it
}

// start opens an item and announces it. A reset begins a new timeline at 0; otherwise the last item's goes on.
func (p *player) start(it item, reset bool) error {
	p.leave()
	ctx, cancel := context.WithCancel(p.ctx)
	p.mail.guard(cancel)
	src, err := p.c.app.Play(ctx, &PlayRequest{
		Connect: p.c.request, StreamID: p.id,
		Name: it.name, Kind: it.kind, Start: it.start, Length: it.length,
		Codecs: p.c.takes,
	})
	if err == nil && src == nil {
		err = errNoSource
	}
	if err != nil {
		unwanted := ctx.Err() != nil
		cancel()
		if unwanted {
			return nil
		}
		return p.refuse(it, err)
	}
	p.cur = &playing{item: it, src: src, display: displayName(it.name), ctx: ctx, cancel: cancel, end: -1}
	return p.begin(reset)
}

// begin reads up to the first tag of the item that was opened, so that a file which is no good is refused rather than
// started, and announces it.
func (p *player) begin(reset bool) error {
	cur, at := p.cur, int64(0)
	if !reset {
		at = p.timeline.now()
	}
	file, err := p.firstTag()
	past := errors.Is(err, io.EOF)
	if err != nil && !past {
		unwanted := cur.ctx.Err() != nil
		p.drop()
		if unwanted {
			return nil
		}
		return p.refuse(cur.item, err)
	}
	p.timeline.anchor(file.Milliseconds(), at)
	if cur.length > 0 {
		cur.end = at + (cur.start - file + cur.length).Milliseconds()
	}
	p.setState(statePlaying)
	p.restart(at)
	p.settling = true
	p.announce(reset, at)
	p.event(EventPlay, nil)
	if past {
		return p.finish()
	}
	return nil
}

// firstTag takes the first tag where the item is to start, and returns its time in the file; io.EOF when the start lies
// past the end.
func (p *player) firstTag() (file time.Duration, err error) {
	src, start := p.cur.src, p.cur.start
	if total := src.Info().Duration; start > 0 && total > 0 && start >= total {
		return start, io.EOF
	}
	if start > 0 {
		if file, err = src.Seek(p.cur.ctx, start); err != nil {
			return 0, err
		}
	}
	if p.tag, err = src.Next(p.cur.ctx); err != nil {
		return file, err
	}
	p.held = true
	if start == 0 {
		file = time.Duration(p.tag.Timestamp) * time.Millisecond
	}
	return file, nil
}

// restart sets the clock at a stream time, from which the client begins with an empty buffer.
func (p *player) restart(at int64) {
	p.pace.set(p.c.srv.now(), at)
	p.full, p.resting = false, false
}

// seek goes to seekTo. A client that seeks waits for Seek.Notify and sees nothing else, so it is sent whatever happens.
func (p *player) seek() error {
	target := p.seekTo
	past := p.pastEnd(target)
	at := target
	var failed error
	if !past {
		file, err := p.cur.src.Seek(p.stepContext(), p.timeline.fileTime(target))
		if p.interrupted(err) {
			return nil
		}
		if failed = err; err == nil {
			p.timeline.jump(file.Milliseconds())
			at = time.Duration(p.timeline.now()) * time.Millisecond
		}
	}
	p.seekTo, p.held = -1, false
	if p.state != statePaused {
		p.setState(statePlaying)
	}
	p.oneFrame = p.state == statePaused
	p.restart(at.Milliseconds())
	p.settling = true
	p.announceSeek(target, uint32(at.Milliseconds()))
	p.event(EventSeek, failed)
	switch {
	case failed != nil:
		return p.fail(failed)
	case past:
		return p.finish()
	}
	return nil
}

// pastEnd tells whether a stream time is not in the item any more, as far as its duration is known.
func (p *player) pastEnd(t time.Duration) bool {
	total := p.cur.src.Info().Duration
	if origin := time.Duration(p.timeline.origin) * time.Millisecond; origin < total {
		total -= origin // of a file that was started in its middle, only the rest is left
	}
	return total > 0 && t >= total
}

func (p *player) pause() error {
	if p.cur == nil {
		return nil
	}
	if p.state == statePlaying {
		p.state = statePaused
	}
	p.control(chunk.EventStreamEOF)
	p.status(CodePauseNotify)
	p.event(EventPause, nil)
	return p.batch.flush()
}

// unpause goes on exactly where sending stopped. position is what the client plays: what was sent beyond it is still in
// its buffer.
func (p *player) unpause(position time.Duration) error {
	if p.cur == nil {
		return nil
	}
	if p.state == statePaused {
		p.state = statePlaying
		p.oneFrame = false
		sent := p.timeline.now()
		from := position.Milliseconds()
		if from > sent || from < sent-p.pace.ahead().Milliseconds() {
			from = sent
		}
		p.restart(from)
	}
	p.control(chunk.EventStreamBegin)
	p.status(CodeUnpauseNotify)
	p.event(EventUnpause, nil)
	return p.batch.flush()
}

// finish ends the item that plays: everything was sent. When another waits, the stream goes on with it; else every
// client is told in the way by which it ends: ffmpeg and rtmpdump by Play.Stop, GStreamer by StreamEOF, Flash by
// Play.Complete.
func (p *player) finish() error {
	if len(p.list) > 0 {
		p.playStatus(CodePlaySwitch)
		p.leave()
		return p.batch.flush()
	}
	if p.timeline.now() == 0 && p.cur.bytes > 0 && p.cur.length != 0 {
		p.tick()
	}
	p.playStatus(CodePlayComplete)
	p.control(chunk.EventStreamEOF)
	p.status(CodePlayStop)
	p.event(EventStop, nil)
	p.setState(stateEnded)
	p.oneFrame, p.settling = false, false
	return p.batch.flush()
}

// fail ends the item that plays because its source gave out. The connection stays.
func (p *player) fail(err error) error {
	refusal := &StatusError{Code: CodePlayFailed, Err: err}
	var status *StatusError
	if errors.As(err, &status) {
		refusal = status
	}
	display, at := p.cur.display, uint32(p.timeline.now())
	p.c.srv.logger().Warn("play broke off", "remote", p.c.request.RemoteAddr, "name", display, "at_ms", at, "err", err)
	p.tellRefusal(refusal, display, at)
	p.control(chunk.EventStreamEOF)
	p.event(EventStop, err)
	p.setState(stateEnded)
	p.drop()
	return p.batch.flush()
}

// refuse answers a play that cannot be. Nothing else is sent before it: GStreamer takes Play.Reset for success.
func (p *player) refuse(it item, err error) error {
	display := displayName(it.name)
	p.c.srv.logger().Info("play refused", "remote", p.c.request.RemoteAddr, "name", display, "err", err)
	p.tellRefusal(StatusOf(err), display, 0)
	p.c.observe(Event{Kind: EventPlay, StreamID: p.id, Name: it.name, Err: err})
	return p.batch.flush()
}

// tellRefusal sends an error status. librtmp ends on three codes alone and would wait for ever on the others, so behind
// those Play.Failed says the same again.
func (p *player) tellRefusal(refusal *StatusError, display string, at uint32) {
	info := refusal.streamRefusal(display, p.id, p.c.id)
	p.batch.encoded(func(dst []byte) []byte {
		dst = p.c.out.status(dst, p.id, at, info)
		switch refusal.Code {
		case CodePlayStreamNotFound, CodePlayFailed, CodeStreamFailed:
			return dst
		}
		failed := *refusal
		failed.Code, failed.Description = CodePlayFailed, info.String("description")
		return p.c.out.status(dst, p.id, at, failed.streamRefusal(display, p.id, p.c.id))
	})
}

// leave ends what plays, without a word to the client, and says so to observers unless it had ended already.
func (p *player) leave() {
	if p.cur == nil {
		return
	}
	if p.state == statePlaying || p.state == statePaused {
		p.event(EventStop, nil)
	}
	p.drop()
}

// drop closes what plays.
func (p *player) drop() {
	p.setState(stateIdle)
	p.cur.cancel()
	if err := p.cur.src.Close(); err != nil {
		p.c.srv.logger().Warn("closing a source failed", "name", p.cur.display, "err", err)
	}
	p.cur, p.step = nil, nil
	p.seekTo, p.held, p.oneFrame, p.settling = -1, false, false, false
}

// setState also counts the streams that play, for a server that waits for them.
func (p *player) setState(to playState) {
	was, is := p.state == statePlaying || p.state == statePaused, to == statePlaying || to == statePaused
	switch p.state = to; {
	case is && !was:
		p.c.active.Add(1)
	case was && !is:
		p.c.active.Add(-1)
	}
}

func (p *player) event(kind EventKind, err error) {
	position := time.Duration(p.timeline.now()) * time.Millisecond
	p.c.observe(Event{Kind: kind, StreamID: p.id, Name: p.cur.name, Position: position, Err: err})
}
