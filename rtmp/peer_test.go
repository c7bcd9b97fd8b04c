package rtmp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
)

// pipeListener hands out ends of net.Pipes, which, unlike sockets, synctest can wait for.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (l *pipeListener) dial() net.Conn {
	a, b := net.Pipe()
	l.conns <- b
	return a
}

// house is a server under test.
type house struct {
	*Server
	*pipeListener
	served chan error
	log    *bytes.Buffer
}

func serve(t *testing.T, s *Server) *house {
	h := &house{Server: s, pipeListener: newPipeListener(), served: make(chan error, 1), log: new(bytes.Buffer)}
	s.Logger = slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	go func() { h.served <- s.Serve(h.pipeListener) }()
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.ErrorIs(t, <-h.served, ErrServerClosed)
	})
	return h
}

// peer is a client that says what a test tells it to, byte by byte if need be.
type peer struct {
	t    *testing.T
	conn net.Conn
	in   *chunk.Reader

	once     sync.Once
	messages chan message // what pump has read
	gone     chan struct{}
}

// message is a received message: m with its body copied, values decoded where it is AMF.
type message struct {
	chunk.Message
	values []any
}

func (m *message) String() string {
	switch m.Type {
	case chunk.TypeAudio, chunk.TypeVideo:
		kind := map[chunk.Type]string{chunk.TypeAudio: "audio", chunk.TypeVideo: "video"}[m.Type]
		if m.Payload[1] == 0 {
			return fmt.Sprintf("%s header @%d", kind, m.Timestamp)
		}
		if m.Payload[0] == 0x17 {
			kind = "key"
		}
		return fmt.Sprintf("%s @%d", kind, m.Timestamp)
	case chunk.TypeUserControl:
		return fmt.Sprintf("control %d", binary.BigEndian.Uint16(m.Payload))
	case chunk.TypeCommandAMF0:
		if m.values[0] == "onStatus" {
			return m.info().String("code")
		}
		return fmt.Sprint(m.values[0])
	case chunk.TypeDataAMF0:
		if m.values[0] == "onPlayStatus" {
			info, _ := amf.Properties(m.values[1])
			return "data " + info.String("code")
		}
		return fmt.Sprint("data ", m.values[0])
	}
	return fmt.Sprintf("type %d", m.Type)
}

// info is the information object of a status, a result or an error.
func (m *message) info() amf.Object {
	info, _ := amf.Properties(m.values[len(m.values)-1])
	return info
}

func (h *house) peer(t *testing.T) *peer {
	p := &peer{t: t, conn: h.dial(), gone: make(chan struct{})}
	t.Cleanup(func() {
		close(p.gone)
		p.conn.Close()
	})
	return p
}

func (p *peer) handshake() *peer {
	hello := make([]byte, 1537)
	hello[0] = 3
	p.write(hello)
	answer := make([]byte, 3073)
	_, err := io.ReadFull(p.conn, answer)
	require.NoError(p.t, err)
	p.write(answer[1:1537])
	p.in = chunk.NewReader(p.conn, chunk.Limits{MessageSize: 16 << 20})
	return p
}

func (p *peer) write(b []byte) {
	_, err := p.conn.Write(b)
	require.NoError(p.t, err)
}

// tryWrite writes what the server may no longer read.
func (p *peer) tryWrite(b []byte) { _, _ = p.conn.Write(b) }

// send sends a command on a stream, in chunks of 128 bytes.
func (p *peer) send(stream uint32, values ...any) {
	p.write(encoder{128}.command(nil, 3, stream, 0, values...))
}

// pump reads messages, one ahead of those that the test has asked for: a peer that asks for none stalls.
func (p *peer) pump() {
	defer close(p.messages)
	for {
		m, err := p.in.ReadMessage()
		if err != nil {
			return
		}
		m.Payload = bytes.Clone(m.Payload)
		out := message{Message: m}
		if m.Type == chunk.TypeCommandAMF0 || m.Type == chunk.TypeDataAMF0 {
			out.values, _ = amf.Decode(m.Payload)
		}
		select {
		case p.messages <- out:
		case <-p.gone:
			return
		}
	}
}

// read returns the next message; false when the server has closed.
func (p *peer) read() (message, bool) {
	p.once.Do(func() {
		p.messages = make(chan message)
		go p.pump()
	})
	m, ok := <-p.messages
	return m, ok
}

func (p *peer) next() message {
	m, ok := p.read()
	require.True(p.t, ok, "the server has closed")
	return m
}

// until reads up to the first message whose String is what, and returns all that came.
func (p *peer) until(what string) []message {
	var all []message
	for {
		m, ok := p.read()
		require.True(p.t, ok, "the server has closed before %q, after %v", what, names(all))
		all = append(all, m)
		if m.String() == what {
			return all
		}
	}
}

// within reads what comes in the time d of a synctest bubble.
func (p *peer) within(d time.Duration) []message {
	var all []message
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case m, ok := <-p.messages:
			if !ok {
				return all
			}
			all = append(all, m)
		case <-timer.C:
			return all
		}
	}
}

// ended reads until the server closes, and returns what came before.
func (p *peer) ended() []message {
	var all []message
	for {
		m, ok := p.read()
		if !ok {
			return all
		}
		all = append(all, m)
	}
}

func names(messages []message) []string {
	all := make([]string, len(messages))
	for i := range messages {
		all[i] = messages[i].String()
	}
	return all
}

// media are the audio and video messages of a reading.
func media(messages []message) []message {
	var all []message
	for _, m := range messages {
		if m.Type == chunk.TypeAudio || m.Type == chunk.TypeVideo {
			all = append(all, m)
		}
	}
	return all
}

func (p *peer) connect() *peer {
	p.handshake()
	p.send(0, "connect", 1.0, amf.Object{{Key: "app", Value: "vod"}, {Key: "tcUrl", Value: "rtmp://host/vod"}})
	p.until("onBWDone")
	return p
}

// stream makes a NetStream and states a buffer.
func (p *peer) stream(buffer time.Duration) *peer {
	p.connect()
	p.send(0, "createStream", 2.0, nil)
	p.until("_result")
	p.buffer(1, buffer)
	return p
}

func (p *peer) buffer(stream uint32, d time.Duration) {
	p.write(chunk.AppendUserControl(nil, chunk.EventSetBufferLength, stream, uint32(d.Milliseconds())))
}

func (p *peer) play(args ...any) { p.send(1, append([]any{"play", 0.0, nil}, args...)...) }
