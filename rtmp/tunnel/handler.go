package tunnel

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// Handler is the server's side of RTMPT: an http.Handler that answers the requests of tunnels, and a net.Listener that yields
// each tunnel as a *Conn once its first bytes have come. The zero value is ready for use. Its fields must not be changed
// after the first request.
//
// For fields that limit something, zero means the default and negative means no limit.
type Handler struct {
	// Next answers requests for paths that are not RTMPT's. Nil answers 404.
	Next http.Handler
	// RemoteAddr says who opens a session with r, for Conn.RemoteAddr; here a host believes its own proxies. Nil means the
	// peer of the TCP connection, as does returning nil.
	RemoteAddr func(r *http.Request) net.Addr

	MaxSessions int // sessions at once; default 16384
	MaxPerAddr  int // sessions at once of an IPv4 address or an IPv6 /64; default 4096
	MaxPending  int // bytes that wait in a session, each way; default 512 KiB
	MaxReply    int // bytes of one reply; default 256 KiB
	MaxRequest  int // bytes of one request's body; default 256 KiB

	Expiry time.Duration // how long a session lives without a request; default 30 s

	// IdleHold is how long an idle request waits for data: at first 100 ms or a little less, then twice as long each time,
	// up to this. Default 500 ms. A client that polls earlier than the interval byte asks for is held for the rest of that
	// too: another half second after half a minute without data.
	IdleHold time.Duration

	blocks blockPool
	holds  beats

	mu       sync.Mutex // guards everything below
	sessions map[sessionID]*Conn
	live     int // of the sessions, those whose clients have yet to learn of the end
	perAddr  map[netip.Addr]int
	backlog  []*Conn // those that Accept has not yielded yet
	closed   bool
	changed  signal // of backlog, closed and live == 0
}

var (
	_ net.Listener = (*Handler)(nil)
	_ net.Conn     = (*Conn)(nil)
)

// addr is the net.Addr of a listener or a peer that has no better one.
type addr string

func (addr) Network() string  { return "rtmpt" }
func (a addr) String() string { return string(a) }

// ServeHTTP answers a request of a tunnel. It bounds the time for the rest of the request and for the reply itself; how long
// to wait for a request is the http.Server's to say.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := parsePath(r.URL.Path)
	switch {
	case t.verb == verbNone && h.Next != nil:
		h.Next.ServeHTTP(w, r)
	case t.verb == verbNone || t.verb == verbIdent:
		refuse(w, http.StatusNotFound)
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed)
	case r.ContentLength > int64(h.maxRequest()):
		refuse(w, http.StatusRequestEntityTooLarge)
	case t.verb == verbOpen:
		h.open(w, r)
	default:
		h.exchange(w, r, t)
	}
}

// refuse answers without a body. The connection stays open, because FFmpeg and Flash Player go on with it: net/http reads
// the rest of the request first, for which half the time has to do.
func refuse(w http.ResponseWriter, code int) {
	setWriteDeadline(w)
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(requestTimeout / 2))
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(code)
}

// answer sends the header of a reply of size bytes. librtmp needs a Content-Length and knows no chunked coding.
func answer(w http.ResponseWriter, size int) {
	setWriteDeadline(w)
	values := []string{"application/x-fcs", "no-store", strconv.Itoa(size)}
	header := w.Header()
	header["Content-Type"] = values[0:1:1]
	header["Cache-Control"] = values[1:2:2]
	header["Content-Length"] = values[2:3:3]
}

// setWriteDeadline bounds the time for a reply, where w can. net/http lifts it after that.
func setWriteDeadline(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(requestTimeout))
}

// receive reads the body of a request.
func (h *Handler) receive(w http.ResponseWriter, r *http.Request, body *queue) error {
	h.boundBody(w)
	return body.readFrom(r.Body, h.maxRequest())
}

// boundBody bounds the time for the body of a request. The deadline is one for the time while it is held too, because
// net/http, which may watch the connection then, would take it for the client's leaving.
func (h *Handler) boundBody(w http.ResponseWriter) {
	deadline := time.Now().Add(requestTimeout + reorderHold + h.longestHold())
	_ = http.NewResponseController(w).SetReadDeadline(deadline)
}

func (h *Handler) open(w http.ResponseWriter, r *http.Request) {
	body := queue{pool: &h.blocks}
	defer body.reset()
	if err := h.receive(w, r, &body); err != nil {
		refuse(w, statusOf(err))
		return
	}
	c := h.newConn(r)
	if !h.admit(c) {
		refuse(w, http.StatusServiceUnavailable)
		return
	}
	id := c.id.String() + "\n"
	answer(w, len(id))
	_, _ = w.Write([]byte(id))
}

func (h *Handler) newConn(r *http.Request) *Conn {
	c := &Conn{handler: h, secure: r.TLS != nil, local: h.Addr(), remote: peer(r)}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		c.local = local
	}
	if h.RemoteAddr != nil {
		if told := h.RemoteAddr(r); told != nil {
			c.remote = told
		}
	}
	c.init(&h.blocks, h.maxPending())
	_, _ = rand.Read(c.id[:]) // never fails (crypto/rand)
	return c
}

// peer is the address of the TCP connection's other end.
func peer(r *http.Request) net.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return addr(r.RemoteAddr)
	}
	return net.TCPAddrFromAddrPort(ap)
}

// household is what MaxPerAddr counts: an IPv4 address or an IPv6 /64. Addresses of other kinds count as one.
func household(a net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	ip := ap.Addr().Unmap()
	if ip.Is6() {
		return netip.PrefixFrom(ip.WithZone(""), 64).Masked().Addr()
	}
	return ip
}

// admit makes c known, if there is room for it.
func (h *Handler) admit(c *Conn) bool {
	key := household(c.remote)
	c.mu.Lock()
	defer c.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.sessions) >= h.maxSessions() || h.perAddr[key] >= h.maxPerAddr() {
		return false
	}
	if h.sessions == nil {
		h.sessions = make(map[sessionID]*Conn)
		h.perAddr = make(map[netip.Addr]int)
	}
	h.sessions[c.id] = c
	h.live++
	h.perAddr[key]++
	c.session.touched = time.Now()
	if expiry := h.expiry(); expiry > 0 {
		c.session.timer = time.AfterFunc(expiry, c.expire)
	}
	return true
}

// forget is the opposite of admit. c.mu is held.
func (h *Handler) forget(c *Conn) {
	key := household(c.remote)
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, c.id)
	if h.perAddr[key]--; h.perAddr[key] == 0 {
		delete(h.perAddr, key)
	}
	if !c.session.final {
		h.settle()
	}
}

// settle notes that one more session is over for its client. h.mu is held.
func (h *Handler) settle() {
	if h.live--; h.live == 0 {
		h.changed.fire()
	}
}

func (h *Handler) lookup(t target) *Conn {
	if !t.known {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sessions[t.id]
}

// offer has Accept yield c, whose c.mu is held. The backlog is no longer than there are sessions.
func (h *Handler) offer(c *Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.backlog = append(h.backlog, c)
	h.changed.fire()
}

// Accept waits for the next session and returns it as a *Conn. A session counts once its first bytes have come, because the
// client speaks first in RTMP: one that was opened and abandoned costs no goroutine.
func (h *Handler) Accept() (net.Conn, error) {
	for {
		c := h.nextOffer()
		if c == nil {
			return nil, net.ErrClosed
		}
		if c.accept() {
			return c, nil
		}
	}
}

// nextOffer is nil when h is closed.
func (h *Handler) nextOffer() *Conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.backlog) == 0 && !h.closed {
		h.changed.await(&h.mu)
	}
	if h.closed {
		return nil
	}
	c := h.backlog[0]
	h.backlog[0] = nil
	h.backlog = h.backlog[1:]
	return c
}

// Addr is a name rather than an address: where requests come from is the http.Server's business.
func (h *Handler) Addr() net.Addr { return addr("rtmpt") }

// Close ends the listener: Accept fails, no session is opened any more, and those that were not accepted end. Those that
// were live on until their Conns are closed.
func (h *Handler) Close() error {
	h.mu.Lock()
	h.closed = true
	h.backlog = nil
	h.changed.fire()
	h.mu.Unlock()
	for _, c := range h.all() {
		c.abort(false)
	}
	return nil
}

// Shutdown closes the listener and waits until all sessions have ended: their Conns closed, and what was written to them
// fetched, or closed by their clients. When ctx is done it ends the rest and returns ctx's error. No session is left then.
func (h *Handler) Shutdown(ctx context.Context) error {
	_ = h.Close()
	err := h.settled(ctx)
	for _, c := range h.all() {
		c.abort(true)
	}
	return err
}

// settled waits until no client has yet to learn of its session's end.
func (h *Handler) settled(ctx context.Context) error {
	for {
		h.mu.Lock()
		left, changed := h.live, h.changed.next()
		h.mu.Unlock()
		if left == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (h *Handler) all() []*Conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*Conn, 0, len(h.sessions))
	for _, c := range h.sessions {
		all = append(all, c)
	}
	return all
}
