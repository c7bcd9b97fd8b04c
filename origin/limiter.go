package origin

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// limiter bounds the calls of one origin that are under way. Those who wait are served in turn, those for whom a viewer
// waits before read-ahead. An origin that says it is asked too much is left alone for a while, and then asked by half as
// many at once; each round of calls that goes well lets one more in.
type limiter struct {
	most int // never more than this at once

	mu      sync.Mutex
	now     int // how many at once for the present
	running int
	well    int // calls that went well since now last grew
	queue   []*ticket
	quiet   time.Time // nobody starts before

	throttles int // in a row
}

type ticket struct {
	urgent *atomic.Bool
	turn   chan struct{}
}

func newLimiter(most int) *limiter { return &limiter{most: most, now: most} }

// acquire waits for a turn, and then until the origin may be asked. The caller must release it.
func (l *limiter) acquire(ctx context.Context, urgent *atomic.Bool) error {
	if err := l.queueUp(ctx, urgent); err != nil {
		return err
	}
	for {
		l.mu.Lock()
		quiet := time.Until(l.quiet)
		l.mu.Unlock()
		if quiet <= 0 {
			return nil
		}
		if err := sleep(ctx, quiet); err != nil {
			l.release()
			return err
		}
	}
}

func (l *limiter) queueUp(ctx context.Context, urgent *atomic.Bool) error {
	l.mu.Lock()
	if l.running < l.now && len(l.queue) == 0 {
		l.running++
		l.mu.Unlock()
		return nil
	}
	t := &ticket{urgent, make(chan struct{})}
	l.queue = append(l.queue, t)
	l.mu.Unlock()
	select {
	case <-t.turn:
		return nil
	case <-ctx.Done():
		l.mu.Lock()
		i := slices.Index(l.queue, t)
		if i >= 0 {
			l.queue = slices.Delete(l.queue, i, i+1)
		}
		l.mu.Unlock()
		if i < 0 { // the turn came at the same time
			l.release()
		}
		return context.Cause(ctx)
	}
}

// tryAcquire takes a turn if nobody else wants it.
func (l *limiter) tryAcquire() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running >= l.now || len(l.queue) > 0 || time.Now().Before(l.quiet) {
		return false
	}
	l.running++
	return true
}

func (l *limiter) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running--
	l.call()
}

// call lets in those whose turn it is.
func (l *limiter) call() {
	for l.running < l.now && len(l.queue) > 0 {
		i := max(0, slices.IndexFunc(l.queue, func(t *ticket) bool { return t.urgent.Load() }))
		close(l.queue[i].turn)
		l.queue = slices.Delete(l.queue, i, i+1)
		l.running++
	}
}

// throttled halves the calls at once, and keeps new ones off for at least d, longer each time. Another one before that is
// over counts as the same.
func (l *limiter) throttled(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Before(l.quiet) {
		return
	}
	l.now, l.well = max(1, l.now/2), 0
	l.throttles++
	l.quiet = now.Add(max(d, backoff(l.throttles)))
}

func (l *limiter) wentWell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.throttles = 0
	if l.now == l.most {
		return
	}
	if l.well++; l.well >= l.now {
		l.now, l.well = l.now+1, 0
		l.call()
	}
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
