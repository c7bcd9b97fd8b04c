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

// beats wake those who wait for the same moment with one timer. The zero value is ready for use.
type beats struct {
	mu  sync.Mutex
	due map[int64]chan struct{} // by time in ns since 1970
}

// at is closed when a time has come.
func (b *beats) at(t time.Time) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := t.UnixNano()
	if ch := b.due[key]; ch != nil {
		return ch
	}
	if b.due == nil {
		b.due = make(map[int64]chan struct{})
	}
	ch := make(chan struct{})
	b.due[key] = ch
	time.AfterFunc(time.Until(t), func() {
		b.mu.Lock()
		delete(b.due, key)
		b.mu.Unlock()
		close(ch)
	})
	return ch
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
