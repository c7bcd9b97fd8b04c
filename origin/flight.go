package origin

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// flights runs one call per key for all who want its result at the same time. A call has a context of its own, which ends
// when nobody waits for the result any more, so that the first caller's departure does not harm the others.
type flights[K comparable, V any] struct {
	drop func(V) // gives up a result that the last waiter has left; may be nil

	mu     sync.Mutex
	m      map[K]*flight[V]
	wg     sync.WaitGroup
	closed bool
}

var errClosed = errors.New("origin: cache is closed")

type flight[V any] struct {
	done   chan struct{} // closed when val, err and caught are set
	cancel context.CancelFunc
	urgent atomic.Bool // a viewer waits for it now; else it is read-ahead
	val    V
	err    error
	caught any // what the call panicked with

	waiters int  // guarded by flights.mu
	kept    bool // runs to its end though nobody waits; set before it starts, as is early
	early   bool // began as read-ahead
}

// how a caller joins a flight.
type joining struct {
	urgent bool // the caller is going to wait now
	keep   bool // when the flight is new, it runs to its end though nobody waits
}

// join returns the flight for key with the caller among its waiters, and whether it had been under way; where there was none
// it starts one with fn. The caller must leave it. base bounds the flight's life.
func (g *flights[K, V]) join(base context.Context, key K, how joining,
	fn func(ctx context.Context, urgent *atomic.Bool) (V, error)) (_ *flight[V], joined bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f := g.m[key]; f != nil {
		f.waiters++
		if how.urgent {
			f.urgent.Store(true)
		}
		return f, true
	}
	if g.closed {
		f := &flight[V]{done: make(chan struct{}), cancel: func() {}, err: errClosed, waiters: 1}
		close(f.done)
		return f, false
	}
	ctx, cancel := context.WithCancel(base)
	f := &flight[V]{done: make(chan struct{}), cancel: cancel, waiters: 1, kept: how.keep, early: !how.urgent}
	f.urgent.Store(how.urgent)
	if f.kept {
		f.waiters++ // itself, until it lands
	}
	if g.m == nil {
		g.m = make(map[K]*flight[V])
	}
	g.m[key] = f
	g.wg.Go(func() {
		defer cancel()
		f.run(ctx, fn)
		g.land(key, f)
	})
	return f, false
}

// close waits for all flights, and lets no more start. Their base has ended.
func (g *flights[K, V]) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.wg.Wait()
}

// land publishes a flight's result. Whoever comes later starts another.
func (g *flights[K, V]) land(key K, f *flight[V]) {
	g.mu.Lock()
	if g.m[key] == f {
		delete(g.m, key)
	}
	if f.kept {
		f.waiters--
	}
	close(f.done)
	abandoned := f.waiters == 0
	g.mu.Unlock()
	if abandoned {
		g.give(f)
	}
}

// leave takes a waiter off, and calls a flight off when it was the last.
func (g *flights[K, V]) leave(key K, f *flight[V]) {
	g.mu.Lock()
	f.waiters--
	last := f.waiters == 0
	landed := f.landed()
	if last && !landed && g.m[key] == f {
		delete(g.m, key)
	}
	g.mu.Unlock()
	if !last {
		return
	}
	f.cancel()
	if landed {
		g.give(f)
	}
}

func (g *flights[K, V]) give(f *flight[V]) {
	if g.drop != nil && f.err == nil && f.caught == nil {
		g.drop(f.val)
	}
}

func (f *flight[V]) run(ctx context.Context, fn func(context.Context, *atomic.Bool) (V, error)) {
	defer func() {
		if v := recover(); v != nil {
			f.caught = fmt.Sprintf("%v\n\n%s", v, debug.Stack())
		}
	}()
	f.val, f.err = fn(ctx, &f.urgent)
}

func (f *flight[V]) landed() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// wait returns the result, or ctx's error if that ends first. The caller still has to leave. A panic goes on in those who
// wait, where it costs their connections and no more.
func (f *flight[V]) wait(ctx context.Context) (V, error) {
	if !f.landed() {
		select {
		case <-f.done:
		case <-ctx.Done():
			var none V
			return none, context.Cause(ctx)
		}
	}
	if f.caught != nil {
		panic(f.caught)
	}
	return f.val, f.err
}
