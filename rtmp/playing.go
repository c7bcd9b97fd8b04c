package rtmp

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"time"

	"github.com/seed-3309b198/reelfront/rtmp/chunk"
)

// item is an entry of a playlist: what a play command asked for.
type item struct {
	name          string
	kind          PlayKind
	start, length time.Duration
	instead       string // the name, as statuses call it, of what it has replaced in the playlist
}

// played is an entry that was played, and the stream time at which it began, in ms.
type played struct {
	item
	from int64
}

// playing is the item that plays.
type playing struct {
	item
	src     Source
	display string          // the name as statuses call it
	ctx     context.Context // of the play
	cancel  context.CancelFunc
	from    int64  // stream time at which it begins, in ms
	skip    int64  // how much of the file lies before that
	end     int64  // stream time at which it ends where its length was asked for; endless for the end of the file
	base    int64  // timestamp of the file's first tag; unknown for what was started in its middle
	bytes   uint64 // of media sent
}

const (
	endless = math.MaxInt64 // of stream times
	unknown = -1
)

// last is the stream time at which the item ends, as far as its duration is known, and endless where it is not.
func (c *playing) last() int64 {
	if total := c.src.Info().Duration; total > 0 {
		return min(c.end, c.from+total.Milliseconds()-c.skip)
	}
	return c.end
}

var (
	errNoSource = errors.New("rtmp: the application returned no Source")
	// errUnwanted is of an item that was given up while it was opened: nobody waits for an answer.
	errUnwanted = errors.New("rtmp: the item is not wanted any more")
)

// play does what a play command or a play2 asks for.
func (p *player) play(a *action) error {
	switch a.transition {
	case TransitionSwitch, TransitionSwap:
		return p.change(a)
	case TransitionResume:
		return p.resume(a)
	case TransitionAppend, TransitionAppendAndWait:
		return p.appendItem(a)
	}
	if a.transition == TransitionStop && p.cur != nil && p.state != stateEnded {
		p.control(chunk.EventStreamEOF)
		p.status(CodePlayStop)
	}
	p.leave()
	p.list, p.played, p.waiting, p.timeline = p.list[:0], p.played[:0], false, timeline{}
	if a.transition == TransitionStop {
		return p.flush()
	}
	return p.start(a.item, true)
}

func (p *player) appendItem(a *action) error {
	if len(p.list) >= p.c.srv.Limits.playlist() {
		return p.refuse(a.item, errPlaylistFull)
	}
	p.list = append(p.list, a.item)
	p.waiting = p.idle() && a.transition == TransitionAppendAndWait
	return nil
}

// resume plays an item from a place in it, and then what the playlist has behind it. It is for a new connection, so what
// plays has no part in it, and the client knows what time it is.
func (p *player) resume(a *action) error {
	it := a.item
	switch i := p.waitingItem(it.name); {
	case it.name != "" && i >= 0:
		it = p.list[i]
		p.list = slices.Delete(p.list, 0, i+1)
	case it.name == "" && len(p.list) > 0:
		it = p.shift()
	case it.name == "":
		return p.refuseSwitch(&it, &StatusError{Code: CodePlayFailed, Description: "Nothing waits to be resumed."})
	}
	p.leave()
	p.played, p.waiting, p.timeline = p.played[:0], false, timeline{}
	past, err := p.openItem(it, 0)
	if err == nil && a.position > 0 && !past {
		if past = a.position.Milliseconds() >= p.cur.last(); !past {
			err = p.goTo(p.cur.ctx, a.position)
		}
	}
	p.settling = true
	return p.begin(it, false, past, err)
}

// shift takes the next item off the playlist.
func (p *player) shift() item {
	it := p.list[0]
	p.list = slices.Delete(p.list, 0, 1)
	return it
}

// gaplessWithin is how far the end of an item that its file states may lie behind its last tag, in ms.
const gaplessWithin = 1000

// start opens an item and announces it. A reset begins a new timeline at 0; otherwise it begins where the last item's last
// frame ends.
func (p *player) start(it item, reset bool) error {
	if p.cur != nil {
		if end := p.cur.last(); end > p.timeline.now() && end-p.timeline.now() <= gaplessWithin {
			p.timeline.end(end)
		}
	}
	p.remember()
	p.leave()
	past, err := p.openItem(it, p.timeline.now())
	p.settling = reset
	return p.begin(it, reset, past, err)
}

// remember notes what plays as played, so that a seek can come back to it.
func (p *player) remember() {
	if p.cur == nil {
		return
	}
	if len(p.played) >= p.c.srv.Limits.playlist() {
		p.played = slices.Delete(p.played, 0, 1)
	}
	p.played = append(p.played, played{p.cur.item, p.cur.from})
}

// open asks the application for a stream.
func (p *player) open(ctx context.Context, it *item) (Source, error) {
	src, err := p.c.app.Play(ctx, &PlayRequest{
		Connect: p.c.request, StreamID: p.id,
		Name: it.name, Kind: it.kind, Start: it.start, Length: it.length,
		Codecs: p.c.takes,
	})
	if err == nil && src == nil {
		err = errNoSource
	}
	return src, err
}

// openItem opens an item that begins at a stream time, and reads its first tag, so that a file which is no good is refused
// rather than started. It is past when its start lies behind its end.
func (p *player) openItem(it item, at int64) (past bool, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	p.mail.guard(cancel)
	src, err := p.open(ctx, &it)
	if err != nil {
		if ctx.Err() != nil {
			err = errUnwanted
		}
		cancel()
		return false, err
	}
	p.cur = &playing{
		item: it, src: src, display: displayName(it.name), ctx: ctx, cancel: cancel,
		from: at, end: endless, base: unknown,
	}
	file, err := p.firstTag()
	if past = errors.Is(err, io.EOF); err != nil && !past {
		if ctx.Err() != nil {
			err = errUnwanted
		}
		p.drop()
		return false, err
	}
	p.place(file, at)
	return past, nil
}

// place has the item that was opened begin at a stream time, standing at its first tag.
func (p *player) place(file time.Duration, at int64) {
	cur := p.cur
	p.timeline.anchor(file.Milliseconds(), at)
	p.from = 0
	switch total := cur.src.Info().Duration; {
	case cur.start == 0:
		cur.base = file.Milliseconds()
	case file < total: // else the file's own times do not begin at 0
		cur.skip = file.Milliseconds()
	}
	if cur.length > 0 {
		cur.end = at + (cur.start - file + cur.length).Milliseconds()
	}
	p.bound()
}

// begin announces the item that was opened, or tells why it was not. It is settling where the client's buffer is empty.
func (p *player) begin(it item, reset, past bool, err error) error {
	switch {
	case errors.Is(err, errUnwanted):
		return nil
	case err != nil:
		return p.refuse(it, err)
	}
	at := p.timeline.now()
	p.setState(statePlaying)
	if p.settling = p.settling || p.pace.position(p.c.srv.now()) >= at; p.settling {
		p.restart(at) // else the client still has the end of the last item in its buffer
	}
	p.announce(reset, at)
	if it.instead != "" {
		p.tellTransitionComplete(it.instead, uint32(at))
	}
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
	return p.flush()
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
	return p.flush()
}

// finish ends the item that plays: everything was sent. When another waits, the stream goes on with it; else every
// client is told in the way by which it ends: ffmpeg and rtmpdump by Play.Stop, GStreamer by StreamEOF, Flash by
// Play.Complete.
func (p *player) finish() error {
	if t := p.transition; t != nil && t.armed {
		return p.splice() // the stream ends sooner than the one that it is to be switched to
	}
	if len(p.list) > 0 {
		return p.finishItem()
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
	return p.flush()
}

// finishItem ends an item behind which another waits.
func (p *player) finishItem() error {
	p.lose()
	p.playStatus(CodePlaySwitch)
	p.event(EventStop, nil)
	p.setState(stateEnded)
	p.oneFrame, p.settling = false, false
	return p.flush()
}

// fail ends the item that plays because its source gave out. The connection stays.
func (p *player) fail(err error) error {
	refusal := &StatusError{Code: CodePlayFailed, Err: err}
	var status *StatusError
	if errors.As(err, &status) {
		refusal = status
	}
	display, at := p.cur.display, uint32(p.timeline.now())
	p.c.srv.logger().Warn("play broke off", "remote", p.c.request.RemoteAddr, "name", logName(display), "at_ms", at, "err", err)
	p.lose()
	p.tellRefusal(refusal, display, at)
	p.control(chunk.EventStreamEOF)
	if len(p.list) == 0 {
		p.status(CodePlayStop) // without it ffmpeg waits for ever
	}
	p.event(EventStop, err)
	p.setState(stateEnded)
	p.drop()
	return p.flush()
}

// refuse answers a play that cannot be. Nothing else is sent before it: GStreamer takes Play.Reset for success.
func (p *player) refuse(it item, err error) error {
	display := displayName(it.name)
	p.c.srv.logger().Info("play refused", "remote", p.c.request.RemoteAddr, "name", logName(display), "err", err)
	p.tellRefusal(StatusOf(err), display, uint32(p.timeline.now()))
	p.c.observe(Event{Kind: EventPlay, StreamID: p.id, Name: it.name, Position: p.position(), Err: err})
	return p.flush()
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
	p.abandon()
	p.closeSource(p.cur)
	p.cur, p.reading, p.tag = nil, nil, nil
	p.seekTo, p.held, p.oneFrame, p.settling = -1, false, false, false
}

func (p *player) closeSource(c *playing) {
	c.cancel()
	if err := c.src.Close(); err != nil {
		p.c.srv.logger().Warn("closing a source failed", "name", c.display, "err", err)
	}
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
	p.c.observe(Event{Kind: kind, StreamID: p.id, Name: p.cur.name, Position: p.position(), Err: err})
}

// position is the stream time of the last tag.
func (p *player) position() time.Duration { return time.Duration(p.timeline.now()) * time.Millisecond }
