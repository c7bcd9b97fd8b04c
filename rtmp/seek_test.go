package rtmp

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var sought = []string{"control 1", "control 4", "control 0", CodeSeekNotify, CodePlayStart, "data |RtmpSampleAccess", "data onStatus", "data onMetaData"}

// behind is what came from the last Seek.Notify on.
func behind(t *testing.T, got []message) []message {
	t.Helper()
	for i := len(got) - 1; i >= 0; i-- {
		if got[i].String() == CodeSeekNotify {
			require.Equal(t, sought, names(got[i-3:i+5]))
			return got[i:]
		}
	}
	require.Fail(t, "no Seek.Notify", "%v", names(got))
	return nil
}

func TestSeek(t *testing.T) {
	app := newCinema()
	tests := []struct {
		name, film string
		start      float64
		to         float64
		from       time.Duration // where in the file it lands
		at         int64         // where on the stream's timeline
	}{
		{"forward", "film", 0, 7000, 7 * time.Second, 7000},
		{"between key frames", "film", 0, 7800, 7 * time.Second, 7000},
		{"to the start", "film", 0, 0, 0, 0},
		{"before the start", "film", 0, -5000, 0, 0},
		{"in a part", "film", 4000, 3000, 7 * time.Second, 3000},
		{"to the start of a part", "film", 4000, 0, 4 * time.Second, 0},
		{"in a file that starts late", "late", 0, 7000, 7 * time.Second, 7000},
		{"past a wrap", "wrap", 0, 7000, 7 * time.Second, 7000},
		{"audio alone", "song", 0, 7000, 7 * time.Second, 7000},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
				p := h.peer(t).stream(time.Second)
				p.play(test.film, test.start)
				p.until(CodePlayStart)
				p.within(1200 * time.Millisecond)
				p.send(1, "seek", 0.0, nil, test.to)
				got := behind(t, p.until(CodePlayStop))
				require.EqualValues(t, test.at, got[0].Timestamp)
				frames(t, media(got), app.films[test.film], test.from, time.Hour, test.at-test.from.Milliseconds())
				require.Equal(t, closing, names(got[len(got)-3:]))
			})
		})
	}
}

func TestSeekPastTheEnd(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Second)
		p.play("film")
		p.within(1200 * time.Millisecond)
		p.send(1, "seek", 0.0, nil, 10_000.0)
		got := behind(t, p.until(CodePlayStop))
		require.Empty(t, media(got))
		require.Equal(t, "Seeking 10000 (stream ID: 1).", got[0].info().String("description"))
	})
}

func TestSeekAfterTheEnd(t *testing.T) {
	app := newCinema()
	bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Hour)
		p.play("film")
		p.until(CodePlayStop)
		p.send(1, "seek", 0.0, nil, 8000.0)
		frames(t, media(behind(t, p.until(CodePlayStop))), app.films["film"], 8*time.Second, time.Hour, 0)
	})
}

func TestSeekWhilePaused(t *testing.T) {
	app := newCinema()
	bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Second)
		p.play("film")
		p.within(1200 * time.Millisecond)
		p.send(1, "pause", 0.0, nil, true, 1000.0)
		p.until(CodePauseNotify)
		p.send(1, "seek", 0.0, nil, 6500.0)
		got := p.within(10 * time.Second)
		require.Equal(t, []string{"video header @6000", "audio header @6000", "key @6000"}, names(media(behind(t, got))))
		p.send(1, "pause", 0.0, nil, false, 6500.0)
		rest := p.until(CodePlayStop)
		require.Equal(t, []string{"control 0", CodeUnpauseNotify}, names(rest[:2]))
		frames(t, append(media(behind(t, got)), media(rest)...), app.films["film"], 6*time.Second, time.Hour, 0)
	})
}

// TestSeekBurst holds that of a dragged seek bar only the last place counts, even when the bucket does not answer.
func TestSeekBurst(t *testing.T) {
	app := newCinema()
	var asked []time.Duration
	app.films["film"].seek = func(ctx context.Context, to time.Duration) error {
		asked = append(asked, to)
		if to < 8*time.Second {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Second)
		p.play("film")
		p.until(CodePlayStart)
		p.within(1200 * time.Millisecond)
		for to := range 80 {
			p.send(1, "seek", 0.0, nil, float64(100*to))
		}
		p.send(1, "seek", 0.0, nil, 8500.0)
		got := p.until(CodePlayStop)
		require.Equal(t, 1, count(got, CodeSeekNotify))
		require.Equal(t, 8500*time.Millisecond, asked[len(asked)-1])
		frames(t, media(behind(t, got)), app.films["film"], 8*time.Second, time.Hour, 0)
	})
}

func count(got []message, what string) int {
	n := 0
	for _, name := range names(got) {
		if name == what {
			n++
		}
	}
	return n
}

// TestSeekLeavesHungRead holds that a read which hangs gives way to a seek, and to a pause that is followed by one.
func TestSeekLeavesHungRead(t *testing.T) {
	app := newCinema()
	hang := func(ctx context.Context, at uint32) error {
		if at > 500 && at < 5000 {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	app.films["film"].next = hang
	bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Second)
		p.play("film")
		p.within(5 * time.Second)
		p.send(1, "pause", 0.0, nil, true, 0.0)
		p.until(CodePauseNotify)
		p.send(1, "pause", 0.0, nil, false, 0.0)
		p.until(CodeUnpauseNotify)
		synctest.Wait()
		p.send(1, "seek", 0.0, nil, 6000.0)
		frames(t, media(behind(t, p.until(CodePlayStop))), app.films["film"], 6*time.Second, time.Hour, 0)
	})
}

// TestSeekSurvivesPause holds that a seek which a pause interrupts is made all the same.
func TestSeekSurvivesPause(t *testing.T) {
	app := newCinema()
	block := true
	app.films["film"].seek = func(ctx context.Context, to time.Duration) error {
		if block {
			block = false
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Second)
		p.play("film")
		p.within(1200 * time.Millisecond)
		p.send(1, "seek", 0.0, nil, 5000.0)
		synctest.Wait()
		p.send(1, "pause", 0.0, nil, true, 0.0)
		got := p.within(1200 * time.Millisecond)
		require.Contains(t, names(got), CodePauseNotify)
		require.Equal(t, "key @5000", names(media(behind(t, got)))[2])
	})
}

func TestSeekFails(t *testing.T) {
	app := newCinema()
	app.films["film"].seek = func(context.Context, time.Duration) error { return errors.New("bucket gone") }
	bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Second)
		p.play("film")
		p.within(1200 * time.Millisecond)
		p.send(1, "seek", 0.0, nil, 5000.0)
		got := names(behind(t, p.within(time.Second)))
		require.Equal(t, []string{CodePlayFailed, "control 1", CodePlayStop}, got[len(got)-3:])
	})
}

func TestPause(t *testing.T) {
	for _, command := range []string{"pause", "pauseRaw"} {
		app := newCinema()
		bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
			p := h.peer(t).stream(time.Second)
			p.play("film")
			got := p.within(3200 * time.Millisecond)
			p.send(1, command, 0.0, nil, true, 3200.0)
			paused := p.within(50 * time.Second)
			require.Equal(t, []string{"control 1", CodePauseNotify}, names(paused))
			require.Equal(t, "Pausing film.", paused[1].info().String("description"))
			p.send(1, command, 0.0, nil, false, 3200.0)
			resumed := p.until(CodePlayStop)
			require.Equal(t, []string{"control 0", CodeUnpauseNotify}, names(resumed[:2]))
			require.NotContains(t, names(resumed), CodeSeekNotify)
			frames(t, append(media(got), media(resumed)...), app.films["film"], 0, time.Hour, 0)
		})
	}
}

// TestPlayerAtRest holds that a player has no goroutine while it waits: for what is due, or for a command.
func TestPlayerAtRest(t *testing.T) {
	running := func() bool {
		synctest.Wait()
		stacks := make([]byte, 1<<20)
		return bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("rtmp.(*player)"))
	}
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Second)
		p.play("film")
		require.Contains(t, names(p.within(2100*time.Millisecond)), "key @2000")
		require.False(t, running(), "playing")
		p.send(1, "pause", 0.0, nil, true, 1000.0)
		require.Contains(t, names(p.within(time.Second)), CodePauseNotify)
		require.False(t, running(), "paused")
		p.send(1, "pause", 0.0, nil, false, 1000.0)
		p.until(CodePlayStop)
		require.False(t, running(), "at the end")
		p.send(1, "seek", 0.0, nil, 9000.0)
		p.until(CodePlayStop)
		require.False(t, running(), "at the end again")
	})
}

// TestFastDownload plays as rtmpdump does with a short buffer: at each BufferEmpty it pauses and goes on, and gets a full
// buffer at once.
func TestFastDownload(t *testing.T) {
	app := newCinema()
	bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(2 * time.Second)
		began := time.Now()
		p.play("film")
		var got []message
		for {
			m := p.next()
			got = append(got, m)
			at := float64(0)
			if n := len(media(got)); n > 0 {
				at = float64(media(got)[n-1].Timestamp)
			}
			if m.String() == CodePlayStop {
				break
			}
			if m.String() == "control 31" {
				p.send(1, "pause", 4.0, nil, true, at)
			}
			if m.String() == CodePauseNotify {
				p.send(1, "pause", 5.0, nil, false, at)
			}
		}
		require.Less(t, time.Since(began), time.Second)
		frames(t, media(got), app.films["film"], 0, time.Hour, 0)
	})
}

func TestReceiveVideo(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Second)
		p.send(1, "receiveVideo", 0.0, nil, false)
		p.play("film")
		got := names(media(p.within(5200 * time.Millisecond)))
		require.NotContains(t, got, "video header @0")
		require.Contains(t, got, "audio @5000")
		p.send(1, "receiveAudio", 0.0, nil, false)
		require.Empty(t, media(p.within(5*time.Second/10)))
		p.send(1, "receiveVideo", 0.0, nil, true)
		rest := names(media(behind(t, p.until(CodePlayStop))))
		require.True(t, slices.Contains(rest, "video header @6000") || slices.Contains(rest, "video header @7000"), "%v", rest[:3])
		require.NotContains(t, rest, "audio @8000")
	})
}

func TestActionsWithoutPlay(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Second)
		p.send(1, "seek", 0.0, nil, 1.0)
		p.send(1, "pause", 0.0, nil, true, 1.0)
		p.send(1, "closeStream", 0.0, nil)
		require.Empty(t, p.within(time.Second))
		p.play("nothing")
		p.send(1, "seek", 0.0, nil, 1.0)
		p.send(1, "pause", 0.0, nil, true, 1.0)
		require.Equal(t, []string{CodePlayStreamNotFound}, names(p.within(time.Second)))
	})
}
