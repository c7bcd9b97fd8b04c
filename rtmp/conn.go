package rtmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
	"github.com/seed-3309b198/reelfront/rtmp/door"
	"github.com/seed-3309b198/reelfront/rtmp/handshake"
)

// What a connection announces (RTMP 1.0, 5.4.4 and 5.4.5); Flash Media Server 3.5 said the same.
const windowAckSize = 2_500_000

// lingerTime is how long a connection that the server ends may take to read what was said last.
const lingerTime = 2 * time.Second

// errShutdown ends a connection when the server shuts down; errRejected, when its connect was refused.
var (
	errShutdown = errors.New("rtmp: server is shutting down")
	errRejected = errors.New("rtmp: connect refused")
)

// conn is the server's side of one connection.
type conn struct {
	// Static after construction.
	srv *Server
	nc  *door.Conn
	id  uint32

	// Owned by the reading goroutine.
	in       *chunk.Reader
	out      *outbox
	app      App
	streams  []*stream
	peer     *handshake.Result // nil before the handshake
	swf      *swfCheck         // nil where none is asked for
	request  *ConnectRequest
	takes    func(flv.Codec) bool // the codecs that the client is sent
	probe    *probe               // of the bandwidth; nil before the first
	acked    uint64               // bytes received up to the last acknowledgement
	ackEvery uint64               // the client's window; 0 before it stated one

	players sync.WaitGroup
	calls   atomic.Int32 // that run
	active  atomic.Int32 // streams that play
	keeper  *time.Timer  // pings, and ends connections that are silent

	mu     sync.Mutex
	reason error           // why the server ends the connection; nil while it does not
	ctx    context.Context // of calls to the application; nil before the first
	cancel context.CancelFunc
}

func newConn(s *Server, nc *door.Conn) *conn {
	return &conn{srv: s, nc: nc, id: s.ids.Add(1)}
}

// context is that of calls to the application, which end with the connection. Only the reading goroutine calls it.
func (c *conn) context() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx == nil {
		c.ctx, c.cancel = context.WithCancel(context.Background())
		if c.reason != nil {
			c.cancel()
		}
	}
	return c.ctx
}

// endCalls ends the calls that run.
func (c *conn) endCalls() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel != nil {
		c.cancel()
	}
	c.ctx, c.cancel = nil, nil
}

func (c *conn) stream(id uint32) *stream {
	for _, s := range c.streams {
		if s.id == id {
			return s
		}
	}
	return nil
}

// serve owns the connection from its first byte to its last.
func (c *conn) serve() {
	err := c.run()
	defer c.nc.Close()
	c.tearDown(err)
}

// run reads until the client or the server ends the connection.
func (c *conn) run() (err error) {
	defer c.recover(&err)
	if err := c.handshake(); err != nil {
		return err
	}
	if err := c.connect(); err != nil {
		return err
	}
	c.keep()
	defer c.keeper.Stop()
	for {
		m, err := c.in.ReadMessage()
		if err != nil {
			return err
		}
		if err := c.handle(&m); err != nil {
			return err
		}
	}
}

// recover, deferred by the goroutines of a connection, turns a panic into an error that ends this connection alone.
func (c *conn) recover(err *error) {
	if v := recover(); v != nil {
		c.srv.logger().Error("panic", "remote", c.nc.RemoteAddr(), "panic", v, "stack", string(debug.Stack()))
		*err = fmt.Errorf("rtmp: panic: %v", v)
	}
}

// handshake is under a deadline that is in force already.
func (c *conn) handshake() error {
	peer, err := handshake.Server(c.nc, nil)
	if err != nil {
		return err
	}
	c.peer = peer
	c.in = chunk.NewReader(peer.Conn, chunk.Limits{MessageSize: c.srv.Limits.messageBytes()})
	c.out = &outbox{
		w:       peer.Conn,
		limit:   c.srv.Limits.controlBytes(),
		batches: &c.srv.batches,
		encoder: encoder{chunkSize: chunk.DefaultChunkSize}, // until welcome announces another
	}
	return nil
}

// tearDown ends what the connection started, and tells the client why where there is still a way to.
func (c *conn) tearDown(err error) {
	c.endCalls()
	c.swf.stop()
	closing := time.AfterFunc(lingerTime, func() { c.nc.Close() })
	defer closing.Stop()
	for _, s := range c.streams {
		s.close()
	}
	if reason := c.endReason(); reason != nil {
		err = reason
	}
	if !errors.Is(err, errShutdown) && !errors.Is(err, errRejected) {
		c.nc.Close() // a player may be blocked in a write to a client that is gone
	}
	c.players.Wait()
	c.sayGoodbye(err)
	if closer, ok := c.app.(io.Closer); ok {
		if err := closer.Close(); err != nil {
			c.srv.logger().Warn("closing the application failed", "err", err)
		}
	}
	if c.request != nil {
		c.observe(Event{Kind: EventDisconnect, Err: cause(err)})
	}
	c.srv.logger().Debug("connection ended", "remote", c.nc.RemoteAddr(), "err", err)
}

// sayGoodbye sends the last message, if there is one, and waits for the client to have it.
func (c *conn) sayGoodbye(err error) {
	switch {
	case errors.Is(err, errShutdown) && c.out != nil:
		info := statusInfo(levelError, CodeConnectAppShutdown, "The application is being shut down.", "", c.id)
		if c.out.reply(c.out.status(nil, 0, 0, info)) != nil {
			return
		}
	case !errors.Is(err, errRejected):
		return
	}
	c.nc.HangUp(lingerTime)
}

// protocol names the way that the viewer came, as URLs do.
func (c *conn) protocol() string {
	scheme := c.nc.Scheme()
	scheme.Enciphered = c.peer.Protocol != handshake.RTMP
	return scheme.String()
}

// cause is nil for the ways in which a connection ends when all is well.
func cause(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, errShutdown) {
		return nil
	}
	return err
}

// end has the connection end for a reason of the server's, at the reader's next step.
func (c *conn) end(reason error) {
	c.mu.Lock()
	if c.reason == nil {
		c.reason = reason
	}
	if c.cancel != nil {
		c.cancel()
	}
	c.mu.Unlock()
	_ = c.nc.SetReadDeadline(time.Unix(1, 0)) // fails only where the connection is closed already
}

func (c *conn) endReason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reason
}

func (c *conn) shutdown() { c.end(errShutdown) }

func (c *conn) cut(reason error) {
	c.end(reason)
	c.nc.Close()
}

func (c *conn) playing() bool { return c.active.Load() > 0 }

// keep starts the timer that pings the client and ends the connection when nothing comes back.
func (c *conn) keep() {
	interval := c.srv.Limits.ping()
	c.keeper = time.AfterFunc(forever, func() {
		if c.nc.Silent() >= c.srv.Limits.idle() {
			c.cut(fmt.Errorf("rtmp: nothing heard for %s", c.srv.Limits.idle()))
			return
		}
		now := uint32(c.nc.Age().Milliseconds())
		if c.out.reply(chunk.AppendUserControl(nil, chunk.EventPing, now)) == nil {
			c.keeper.Reset(interval)
		}
	})
	c.keeper.Reset(interval) // only now: the function uses the field
}

// handle answers one message. An error ends the connection.
func (c *conn) handle(m *chunk.Message) error {
	if err := c.acknowledge(); err != nil {
		return err
	}
	switch m.Type {
	case chunk.TypeCommandAMF0, chunk.TypeCommandAMF3:
		if len(m.Payload) > c.srv.Limits.commandBytes() {
			return fmt.Errorf("rtmp: command of %d bytes", len(m.Payload))
		}
		cmd, err := parseCommand(m)
		if err != nil {
			return err
		}
		return c.dispatch(&cmd)
	case chunk.TypeUserControl:
		return c.userControl(m)
	case chunk.TypeWindowAckSize:
		n, err := chunk.ParseNumber(m.Payload)
		c.ackEvery = uint64(n)
		return err
	}
	// Media, data, shared objects, acknowledgements and what nobody knows: Flash servers took them without a word.
	return nil
}

// acknowledge tells the client how much was received, once per window that it stated.
func (c *conn) acknowledge() error {
	n := c.in.BytesRead()
	if c.ackEvery == 0 || n-c.acked < c.ackEvery {
		return nil
	}
	c.acked = n
	return c.out.reply(chunk.AppendAck(nil, uint32(n)))
}

func (c *conn) userControl(m *chunk.Message) error {
	control, err := chunk.ParseUserControl(m.Payload)
	if err != nil {
		return err
	}
	switch control.Event {
	case chunk.EventPing:
		return c.out.reply(chunk.AppendUserControl(nil, chunk.EventPong, control.Value))
	case chunk.EventSWFVerifyReply:
		return c.swf.verify(control.Data)
	case chunk.EventSetBufferLength:
		if s := c.stream(control.Value); s != nil {
			s.setBuffer(time.Duration(control.Buffer) * time.Millisecond)
		}
	}
	return nil
}

// observe completes an event and tells it to the App and to the Server's owner.
func (c *conn) observe(e Event) {
	e.Time = time.Now()
	e.Connect = c.request
	e.BytesSent, e.BytesReceived = c.nc.Sent(), c.nc.Received()
	if o, ok := c.app.(Observer); ok {
		o.Observe(e)
	}
	if c.srv.OnEvent != nil {
		c.srv.OnEvent(e)
	}
}
