package tunnel

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// A Conn is the server's end of a tunnel: a net.Conn whose bytes the client brings and fetches with its requests. Its methods
// may be called by any goroutines at once. After Close the client can still fetch what was written before, until the session
// expires.
type Conn struct {
	stream

	// Static after construction.
	handler *Handler
	id      sessionID
	remote  net.Addr
	local   net.Addr
	secure  bool

	session session // guarded by the stream's mutex
}

// Secure reports whether the session was opened over TLS, as net/http saw it.
func (c *Conn) Secure() bool { return c.secure }

// RemoteAddr is the address that opened the session.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// LocalAddr is the address at which the session was opened.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// Close closes the stream. What was not read is dropped.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shut()
	return nil
}

// session is what the requests of a Conn share. Requests wait for stream.changed.
type session struct {
	requests int // in progress
	waiting  int // of these, those that wait for their turn: a held idle request makes way for them
	touched  time.Time
	timer    *time.Timer

	next     int64     // the sequence number that is due
	busy     bool      // the request before it is being processed
	replied  int       // how much of the front of stream.out the last reply was: kept until the next request, for repetitions
	interval byte      // of the last reply
	empty    int       // idle requests in a row that found nothing
	answered time.Time // when the last of them was

	offered  bool
	accepted bool
	final    bool // the client was told that the stream has ended
	gone     bool // the Handler no longer knows the session
}

// A reply is the interval byte and what the client is to read. Its pieces are windows into stream.out, which is pinned until
// it was written.
type reply struct {
	interval byte
	size     int
	pieces   [][]byte
}

var (
	errCrowded = errors.New("tunnel: too many requests of one session at once")
	errStuck   = errors.New("tunnel: nobody reads what was sent")
)

// statusOf says how the failure of a request is answered.
func statusOf(err error) int {
	switch {
	case errors.Is(err, ErrSessionGone):
		return http.StatusNotFound
	case errors.Is(err, errTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errCrowded), errors.Is(err, errStuck):
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// exchange answers a send, an idle or a close request.
func (h *Handler) exchange(w http.ResponseWriter, r *http.Request, t target) {
	c := h.lookup(t)
	if c == nil {
		refuse(w, http.StatusNotFound)
		return
	}
	if err := c.enter(); err != nil {
		refuse(w, statusOf(err))
		return
	}
	pins := 0
	defer func() { c.leave(pins) }()
	rep, err := c.request(w, r, t)
	if err != nil {
		refuse(w, statusOf(err))
		return
	}
	pins = 1
	answer(w, 1+rep.size)
	_, err = w.Write([]byte{rep.interval})
	for _, piece := range rep.pieces {
		if err == nil {
			setWriteDeadline(w) // of 64 KiB, so that slow viewers get a large reply
			_, err = w.Write(piece)
		}
	}
}

// request reads and processes one request. If it succeeds, the queue is pinned until the reply was written.
func (c *Conn) request(w http.ResponseWriter, r *http.Request, t target) (reply, error) {
	if t.verb == verbSend {
		if err := c.awaitRoom(r.Context(), t.seq); err != nil {
			return reply{}, err
		}
	}
	body := queue{pool: &c.handler.blocks}
	defer body.reset()
	if t.verb == verbIdle && c.handler.holdsBriefly() {
		// What it brings means nothing, and net/http reads it before it replies. Once it is read, net/http has a goroutine
		// watch the connection for the client's leaving, which would cost a tenth of a poll.
		c.handler.boundBody(w)
	} else if err := c.handler.receive(w, r, &body); err != nil {
		return reply{}, err
	}
	return c.process(r.Context(), t, &body)
}

func (c *Conn) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.session.gone:
		return ErrSessionGone
	case c.session.requests >= maxRequestsAtOnce:
		return errCrowded
	}
	c.session.requests++
	return nil
}

// leave ends a request, with the pins that it has put on the queue.
func (c *Conn) leave(pins int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.pins -= pins
	c.session.requests--
	c.session.touched = time.Now()
}

// awaitChange lets go of the mutex until something has changed. It is false if end or ctx came first.
func awaitChange[T any](ctx context.Context, c *Conn, end <-chan T) bool {
	changed := c.changed.next()
	c.mu.Unlock()
	defer c.mu.Lock()
	select {
	case <-changed:
		return true
	case <-end:
	case <-ctx.Done():
	}
	return false
}

// awaitRoom holds a new send request, its body unread, while too much waits to be read: the back-pressure on the client. It
// makes way for a while when there is something to fetch, else two sides that only write would wait for each other.
func (c *Conn) awaitRoom(ctx context.Context, seq int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if seq < c.session.next || c.hasRoom() {
		return nil
	}
	timer := time.NewTimer(requestTimeout)
	defer timer.Stop()
	for !c.hasRoom() {
		if !awaitChange(ctx, c, timer.C) {
			return errStuck
		}
	}
	return nil
}

func (c *Conn) hasRoom() bool {
	limit := c.handler.maxPending()
	fetchable := c.out.size > c.session.replied
	return c.in.size < limit || fetchable && c.in.size/2 < limit || c.closed || c.session.gone
}

// process gives a request its turn and says what the reply is.
func (c *Conn) process(ctx context.Context, t target, body *queue) (reply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.session
	if err := c.awaitTurn(ctx, t.seq); err != nil {
		return reply{}, err
	}
	switch {
	case t.seq == s.next-1:
		return c.lastReply(), nil
	case t.seq < s.next:
		c.out.pins++
		return reply{interval: pollInterval(s.empty)}, nil
	}
	s.next++
	s.busy = true
	c.out.discard(s.replied)
	s.replied = 0
	c.writable.fire()
	switch t.verb {
	case verbSend:
		c.deliver(body)
	case verbIdle:
		c.hold(ctx)
	case verbClose:
		c.hangUp()
	}
	s.busy = false
	c.changed.fire()
	if s.gone {
		return reply{}, ErrSessionGone
	}
	c.choose(t.verb)
	return c.lastReply(), nil
}

// awaitTurn returns when the request seq is due, or was processed before. One that comes too early waits for those before
// it; if they do not come, they are lost, and the stream with them.
func (c *Conn) awaitTurn(ctx context.Context, seq int64) error {
	s := &c.session
	var timer *time.Timer
	for {
		switch {
		case s.gone, s.final && seq >= s.next:
			return ErrSessionGone
		case seq < s.next-1, !s.busy && seq <= s.next:
			return nil
		}
		if timer == nil {
			timer = time.NewTimer(reorderHold)
			defer timer.Stop()
			s.waiting++
			defer func() { s.waiting-- }()
			c.changed.fire()
		}
		if awaitChange(ctx, c, timer.C) {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.end()
	}
}

// deliver takes what a send request brought.
func (c *Conn) deliver(body *queue) {
	c.receive(body)
	if c.in.size > 0 && !c.session.offered {
		c.session.offered = true
		c.handler.offer(c)
	}
}

// hold waits until an idle request has something to fetch, or long enough.
func (c *Conn) hold(ctx context.Context) {
	s := &c.session
	longest := c.handler.idleHold()
	if longest == 0 || c.answerable() {
		return
	}
	wait := min(firstIdleHold<<min(s.empty, 10), longest)
	wait += max(0, pollWait(pollInterval(s.empty))-time.Since(s.answered))
	end := c.handler.holds.at(onGrid(time.Now(), wait))
	for !c.answerable() && awaitChange(ctx, c, end) {
	}
}

func (c *Conn) answerable() bool {
	return c.out.size > 0 || c.closed || c.session.waiting > 0 || c.session.gone
}

// onGrid is when a wait is over, or a little sooner so that it ends on the grid.
func onGrid(now time.Time, wait time.Duration) time.Time {
	grid := idleGrid
	if wait >= 2*longIdleGrid {
		grid = longIdleGrid
	}
	if wait <= grid {
		return now.Add(wait)
	}
	return now.Add(wait - time.Duration(now.UnixNano()+int64(wait))%grid)
}

// hangUp is a close request: the client neither sends nor fetches any more.
func (c *Conn) hangUp() {
	c.out.reset()
	c.retire()
	c.fail(io.EOF)
}

// choose settles what the reply to the current request is.
func (c *Conn) choose(v verb) {
	s := &c.session
	s.replied = c.out.fit(c.handler.maxReply())
	switch {
	case s.replied > 0:
		s.empty = 0
		s.interval = 1
	case c.closed || s.final:
		s.interval = 0
		c.retire()
	default:
		if v == verbIdle {
			s.empty++
			s.answered = time.Now()
		}
		s.interval = pollInterval(s.empty)
	}
}

// pollInterval is the interval byte after a number of idle requests that found nothing: 1, 3, 5, 9, 0x11, 0x21, a step after
// each eleven, as Red5 has it (RTMPTConnection).
func pollInterval(empty int) byte {
	step := empty / 11
	if step == 0 {
		return 1
	}
	return byte(min(1+1<<min(step, 8), longestPollInterval))
}

// lastReply is the reply to the request processed last, for the first time or again.
func (c *Conn) lastReply() reply {
	c.out.pins++
	n := c.session.replied
	return reply{interval: c.session.interval, size: n, pieces: c.out.view(n)}
}

// accept marks c as yielded by Accept. It is false if the session has ended meanwhile.
func (c *Conn) accept() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session.gone {
		return false
	}
	c.session.accepted = true
	return true
}

// retire has the session forgotten soon; until then its last reply can be had again.
func (c *Conn) retire() {
	s := &c.session
	if !s.final {
		s.final = true
		c.handler.mu.Lock()
		c.handler.settle()
		c.handler.mu.Unlock()
	}
	if s.timer == nil {
		s.timer = time.AfterFunc(reorderHold, c.expire)
		return
	}
	s.timer.Reset(reorderHold)
}

// expire ends the session if it has come to rest long enough ago.
func (c *Conn) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.session
	left := c.handler.expiry() - time.Since(s.touched)
	switch {
	case s.gone:
	case s.final || s.requests == 0 && left <= 0:
		c.end()
	case s.requests > 0:
		s.timer.Reset(c.handler.expiry())
	default:
		s.timer.Reset(left)
	}
}

// abort ends the session now; sessions that were accepted only if those are meant too.
func (c *Conn) abort(acceptedToo bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if acceptedToo || !c.session.accepted {
		c.end()
	}
}

// end has the Handler forget the session.
func (c *Conn) end() {
	s := &c.session
	if s.gone {
		return
	}
	s.gone = true
	if s.timer != nil {
		s.timer.Stop()
	}
	c.out.reset()
	s.replied = 0
	c.handler.forget(c)
	c.fail(ErrSessionGone)
}
