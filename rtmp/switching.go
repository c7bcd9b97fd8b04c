package rtmp

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
)

// change does a play2 with the transitions switch and swap. An entry of the playlist that has not begun is replaced there
// in either case, and has the start and length of the old one.
func (p *player) change(a *action) error {
	playing := p.cur != nil && (a.old == "" || displayName(a.old) == p.cur.display)
	waiting := -1
	if a.old != "" {
		waiting = p.waitingItem(a.old)
	}
	switch {
	case playing && a.transition == TransitionSwitch:
		return p.switchTo(a)
	case waiting >= 0:
		it := &p.list[waiting]
		it.name, it.instead = a.item.name, displayName(it.name)
	case playing && p.state != stateEnded:
		it := a.item
		it.kind, it.start, it.length, it.instead = PlayRecorded, 0, -1, p.cur.display
		p.list = slices.Insert(p.list, 0, it)
	case p.cur == nil:
		return p.refuseSwitch(&a.item, &StatusError{Code: CodePlayFailed, Description: nothingPlays})
	default:
		return p.refuseSwitch(&a.item, &StatusError{Code: CodePlayFailed, Description: "The stream to be replaced is not in the playlist."})
	}
	old := a.old
	if old == "" {
		old = p.cur.name
	}
	p.tellTransition(displayName(old), displayName(a.item.name), reasonSuccess, false)
	return p.flush()
}

// waitingItem is the index of a stream in the playlist, -1 where it is not there.
func (p *player) waitingItem(name string) int {
	name = displayName(name)
	return slices.IndexFunc(p.list, func(it item) bool { return displayName(it.name) == name })
}

// switchTo begins a switch to another stream of the content that plays. The last of several wins.
func (p *player) switchTo(a *action) error {
	offset := a.position.Milliseconds()
	if offset <= 0 {
		offset = -1
	} else if offset < p.pace.from {
		return p.refuseSwitch(&a.item, &StatusError{Code: CodePlayFailed, Description: "The offset has been played already."})
	}
	if t := p.transition; t != nil && t.fitted {
		later := *a
		t.later = &later // the old stream cannot go on as it was
		return nil
	}
	p.abandon()
	t := &transition{item: a.item, offset: offset, origin: p.timeline.origin, base: p.cur.base, old: p.cur.src.Info()}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.target = p.spliceTarget(t)
	t.item.kind, t.item.start, t.item.length = PlayRecorded, time.Duration(max(0, t.target+t.origin))*time.Millisecond, p.cur.length
	p.transition = t
	if p.opening == nil {
		p.opening = make(chan struct{}, 1)
	}
	p.c.players.Go(func() { p.prepare(t) })
	return nil
}

// spliceTarget is the stream time at or after which a switch may come: what the client asked for, even where it has been
// sent already, or else all that has not been sent.
func (p *player) spliceTarget(t *transition) int64 {
	if t.offset >= 0 && !t.stale {
		return t.offset
	}
	if p.held {
		return p.horizon()
	}
	return p.horizon() + spliceAhead
}

// horizon is the first stream time of which nothing has been sent.
func (p *player) horizon() int64 {
	if p.held {
		return p.timeline.now()
	}
	return p.timeline.now() + 1
}

// arm takes over a transition whose source was opened. Where the stream has gone on beyond the splice meanwhile, it is
// brought to a later one, and this time the stream waits for it: otherwise a fast download would outrun it for ever.
func (p *player) arm() error {
	t := p.transition
	if t.err == nil && t.at < p.spliceTarget(t) {
		t.stale = true
	}
	if t.stale && (t.err == nil || errors.Is(t.err, errNoKeyFrame)) && p.relocate(t) {
		return nil
	}
	switch {
	case t.err != nil:
	case p.state == stateEnded && t.offset < 0:
		t.err = &StatusError{Code: CodePlayFailed, Description: "The stream has ended."}
	case t.at >= p.cur.end:
		t.err = errNoKeyFrame
	}
	if t.err != nil {
		p.abandon()
		return p.refuseSwitch(&t.item, t.err)
	}
	t.armed = true
	p.bound()
	fast := t.at < p.horizon()
	p.tellTransition(p.cur.display, displayName(t.item.name), p.spliceReason(t), fast)
	if fast && p.state != statePaused {
		p.setState(statePlaying)
		return p.splice()
	}
	return p.flush()
}

// relocate reports whether a command interrupted it, so that it has to be done again.
func (p *player) relocate(t *transition) (interrupted bool) {
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	p.mail.guardStep(cancel)
	t.target = p.spliceTarget(t)
	err := t.locate(ctx)
	p.reading = nil // the mailbox has forgotten how to interrupt it
	if err != nil && ctx.Err() != nil && t.ctx.Err() == nil {
		t.stale = true
		return true
	}
	t.err, t.stale = err, false
	return false
}

// The reasons of a transition (ActionScript 3 reference, NetStatusEvent.info).
const (
	reasonSuccess = "NetStream.Transition.Success"
	reasonForced  = "NetStream.Transition.Forced" // the key frames of the streams are not aligned
)

func (p *player) spliceReason(t *transition) string {
	keys, file := t.old.KeyFrames, t.at+p.timeline.origin
	if len(keys) == 0 {
		return reasonSuccess
	}
	if i := searchTime(keys, file-1); i < len(keys) && keys[i].Milliseconds() <= file+1 {
		return reasonSuccess
	}
	return reasonForced
}

// abandon gives up the switch under way, if there is one, without a word.
func (p *player) abandon() {
	t := p.transition
	if t == nil {
		return
	}
	p.transition = nil
	t.cancel()
	if !t.owner.CompareAndSwap(ownerOpener, ownerNobody) {
		t.close()
	}
	if p.cur != nil {
		p.bound()
	}
}

// bound says where what plays is to be left: at its end or at the splice.
func (p *player) bound() {
	p.until = p.cur.end
	if t := p.transition; t != nil && t.armed {
		p.until = min(p.until, t.at-maxReorder)
	}
}

// boundary is reached with a tag at or behind until. Of a splice, video decides: audio that lies in front of it in the
// file, but behind it in time, is left to the new stream.
func (p *player) boundary(at int64) (done bool, err error) {
	t := p.transition
	switch {
	case at >= p.cur.end:
		return true, p.finish()
	case at < t.at:
		t.fit(p.tag, at)
		p.timeline.at(p.tag.Timestamp)
		if err := p.send(at); err != nil {
			return true, err
		}
		return p.afterSend(at)
	}
	if p.tag.Type == flv.TagVideo || !p.hasVideo() || at >= t.at+maxInterleave {
		return true, p.splice()
	}
	return false, nil
}

// splice goes on with the new stream: its metadata, its sequence headers, the status, and from then on its media.
func (p *player) splice() error {
	t, old := p.transition, p.cur.display
	p.take(t)
	p.from = t.at
	p.sendMetadata(uint32(t.at))
	for i := range t.headers {
		p.tag = &t.headers[i]
		if err := p.send(t.at); err != nil {
			return err
		}
	}
	p.tellTransitionComplete(old, uint32(t.at))
	p.tag, p.held = t.first, true
	if t.later != nil {
		return p.switchTo(t.later)
	}
	return nil
}

// take closes what plays and has a transition's stream play in its place, which stands at the splice.
func (p *player) take(t *transition) {
	p.event(EventStop, nil)
	old := p.cur
	p.cur = &playing{
		item: t.item, src: t.src, display: displayName(t.item.name), ctx: t.ctx, cancel: t.cancel,
		from: old.from, skip: old.skip, end: old.end, base: t.base,
	}
	p.cur.item.kind, p.cur.item.start, p.cur.item.length = old.kind, old.start, old.length
	p.closeSource(old)
	p.transition, p.reading, p.held = nil, nil, false
	p.mail.guard(t.cancel)
	p.timeline.anchor(t.file, t.at)
	p.bound()
	p.event(EventPlay, nil)
}

// lose tells the client that a switch cannot be made any more, because what it was to replace is over.
func (p *player) lose() {
	if t := p.transition; t != nil {
		p.abandon()
		_ = p.refuseSwitch(&t.item, &StatusError{Code: CodePlayFailed, Description: "The stream has ended."})
	}
}

// refuseSwitch answers a play2 that cannot be; what plays goes on. The code is the same whatever the cause, and players do
// not take it for the end of what plays.
func (p *player) refuseSwitch(it *item, err error) error {
	refusal := &StatusError{Code: CodePlayFailed, Err: err}
	switch own := (*StatusError)(nil); {
	case errors.Is(err, errNoKeyFrame):
		refusal.Description = "The stream has no key frame to switch at."
	case errors.As(err, &own) && own.Code == CodePlayFailed:
		refusal = own
	}
	display := displayName(it.name)
	p.c.srv.logger().Info("switch refused", "remote", p.c.request.RemoteAddr, "name", logName(display), "err", err)
	p.tellRefusal(refusal, display, uint32(p.timeline.now()))
	p.c.observe(Event{Kind: EventPlay, StreamID: p.id, Name: it.name, Position: p.position(), Err: err})
	return p.flush()
}

// tellTransition says that a switch will be made.
func (p *player) tellTransition(old, name, reason string, fast bool) {
	info := statusInfo(levelStatus, CodePlayTransition, "Transitioning from "+old+" to "+name+".", name, p.c.id)
	info = append(info, amf.Pair{Key: "reason", Value: reason}, amf.Pair{Key: "isFastPlay", Value: fast})
	at := uint32(p.timeline.now())
	p.batch.encoded(func(dst []byte) []byte { return p.c.out.status(dst, p.id, at, info) })
}

// tellTransitionComplete says that what comes from now on is of the new stream.
func (p *player) tellTransitionComplete(old string, at uint32) {
	info := statusInfo(levelStatus, CodePlayTransitionComplete, "Transitioned from "+old+" to "+p.cur.display+".", p.cur.display, p.c.id)
	p.batch.encoded(func(dst []byte) []byte { return p.c.out.data(dst, p.id, at, "onPlayStatus", info) })
}
