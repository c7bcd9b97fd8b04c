package origin

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// latencies are those of an origin's last calls that went well.
type latencies struct {
	mu   sync.Mutex
	ring [100]time.Duration
	n    int
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring[l.n%len(l.ring)] = d
	l.n++
}

// p95 is how long 95 of 100 calls take at most. It is not ok before there were enough to tell.
func (l *latencies) p95() (_ time.Duration, ok bool) {
	l.mu.Lock()
	ring := l.ring
	n := min(l.n, len(ring))
	l.mu.Unlock()
	if n < 20 {
		return 0, false
	}
	slices.Sort(ring[:n])
	return ring[n*95/100], true
}

type readResult struct {
	n      int
	err    error
	caught any // what it panicked with
}

// value returns the result of a read, or panics as it did.
func (r *readResult) value() (int, error) {
	if r.caught != nil {
		panic(r.caught)
	}
	return r.n, r.err
}

// read is one attempt at o.ReadAt; with Hedge and a slow answer, two of them side by side.
func (g *guarded) read(ctx context.Context, o Object, p []byte, off int64) (int, error) {
	if !g.hedge {
		return o.ReadAt(ctx, p, off)
	}
	after, ok := g.latencies.p95()
	if !ok {
		return o.ReadAt(ctx, p, off)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	first := start(ctx, o, p, off)
	t := time.NewTimer(after)
	defer t.Stop()
	select {
	case r := <-first:
		return r.value()
	case <-t.C:
	}
	if !g.limiter.tryAcquire() {
		r := <-first
		return r.value()
	}
	defer g.limiter.release()
	g.count.hedges.Add(1)
	return race(ctx, cancel, first, o, p, off)
}

// race asks a second time while the first read is under way. Both have ended when it returns.
func race(ctx context.Context, cancel context.CancelFunc, first <-chan readResult, o Object, p []byte, off int64) (int, error) {
	q := make([]byte, len(p))
	second := start(ctx, o, q, off)
	var a, b readResult
	select {
	case a = <-first:
		if a.err == nil {
			cancel()
		}
		b = <-second
	case b = <-second:
		if b.err == nil {
			cancel()
		}
		a = <-first
	}
	if a.n >= b.n || b.caught != nil {
		return a.value()
	}
	return copy(p, q[:b.n]), b.err
}

func start(ctx context.Context, o Object, p []byte, off int64) <-chan readResult {
	c := make(chan readResult, 1)
	go func() {
		var r readResult
		defer func() {
			if v := recover(); v != nil {
				r = readResult{caught: fmt.Sprintf("%v\n\n%s", v, debug.Stack())}
			}
			c <- r
		}()
		r.n, r.err = o.ReadAt(ctx, p, off)
	}()
	return c
}
