package rtmp

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

var (
	errTooManyCommands = errors.New("rtmp: more commands than a player can answer")
	errPlaylistFull    = &StatusError{Code: CodePlayFailed, Description: "The playlist is full."}
)

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

// onlyLast tells whether of several such actions in a row, of which the player has seen none, only the last counts.
func (k actionKind) onlyLast() bool { return k != actionPlay }

// action is a command for a player.
type action struct {
	kind     actionKind
	position time.Duration // of a seek, pause or unpause, and of a transition, on the stream's timeline
	on       bool          // of receiveAudio and receiveVideo

	// Of a play.
	transition Transition
	item       item
	old        string // the name of the stream to be replaced; empty for what plays
}

// replaces tells whether the action ends what plays.
func (a action) replaces() bool {
	return a.transition == TransitionReset || a.transition == TransitionStop
}

// appends tells whether the action adds to the playlist.
func (a action) appends() bool {
	return a.transition == TransitionAppend || a.transition == TransitionAppendAndWait
}

// interrupts tells whether the player should leave what it waits for and look at the action.
func (a action) interrupts() bool {
	return a.replaces() || a.transition == TransitionResume ||
		a.kind == actionSeek || a.kind == actionPause || a.kind == actionUnpause
}

// mailbox is where the reading goroutine leaves commands for a player. It also knows how to interrupt what the player
// waits for, and whether there is a goroutine that runs the player: there is none while nothing is to be done.
type mailbox struct {
	limit    int         // actions that may wait, but for those that add to the playlist
	playlist int         // of which this many may
	run      func()      // what the goroutine does
	pending  atomic.Bool // whether there may be something to be done between two tags
	closed   atomic.Bool

	mu         sync.Mutex
	actions    []action
	buffer     time.Duration
	cancelItem context.CancelFunc // ends the play that runs; nil when none does
	cancelStep context.CancelFunc // ends the Next or Seek that runs; nil when none does
	running    bool
	again      bool // something has come that the run may not have seen
}

// post queues an action. Of seeks that nobody has looked at yet only the last counts, and the same goes for pauses; a
// play that resets makes all that waits pointless.
func (m *mailbox) post(a action) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch n := len(m.actions); {
	case a.replaces():
		m.actions = m.actions[:0]
	case n > 0 && a.kind.onlyLast() && m.actions[n-1].kind == a.kind:
		m.actions = m.actions[:n-1]
	}
	if err := m.room(a); err != nil {
		return err
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

// room tells whether there is room for one more action.
func (m *mailbox) room(a action) error {
	appended := 0
	for i := range m.actions {
		if m.actions[i].appends() {
			appended++
		}
	}
	switch {
	case a.appends() && appended >= m.playlist:
		return errPlaylistFull
	case !a.appends() && len(m.actions)-appended >= m.limit:
		return errTooManyCommands
	}
	return nil
}

// take returns the action that waits longest.
func (m *mailbox) take() (action, bool) {
	if !m.pending.Load() {
		return action{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.actions) == 0 {
		m.pending.Store(false)
		return action{}, false
	}
	a := m.actions[0]
	if m.actions = slices.Delete(m.actions, 0, 1); len(m.actions) == 0 {
		m.actions = nil
		m.pending.Store(false)
	}
	return a, true
}

// nudge has the player look whether a switch can be made.
func (m *mailbox) nudge() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pending.Store(true)
	m.knock()
}

// close has the player end.
func (m *mailbox) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed.Store(true)
	m.pending.Store(true)
	if m.cancelStep != nil {
		m.cancelStep()
	}
	if m.cancelItem != nil {
		m.cancelItem()
	}
	m.knock()
}

func (m *mailbox) setBuffer(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.buffer = d
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
	if m.closed.Load() || slices.ContainsFunc(m.actions, action.replaces) {
		cancel()
	}
}

// guardStep says what interrupts the source's next calls, nil where none is to come: at once, where there is a reason
// already.
func (m *mailbox) guardStep(cancel context.CancelFunc) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cancelStep = cancel
	if cancel != nil && (m.closed.Load() || slices.ContainsFunc(m.actions, action.interrupts)) {
		cancel()
	}
}

// knock has the player run, on a goroutine of its own. m.mu is held.
func (m *mailbox) knock() {
	if m.enter() {
		go m.run()
	}
}

// wake has the player run on the calling goroutine, which is a timer's.
func (m *mailbox) wake() {
	m.mu.Lock()
	enter := m.enter()
	m.mu.Unlock()
	if enter {
		m.run()
	}
}

// enter tells whether a run begins; one that is under way looks again before it ends. m.mu is held.
func (m *mailbox) enter() bool {
	m.again = m.running
	m.running = true
	return !m.again
}

// leave tells whether the run ends.
func (m *mailbox) leave() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running = m.again
	m.again = false
	return !m.running
}
