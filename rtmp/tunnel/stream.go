package tunnel

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// ErrSessionGone is what Read and Write return when a session ended without its stream being closed: no request came for too
// long, one was lost, or, on the client's side, the server no longer knows the session.
var ErrSessionGone = errors.New("tunnel: session is gone")

// errPeerClosed is what Write returns when the other side has closed the stream.
var errPeerClosed = errors.New("tunnel: stream closed by the peer")

// A stream is what both ends of a tunnel have in common: the bytes that came and those that are to go, between a net.Conn's
// methods and the requests that carry them.
type stream struct {
	mu sync.Mutex // guards everything below

	in, out       queue
	limit         int    // bytes in out above which Write blocks
	changed       signal // for the requests: there is something to send, more was read, or the stream was closed
	readable      signal
	writable      signal
	readDeadline  deadline
	writeDeadline deadline
	writing       bool  // a Write is in progress; the next one waits
	closed        bool  // by Close
	readErr       error // what Read returns after in; nil while the stream is open
	writeErr      error
}

func (s *stream) init(pool *blockPool, limit int) {
	s.in.pool, s.out.pool = pool, pool
	s.limit = limit
}

// Read reads what the other side has sent; io.EOF when it has closed the stream.
func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.closed:
			return 0, net.ErrClosed
		case s.readDeadline.passed():
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case s.in.size > 0:
			n := s.in.read(p)
			s.changed.fire()
			return n, nil
		case s.readErr != nil:
			return 0, s.readErr
		}
		s.readable.await(&s.mu)
	}
}

// Write has a copy of p sent to the other side. It blocks while too much waits to be sent.
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.beginWrite(); err != nil {
		return 0, err
	}
	defer s.endWrite()
	total := 0
	for {
		if n := min(len(p)-total, s.limit-s.out.size); n > 0 {
			s.out.write(p[total : total+n])
			s.changed.fire()
			total += n
		}
		if total == len(p) {
			return total, nil
		}
		s.writable.await(&s.mu)
		if err := s.writeFailure(); err != nil {
			return total, err
		}
	}
}

// beginWrite waits for the Write in progress, so that the bytes of one stay together.
func (s *stream) beginWrite() error {
	for {
		if err := s.writeFailure(); err != nil {
			return err
		}
		if !s.writing {
			s.writing = true
			return nil
		}
		s.writable.await(&s.mu)
	}
}

func (s *stream) endWrite() {
	s.writing = false
	s.writable.fire()
}

func (s *stream) writeFailure() error {
	switch {
	case s.closed:
		return net.ErrClosed
	case s.writeDeadline.passed():
		return os.ErrDeadlineExceeded
	}
	return s.writeErr
}

// SetDeadline sets both deadlines.
func (s *stream) SetDeadline(t time.Time) error {
	return errors.Join(s.SetReadDeadline(t), s.SetWriteDeadline(t))
}

// SetReadDeadline sets the time after which Read fails with os.ErrDeadlineExceeded.
func (s *stream) SetReadDeadline(t time.Time) error {
	return s.setDeadline(&s.readDeadline, &s.readable, t)
}

// SetWriteDeadline sets the time after which Write fails with os.ErrDeadlineExceeded. It says nothing about when the other
// side gets what was written.
func (s *stream) SetWriteDeadline(t time.Time) error {
	return s.setDeadline(&s.writeDeadline, &s.writable, t)
}

func (s *stream) setDeadline(d *deadline, wake *signal, t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	d.set(t, &s.mu, wake)
	return nil
}

// shut closes this side: nothing more is read or written, but what was written before stays. It is false if that was done
// already. The mutex is held.
func (s *stream) shut() bool {
	if s.closed {
		return false
	}
	s.closed = true
	s.in.reset()
	s.readDeadline.stop()
	s.writeDeadline.stop()
	s.wakeAll()
	return true
}

// receive queues what has come. The mutex is held.
func (s *stream) receive(p *queue) {
	if s.closed || p.size == 0 {
		return
	}
	s.in.append(p)
	s.readable.fire()
}

// fail ends the stream, if it has not ended: Read returns err after what has come already. The mutex is held.
func (s *stream) fail(err error) {
	if s.readErr == nil {
		s.readErr = err
	}
	if err == io.EOF {
		err = errPeerClosed
	}
	if s.writeErr == nil {
		s.writeErr = err
	}
	s.wakeAll()
}

// wakeAll has everybody look again.
func (s *stream) wakeAll() {
	s.changed.fire()
	s.readable.fire()
	s.writable.fire()
}
