package tunnel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// clientConn is the client's end of a tunnel. Its one goroutine makes all requests, one after the other.
type clientConn struct {
	stream

	// Static after Dial.
	root      string
	id        string
	http      *http.Client
	transport *http.Transport // of http, if it is the tunnel's own
	local     net.Addr
	remote    net.Addr
	ctx       context.Context // of all requests: ends when closing has taken too long
	cancel    context.CancelFunc
	done      chan struct{} // closed when run has returned
	blocks    blockPool

	// Owned by run.
	seq int64

	// Guarded by the stream's mutex.
	stopIdle    context.CancelFunc // of the idle request under way
	pollAt      time.Time          // when the next idle request is due
	keepAliveAt time.Time          // when it is due though nobody reads
}

// run makes requests until the stream ends.
func (c *clientConn) run() {
	defer close(c.done)
	for {
		v, body := c.nextRequest()
		if v == verbClose {
			_ = c.exchange(c.ctx, "/close/", []byte{0}, func(io.Reader) error { return nil })
			return
		}
		if err := c.transfer(v, body); err != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.fail(lasting(err))
			return
		}
	}
}

// lasting is the failure of a request as Read and Write return it. It is no longer a time-out or an io.EOF by errors.Is,
// which would mean that the connection can be used further or was closed in order.
func lasting(err error) error {
	if err == io.EOF || err == ErrSessionGone {
		return err
	}
	return fmt.Errorf("tunnel: %v", err)
}

// nextRequest waits until there is a request to be made, and says which.
func (c *clientConn) nextRequest() (verb, []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if c.out.size > 0 {
			return verbSend, c.out.view(min(c.out.size, clientPost))[0]
		}
		if c.closed {
			return verbClose, nil
		}
		wait := time.Until(c.nextPoll())
		if wait <= 0 {
			return verbIdle, []byte{0}
		}
		c.awaitWork(wait)
	}
}

// nextPoll is when the next idle request is due. While the reader does not keep up it is only to keep the session alive.
func (c *clientConn) nextPoll() time.Time {
	switch {
	case c.in.size < clientPending:
		return c.pollAt
	case c.in.size < clientHoard:
		return c.keepAliveAt
	}
	return time.Now().Add(clientKeepAlive)
}

// awaitWork lets go of the mutex until there is something to do, or for a time.
func (c *clientConn) awaitWork(wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	work := c.changed.next()
	c.mu.Unlock()
	defer c.mu.Lock()
	select {
	case <-work:
	case <-timer.C:
	}
}

// transfer makes a send or an idle request and queues what it brings. It returns io.EOF when the server has closed the stream.
func (c *clientConn) transfer(v verb, body []byte) error {
	path, ctx, cancel := "/send/", c.ctx, func() {}
	if v == verbIdle {
		path = "/idle/"
		ctx, cancel = c.stoppable()
	}
	defer cancel()
	var interval [1]byte
	received := queue{pool: &c.blocks}
	defer func() { received.reset() }()
	begun := time.Now()
	err := c.exchange(ctx, path, body, func(r io.Reader) error {
		received.reset()
		if _, err := io.ReadFull(r, interval[:]); err != nil {
			return err
		}
		return received.readFrom(r, clientReply)
	})
	if err != nil {
		if ctx.Err() != nil && c.ctx.Err() == nil {
			return c.makeUp()
		}
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if v == verbSend {
		c.out.discard(len(body))
		c.writable.fire()
	}
	return c.take(&received, interval[0], begun)
}

// makeUp makes an idle request again that Close has stopped, as an empty send, which is answered at once: a proxy may not
// have passed the first one on, and the server would take the close request behind it for one that has overtaken others.
func (c *clientConn) makeUp() error {
	c.seq--
	return c.exchange(c.ctx, "/send/", nil, func(r io.Reader) error {
		_, err := io.Copy(io.Discard, io.LimitReader(r, clientReply))
		return err
	})
}

// stoppable is the context of an idle request, which Close ends.
func (c *clientConn) stoppable() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(c.ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopIdle = cancel
	if c.closed && c.out.size == 0 {
		cancel()
	}
	return ctx, cancel
}

// take queues what a reply to a request begun at a time has brought. The mutex is held.
func (c *clientConn) take(received *queue, interval byte, begun time.Time) error {
	now := time.Now()
	c.keepAliveAt = now.Add(clientKeepAlive)
	switch {
	case received.size > clientShort:
		c.pollAt = now
	case received.size > 0:
		c.pollAt = now.Add(clientGrace)
	case interval == 0:
		return io.EOF
	default:
		// The time for which the server held the request counts.
		c.pollAt = begun.Add(pollWait(interval))
	}
	c.receive(received)
	return nil
}

// exchange makes the next request of the session. A request that got no reply is made again: the server knows it by its
// number and does not read its body twice.
func (c *clientConn) exchange(ctx context.Context, path string, body []byte, read func(io.Reader) error) error {
	path += c.id + "/" + strconv.FormatInt(c.seq, 10)
	c.seq++
	for attempt := 1; ; attempt++ {
		err := c.post(ctx, path, body, read)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // not the end of the stream
		}
		var refused *refusedError
		if err == nil || attempt == requestAttempts || ctx.Err() != nil || errors.Is(err, ErrSessionGone) ||
			errors.Is(err, errTooLarge) || errors.As(err, &refused) {
			return err
		}
	}
}

// Close posts what was written before, then a close request.
func (c *clientConn) Close() error {
	c.mu.Lock()
	first := c.shut()
	if first && c.stopIdle != nil && c.out.size == 0 {
		c.stopIdle()
	}
	c.mu.Unlock()
	if first {
		timer := time.AfterFunc(closeTimeout, c.cancel)
		defer timer.Stop()
	}
	<-c.done
	c.cancel()
	c.hangUp()
	return nil
}

// hangUp closes the HTTP connection, if it is the tunnel's own.
func (c *clientConn) hangUp() {
	if c.transport != nil {
		c.transport.CloseIdleConnections()
	}
}

// LocalAddr is that of the connection on which the session was opened.
func (c *clientConn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is that of the server, or of the proxy.
func (c *clientConn) RemoteAddr() net.Addr { return c.remote }
