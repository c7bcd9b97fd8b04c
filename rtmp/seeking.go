package rtmp

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/seed-3309b198/reelfront/rtmp/chunk"
)

// seek goes to seekTo. A client that seeks waits for Seek.Notify and sees nothing else, so it is sent whatever happens.
func (p *player) seek() error {
	target := p.seekTo
	switched := ""
	var later *action
	if t := p.transition; t != nil && t.armed { // the buffer that the switch spares is thrown away
		switched = p.cur.display
		later = t.later
		p.take(t)
	} else if t != nil {
		t.stale = true
	}
	if missing, err := p.reach(target); err != nil {
		return p.seekFailed(missing, target, err)
	}
	past := target.Milliseconds() >= p.cur.last()
	at := target
	var failed error
	if !past {
		if failed = p.goTo(p.readContext(), target); p.interrupted(failed) {
			return nil
		}
		if failed == nil {
			at = p.position()
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
	if switched != "" {
		p.tellTransitionComplete(switched, uint32(at.Milliseconds()))
	}
	p.event(EventSeek, failed)
	switch {
	case failed != nil:
		return p.fail(failed)
	case past:
		return p.finish()
	case later != nil:
		return p.switchTo(later)
	}
	return nil
}

// reach opens the item of the playlist that a stream time lies in, where that is another one than plays. Only what was
// played has a known place on the timeline; of what comes, each item is opened in turn to know where the next begins.
func (p *player) reach(target time.Duration) (missing item, err error) {
	t := target.Milliseconds()
	state, opened := p.state, false
	for err == nil {
		it, at := item{}, int64(0)
		switch n := len(p.played); {
		case t < p.cur.from && n > 0:
			i := n - 1
			for i > 0 && t < p.played[i].from {
				i--
			}
			it, at = p.played[i].item, p.played[i].from
			p.rewind(i)
		case t >= p.cur.last() && len(p.list) > 0:
			p.remember()
			at = p.cur.last()
			it = p.shift()
		default:
			if opened {
				p.seekTo = target
				p.setState(state)
				p.event(EventPlay, nil)
			}
			return item{}, nil
		}
		p.leave()
		missing, opened = it, true
		_, err = p.openItem(it, at)
	}
	return missing, err
}

// rewind puts what was played from entry i on back in front of the playlist, but for entry i itself.
func (p *player) rewind(i int) {
	var again []item
	for _, entry := range p.played[i+1:] {
		again = append(again, entry.item)
	}
	p.list = slices.Insert(p.list, 0, append(again, p.cur.item)...)
	p.played = p.played[:i]
}

// seekFailed answers a seek into an item that cannot be opened. The playlist goes on behind it.
func (p *player) seekFailed(it item, target time.Duration, err error) error {
	if errors.Is(err, errUnwanted) {
		return nil
	}
	p.timeline.end(target.Milliseconds())
	p.control(chunk.EventStreamEOF)
	p.control(chunk.EventStreamIsRecorded)
	p.control(chunk.EventStreamBegin)
	p.notifySeek(displayName(it.name), target, uint32(target.Milliseconds()))
	return p.refuse(it, err)
}

// goTo has the item that plays go to the key frame at or before a stream time.
func (p *player) goTo(ctx context.Context, t time.Duration) error {
	file, err := p.cur.src.Seek(ctx, p.timeline.fileTime(t))
	if err == nil {
		p.timeline.jump(file.Milliseconds())
		p.held, p.from = false, 0
	}
	return err
}
