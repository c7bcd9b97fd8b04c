package origin

import (
	"fmt"
	"sync"
	"time"
)

// breaker spares an origin, and those who would wait for it, when call after call has failed: for a while it refuses every
// call, then it lets one try.
type breaker struct {
	after int // so many failures one after the other; 0 means never
	rest  time.Duration

	mu       sync.Mutex
	failures int
	last     error
	until    time.Time // refuses before
	trying   bool      // the one that tries is under way
}

// outcome is what a call tells of its origin's health.
type outcome int

const (
	unknown outcome = iota // the caller gave up
	healthy                // an answer, be it that there is no such object
	failed
)

func (b *breaker) allow() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.after == 0 || b.failures < b.after {
		return nil
	}
	if b.trying || time.Now().Before(b.until) {
		return &restingError{b.failures, b.last}
	}
	b.trying = true
	return nil
}

// report says how an allowed call went, and whether the breaker opened with it.
func (b *breaker) report(o outcome, err error) (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trying = false
	switch o {
	case healthy:
		b.failures, b.last = 0, nil
	case failed:
		b.failures, b.last = b.failures+1, err
		if b.after > 0 && b.failures >= b.after {
			b.until = time.Now().Add(jittered(b.rest))
			return b.failures == b.after
		}
	}
	return false
}

// restingError refuses a call while the breaker is open.
type restingError struct {
	failures int
	last     error
}

func (e *restingError) Error() string {
	return fmt.Sprintf("origin: left alone for a while after %d failures: %v", e.failures, e.last)
}

func (e *restingError) Unwrap() error { return e.last }
