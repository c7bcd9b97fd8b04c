package rtmp

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
	"github.com/seed-3309b198/reelfront/rtmp/handshake"
)

// stage is a server that answers a client by a script: a function for each command, or nothing.
type stage struct {
	t    *testing.T
	conn net.Conn

	mu      sync.Mutex
	answers map[string]func(cmd *command)
	seen    []message // all that the client sent
	notice  chan struct{}
}

// on says how a command is answered; nil, that it is not.
func (s *stage) on(name string, answer func(cmd *command)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[name] = answer
}

// onStage runs a test in fake time with a client that has shaken hands with a stage.
func onStage(t *testing.T, opts *ClientOptions, f func(t *testing.T, s *stage, c *Client)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, answers: make(map[string]func(*command)), notice: make(chan struct{})}
		s.on("connect", func(cmd *command) {
			s.send(0, "_result", cmd.transaction, amf.Object{{Key: "fmsVer", Value: "FMS/3,5,7,7009"}}, amf.Object{{Key: "code", Value: CodeConnectSuccess}})
		})
		streams := 0.0
		s.on("createStream", func(cmd *command) {
			streams++
			s.send(0, "_result", cmd.transaction, nil, streams)
		})
		s.on("play", func(cmd *command) { s.status(cmd.stream, CodePlayStart) })
		f(t, s, s.dial(opts))
	})
}

func (s *stage) dial(opts *ClientOptions) *Client {
	ours, theirs := net.Pipe()
	s.conn = ours
	o := ClientOptions{}
	if opts != nil {
		o = *opts
	}
	o.DialContext = func(context.Context, string, string) (net.Conn, error) { return theirs, nil }
	shaken := make(chan error, 1)
	go func() {
		_, err := handshake.Server(ours, nil)
		shaken <- err
	}()
	c, err := Dial(s.t.Context(), "rtmp://host/vod/film.mp4", &o)
	require.NoError(s.t, err)
	require.NoError(s.t, <-shaken)
	commands := make(chan command, 100)
	go s.read(commands)
	go s.act(commands)
	s.t.Cleanup(func() {
		s.conn.Close()
		require.NoError(s.t, c.Close())
	})
	return c
}

func (s *stage) read(commands chan<- command) {
	defer close(commands)
	in := chunk.NewReader(s.conn, chunk.Limits{})
	for {
		m, err := in.ReadMessage()
		if err != nil {
			return
		}
		kept := message{Message: m}
		kept.Payload = bytes.Clone(m.Payload)
		if m.Type == chunk.TypeCommandAMF0 {
			cmd, err := parseCommand(&m)
			if err != nil {
				s.t.Errorf("the client sent a bad command: %v", err)
				return
			}
			kept.values = append([]any{cmd.name, cmd.transaction}, cmd.args...)
			commands <- cmd
		}
		s.mu.Lock()
		s.seen = append(s.seen, kept)
		close(s.notice)
		s.notice = make(chan struct{})
		s.mu.Unlock()
	}
}

func (s *stage) act(commands <-chan command) {
	for cmd := range commands {
		s.mu.Lock()
		answer := s.answers[cmd.name]
		s.mu.Unlock()
		if answer != nil {
			answer(&cmd)
		}
	}
}

// sent waits until the client has sent what ok accepts, and returns it.
func (s *stage) sent(ok func(*message) bool) message {
	for {
		s.mu.Lock()
		for i := range s.seen {
			if ok(&s.seen[i]) {
				m := s.seen[i]
				s.mu.Unlock()
				return m
			}
		}
		notice := s.notice
		s.mu.Unlock()
		select {
		case <-notice:
		case <-time.After(time.Hour):
			require.Fail(s.t, "the client never sent it")
		}
	}
}

// called waits for a command, and returns its values.
func (s *stage) called(name string) []any {
	m := s.sent(func(m *message) bool { return len(m.values) > 0 && m.values[0] == name })
	return m.values
}

// write sends what the client may not read any more.
func (s *stage) write(b []byte) { _, _ = s.conn.Write(b) }

func (s *stage) send(stream uint32, values ...any) {
	s.write(encoder{128}.command(nil, csConnect, stream, 0, values...))
}

func (s *stage) status(stream uint32, code string) {
	s.send(stream, "onStatus", 0, nil, amf.Object{{Key: "level", Value: levelStatus}, {Key: "code", Value: code}})
}

func (s *stage) refuse(stream uint32, code string) {
	s.send(stream, "onStatus", 0, nil, amf.Object{{Key: "level", Value: levelError}, {Key: "code", Value: code}, {Key: "description", Value: "no"}})
}

func (s *stage) tag(stream uint32, kind flv.TagType, timestamp uint32, body string) {
	s.message(chunk.Type(kind), stream, timestamp, []byte(body))
}

func (s *stage) message(kind chunk.Type, stream, timestamp uint32, body []byte) {
	s.write(chunk.Append(nil, &chunk.Message{ChunkStream: 6, Type: kind, Stream: stream, Timestamp: timestamp, Payload: body}, 128))
}

func (s *stage) data(stream uint32, values ...any) {
	s.write(encoder{128}.data(nil, stream, 0, values...))
}

// stream connects and makes a stream that plays.
func (s *stage) stream(c *Client) *ClientStream {
	require.NoError(s.t, c.Connect(s.t.Context()))
	return s.another(c)
}

func (s *stage) another(c *Client) *ClientStream {
	stream, err := c.CreateStream(s.t.Context())
	require.NoError(s.t, err)
	require.NoError(s.t, stream.Play(s.t.Context(), "film", nil))
	return stream
}

// next reads a tag and compares it.
func next(t *testing.T, s *ClientStream, kind flv.TagType, timestamp uint32, body string) {
	t.Helper()
	tag, err := s.ReadTag(t.Context())
	require.NoError(t, err)
	require.Equal(t, flv.Tag{Type: kind, Timestamp: timestamp, Data: []byte(body)}, tag)
}

// nothing checks that no tag comes for a while.
func nothing(t *testing.T, s *ClientStream) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := s.ReadTag(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func requireStatus(t *testing.T, err error, code string) *StatusError {
	t.Helper()
	var status *StatusError
	require.ErrorAs(t, err, &status)
	require.Equal(t, code, status.Code)
	return status
}
