package rtmp

import (
	"context"
	"errors"
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
	reset := a.kind == actionPlay && a.on
	switch n := len(m.actions); {
	case reset:
		m.actions = m.actions[:0]
	case n > 0 && a.kind != actionPlay && m.actions[n-1].kind == a.kind:
		m.actions = m.actions[:n-1]
	}
	if len(m.actions) >= m.limit {
		return errTooManyCommands
	}
	m.actions = append(m.actions, a)
	m.pending.Store(true)
	if m.cancelStep != nil && (reset || a.kind == actionSeek || a.kind == actionPause || a.kind == actionUnpause) {
		m.cancelStep()
	}
	if m.cancelItem != nil && reset {
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
	for i := range m.actions {
		if a := &m.actions[i]; a.kind == actionPlay && a.on {
			cancel()
		}
	}
}

// guardStep says what interrupts the source's next calls. The caller looks for actions that wait already.

func (m *mailbox) guardStep(cancel context.CancelFunc) {
	m.mu.Lock()
	m.cancelStep = cancel
	m.mu.Unlock()
}

func (m *mailbox) knock() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}
