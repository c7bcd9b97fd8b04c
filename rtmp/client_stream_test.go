package rtmp

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
)

func TestClientPlayCommand(t *testing.T) {
	tests := []struct {
		name string
		opts *PlayOptions
		want []any
	}{
		{"default", nil, []any{0.0, -1000.0, true}},
		{"part", &PlayOptions{Start: 1500 * time.Millisecond, Length: 2 * time.Second}, []any{1500.0, 2000.0, true}},
		{"frame", &PlayOptions{Start: time.Second, Length: time.Second, Frame: true}, []any{1000.0, 0.0, true}},
		{"shortest", &PlayOptions{Length: time.Microsecond}, []any{0.0, 1.0, true}},
		{"negative", &PlayOptions{Start: -time.Second, Length: -time.Second}, []any{0.0, -1000.0, true}},
		{"any", &PlayOptions{Kind: PlayAny, Start: time.Second}, []any{-2000.0, -1000.0, true}},
		{"live", &PlayOptions{Kind: PlayLive}, []any{-1000.0, -1000.0, true}},
		{"append to nothing", &PlayOptions{Append: true}, []any{0.0, -1000.0, false}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
				require.NoError(t, c.Connect(t.Context()))
				stream, err := c.CreateStream(t.Context())
				require.NoError(t, err)
				require.NoError(t, stream.Play(t.Context(), "film", tt.opts))
				require.Equal(t, append([]any{"play", 0.0, nil, "film"}, tt.want...), s.called("play"))
			})
		})
	}
}

func TestClientPlayRefused(t *testing.T) {
	for _, code := range []string{
		CodePlayStreamNotFound, CodePlayFailed, CodeStreamFailed, CodePlayFileStructureInvalid, CodePlayNoSupportedTrack, "Something.Else",
	} {
		t.Run(code, func(t *testing.T) {
			onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
				stream := s.stream(c)
				s.on("play", func(cmd *command) { s.refuse(cmd.stream, code) })
				status := requireStatus(t, stream.Play(t.Context(), "other", nil), code)
				require.Equal(t, "no", status.Description)
				s.tag(1, flv.TagAudio, 0, "unwanted")
				nothing(t, stream)
				s.on("play", func(cmd *command) { s.status(cmd.stream, CodePlayStart) })
				require.NoError(t, stream.Play(t.Context(), "film", nil), "the stream is still good")
				s.tag(1, flv.TagAudio, 0, "wanted")
				next(t, stream, flv.TagAudio, 0, "wanted")
			})
		})
	}
}

// TestClientPlayLooseServers has servers that leave out the level, or name stream 0.
func TestClientPlayLooseServers(t *testing.T) {
	onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
		require.NoError(t, c.Connect(t.Context()))
		stream, err := c.CreateStream(t.Context())
		require.NoError(t, err)
		s.on("play", func(*command) {
			s.send(0, "onStatus", 0, nil, amf.Object{{Key: "code", Value: CodePlayStreamNotFound}})
		})
		requireStatus(t, stream.Play(t.Context(), "film", nil), CodePlayStreamNotFound)
		s.on("play", func(*command) { s.status(0, CodePlayStart) })
		require.NoError(t, stream.Play(t.Context(), "film", nil))
	})
}

func TestClientPlayWithoutAnswer(t *testing.T) {
	onStage(t, &ClientOptions{Timeout: 5 * time.Second}, func(t *testing.T, s *stage, c *Client) {
		stream := s.stream(c)
		s.on("play", nil)
		start := time.Now()
		require.ErrorIs(t, stream.Play(t.Context(), "film", nil), context.DeadlineExceeded)
		require.Equal(t, 5*time.Second, time.Since(start))
		s.called("closeStream")
		s.status(1, CodePlayStart)
		s.tag(1, flv.TagAudio, 0, "that nobody waits for")
		nothing(t, stream)

		replaced := make(chan error, 1)
		go func() { replaced <- stream.Play(t.Context(), "first", nil) }()
		synctest.Wait()
		s.on("play", func(cmd *command) { s.status(cmd.stream, CodePlayStart) })
		require.NoError(t, stream.Play(t.Context(), "second", nil))
		require.ErrorIs(t, <-replaced, errReplaced)

		s.on("play", nil)
		ended := make(chan error, 1)
		go func() { ended <- stream.Play(t.Context(), "third", nil) }()
		synctest.Wait()
		require.NoError(t, stream.Close())
		require.ErrorIs(t, <-ended, net.ErrClosed)
	})
}

func TestClientPlayConnectionEnds(t *testing.T) {
	onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
		stream := s.stream(c)
		s.on("play", func(*command) { s.conn.Close() })
		require.ErrorIs(t, stream.Play(t.Context(), "film", nil), io.ErrUnexpectedEOF)
	})
}

// TestClientTags has every kind of tag, among the messages that are none.
func TestClientTags(t *testing.T) {
	onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
		stream := s.stream(c)
		s.data(1, "|RtmpSampleAccess", false, false)
		s.tag(1, flv.TagAudio, 0, "")
		s.data(1, "onStatus", amf.Object{{Key: "code", Value: CodeDataStart}})
		metadata, err := amf.Append(nil, "onMetaData", amf.ECMAArray{{Key: "duration", Value: 1}})
		require.NoError(t, err)
		s.message(chunk.TypeDataAMF0, 1, 3, metadata)
		s.tag(1, flv.TagVideo, 0, "avcC")
		s.tag(1, flv.TagAudio, 0, "asc")
		s.tag(1, flv.TagVideo, 1<<32-1, strings.Repeat("v", 1000))
		s.message(chunk.TypeDataAMF3, 1, 5, append([]byte{0}, "\x02\x00\x05onCue"...))
		s.message(chunk.TypeDataAMF3, 1, 5, []byte("\x02\x00\x05onCue"))
		s.tag(1, flv.TagScript, 6, "\x05 no name")
		s.status(1, CodePlayStop)

		next(t, stream, flv.TagScript, 3, string(metadata))
		next(t, stream, flv.TagVideo, 0, "avcC")
		next(t, stream, flv.TagAudio, 0, "asc")
		next(t, stream, flv.TagVideo, 1<<32-1, strings.Repeat("v", 1000))
		next(t, stream, flv.TagScript, 5, "\x02\x00\x05onCue")
		next(t, stream, flv.TagScript, 5, "\x02\x00\x05onCue")
		next(t, stream, flv.TagScript, 6, "\x05 no name")
		for range 2 {
			_, err = stream.ReadTag(t.Context())
			require.Equal(t, io.EOF, err)
		}
	})
}

func TestClientAggregate(t *testing.T) {
	onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
		stream := s.stream(c)
		aggregate := aggregateTag(nil, 8, 0xFFFFFFF0, "a")
		aggregate = aggregateTag(aggregate, 9, 0x10, "video")
		aggregate = aggregateTag(aggregate, 99, 0x11, "unknown")
		aggregate = aggregateTag(aggregate, 18, 0x12, "\x02\x00\x01x")
		aggregate = aggregateTag(aggregate, 8, 0x13, "")
		aggregate = aggregateTag(aggregate, 9, 0xFFFFFFEF, "before")
		s.message(chunk.TypeAggregate, 1, 1000, aggregate[:len(aggregate)-4])
		s.tag(1, flv.TagAudio, 2000, "after")
		next(t, stream, flv.TagAudio, 1000, "a")
		next(t, stream, flv.TagVideo, 1032, "video")
		next(t, stream, flv.TagScript, 1034, "\x02\x00\x01x")
		next(t, stream, flv.TagVideo, 999, "before")
		next(t, stream, flv.TagAudio, 2000, "after")
	})
}

func aggregateTag(dst []byte, kind byte, timestamp uint32, body string) []byte {
	dst = append(dst, kind, 0, 0, byte(len(body)), byte(timestamp>>16), byte(timestamp>>8), byte(timestamp), byte(timestamp>>24), 0, 0, 0)
	return binary.BigEndian.AppendUint32(append(dst, body...), uint32(11+len(body)))
}

// TestClientEnds has the ways in which what plays ends.
func TestClientEnds(t *testing.T) {
	tests := []struct {
		name string
		end  func(s *stage)
		want func(t *testing.T, err error)
	}{
		{"stop", func(s *stage) { s.status(1, CodePlayStop) }, wantEOF},
		{"unpublished", func(s *stage) { s.status(1, codeUnpublishNotify) }, wantEOF},
		{"complete, hung up", func(s *stage) {
			s.data(1, "onPlayStatus", amf.Object{{Key: "code", Value: CodePlayComplete}})
			s.conn.Close()
		}, wantEOF},
		{"hung up", func(s *stage) { s.conn.Close() }, func(t *testing.T, err error) { require.ErrorIs(t, err, io.ErrUnexpectedEOF) }},
		{"cut", func(s *stage) { s.write([]byte{4, 0, 0}); s.conn.Close() }, func(t *testing.T, err error) { require.ErrorIs(t, err, io.ErrUnexpectedEOF) }},
		{"close", func(s *stage) { s.send(0, "close", 0, nil) }, func(t *testing.T, err error) { require.ErrorIs(t, err, io.ErrUnexpectedEOF) }},
		{"shutdown", func(s *stage) { s.refuse(0, CodeConnectAppShutdown) }, func(t *testing.T, err error) { requireStatus(t, err, CodeConnectAppShutdown) }},
		{"failure", func(s *stage) { s.refuse(1, CodePlayFailed) }, func(t *testing.T, err error) { requireStatus(t, err, CodePlayFailed) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
				stream := s.stream(c)
				s.tag(1, flv.TagAudio, 0, "last")
				tt.end(s)
				synctest.Wait()
				next(t, stream, flv.TagAudio, 0, "last")
				_, err := stream.ReadTag(t.Context())
				tt.want(t, err)
			})
		})
	}
}

func wantEOF(t *testing.T, err error) { require.Equal(t, io.EOF, err) }

// TestClientPlaylist has an entry that fails between two that play.
func TestClientPlaylist(t *testing.T) {
	onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
		stream := s.stream(c)
		s.on("play", nil)
		require.NoError(t, stream.Play(t.Context(), "second", &PlayOptions{Append: true}), "it does not wait")
		require.NoError(t, stream.Play(t.Context(), "third", &PlayOptions{Append: true}))
		s.tag(1, flv.TagAudio, 1, "first")
		s.data(1, "onPlayStatus", amf.Object{{Key: "code", Value: CodePlaySwitch}})
		s.refuse(1, CodePlayStreamNotFound)
		s.status(1, CodePlayStart)
		s.tag(1, flv.TagAudio, 2, "third")
		s.status(1, CodePlayStop)
		next(t, stream, flv.TagAudio, 1, "first")
		_, err := stream.ReadTag(t.Context())
		requireStatus(t, err, CodePlayStreamNotFound)
		next(t, stream, flv.TagAudio, 2, "third")
		_, err = stream.ReadTag(t.Context())
		require.Equal(t, io.EOF, err)

		s.on("play", func(cmd *command) { s.status(cmd.stream, CodePlayStart) })
		require.NoError(t, stream.Play(t.Context(), "fourth", &PlayOptions{Append: true}), "what has ended goes on")
		s.tag(1, flv.TagAudio, 3, "fourth")
		s.status(1, CodePlayStop)
		synctest.Wait()
		require.NoError(t, stream.Play(t.Context(), "fifth", &PlayOptions{Append: true}), "also before the end was read")
		s.tag(1, flv.TagAudio, 4, "fifth")
		next(t, stream, flv.TagAudio, 3, "fourth")
		s.status(1, CodePlayStop)
		synctest.Wait()
		s.on("play", func(cmd *command) { s.refuse(cmd.stream, CodePlayFailed) })
		requireStatus(t, stream.Play(t.Context(), "sixth", &PlayOptions{Append: true}), CodePlayFailed)
		next(t, stream, flv.TagAudio, 4, "fifth")
	})
}

func TestClientReadTagContext(t *testing.T) {
	onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
		stream := s.stream(c)
		nothing(t, stream)
		s.tag(1, flv.TagAudio, 1, "a")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := stream.ReadTag(ctx)
		require.ErrorIs(t, err, context.Canceled)
		next(t, stream, flv.TagAudio, 1, "a")
	})
}

func TestClientSeek(t *testing.T) {
	onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
		stream := s.stream(c)
		s.tag(1, flv.TagAudio, 1, "read")
		s.tag(1, flv.TagAudio, 2, "come, not read")
		synctest.Wait()
		next(t, stream, flv.TagAudio, 1, "read")
		require.NoError(t, stream.Seek(8*time.Second))
		require.Equal(t, []any{"seek", 0.0, nil, 8000.0}, s.called("seek"))
		s.tag(1, flv.TagAudio, 3, "on its way")
		s.status(1, CodePlayStop)
		s.status(1, CodeSeekNotify)
		s.status(1, CodePlayStart)
		s.tag(1, flv.TagVideo, 8000, "there")
		next(t, stream, flv.TagVideo, 8000, "there")

		// Two in a row, of which the server does each, while ReadTag waits.
		got := make(chan uint32, 1)
		go func() {
			tag, _ := stream.ReadTag(t.Context())
			got <- tag.Timestamp
		}()
		synctest.Wait()
		require.NoError(t, stream.Seek(time.Second))
		require.NoError(t, stream.Seek(2*time.Second))
		s.status(1, CodeSeekNotify)
		synctest.Wait()
		s.status(1, CodeSeekNotify)
		s.tag(1, flv.TagVideo, 2000, "x")
		require.Equal(t, uint32(2000), <-got)

		// What the first of two brought is gone when the second is notified.
		require.NoError(t, stream.Seek(time.Second))
		require.NoError(t, stream.Seek(2*time.Second))
		s.status(1, CodeSeekNotify)
		s.tag(1, flv.TagVideo, 1000, "x")
		s.status(1, CodeSeekNotify)
		s.tag(1, flv.TagVideo, 2000, "y")
		synctest.Wait()
		next(t, stream, flv.TagVideo, 2000, "y")
	})
}

// TestClientSeekOvertaken has a server that does each of two seeks, and says which.
func TestClientSeekOvertaken(t *testing.T) {
	onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
		stream := s.stream(c)
		notify := func(ms int) {
			s.send(1, "onStatus", 0, nil, amf.Object{
				{Key: "code", Value: CodeSeekNotify}, {Key: "description", Value: fmt.Sprintf("Seeking %d (stream ID: 1).", ms)},
			})
			s.tag(1, flv.TagVideo, uint32(ms), "x")
		}
		require.NoError(t, stream.Seek(time.Second))
		require.NoError(t, stream.Seek(2*time.Second))
		notify(1000)
		nothing(t, stream)
		notify(2000)
		next(t, stream, flv.TagVideo, 2000, "x")

		for range 3 * maxSought {
			require.NoError(t, stream.Seek(time.Hour))
		}
		require.LessOrEqual(t, len(stream.sought), maxSought+1)
		notify(5000)
		next(t, stream, flv.TagVideo, 5000, "x") // where the server makes of it something else
	})
}

func TestClientSeekAfterEnd(t *testing.T) {
	onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
		stream := s.stream(c)
		s.status(1, CodePlayStop)
		_, err := stream.ReadTag(t.Context())
		require.Equal(t, io.EOF, err)
		require.NoError(t, stream.Seek(-time.Second))
		require.Equal(t, []any{"seek", 0.0, nil, 0.0}, s.called("seek"))
		s.status(1, CodeSeekNotify)
		s.tag(1, flv.TagVideo, 0, "again")
		next(t, stream, flv.TagVideo, 0, "again")
	})
}

func TestClientSeekRefused(t *testing.T) {
	onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
		stream := s.stream(c)
		require.NoError(t, stream.Seek(time.Hour))
		s.refuse(1, "NetStream.Seek.InvalidTime")
		s.tag(1, flv.TagAudio, 5, "goes on")
		_, err := stream.ReadTag(t.Context())
		requireStatus(t, err, "NetStream.Seek.InvalidTime")
		next(t, stream, flv.TagAudio, 5, "goes on")
	})
}

// TestClientCommands has what is sent, and nothing waited for.
func TestClientCommands(t *testing.T) {
	onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
		stream := s.stream(c)
		s.tag(1, flv.TagAudio, 700, "x")
		synctest.Wait()
		require.NoError(t, stream.Pause(true))
		require.Equal(t, []any{"pause", 0.0, nil, true, 700.0}, s.called("pause"))
		require.NoError(t, stream.ReceiveAudio(false))
		require.Equal(t, []any{"receiveAudio", 0.0, nil, false}, s.called("receiveAudio"))
		require.NoError(t, stream.ReceiveVideo(true))
		require.Equal(t, []any{"receiveVideo", 0.0, nil, true}, s.called("receiveVideo"))
		require.NoError(t, stream.SetBufferLength(3*time.Second))
		m := s.sent(func(m *message) bool { return m.Type == chunk.TypeUserControl })
		require.Equal(t, "\x00\x03\x00\x00\x00\x01\x00\x00\x0b\xb8", string(m.Payload))

		require.NoError(t, stream.Close())
		require.NoError(t, stream.Close(), "twice does no harm")
		m = s.sent(func(m *message) bool { return len(m.values) > 0 && m.values[0] == "closeStream" })
		require.Equal(t, uint32(1), m.Stream)
		require.Equal(t, []any{"deleteStream", 0.0, nil, 1.0}, s.called("deleteStream"))
		require.ErrorIs(t, stream.Pause(false), net.ErrClosed)
		require.ErrorIs(t, stream.Play(t.Context(), "film", nil), net.ErrClosed)
		_, err := stream.ReadTag(t.Context())
		require.ErrorIs(t, err, net.ErrClosed)
	})
}

// TestClientReadsAhead checks that the client stops reading where it should, and what sets it going again.
func TestClientReadsAhead(t *testing.T) {
	onStage(t, &ClientOptions{ReadAhead: 10_000}, func(t *testing.T, s *stage, c *Client) {
		first := s.stream(c)
		second := s.another(c)
		require.Equal(t, uint32(2), second.ID())
		flood := func(stream uint32) func() bool {
			done := make(chan struct{})
			go func() {
				defer close(done)
				for i := range 20 {
					s.tag(stream, flv.TagVideo, uint32(i), strings.Repeat("v", 1000))
				}
			}()
			return func() bool {
				synctest.Wait()
				select {
				case <-done:
					return true
				default:
					return false
				}
			}
		}
		written := flood(1)
		require.False(t, written(), "nobody reads")
		require.LessOrEqual(t, len(first.in.bytes), 10_000)
		for i := range 20 {
			next(t, first, flv.TagVideo, uint32(i), strings.Repeat("v", 1000))
		}
		require.True(t, written())

		written = flood(1)
		require.False(t, written())
		require.NoError(t, first.Seek(0))
		require.True(t, written(), "a seek drops what was not read")
		s.status(1, CodeSeekNotify)

		written = flood(1)
		require.False(t, written())
		require.NoError(t, first.Close())
		require.True(t, written(), "so does closing the stream")
		s.tag(2, flv.TagAudio, 1, "second")
		next(t, second, flv.TagAudio, 1, "second")

		flood(2)
		synctest.Wait()
		require.NoError(t, c.Close(), "while the reader waits for room")
	})
}

// TestClientLargeMessage has one that exceeds what is read ahead, and its memory given up again.
func TestClientLargeMessage(t *testing.T) {
	onStage(t, &ClientOptions{ReadAhead: 1000}, func(t *testing.T, s *stage, c *Client) {
		stream := s.stream(c)
		large := strings.Repeat("v", 1<<20)
		go func() {
			s.write(chunk.AppendSetChunkSize(nil, chunk.DefaultChunkSize))
			s.tag(1, flv.TagVideo, 0, large)
			for i := range 3 {
				s.tag(1, flv.TagVideo, uint32(i), "v")
			}
		}()
		next(t, stream, flv.TagVideo, 0, large)
		for i := range 3 {
			next(t, stream, flv.TagVideo, uint32(i), "v")
		}
		require.LessOrEqual(t, cap(stream.in.bytes)+cap(stream.out.bytes), 4000)
	})
}

func TestClientMessageLimit(t *testing.T) {
	onStage(t, &ClientOptions{MessageBytes: 1000}, func(t *testing.T, s *stage, c *Client) {
		stream := s.stream(c)
		s.tag(1, flv.TagVideo, 0, strings.Repeat("v", 1001))
		_, err := stream.ReadTag(t.Context())
		var violation *chunk.Error
		require.ErrorAs(t, err, &violation)
	})
}
