package rtmp

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
)

// client connects to a server under test.
func (h *house) client(t *testing.T, opts ClientOptions) *Client {
	opts.DialContext = func(context.Context, string, string) (net.Conn, error) { return h.dial(), nil }
	c, err := Dial(t.Context(), "rtmp://host/vod/film", &opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	require.NoError(t, c.Connect(t.Context()))
	return c
}

// seat is a stream of a client, with a buffer of an hour.
func (c *Client) seat(t *testing.T) *ClientStream {
	s, err := c.CreateStream(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.SetBufferLength(time.Hour))
	return s
}

// watch reads a stream to its end.
func watch(t *testing.T, s *ClientStream) []flv.Tag {
	t.Helper()
	var all []flv.Tag
	for {
		tag, err := s.ReadTag(t.Context())
		if err == io.EOF {
			return all
		}
		require.NoError(t, err)
		all = append(all, tag.Clone())
	}
}

// footage is what watch returns of a film from one of its key frames on, without onMetaData.
func footage(t *testing.T, f *film, from time.Duration) []flv.Tag {
	src := f.open()
	defer src.Close()
	if from > 0 {
		_, err := src.Seek(t.Context(), from+time.Duration(f.from)*time.Millisecond)
		require.NoError(t, err)
	}
	var all []flv.Tag
	for {
		tag, err := src.Next(t.Context())
		if err != nil {
			return all
		}
		tag.Timestamp -= f.from
		all = append(all, tag.Clone())
	}
}

func TestClientWatches(t *testing.T) {
	app := newCinema()
	for name, f := range app.films {
		bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
			s := h.client(t, ClientOptions{}).seat(t)
			require.NoError(t, s.Play(t.Context(), name, nil))
			got := watch(t, s)
			require.Equal(t, flv.TagScript, got[0].Type)
			require.Equal(t, footage(t, f, 0), without(flv.TagScript, got), name)

			require.NoError(t, s.Play(t.Context(), name, nil), "again, on the same stream")
			require.Equal(t, got, watch(t, s))
		})
	}
}

func TestClientWatchesPart(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		s := h.client(t, ClientOptions{}).seat(t)
		require.NoError(t, s.Play(t.Context(), "film", &PlayOptions{Start: 4 * time.Second, Length: 2 * time.Second}))
		got := watch(t, s)
		require.Equal(t, uint32(0), got[1].Timestamp)
		require.InDelta(t, 2000, got[len(got)-1].Timestamp, 50)

		require.NoError(t, s.Play(t.Context(), "film", &PlayOptions{Start: 4 * time.Second, Frame: true}))
		got = watch(t, s)
		require.True(t, got[len(got)-1].Type == flv.TagVideo && !got[len(got)-1].SequenceHeader(), "one frame")
	})
}

func TestClientRefusals(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		c := h.client(t, ClientOptions{})
		s := c.seat(t)
		start := time.Now()
		requireStatus(t, s.Play(t.Context(), "missing", nil), CodePlayStreamNotFound)
		require.Zero(t, time.Since(start), "at once")
		length, err := c.Length(t.Context(), "film")
		require.NoError(t, err)
		require.Equal(t, 10*time.Second, length)
		_, err = c.Call(t.Context(), "whatever")
		requireStatus(t, err, CodeCallFailed)
	})
	refuse := func(context.Context, *ConnectRequest) (App, error) {
		return nil, &StatusError{Code: CodeConnectRejected, Description: "no", Application: "why"}
	}
	bubble(t, &Server{Handler: HandlerFunc(refuse)}, func(t *testing.T, h *house) {
		opts := &ClientOptions{DialContext: func(context.Context, string, string) (net.Conn, error) { return h.dial(), nil }}
		c, err := Dial(t.Context(), "rtmp://host/vod", opts)
		require.NoError(t, err)
		defer c.Close()
		require.Equal(t, "why", requireStatus(t, c.Connect(t.Context()), CodeConnectRejected).Application)
	})
}

// TestClientSeeksAndPauses is what a player does, with another goroutine that reads.
func TestClientSeeksAndPauses(t *testing.T) {
	app := newCinema()
	notices := make(chan string, 100)
	onStatus := func(s Status) { notices <- s.Code }
	await := func(code string) {
		for got := range notices {
			if got == code {
				return
			}
		}
	}
	bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
		s := h.client(t, ClientOptions{OnStatus: onStatus}).seat(t)
		require.NoError(t, s.SetBufferLength(time.Second))
		require.NoError(t, s.Play(t.Context(), "film", nil))
		require.NoError(t, s.Pause(true))
		await(CodePauseNotify)
		synctest.Wait()
		before := drain(t, s)
		require.NotEmpty(t, before)
		nothing(t, s)

		require.NoError(t, s.Pause(false))
		await(CodeUnpauseNotify)
		after := watch(t, s)
		require.Equal(t, footage(t, app.films["film"], 0), append(before[1:], after...), "a pause loses nothing")

		for _, to := range []time.Duration{8, 2, 5, 7} {
			require.NoError(t, s.Seek(to*time.Second))
		}
		await(CodeSeekNotify)
		got := watch(t, s)
		require.Equal(t, footage(t, app.films["film"], 7*time.Second), got[1:])

		require.NoError(t, s.Seek(time.Hour))
		require.Empty(t, without(flv.TagScript, watch(t, s)), "past the end")
		require.NoError(t, s.Seek(0))
		require.Equal(t, footage(t, app.films["film"], 0), watch(t, s)[1:])
	})
}

// TestClientDrags seeks to and fro while another goroutine reads: what comes in the end is from where it was last.
func TestClientDrags(t *testing.T) {
	app := newCinema()
	bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
		s := h.client(t, ClientOptions{ReadAhead: 2000}).seat(t)
		require.NoError(t, s.SetBufferLength(time.Second))
		require.NoError(t, s.Play(t.Context(), "film", nil))
		for round := range 20 {
			for i := range 1 + round%5 {
				_, err := s.ReadTag(t.Context())
				require.True(t, err == nil || err == io.EOF)
				require.NoError(t, s.Seek(time.Duration((round*7+i*3)%10)*time.Second))
			}
			last := (round*7 + round%5*3) % 10
			for {
				tag, err := s.ReadTag(t.Context())
				require.NoError(t, err)
				if tag.Type == flv.TagVideo && !tag.SequenceHeader() {
					require.Equal(t, last*1000, int(tag.Timestamp))
					break
				}
			}
		}
	})
}

// drain reads what there is without waiting.
func drain(t *testing.T, s *ClientStream) []flv.Tag {
	var all []flv.Tag
	for {
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		tag, err := s.ReadTag(ctx)
		cancel()
		if err != nil {
			return all
		}
		all = append(all, tag.Clone())
	}
}

func without(kind flv.TagType, tags []flv.Tag) []flv.Tag {
	var all []flv.Tag
	for _, tag := range tags {
		if tag.Type != kind {
			all = append(all, tag)
		}
	}
	return all
}

func TestClientPlaylistOfServer(t *testing.T) {
	app := newCinema()
	bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
		s := h.client(t, ClientOptions{}).seat(t)
		require.NoError(t, s.SetBufferLength(time.Second))
		require.NoError(t, s.Play(t.Context(), "film", nil))
		require.NoError(t, s.Play(t.Context(), "short", &PlayOptions{Append: true}))
		require.NoError(t, s.Play(t.Context(), "missing", &PlayOptions{Append: true}))
		first, second := footage(t, app.films["film"], 0), footage(t, app.films["short"], 0)
		var got []flv.Tag
		for len(got) < len(first)+len(second) {
			tag, err := s.ReadTag(t.Context())
			require.NoError(t, err)
			if tag.Type != flv.TagScript {
				got = append(got, tag.Clone())
			}
		}
		require.Equal(t, first, got[:len(first)])
		for i := range second {
			second[i].Timestamp = got[len(first)+i].Timestamp
		}
		require.Equal(t, second, got[len(first):])
		require.InDelta(t, 10_000, second[0].Timestamp, 100, "one timeline")
		_, err := s.ReadTag(t.Context())
		requireStatus(t, err, CodePlayStreamNotFound)

		require.NoError(t, s.Play(t.Context(), "short", nil))
		require.Len(t, without(flv.TagScript, watch(t, s)), len(second))
		require.NoError(t, s.Play(t.Context(), "short", &PlayOptions{Append: true}), "behind one that has ended")
		require.Len(t, without(flv.TagScript, watch(t, s)), len(second))
	})
}

// TestClientStreamsTogether has two streams on one connection, each read by a goroutine of its own.
func TestClientStreamsTogether(t *testing.T) {
	app := newCinema()
	bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
		c := h.client(t, ClientOptions{ReadAhead: 1000})
		names := []string{"film", "song"}
		got := make([][]flv.Tag, len(names))
		done := make(chan struct{})
		for i, name := range names {
			s := c.seat(t)
			go func() {
				defer func() { done <- struct{}{} }()
				if err := s.Play(t.Context(), name, nil); err != nil {
					t.Error(err)
					return
				}
				got[i] = watch(t, s)
			}()
		}
		for range names {
			<-done
		}
		for i, name := range names {
			require.Equal(t, footage(t, app.films[name], 0), got[i][1:])
		}
	})
}

func TestClientServerShutsDown(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		s := h.client(t, ClientOptions{}).seat(t)
		require.NoError(t, s.SetBufferLength(0))
		require.NoError(t, s.Play(t.Context(), "film", nil))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		over := make(chan error, 1)
		go func() { over <- h.Shutdown(ctx) }()
		for {
			_, err := s.ReadTag(t.Context())
			if err != nil {
				requireStatus(t, err, CodeConnectAppShutdown)
				break
			}
		}
		require.ErrorIs(t, <-over, context.DeadlineExceeded)
	})
}

func TestClientDistrusts(t *testing.T) {
	t.Parallel()
	m := newManor(t, &Server{}, newCinema())
	for _, scheme := range []string{"rtmps", "rtmpts"} {
		_, err := Dial(t.Context(), scheme+"://"+m.addr+"/vod", nil)
		var unknown x509.UnknownAuthorityError
		require.ErrorAs(t, err, &unknown, scheme)
	}
}
