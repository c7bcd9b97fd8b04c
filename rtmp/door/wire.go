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

// SetWriteDeadline sets a deadline that progress does not put off, as HTTP and TLS have for replies and for their end.
func (w *wire) SetWriteDeadline(t time.Time) error {
	given := never
	if !t.IsZero() {
		given = t.Sub(w.terms.epoch)
	}
	w.mu.Lock()
	w.given, w.armed = given, never
	w.mu.Unlock()
	return w.armWrite()
}

// SetDeadline sets both deadlines.
func (w *wire) SetDeadline(t time.Time) error {
	return errors.Join(w.SetReadDeadline(t), w.SetWriteDeadline(t))
}

// armWrite sets the deadline of the next write, if it is not about right already: TLS writes records of 16 KiB, and
// setting one costs about as much as copying half of that.
func (w *wire) armWrite() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	patience := w.terms.write
	deadline := w.terms.now() + patience
	if w.given != never && w.given < deadline {
		deadline = w.given
	}
	if early := deadline - w.armed; 0 <= early && early < min(time.Second, patience/16) {
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
