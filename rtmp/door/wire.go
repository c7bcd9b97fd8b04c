package door

import (
	"bufio"
	"errors"
	"math"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// wire counts a connection's bytes, notes when the other side was last heard, and lets a write take as long as it makes
// progress. It lies directly over the transport: a TLS or RC4 layer could not go on after half a write.
type wire struct {
	net.Conn
	terms *terms
	ahead peeked

	received, sent atomic.Uint64
	began          time.Duration // like all times here since terms.epoch
	heard          atomic.Int64  // in ns

	mu    sync.Mutex
	given time.Duration // the deadline of writes that somebody has set
	armed time.Duration // the one that is in force
}

// terms are what the connections of a Server have in common.
type terms struct {
	epoch time.Time
	write time.Duration // without progress
}

// never is the time of a deadline that is not set.
const never = time.Duration(math.MinInt64 / 2)

func (t *terms) now() time.Duration { return time.Since(t.epoch) }

func newWire(nc net.Conn, t *terms) wire {
	return wire{Conn: nc, terms: t, began: t.now(), given: never, armed: never}
}

// Read gives what was peeked at first.
func (w *wire) Read(p []byte) (int, error) {
	if n := w.ahead.take(p); n > 0 {
		return n, nil
	}
	n, err := w.Conn.Read(p)
	if n > 0 {
		w.received.Add(uint64(n))
		w.heard.Store(int64(w.terms.now()))
	}
	return n, err
}

func (w *wire) Write(p []byte) (int, error) {
	done := 0
	for {
		if err := w.armWrite(); err != nil {
			return done, err
		}
		n, err := w.Conn.Write(p[done:])
		done += n
		w.sent.Add(uint64(n))
		if n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return done, err
		}
	}
}

// SetWriteDeadline sets a deadline that progress does not put off, as HTTP and TLS have for replies and for their end. One that
// is later than what is in force counts from the next write on: HTTP sets and lifts one for each reply.
func (w *wire) SetWriteDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.given = never
	if t.IsZero() {
		return nil
	}
	w.given = t.Sub(w.terms.epoch)
	if w.given >= w.armed {
		return nil
	}
	w.armed = w.given
	return w.Conn.SetWriteDeadline(t)
}

// SetDeadline sets both deadlines.
func (w *wire) SetDeadline(t time.Time) error {
	return errors.Join(w.SetReadDeadline(t), w.SetWriteDeadline(t))
}

// armWrite sets the deadline of the next write, if it is not about right already: TLS writes records of 16 KiB and HTTP a few
// bytes, and setting one costs about as much as copying 8 KiB.
func (w *wire) armWrite() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.terms.now()
	deadline := now + w.terms.write
	if w.given != never && w.given < deadline {
		deadline = w.given
	}
	if early := deadline - w.armed; 0 <= early && early < min(longestEarly, (deadline-now)/8) {
		return nil
	}
	w.armed = deadline
	return w.Conn.SetWriteDeadline(w.terms.epoch.Add(deadline))
}

// closeWrite tells the other side that nothing more will come, where the transport can.
func (w *wire) closeWrite() error {
	if half, ok := w.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// peeked has the bytes that were looked at before their reader was known, until they are read.
type peeked struct{ in *bufio.Reader }

// take reads what is left of them: none when p is empty.
func (b *peeked) take(p []byte) int {
	if b.in == nil {
		return 0
	}
	n, _ := b.in.Read(p) // of its buffer alone
	if b.in.Buffered() == 0 {
		b.in = nil
	}
	return n
}
