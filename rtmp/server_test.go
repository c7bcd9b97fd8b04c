package rtmp

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newCinema() *cinema {
	return &cinema{films: map[string]*film{
		"film":  {length: 10 * time.Second, video: true, audio: true},
		"short": {length: time.Second, video: true, audio: true},
		"song":  {length: 10 * time.Second, audio: true},
		"late":  {length: 10 * time.Second, video: true, audio: true, from: 60_000},
		"wrap":  {length: 10 * time.Second, video: true, audio: true, from: 1<<32 - 5000},
		"large": {length: time.Second, video: true, bytes: 1 << 20},
		"empty": {},
	}}
}

// bubble runs a test with a server in fake time.
func bubble(t *testing.T, s *Server, f func(t *testing.T, h *house)) {
	t.Helper()
	if s.Handler == nil {
		s.Handler = newCinema()
	}
	synctest.Test(t, func(t *testing.T) { f(t, serve(t, s)) })
}

func TestConnect(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).handshake()
		p.send(0, "connect", 1.0, amf.Object{{Key: "app", Value: "vod"}, {Key: "objectEncoding", Value: 3.0}})
		got := p.until("onBWDone")
		require.Equal(t, []string{"type 5", "type 6", "type 1", "control 0", "_result", "onBWDone"}[:2], names(got)[:2])
		result := got[len(got)-2]
		require.Equal(t, []any{"_result", 1.0}, result.values[:2])
		require.Equal(t, amf.Object{{Key: "fmsVer", Value: "FMS/3,5,7,7009"}, {Key: "capabilities", Value: 31.0}, {Key: "mode", Value: 1.0}}, result.values[2])
		require.Equal(t, CodeConnectSuccess, result.info().String("code"))
		encoding, _ := result.info().Number("objectEncoding")
		require.Equal(t, 3.0, encoding)
	})
}

func TestConnectRefused(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want amf.Object
	}{
		{"status", &StatusError{
			Code: CodeConnectRejected, Description: "[ Server.Reject ] : no.",
			Application: amf.Object{{Key: "message", Value: "InvalidURI"}},
			Extra:       amf.Object{{Key: "ex", Value: amf.Object{{Key: "code", Value: 302.0}}}},
		}, amf.Object{
			{Key: "level", Value: "error"}, {Key: "code", Value: CodeConnectRejected},
			{Key: "description", Value: "[ Server.Reject ] : no."},
			{Key: "application", Value: amf.Object{{Key: "message", Value: "InvalidURI"}}},
			{Key: "ex", Value: amf.Object{{Key: "code", Value: 302.0}}},
		}},
		{"other", errors.New("secret cause"), amf.Object{
			{Key: "level", Value: "error"}, {Key: "code", Value: CodeConnectFailed}, {Key: "description", Value: "Connection failed."},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			refuse := HandlerFunc(func(context.Context, *ConnectRequest) (App, error) { return nil, test.err })
			bubble(t, &Server{Handler: refuse}, func(t *testing.T, h *house) {
				p := h.peer(t).handshake()
				p.send(0, "connect", 1.0, amf.Object{{Key: "app", Value: "vod"}})
				got := p.ended()
				require.Equal(t, []string{"_error", "close"}, names(got))
				require.Equal(t, test.want, got[0].info())
			})
		})
	}
}

func TestCalls(t *testing.T) {
	tests := []struct {
		name string
		call []any
		want []any // nil for no answer
	}{
		{"createStream", []any{"createStream", 2.0, nil}, []any{"_result", 2.0, nil, 1.0}},
		{"releaseStream", []any{"releaseStream", 3.0, nil, "x"}, []any{"_result", 3.0, nil}},
		{"without transaction", []any{"releaseStream", 0.0, nil, "x"}, nil},
		{"_checkbw", []any{"_checkbw", 4.0, nil}, []any{"_result", 4.0, nil}},
		{"getStreamLength", []any{"getStreamLength", 5.0, nil, "mp4:film"}, []any{"_result", 5.0, nil, 10.0}},
		{"getStreamLength of nothing", []any{"getStreamLength", 5.0, nil, "nothing"}, []any{"_result", 5.0, nil, 0.0}},
		{"getStreamLength without name", []any{"getStreamLength", 5.0, nil}, []any{"_result", 5.0, nil, 0.0}},
		{"deleteStream", []any{"deleteStream", 6.0, nil, 1.0}, nil},
		{"deleteStream by name", []any{"deleteStream", 6.0, nil, "film"}, nil},
		{"unknown", []any{"fly", 7.0, nil}, []any{"_error", 7.0, nil, amf.Object{
			{Key: "level", Value: "error"}, {Key: "code", Value: CodeCallFailed}, {Key: "description", Value: "Method not found (fly)."}}}},
		{"unknown without transaction", []any{"fly", 0.0, nil}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, &Server{}, func(t *testing.T, h *house) {
				p := h.peer(t).connect()
				p.send(0, test.call...)
				got := p.within(time.Second)
				if test.want == nil {
					require.Empty(t, names(got))
					return
				}
				require.Len(t, got, 1)
				require.Equal(t, test.want, got[0].values)
			})
		})
	}
}

func TestCaller(t *testing.T) {
	app := &callee{cinema: newCinema()}
	bubble(t, &Server{Handler: HandlerFunc(func(context.Context, *ConnectRequest) (App, error) { return app, nil })}, func(t *testing.T, h *house) {
		p := h.peer(t).connect()
		p.send(0, "add", 9.0, nil, 1.0, 2.0)
		got := p.until("_result")
		require.Equal(t, []any{"_result", 9.0, nil, 3.0}, got[0].values)
		p.send(0, "sub", 9.0, nil)
		p.until("_error")
	})
	require.True(t, app.closed)
}

type callee struct {
	*cinema
	closed bool
}

func (c *callee) Call(_ context.Context, name string, args []any) (any, error) {
	if name != "add" {
		return nil, errors.New("no such call")
	}
	return args[1].(float64) + args[2].(float64), nil
}

func (c *callee) Close() error { c.closed = true; return nil }

func TestPublishDenied(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(0)
		p.send(1, "publish", 0.0, nil, "live/x?key=secret", "live")
		m := p.next()
		require.Equal(t, CodePublishDenied, m.String())
		require.NotContains(t, m.info().String("description"), "secret")
	})
}

func TestFCSubscribe(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).connect()
		p.send(0, "FCSubscribe", 3.0, nil, "mp4:film")
		m := p.next()
		require.Equal(t, "onFCSubscribe", m.String())
		require.Equal(t, "FCSubscribe to stream film.", m.info().String("description"))
	})
}

// TestViolations holds what ends a connection, and that nothing else does.
func TestViolations(t *testing.T) {
	object := amf.Object{{Key: "app", Value: "vod"}}
	tests := []struct {
		name string
		do   func(p *peer)
		why  string // in the log
	}{
		{"garbage for a handshake", func(p *peer) { p.tryWrite([]byte("GARBAGE GARBAGE\r\n")) }, ""},
		{"silence", func(*peer) {}, ""},
		{"half a handshake", func(p *peer) { p.write([]byte{3, 0, 0, 0}) }, ""},
		{"no connect", func(p *peer) { p.handshake() }, ""},
		{"command before connect", func(p *peer) { p.handshake().send(0, "createStream", 1.0, nil) }, "before connect"},
		{"connect without application", func(p *peer) { p.handshake().send(0, "connect", 1.0, amf.Object{}) }, CodeConnectInvalidApp},
		{"connect without object", func(p *peer) { p.handshake().send(0, "connect", 1.0, nil) }, CodeConnectInvalidApp},
		{"second connect", func(p *peer) { p.connect().send(0, "connect", 2.0, object) }, "second connect"},
		{"command without name", func(p *peer) { p.connect().send(0, 1.0, 1.0) }, ""},
		{"command of broken AMF", func(p *peer) {
			p.connect().write(chunk.Append(nil, &chunk.Message{ChunkStream: 3, Type: chunk.TypeCommandAMF0, Payload: []byte{2, 255, 255}}, 128))
		}, ""},
		{"oversize command", func(p *peer) {
			p.connect().tryWrite(chunk.Append(nil, &chunk.Message{ChunkStream: 3, Type: chunk.TypeCommandAMF0, Payload: make([]byte, 65<<10)}, 128))
		}, ""},
		{"oversize message", func(p *peer) {
			p.connect().tryWrite(chunk.Append(nil, &chunk.Message{ChunkStream: 3, Type: chunk.TypeAudio, Payload: make([]byte, 2<<20)}, 128)[:4096])
		}, ""},
		{"too many streams", func(p *peer) {
			p.connect()
			go p.ended()
			for range 17 {
				p.tryWrite(encoder{128}.command(nil, 3, 0, 0, "createStream", 0.0, nil))
			}
		}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, &Server{}, func(t *testing.T, h *house) {
				p := h.peer(t)
				began := time.Now()
				test.do(p)
				if p.in == nil {
					p.in = chunk.NewReader(p.conn, chunk.Limits{})
				}
				p.ended()
				require.Less(t, time.Since(began), 15*time.Second)
				synctest.Wait()
				require.Contains(t, h.log.String(), test.why)
			})
		})
	}
}

func TestUnknownStream(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).connect()
		p.send(7, "play", 0.0, nil, "film")
		m := p.next()
		require.Equal(t, CodeStreamFailed, m.String())
		require.EqualValues(t, 7, m.Stream)
		p.send(7, "closeStream", 0.0, nil)
		p.send(7, "seek", 0.0, nil, 1.0)
		require.Equal(t, []string{CodeStreamFailed}, names(p.within(time.Second)))
	})
}

func TestPingsAndIdle(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).connect()
		p.write(chunk.AppendUserControl(nil, chunk.EventPing, 77))
		pong := p.next()
		require.Equal(t, []byte{0, 7, 0, 0, 0, 77}, pong.Payload)
		began := time.Now()
		require.Equal(t, strings.Repeat("control 6 ", 4), strings.Join(names(p.ended()), " ")+" ")
		require.Equal(t, 5*time.Minute, time.Since(began))
	})
}

func TestAnsweredPingsKeepAlive(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).connect()
		for range 20 {
			ping := p.next()
			require.Equal(t, "control 6", ping.String())
			p.write(chunk.Append(nil, &chunk.Message{ChunkStream: 2, Type: chunk.TypeUserControl, Payload: append([]byte{0, 7}, ping.Payload[2:]...)}, 128))
		}
	})
}

func TestAcknowledgements(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).connect()
		p.write(chunk.AppendWindowAckSize(nil, 2000))
		go func() {
			for range 10 {
				p.tryWrite(chunk.Append(nil, &chunk.Message{ChunkStream: 4, Type: chunk.TypeDataAMF0, Payload: make([]byte, 1000)}, 128))
			}
		}()
		acks := p.within(time.Second)
		require.Len(t, acks, 5)
		require.Equal(t, chunk.TypeAck, acks[0].Type)
	})
}

func TestShutdown(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		idle, viewer := h.peer(t).connect(), h.peer(t).stream(time.Second)
		viewer.play("film")
		viewer.until(CodePlayStart)
		seen := make(chan []message)
		go func() { seen <- viewer.ended() }()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		done := make(chan error)
		go func() { done <- h.Shutdown(ctx) }()
		require.Equal(t, []string{CodeConnectAppShutdown}, names(idle.ended()))
		got := names(<-seen)
		require.Equal(t, CodeConnectAppShutdown, got[len(got)-1])
		require.ErrorIs(t, <-done, context.DeadlineExceeded)
	})
}

func TestShutdownLetsViewersFinish(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		viewer := h.peer(t).stream(time.Second)
		viewer.play("film")
		viewer.until(CodePlayStart)
		done := make(chan error)
		go func() { done <- h.Shutdown(t.Context()) }()
		got := viewer.until(CodePlayStop)
		require.Len(t, media(got), 2+250+200)
		viewer.conn.Close()
		require.NoError(t, <-done)
	})
}

func TestCloseCutsStalledViewer(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Hour)
		p.play("large")
		synctest.Wait() // the player is blocked in its first write
		require.NoError(t, h.Server.Close())
	})
}

func TestServeWithoutHandler(t *testing.T) {
	l := newPipeListener()
	require.ErrorIs(t, new(Server).Serve(l), errNoHandler)
	_, err := l.Accept()
	require.Error(t, err, "the listener is left open")
}

func TestConnectionLimit(t *testing.T) {
	bubble(t, &Server{Limits: Limits{Connections: 1}}, func(t *testing.T, h *house) {
		h.peer(t).connect()
		second := h.dial()
		_, err := second.Read(make([]byte, 1))
		require.Error(t, err)
	})
}

func TestPanicCostsOneConnection(t *testing.T) {
	for name, breakIt := range map[string]func(*film){
		"Next":  func(f *film) { f.next = func(context.Context, uint32) error { panic("broken film") } },
		"Close": func(f *film) { f.close = func() { panic("broken film") } },
	} {
		t.Run(name, func(t *testing.T) {
			app := newCinema()
			breakIt(app.films["film"])
			bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
				p := h.peer(t).stream(time.Hour)
				p.play("film")
				if name == "Close" {
					p.until("data onMetaData")
					p.send(1, "closeStream", 0.0, nil)
				}
				p.ended()
				synctest.Wait()
				require.Contains(t, h.log.String(), "broken film")
				h.peer(t).connect()
			})
		})
	}
}

func TestStalledViewer(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Hour)
		p.play("large")
		began := time.Now()
		synctest.Wait()
		time.Sleep(6 * time.Minute)
		p.ended()
		require.Less(t, time.Since(began), 7*time.Minute)
	})
}
