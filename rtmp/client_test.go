package rtmp

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
	"github.com/seed-3309b198/reelfront/rtmp/door"
)

func TestClientConnect(t *testing.T) {
	opts := &ClientOptions{
		Object: amf.Object{{Key: "flashVer", Value: "me"}, {Key: "swfUrl", Value: "http://a/b.swf"}},
		Args:   []any{"token", true},
		Codecs: []flv.Codec{flv.CodecAVC, flv.CodecHEVC, flv.CodecOpus, flv.CodecSpeex},
	}
	onStage(t, opts, func(t *testing.T, s *stage, c *Client) {
		require.NoError(t, c.Connect(t.Context()))
		require.Equal(t, "mp4:film.mp4", c.StreamName())
		require.Equal(t, []any{"connect", 1.0, amf.Object{
			{Key: "app", Value: "vod"},
			{Key: "flashVer", Value: "me"},
			{Key: "tcUrl", Value: "rtmp://host/vod"},
			{Key: "fpad", Value: false},
			{Key: "capabilities", Value: 15.0},
			{Key: "audioCodecs", Value: 4071.0},
			{Key: "videoCodecs", Value: 252.0},
			{Key: "videoFunction", Value: 1.0},
			{Key: "objectEncoding", Value: 0.0},
			{Key: "fourCcList", Value: amf.StrictArray{"avc1", "hvc1", "Opus"}},
			{Key: "videoFourCcInfoMap", Value: amf.Object{{Key: "avc1", Value: 1.0}, {Key: "hvc1", Value: 1.0}}},
			{Key: "audioFourCcInfoMap", Value: amf.Object{{Key: "Opus", Value: 1.0}}},
			{Key: "capsEx", Value: 0.0},
			{Key: "swfUrl", Value: "http://a/b.swf"},
		}, "token", true}, s.called("connect"))
		s.sent(func(m *message) bool { return m.Type == chunk.TypeWindowAckSize })
	})
}

func TestClientConnectRefused(t *testing.T) {
	redirect := amf.Object{{Key: "code", Value: 302.0}, {Key: "redirect", Value: "rtmp://other/vod"}}
	rejected := amf.Object{
		{Key: "level", Value: levelError}, {Key: "code", Value: CodeConnectRejected}, {Key: "description", Value: "no"},
		{Key: "application", Value: "why"}, {Key: "ex", Value: redirect},
	}
	tests := []struct {
		name   string
		answer func(s *stage, cmd *command)
		code   string
	}{
		{"rejected", func(s *stage, cmd *command) {
			s.send(0, "_error", cmd.transaction, nil, rejected)
			s.send(0, "close", 0, nil)
			s.conn.Close()
		}, CodeConnectRejected},
		{"rejected and held", func(s *stage, cmd *command) { s.send(0, "_error", cmd.transaction, nil, rejected) }, CodeConnectRejected},
		{"by status", func(s *stage, _ *command) { s.refuse(0, CodeConnectInvalidApp) }, CodeConnectInvalidApp},
		{"closed", func(s *stage, _ *command) { s.send(0, "close", 0, nil) }, ""},
		{"hung up", func(s *stage, _ *command) { s.conn.Close() }, ""},
		{"garbage", func(s *stage, _ *command) { s.write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }, ""},
		{"no answer", func(*stage, *command) {}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
				s.on("connect", func(cmd *command) { tt.answer(s, cmd) })
				err := c.Connect(t.Context())
				require.Error(t, err)
				if tt.code != "" {
					requireStatus(t, err, tt.code)
				}
				if tt.code == CodeConnectRejected {
					require.Equal(t, &StatusError{
						Code: CodeConnectRejected, Description: "no", Application: "why", Extra: amf.Object{{Key: "ex", Value: redirect}},
					}, err)
				}
				_, again := c.CreateStream(t.Context())
				require.Error(t, again, "the connection is over")
			})
		})
	}
}

func TestClientDialEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		opts := &ClientOptions{
			Timeout:     5 * time.Second,
			DialContext: func(context.Context, string, string) (net.Conn, error) { return theirs, nil },
		}
		start := time.Now()
		_, err := Dial(t.Context(), "rtmp://host/vod", opts)
		require.ErrorIs(t, err, context.DeadlineExceeded, "a server that does not even read")
		require.Equal(t, 5*time.Second, time.Since(start))

		ctx, cancel := context.WithCancel(t.Context())
		ours, theirs = net.Pipe()
		defer ours.Close()
		go func() {
			_, _ = io.ReadFull(ours, make([]byte, 1537))
			cancel()
		}()
		_, err = Dial(ctx, "rtmp://host/vod", opts)
		require.ErrorIs(t, err, context.Canceled, "a server that does not answer")

		refused := errors.New("refused")
		opts.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, refused }
		_, err = Dial(t.Context(), "rtmp://host/vod", opts)
		require.ErrorIs(t, err, refused)

		ours, theirs = net.Pipe()
		opts.DialContext = func(context.Context, string, string) (net.Conn, error) { return theirs, nil }
		go func() {
			_, _ = io.ReadFull(ours, make([]byte, 1537))
			_, _ = ours.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			ours.Close()
		}()
		_, err = Dial(t.Context(), "rtmp://host/vod", opts)
		require.ErrorContains(t, err, "handshake")
	})
}

func TestClientConnectCancelled(t *testing.T) {
	onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
		ctx, cancel := context.WithCancel(t.Context())
		s.on("connect", func(*command) { cancel() })
		require.ErrorIs(t, c.Connect(ctx), context.Canceled)
		require.ErrorIs(t, c.Connect(t.Context()), context.Canceled, "it is over")
	})
}

func TestClientCall(t *testing.T) {
	onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
		require.NoError(t, c.Connect(t.Context()))
		s.on("sum", func(cmd *command) { s.send(0, "_result", cmd.transaction, nil, 5) })
		s.on("void", func(cmd *command) { s.send(0, "_result", cmd.transaction) })
		s.on("bad", func(cmd *command) {
			s.send(0, "_error", cmd.transaction, nil, amf.Object{{Key: "level", Value: levelError}, {Key: "code", Value: CodeCallFailed}})
		})
		s.on("getStreamLength", func(cmd *command) { s.send(0, "_result", cmd.transaction, nil, 12.5) })

		v, err := c.Call(t.Context(), "sum", 2, 3)
		require.NoError(t, err)
		require.Equal(t, 5.0, v)
		require.Equal(t, []any{"sum", 2.0, nil, 2.0, 3.0}, s.called("sum"))
		v, err = c.Call(t.Context(), "void")
		require.NoError(t, err)
		require.Nil(t, v)
		_, err = c.Call(t.Context(), "bad")
		requireStatus(t, err, CodeCallFailed)
		length, err := c.Length(t.Context(), "film")
		require.NoError(t, err)
		require.Equal(t, 12500*time.Millisecond, length)

		_, err = c.Call(t.Context(), "sum", struct{}{})
		var bad *amf.EncodeError
		require.ErrorAs(t, err, &bad)

		_, err = c.Call(t.Context(), "silence")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		s.send(0, "_result", s.called("silence")[1], nil, "late")
		s.send(0, "_result", 999, nil, "never asked for")
		v, err = c.Call(t.Context(), "sum")
		require.NoError(t, err, "an answer that is too late, or to nothing, does no harm")
		require.Equal(t, 5.0, v)
		require.Empty(t, c.calls)

		s.on("end", func(*command) { s.conn.Close() })
		_, err = c.Call(t.Context(), "end")
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		_, err = c.Call(t.Context(), "sum")
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	})
}

func TestClientLength(t *testing.T) {
	for _, v := range []any{nil, "x", 0, -1, 1e300} {
		onStageLength(t, v)
	}
}

func onStageLength(t *testing.T, v any) {
	t.Run("", func(t *testing.T) {
		onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
			require.NoError(t, c.Connect(t.Context()))
			s.on("getStreamLength", func(cmd *command) { s.send(0, "_result", cmd.transaction, nil, v) })
			length, err := c.Length(t.Context(), "film")
			require.NoError(t, err)
			require.Zero(t, length)
		})
	})
}

func TestClientCreateStreamAnswers(t *testing.T) {
	onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
		require.NoError(t, c.Connect(t.Context()))
		first, err := c.CreateStream(t.Context())
		require.NoError(t, err)
		require.Equal(t, uint32(1), first.ID())
		for _, v := range []any{nil, "1", 0, -1, 1.5, 1e10, 1} {
			s.on("createStream", func(cmd *command) { s.send(0, "_result", cmd.transaction, nil, v) })
			_, err := c.CreateStream(t.Context())
			require.Error(t, err, "%v", v)
		}
		s.on("createStream", func(cmd *command) {
			s.send(0, "_error", cmd.transaction, nil, amf.Object{{Key: "code", Value: CodeCallFailed}})
		})
		_, err = c.CreateStream(t.Context())
		requireStatus(t, err, CodeCallFailed)
	})
}

func TestClientPings(t *testing.T) {
	onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
		stream := s.stream(c)
		s.write(chunk.AppendUserControl(nil, chunk.EventPing, 1234))
		pong := s.sent(func(m *message) bool { return m.Type == chunk.TypeUserControl })
		control, err := chunk.ParseUserControl(pong.Payload)
		require.NoError(t, err)
		require.Equal(t, chunk.EventPong, control.Event)
		require.Equal(t, uint32(1234), control.Value)

		s.write(chunk.AppendSetPeerBandwidth(nil, 5000, chunk.LimitDynamic))
		s.sent(func(m *message) bool {
			return m.Type == chunk.TypeWindowAckSize && string(m.Payload) == "\x00\x00\x13\x88"
		})

		s.write(chunk.AppendWindowAckSize(nil, 1000))
		synctest.Wait()
		before := c.in.BytesRead()
		for range 10 {
			s.tag(1, flv.TagAudio, 0, "sound")
		}
		s.tag(1, flv.TagVideo, 0, string(make([]byte, 2000)))
		s.tag(1, flv.TagVideo, 0, "end")
		ack := s.sent(func(m *message) bool { return m.Type == chunk.TypeAck })
		n, err := chunk.ParseNumber(ack.Payload)
		require.NoError(t, err)
		require.Greater(t, uint64(n), before)
		require.LessOrEqual(t, uint64(n), c.in.BytesRead())
		next(t, stream, flv.TagAudio, 0, "sound")
	})
}

func TestClientStatuses(t *testing.T) {
	var got []Status
	opts := &ClientOptions{OnStatus: func(s Status) { got = append(got, s) }}
	onStage(t, opts, func(t *testing.T, s *stage, c *Client) {
		s.stream(c)
		s.data(1, "onStatus", amf.Object{{Key: "code", Value: CodeDataStart}})
		s.data(1, "onPlayStatus", amf.ECMAArray{{Key: "level", Value: "status"}, {Key: "code", Value: CodePlayComplete}})
		s.data(1, "onPlayStatus", nil, amf.Object{{Key: "code", Value: CodePlaySwitch}})
		info := amf.Object{
			{Key: "level", Value: "warning"}, {Key: "code", Value: "NetStream.Play.InsufficientBW"},
			{Key: "description", Value: "slow"}, {Key: "details", Value: "film"}, {Key: "clientid", Value: 7.0},
		}
		s.send(1, "onStatus", 0, nil, info)
		s.status(0, "NetConnection.Connect.NetworkChange")
		s.send(1, "onStatus", 0, nil)
		s.send(0, "onBWDone", 0, nil)
		synctest.Wait()
		require.Equal(t, []string{
			CodePlayStart, CodeDataStart, CodePlayComplete, CodePlaySwitch,
			"NetStream.Play.InsufficientBW", "NetConnection.Connect.NetworkChange", "",
		}, codes(got))
		require.Equal(t, Status{StreamID: 1, Level: "warning", Code: "NetStream.Play.InsufficientBW", Description: "slow", Details: "film", Info: info}, got[4])
	})
}

func codes(all []Status) []string {
	codes := make([]string, len(all))
	for i := range all {
		codes[i] = all[i].Code
	}
	return codes
}

func TestClientBadMessages(t *testing.T) {
	tests := []struct {
		name string
		kind chunk.Type
		body string
	}{
		{"empty command", chunk.TypeCommandAMF0, ""},
		{"command that is none", chunk.TypeCommandAMF0, "\x05"},
		{"broken command", chunk.TypeCommandAMF0, "\x02\x00\x08on"},
		{"long command", chunk.TypeCommandAMF0, string(make([]byte, clientCommandBytes+1))},
		{"broken status", chunk.TypeDataAMF0, "\x02\x00\x08onStatus\x03"},
		{"long status", chunk.TypeDataAMF0, "\x02\x00\x08onStatus" + string(make([]byte, clientCommandBytes))},
		{"short control", chunk.TypeUserControl, "\x00"},
		{"short window", chunk.TypeWindowAckSize, "\x00\x00"},
		{"short bandwidth", chunk.TypeSetPeerBandwidth, "\x00\x00"},
		{"aggregate that ends in a header", chunk.TypeAggregate, "\x08\x00\x00"},
		{"aggregate that ends in a body", chunk.TypeAggregate, "\x08\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00ab"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
				stream := s.stream(c)
				s.message(tt.kind, 1, 0, []byte(tt.body))
				_, err := stream.ReadTag(t.Context())
				require.Error(t, err)
				require.NotErrorIs(t, err, io.EOF)
				require.NotErrorIs(t, err, errHungUp)
			})
		})
	}
}

func TestClientHarmlessMessages(t *testing.T) {
	onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
		stream := s.stream(c)
		s.message(chunk.TypeSharedObjectAMF0, 1, 0, []byte("x"))
		s.message(chunk.TypeAck, 0, 0, []byte{0, 0, 0, 1})
		s.message(99, 1, 0, []byte("x"))
		s.message(chunk.TypeUserControl, 0, 0, []byte{0, 99})
		s.tag(7, flv.TagAudio, 0, "of no stream")
		s.tag(1, flv.TagAudio, 0, "")
		s.tag(1, flv.TagAudio, 5, "sound")
		next(t, stream, flv.TagAudio, 5, "sound")
	})
}

func TestClientClose(t *testing.T) {
	onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
		stream := s.stream(c)
		read, called := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := stream.ReadTag(t.Context())
			read <- err
		}()
		go func() {
			_, err := c.Call(t.Context(), "silence")
			called <- err
		}()
		synctest.Wait()
		require.NoError(t, c.Close())
		require.NoError(t, c.Close(), "twice does no harm")
		require.ErrorIs(t, <-read, net.ErrClosed)
		require.ErrorIs(t, <-called, net.ErrClosed)
		require.ErrorIs(t, stream.Seek(0), net.ErrClosed)
		require.ErrorIs(t, stream.Play(t.Context(), "film", nil), net.ErrClosed)
	})
}

// TestClientServerTakesNothing has a server that pings and never reads.
func TestClientServerTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		out := door.Dialer{DialContext: func(context.Context, string, string) (net.Conn, error) { return theirs, nil }}
		nc, err := out.Dial(t.Context(), door.Scheme{}, "")
		require.NoError(t, err)
		c := newClient(nc, &address{}, &ClientOptions{})
		go c.read()
		defer c.Close()
		_, err = ours.Write(chunk.AppendUserControl(nil, chunk.EventPing, 1))
		require.NoError(t, err)
		start := time.Now()
		_, err = c.Call(t.Context(), "x", string(make([]byte, 60000)))
		require.Error(t, err)
		require.LessOrEqual(t, time.Since(start), 30*time.Second)
		for range 20 {
			err = c.send(0, "x", string(make([]byte, 60000)))
		}
		require.Error(t, err)
	})
}
