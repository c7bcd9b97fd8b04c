package tunnel

import (
	"sync"
	"time"
)

// A signal wakes all that wait for something to change. It is guarded by its owner's mutex, and costs nothing while nobody
// waits.
type signal struct{ ch chan struct{} }

// next is closed when the signal fires next.
func (s *signal) next() <-chan struct{} {
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) fire() {
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}

// await lets go of mu until the signal fires.
func (s *signal) await(mu *sync.Mutex) {
	ch := s.next()
	mu.Unlock()
	<-ch
	mu.Lock()
}

// A deadline is that of a net.Conn's Read or Write. It is guarded by its owner's mutex.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

// set fires s, which mu guards, now and when t has come; the zero time means never.
func (d *deadline) set(t time.Time, mu *sync.Mutex, s *signal) {
	s.fire()
	if t.IsZero() {
		d.stop()
		return
	}
	left := time.Until(t)
	d.at = time.Now().Add(left)
	if d.timer != nil {
		d.timer.Reset(left)
		return
	}
	d.timer = time.AfterFunc(left, func() {
		mu.Lock()
		defer mu.Unlock()
		s.fire()
	})
}

func (d *deadline) stop() {
	d.at = time.Time{}
	if d.timer != nil {
		d.timer.Stop()
	}
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }
