package rtmp

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

var errTooManyCommands = errors.New("rtmp: more commands than a player can answer")

// actionKind is what a player is asked to do.
type actionKind uint8

const (
	actionPlay actionKind = iota + 1
	actionSeek
	actionPause
	actionUnpause
	actionReceiveAudio
	actionReceiveVideo
)

// action is a command for a player.
type action struct {
	kind     actionKind
	item     item          // of a play
	on       bool          // of receiveAudio and receiveVideo; of a play, that it replaces what plays and the playlist
	position time.Duration // of a seek, pause or unpause, on the stream's timeline
}

// replaces tells whether the action ends what plays.
func (a action) replaces() bool { return a.kind == actionPlay && a.on }

// interrupts tells whether the player should leave what it waits for and look at the action.
func (a action) interrupts() bool {
	return a.replaces() || a.kind == actionSeek || a.kind == actionPause || a.kind == actionUnpause
}

// mailbox is where the reading goroutine leaves commands for a player. It also knows how to interrupt what the player
// waits for.
type mailbox struct {
	limit   int           // actions that may wait
	wake    chan struct{} // holds one token when there is something new
	pending atomic.Bool   // whether actions wait

	mu         sync.Mutex
	actions    []action
	buffer     time.Duration
	cancelItem context.CancelFunc // ends the play that runs; nil when none does
	cancelStep context.CancelFunc // ends the Next or Seek that runs; nil when none does
}

// post queues an action. Of seeks that nobody has looked at yet only the last counts, and the same goes for pauses; a
// play that resets makes all that waits pointless.
func (m *mailbox) post(a action) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch n := len(m.actions); {
	case a.replaces():
		m.actions = m.actions[:0]
	case n > 0 && a.kind != actionPlay && m.actions[n-1].kind == a.kind:
		m.actions = m.actions[:n-1]
	}
	if len(m.actions) >= m.limit {
		return errTooManyCommands
	}
	m.actions = append(m.actions, a)
	m.pending.Store(true)
	if m.cancelStep != nil && a.interrupts() {
		m.cancelStep()
	}
	if m.cancelItem != nil && a.replaces() {
		m.cancelItem()
	}
	m.knock()
	return nil
}

// take returns the action that waits longest.
func (m *mailbox) take() (action, bool) {
	if !m.pending.Load() {
		return action{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.actions[0]
	m.actions = append(m.actions[:0], m.actions[1:]...)
	m.pending.Store(len(m.actions) > 0)
	return a, true
}

func (m *mailbox) setBuffer(d time.Duration) {
	m.mu.Lock()
	m.buffer = d
	m.mu.Unlock()
	m.knock()
}

func (m *mailbox) bufferLength() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.buffer
}

// guard says what interrupts the play that begins: at once, where another that replaces it waits already.
func (m *mailbox) guard(cancel context.CancelFunc) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cancelItem = cancel
	if slices.ContainsFunc(m.actions, action.replaces) {
		cancel()
	}
}

// guardStep says what interrupts the source's next calls: at once, where there is a reason already.
func (m *mailbox) guardStep(cancel context.CancelFunc) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cancelStep = cancel
	if slices.ContainsFunc(m.actions, action.interrupts) {
		cancel()
	}
}

func (m *mailbox) knock() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}
