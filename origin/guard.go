package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// ErrThrottled is wrapped by the errors of an origin that says it is asked too much: S3's SlowDown, HTTP's 429 and 503. Where
// such an error has a method RetryAfter() time.Duration, that long the origin is left alone.
var ErrThrottled = errors.New("origin asks for fewer requests")

// Guard bears with an origin's faults: it bounds each call in time, tries again what may go better the next time, bounds the
// calls at once, respects throttling, and stops asking an origin that fails call after call. The zero value works. In each
// field zero means the default and a negative value means none.
type Guard struct {
	// Timeout bounds an Open or a ReadAt as a whole, with all attempts and the wait for a turn. The default is 30 s.
	Timeout time.Duration
	// AttemptTimeout bounds one attempt. What a read got by then is kept. The default is 10 s.
	AttemptTimeout time.Duration
	// Attempts is how often a call is tried that makes no progress. The default is 4.
	Attempts int
	// Parallel bounds the calls at once. The default is 64.
	Parallel int
	// BreakAfter is after how many failed attempts in a row the origin is left alone for BreakFor; then one call tries it
	// again. The defaults are 5 and 5 s.
	BreakAfter int
	BreakFor   time.Duration
	// Hedge sends a second request for a read that takes longer than 95 of the last 100, and takes the first answer.
	Hedge bool
}

// Wrap returns o behind a guard of its own.
func (g Guard) Wrap(o Origin) Origin { return g.wrap(o, new(counters)) }

func (g Guard) wrap(o Origin, count *counters) *guarded {
	if guarded, ok := o.(*guarded); ok {
		return guarded
	}
	return &guarded{
		origin:         o,
		timeout:        defaulted(g.Timeout, defaultTimeout),
		attemptTimeout: defaulted(g.AttemptTimeout, defaultAttemptTimeout),
		attempts:       max(1, defaulted(g.Attempts, defaultAttempts)),
		hedge:          g.Hedge,
		limiter:        newLimiter(g.parallel()),
		breaker:        &breaker{after: defaulted(g.BreakAfter, defaultBreakAfter), rest: defaulted(g.BreakFor, defaultBreakFor)},
		count:          count,
	}
}

func (g Guard) parallel() int {
	if g.Parallel < 0 {
		return int(^uint(0) >> 1)
	}
	return defaulted(g.Parallel, defaultParallel)
}

// guarded is an Origin behind a Guard.
type guarded struct {
	origin         Origin
	timeout        time.Duration // 0 means none, as in attemptTimeout
	attemptTimeout time.Duration
	attempts       int
	hedge          bool
	limiter        *limiter
	breaker        *breaker
	latencies      latencies
	count          *counters
}

// patience is how long to wait for a call that may ignore its context. 0 means for ever.
func (g *guarded) patience() time.Duration {
	if g.timeout == 0 {
		return 0
	}
	return g.timeout + waitGrace
}

// Open implements Origin.
func (g *guarded) Open(ctx context.Context, key string) (Object, error) {
	o, err := g.openObject(ctx, key)
	if err != nil {
		return nil, err
	}
	return o, nil
}

func (g *guarded) openObject(ctx context.Context, key string) (*guardedObject, error) {
	var o Object
	err := g.call(ctx, nil, func(ctx context.Context) (progress bool, err error) {
		g.count.opens.Add(1)
		o, err = g.origin.Open(ctx, key)
		return false, err
	})
	if err != nil {
		return nil, err
	}
	return &guardedObject{Object: o, g: g}, nil
}

type guardedObject struct {
	Object
	g *guarded
}

// ReadAt implements Object.
func (o *guardedObject) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	p, eof, err := clamp(p, off, o.Info().Size)
	if err != nil {
		return 0, fmt.Errorf("origin: read at %d: %w", off, err)
	}
	n, err := o.readFull(ctx, nil, &p, len(p), off)
	if err == nil {
		err = eof
	}
	return n, err
}

// readFull reads the size bytes at off, which lie wholly inside of the object, into *buf, which it makes, if it is nil, when
// its turn has come: waiting takes no memory. Nothing of a failed read is worth keeping when the object has changed.
func (o *guardedObject) readFull(ctx context.Context, urgent *atomic.Bool, buf *[]byte, size int, off int64) (int, error) {
	done := 0
	err := o.g.call(ctx, urgent, func(ctx context.Context) (progress bool, err error) {
		if *buf == nil {
			*buf = make([]byte, size)
		}
		n, err := o.g.read(ctx, o.Object, (*buf)[done:], off+int64(done))
		if errors.Is(err, ErrChanged) {
			done = 0
			return false, err
		}
		done += n
		o.g.count.originBytes.Add(uint64(n))
		if done == size {
			return true, nil
		}
		return n > 0, shortRead(err)
	})
	return done, err
}

// call makes attempts at f until one succeeds, it is clear that none will, or the time is up. Attempts that make progress
// are not counted.
func (g *guarded) call(ctx context.Context, urgent *atomic.Bool, f func(context.Context) (progress bool, err error)) error {
	if urgent == nil {
		urgent = new(atomic.Bool)
		urgent.Store(true)
	}
	ctx, cancel := withTimeout(ctx, g.timeout)
	defer cancel()
	var last error
	for attempt := 1; ; attempt++ {
		progress, err := g.attempt(ctx, urgent, f)
		if err == nil || settled(err) {
			return err
		}
		var resting *restingError
		if errors.As(err, &resting) {
			return err
		}
		if ctx.Err() != nil {
			return timeUp(ctx, last)
		}
		last = err
		if progress {
			attempt = 0
		}
		if attempt >= g.attempts {
			return err
		}
		g.count.retries.Add(1)
		if sleep(ctx, backoff(max(attempt, 1))) != nil {
			return timeUp(ctx, last)
		}
	}
}

// settled reports whether an error will be the same however often one asks.
func settled(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, ErrChanged) ||
		errors.Is(err, fs.ErrClosed)
}

func (g *guarded) attempt(ctx context.Context, urgent *atomic.Bool, f func(context.Context) (bool, error)) (progress bool, err error) {
	if err := g.breaker.allow(); err != nil {
		return false, err
	}
	if err := g.limiter.acquire(ctx, urgent); err != nil {
		g.breaker.report(unknown, nil)
		return false, err
	}
	defer g.limiter.release()
	within, cancel := withTimeout(ctx, g.attemptTimeout)
	defer cancel()
	returned := false
	defer func() {
		if !returned { // it panics
			g.breaker.report(unknown, nil)
		}
	}()
	start := time.Now()
	progress, err = f(within)
	err, returned = cutOff(err), true
	took := time.Since(start)
	g.count.latency(took)
	if err == nil {
		g.latencies.add(took)
	}
	g.judge(ctx, progress, err)
	return progress, err
}

// judge tells the breaker and the limiter how an attempt went. ctx is the caller's.
func (g *guarded) judge(ctx context.Context, progress bool, err error) {
	switch {
	case err == nil || settled(err):
		g.breaker.report(healthy, nil)
		g.limiter.wentWell()
	case errors.Is(err, ErrThrottled):
		g.count.throttled.Add(1)
		g.breaker.report(unknown, nil)
		g.limiter.throttled(retryAfter(err))
	case errors.Is(context.Cause(ctx), context.Canceled):
		g.breaker.report(unknown, nil)
	case progress:
		g.count.errors.Add(1)
		g.breaker.report(unknown, nil)
	default:
		g.count.errors.Add(1)
		if g.breaker.report(failed, err) {
			g.count.broken.Add(1)
		}
	}
}

// retryAfter is how long an origin asks to be left alone, 0 where it does not say.
func retryAfter(err error) time.Duration {
	var after interface{ RetryAfter() time.Duration }
	if !errors.As(err, &after) {
		return 0
	}
	return min(after.RetryAfter(), maxThrottle)
}

// backoff is how long to wait after so many attempts that failed.
func backoff(attempt int) time.Duration {
	return jittered(min(firstBackoff<<min(attempt-1, 10), maxBackoff))
}

// jittered is between one half and one and a half of d.
func jittered(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d/2 + rand.N(d)
}

// timeoutError says that a deadline of ours was met. It is os.ErrDeadlineExceeded's kin: Timeout reports true.
type timeoutError struct{ after time.Duration }

func (e *timeoutError) Error() string { return fmt.Sprintf("origin: no answer within %v", e.after) }
func (e *timeoutError) Timeout() bool { return true }
func (e *timeoutError) Is(target error) bool {
	return target == context.DeadlineExceeded
}

func withTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, d, &timeoutError{d})
}

// timeUp is the error of a call whose context has ended, with what the origin said last.
func timeUp(ctx context.Context, last error) error {
	err := context.Cause(ctx)
	if last == nil {
		return err
	}
	return fmt.Errorf("%w; before that: %w", err, last)
}

// shortRead makes the end of an object, met before its size says, an error.
func shortRead(err error) error {
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return cutOff(err)
}

// cutOff makes an error of an answer that ended too soon, or of a connection that did, one that nobody takes for the end of
// the object.
func cutOff(err error) error {
	if !errors.Is(err, io.EOF) || settled(err) {
		return err
	}
	return fmt.Errorf("%w (%v)", io.ErrUnexpectedEOF, err)
}
