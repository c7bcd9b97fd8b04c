package rtmp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
)

// opening is what comes before the media of a play, and closing what comes behind it.
var (
	opening = []string{"control 4", "control 0", CodePlayReset, CodePlayStart, "data |RtmpSampleAccess", "data onStatus", "data onMetaData"}
	closing = []string{"data " + CodePlayComplete, "control 1", CodePlayStop}
)

// frames checks that media is what a film has from one of its times up to another, with the headers first, at stream
// times that are shift later.
func frames(t *testing.T, got []message, f *film, from, to time.Duration, shift int64) {
	t.Helper()
	src := f.open()
	defer src.Close()
	if from > 0 {
		_, err := src.Seek(t.Context(), from+time.Duration(f.from)*time.Millisecond)
		require.NoError(t, err)
	}
	var want []string
	for {
		tag, err := src.Next(t.Context())
		if err != nil || !tag.SequenceHeader() && tag.Timestamp-f.from >= uint32(to.Milliseconds()) {
			break
		}
		at := int64(tag.Timestamp-f.from) + shift
		m := message{Message: chunk.Message{Type: chunk.Type(tag.Type), Timestamp: uint32(at), Payload: tag.AppendBody(nil)}}
		want = append(want, fmt.Sprintf("%s %x", m.String(), m.Payload[5-3*int(min(1, 9-m.Type)):]))
	}
	have := make([]string, len(got))
	for i, m := range got {
		have[i] = fmt.Sprintf("%s %x", m.String(), m.Payload[5-3*int(min(1, 9-m.Type)):])
	}
	for i := range min(len(want), len(have)) {
		require.Equal(t, want[i], have[i], "message %d of %d", i, len(have))
	}
	require.Len(t, have, len(want))
}

func TestPlay(t *testing.T) {
	app := newCinema()
	tests := []struct {
		name, film string
		args       []any
		from, to   time.Duration
	}{
		{"whole", "film", nil, 0, time.Hour},
		{"as ffmpeg asks", "film", []any{-2000.0, -1000.0, 0.0}, 0, time.Hour},
		{"as GStreamer asks", "film", []any{-2.0}, 0, time.Hour},
		{"from the start", "film", []any{0.0, -1000.0, true}, 0, time.Hour},
		{"from a key frame", "film", []any{4000.0}, 4 * time.Second, time.Hour},
		{"from between key frames", "film", []any{4500.0}, 4 * time.Second, time.Hour},
		{"a part", "film", []any{2000.0, 1500.0}, 2 * time.Second, 3500 * time.Millisecond},
		{"a part from between key frames", "film", []any{2500.0, 1000.0}, 2 * time.Second, 3500 * time.Millisecond},
		{"audio alone", "song", nil, 0, time.Hour},
		{"a file that starts late", "late", nil, 0, time.Hour},
		{"a file whose timestamps wrap", "wrap", nil, 0, time.Hour},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
				p := h.peer(t).stream(time.Hour)
				if test.name == "as ffmpeg asks" {
					test.args[2] = true
				}
				p.play(append([]any{"mp4:" + test.film + "?Signature=x"}, test.args...)...)
				got := p.until(CodePlayStop)
				require.Equal(t, opening, names(got[:len(opening)]))
				require.Equal(t, closing, names(got[len(got)-len(closing):]))
				for _, m := range got {
					if m.Type != chunk.TypeUserControl {
						require.EqualValues(t, 1, m.Stream)
					}
				}
				frames(t, media(got), app.films[test.film], test.from, test.to, -test.from.Milliseconds())
				require.Equal(t, "Started playing "+test.film+".", got[3].info().String("description"))
				require.Equal(t, test.film, got[3].info().String("details"))
				duration, _ := got[len(got)-3].info().Number("duration")
				require.Equal(t, 10.0, duration)
			})
		})
	}
	for name, f := range app.films {
		require.Zero(t, f.sources.Load(), "sources of %s left open", name)
	}
}

// TestFirstFrameAtOnce plays from an origin that takes long over what comes behind the first frame.
func TestFirstFrameAtOnce(t *testing.T) {
	app := newCinema()
	app.films["film"].next = func(ctx context.Context, at uint32) error {
		if at == 0 {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
	bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Hour)
		p.play("film")
		require.Contains(t, names(p.within(time.Second)), "key @0")
	})
}

func TestPlaySingleFrame(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(0)
		p.play("film", 3000.0, 0.0)
		require.Equal(t, []string{"video header @0", "audio header @0", "key @0"}, names(media(p.until(CodePlayStop))))
	})
}

func TestPlayPastTheEnd(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(0)
		p.play("film", 20000.0)
		require.Equal(t, append(slices.Clone(opening), closing...), names(p.until(CodePlayStop)))
	})
}

func TestPlayEmptyFile(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(0)
		p.play("empty")
		got := names(p.until(CodePlayStop))
		require.Equal(t, closing, got[len(got)-3:])
	})
}

// TestRefusals holds the table that turns errors into statuses, and that nothing comes before a refusal.
func TestRefusals(t *testing.T) {
	tests := []struct {
		err               error
		code, description string
	}{
		{fs.ErrNotExist, CodePlayStreamNotFound, "Failed to play film; stream not found."},
		{fmt.Errorf("bucket: %w", fs.ErrPermission), CodeStreamFailed, "Failed to play  (stream ID: 1)."},
		{&flv.FormatError{What: "moov", Reason: "missing"}, CodePlayFileStructureInvalid, "Failed to play film; the file's structure is invalid."},
		{flv.ErrNoTrack, CodePlayNoSupportedTrack, "Failed to play film; it has no supported track."},
		{fmt.Errorf("vod: %w", &flv.CodecError{Codecs: []string{"mp4v"}}), CodePlayNoSupportedTrack, "Failed to play film; mp4v cannot be sent."},
		{errors.New("bucket on fire"), CodePlayFailed, "Failed to play film (stream ID: 1)."},
		{&StatusError{Code: CodePlayNoSupportedTrack, Description: "No hvc1 here."}, CodePlayNoSupportedTrack, "No hvc1 here."},
	}
	for _, test := range tests {
		for _, when := range []string{"play", "first tag", "seek to start"} {
			t.Run(test.code+" at "+when, func(t *testing.T) {
				app := newCinema()
				film := app.films["film"]
				switch when {
				case "play":
					app.films["film"] = nil
				case "first tag":
					film.next = func(context.Context, uint32) error { return test.err }
				case "seek to start":
					film.seek = func(context.Context, time.Duration) error { return test.err }
				}
				handler := HandlerFunc(func(context.Context, *ConnectRequest) (App, error) { return &refusing{app, test.err}, nil })
				bubble(t, &Server{Handler: handler}, func(t *testing.T, h *house) {
					p := h.peer(t).stream(0)
					p.play("mp4:film?Signature=secret", 1000.0)
					got := p.within(1200 * time.Millisecond)
					require.Equal(t, test.code, got[0].String())
					require.Contains(t, []string{CodePlayStreamNotFound, CodePlayFailed, CodeStreamFailed}, got[len(got)-1].String(), "librtmp ends on no other code")
					require.LessOrEqual(t, len(got), 2)
					require.Equal(t, "error", got[0].info().String("level"))
					require.Equal(t, test.description, got[0].info().String("description"))
					p.play("short")
					p.until(CodePlayStart)
					require.NotContains(t, h.log.String(), "secret")
				})
				require.Zero(t, film.sources.Load())
			})
		}
	}
}

// refusing is a cinema that answers what it does not have with an error of its own.
type refusing struct {
	*cinema
	err error
}

func (r *refusing) Play(ctx context.Context, q *PlayRequest) (Source, error) {
	src, err := r.cinema.Play(ctx, q)
	if err != nil {
		return nil, r.err
	}
	return src, nil
}

func TestSourceBreaksOff(t *testing.T) {
	app := newCinema()
	app.films["film"].audio = false
	app.films["film"].next = func(_ context.Context, at uint32) error {
		if at >= 4970 {
			return errors.New("object changed")
		}
		return nil
	}
	bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Hour)
		p.play("film")
		got := p.until(CodePlayFailed)
		frames(t, media(got), &film{length: 5001 * time.Millisecond, video: true}, 0, time.Hour, 0)
		require.Equal(t, []string{"control 1", CodePlayStop}, names(p.within(time.Second)))
		p.play("short")
		p.until(CodePlayStop)
	})
}

// TestPacing holds that a client is sent a second more than its buffer at once, and from then on what it has played, in
// refills of half a second.
func TestPacing(t *testing.T) {
	tests := []struct{ stated, ahead, refill time.Duration }{
		{0, 2 * time.Second, 500 * time.Millisecond},
		{100 * time.Millisecond, 2 * time.Second, 500 * time.Millisecond},
		{2 * time.Second, 3 * time.Second, 500 * time.Millisecond},
		{5 * time.Second, 6 * time.Second, time.Second},
	}
	for _, test := range tests {
		t.Run(test.stated.String(), func(t *testing.T) {
			bubble(t, &Server{}, func(t *testing.T, h *house) {
				p := h.peer(t).stream(test.stated)
				p.play("film")
				began, last := time.Now(), int64(0)
				got := p.within(time.Nanosecond)
				require.Contains(t, names(got), "control 31")
				for i, m := range media(append(got, p.until(CodePlayStop)...)) {
					if i == 0 {
						continue
					}
					last = int64(m.Timestamp)
				}
				require.EqualValues(t, 9960, last)
				early := media(got)
				require.InDelta(t, test.ahead.Milliseconds(), early[len(early)-1].Timestamp, frameTime)
				took := time.Since(began)
				require.GreaterOrEqual(t, took, 10*time.Second-test.ahead-frameTime*time.Millisecond)
				require.LessOrEqual(t, took, 10*time.Second-test.ahead+test.refill+refillGrid)
			})
		})
	}
}

// TestPaceKeepsBuffersFull looks at each moment of a play: the client is never sent less than its buffer ahead, nor more
// than a second beyond it.
func TestPaceKeepsBuffersFull(t *testing.T) {
	app := newCinema()
	app.films["film"].length = time.Minute
	bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(2 * time.Second)
		p.play("film")
		requirePace(t, p, 59*time.Second, func(int) {})
	})
}

// requirePace holds that a client with a buffer of two seconds, which has just asked to play, is always that far ahead,
// and hardly farther, until it has been sent as much as length. It calls step before each 50 ms, with their number.
func requirePace(t *testing.T, p *peer, length time.Duration, step func(i int)) {
	t.Helper()
	began := time.Now()
	p.until(CodePlayStart)
	sent := time.Duration(0)
	for i := 0; sent < length; i++ {
		step(i)
		for _, m := range media(p.within(50 * time.Millisecond)) {
			sent = max(sent, time.Duration(m.Timestamp)*time.Millisecond)
		}
		ahead := sent - time.Since(began)
		require.GreaterOrEqual(t, ahead, 2*time.Second)
		require.LessOrEqual(t, ahead, 3*time.Second+frameTime*time.Millisecond)
	}
}

func TestBufferLengthInMidPlay(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(0)
		p.play("film")
		p.within(time.Nanosecond)
		p.buffer(0, time.Hour) // of the connection: nobody's
		require.Empty(t, media(p.within(100*time.Millisecond)))
		p.buffer(1, time.Hour)
		got := p.within(time.Nanosecond)
		require.Equal(t, CodePlayStop, names(got)[len(got)-1])
	})
}

func TestTwoStreams(t *testing.T) {
	app := newCinema()
	bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Hour)
		p.send(0, "createStream", 3.0, nil)
		created := p.until("_result")
		require.Equal(t, 2.0, created[0].values[3])
		p.buffer(2, time.Hour)
		p.send(1, "play", 0.0, nil, "film")
		p.send(2, "play", 0.0, nil, "song")
		got := map[uint32][]message{}
		for stops := 0; stops < 2; {
			m := p.next()
			got[m.Stream] = append(got[m.Stream], m)
			if m.String() == CodePlayStop {
				stops++
			}
		}
		frames(t, media(got[1]), app.films["film"], 0, time.Hour, 0)
		frames(t, media(got[2]), app.films["song"], 0, time.Hour, 0)
		p.send(0, "deleteStream", 0.0, nil, 1.0)
		p.send(0, "createStream", 4.0, nil)
		require.Equal(t, 1.0, p.until("_result")[0].values[3])
	})
}

func TestPlayReplaces(t *testing.T) {
	app := newCinema()
	bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Second)
		p.play("film")
		p.within(2 * time.Second)
		p.play("song")
		p.until("control 4")
		got := p.until(CodePlayStop)
		require.Equal(t, opening[1:], names(got[:len(opening)-1]))
		frames(t, media(got), app.films["song"], 0, time.Hour, 0)
		require.Zero(t, app.films["film"].sources.Load())
	})
}

// TestPlayReplacesHungPlay holds that a play which waits for ever gives way to the next one, and to closeStream.
func TestPlayReplacesHungPlay(t *testing.T) {
	app := &hanging{newCinema()}
	handler := HandlerFunc(func(context.Context, *ConnectRequest) (App, error) { return app, nil })
	bubble(t, &Server{Handler: handler}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Hour)
		p.play("missing")
		require.Empty(t, p.within(time.Hour/60))
		p.play("short")
		p.until(CodePlayStop)
		p.play("missing")
		synctest.Wait()
		p.send(1, "closeStream", 0.0, nil)
		p.play("short")
		p.until(CodePlayStop)
	})
}

// hanging waits for what it does not have.
type hanging struct{ *cinema }

func (a *hanging) Play(ctx context.Context, r *PlayRequest) (Source, error) {
	src, err := a.cinema.Play(ctx, r)
	if err != nil {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return src, nil
}

func TestCloseStreamAndPlayFalse(t *testing.T) {
	for _, stop := range [][]any{{"closeStream", 0.0, nil}, {"play", 0.0, nil, false}} {
		app := newCinema()
		bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
			p := h.peer(t).stream(time.Second)
			p.play("film")
			p.within(1200 * time.Millisecond)
			p.send(1, stop...)
			require.Empty(t, p.within(10*time.Second))
			require.Zero(t, app.films["film"].sources.Load())
			p.play("short")
			p.until(CodePlayStop)
		})
	}
}

func TestPlaylist(t *testing.T) {
	app := newCinema()
	bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(0)
		p.play("film", -2000.0, -1000.0, false)
		p.play("missing", -2000.0, -1000.0, false)
		p.play("song", 2000.0, 1000.0, false)
		got := p.until(CodePlayStop)
		all := names(got)
		require.Equal(t, []string{"control 4", "control 0", CodePlayStart}, all[:3])
		at := slices.Index(all, "data "+CodePlaySwitch)
		require.NotContains(t, all[:at+1], CodePlayStop)
		frames(t, media(got[:at]), app.films["film"], 0, time.Hour, 0)
		require.Equal(t, CodePlayStreamNotFound, all[at+1])
		frames(t, media(got[at:]), app.films["song"], 2*time.Second, 3*time.Second, 10_000-2000)
	})
}

// Signatures are not logged, not even where they stand in the wrong place.
func TestSignaturesAreNotLogged(t *testing.T) {
	h := serve(t, &Server{Handler: HandlerFunc(func(ctx context.Context, r *ConnectRequest) (App, error) {
		if r.App != "vod" {
			return nil, &StatusError{Code: CodeConnectRejected}
		}
		return newCinema().Connect(ctx, r)
	})})
	p := h.peer(t).handshake()
	p.send(0, "connect", 1.0, amf.Object{{Key: "app", Value: "cfx/st?Signature=secret"}})
	p.until("close")
	p = h.peer(t).stream(0)
	for _, name := range []string{"missing?Expires=1&Signature=secret", "missing&Expires=1&Signature=secret", "missing%3FSignature%3Dsecret%zz"} {
		p.play(name)
		p.until(CodePlayStreamNotFound)
	}
	p.play("film")
	p.until(CodePlayStart)
	p.send(1, "play2", 0.0, nil, amf.Object{{Key: "streamName", Value: "missing&Signature=secret"}, {Key: "transition", Value: "switch"}})
	p.until(CodePlayFailed)
	p = h.peer(t).handshake()
	p.send(0, "connect", 1.0, amf.Object{{Key: "app", Value: strings.Repeat("x", 10_000)}})
	p.until("close")
	require.Regexp(t, `app=x{256} `, h.log.String())
	require.Contains(t, h.log.String(), "app=cfx/st ")
	require.Contains(t, h.log.String(), "play refused")
	require.Contains(t, h.log.String(), "switch refused")
	require.NotContains(t, h.log.String(), "secret")
}

func TestPlaylistIsBounded(t *testing.T) {
	bubble(t, &Server{Limits: Limits{Playlist: 3}}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(0)
		p.play("film")
		p.within(1200 * time.Millisecond)
		for range 4 {
			p.play("film", -2000.0, -1000.0, false)
			synctest.Wait()
		}
		got := p.until(CodePlayFailed)
		require.Equal(t, "The playlist is full.", got[len(got)-1].info().String("description"))
	})
}

func TestEvents(t *testing.T) {
	app := newCinema()
	var mu sync.Mutex
	var seen []string
	var sent []uint64
	app.events = func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprintf("%s %s %v", e.Kind, e.Name, e.Err))
		sent = append(sent, e.BytesSent)
	}
	bubble(t, &Server{Handler: app, OnEvent: app.events}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Second)
		p.play("film?q=1")
		p.within(1200 * time.Millisecond)
		p.send(1, "pause", 0.0, nil, true, 500.0)
		p.until(CodePauseNotify)
		p.send(1, "pause", 0.0, nil, false, 500.0)
		p.until(CodeUnpauseNotify)
		p.send(1, "seek", 0.0, nil, 5000.0)
		p.until(CodeSeekNotify)
		p.play("nothing")
		p.until(CodePlayStreamNotFound)
		p.conn.Close()
		synctest.Wait()
	})
	want := []string{"connect  <nil>", "play film?q=1 <nil>", "pause film?q=1 <nil>", "unpause film?q=1 <nil>", "seek film?q=1 <nil>",
		"stop film?q=1 <nil>", "play nothing file does not exist", "disconnect  <nil>"}
	var twice []string // the App's Observe and the Server's OnEvent
	for _, w := range want {
		twice = append(twice, w, w)
	}
	require.Equal(t, twice, seen)
	require.True(t, slices.IsSorted(sent))
}
