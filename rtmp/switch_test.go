package rtmp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
)

// The renditions tell themselves apart by the size of their video frames.
const lowBytes, highBytes = 8, 16

func renditions() *cinema {
	app := newCinema()
	app.films["low"] = &film{length: 20 * time.Second, video: true, audio: true, bytes: lowBytes}
	app.films["high"] = &film{length: 20 * time.Second, video: true, audio: true, bytes: highBytes}
	app.films["late-high"] = &film{length: 20 * time.Second, video: true, audio: true, bytes: highBytes, from: 1<<32 - 5000}
	app.films["unaligned"] = &film{length: 20 * time.Second, video: true, audio: true, bytes: highBytes, keys: 1400}
	app.films["sound"] = &film{length: 20 * time.Second, audio: true}
	app.films["picture"] = &film{length: 20 * time.Second, video: true, bytes: highBytes}
	app.films["endless"] = &film{length: 20 * time.Second, video: true, audio: true, bytes: highBytes, keys: 1 << 20}
	app.films["mp4"] = &film{length: 20 * time.Second, video: true, audio: true, bytes: highBytes, format: flv.FormatMP4}
	return app
}

// play2 sends a play2. Options come in pairs.
func (p *peer) play2(transition, name string, options ...any) {
	o := amf.Object{{Key: "streamName", Value: name}, {Key: "transition", Value: transition}}
	for i := 0; i < len(options); i += 2 {
		o = append(o, amf.Pair{Key: options[i].(string), Value: options[i+1]})
	}
	p.send(1, "play2", 0.0, nil, o)
}

const complete = "data " + CodePlayTransitionComplete

// continuous checks that media has each frame of a stream once, in order, from one time until before another.
func continuous(t *testing.T, got []message, from, to int) {
	t.Helper()
	last, video, audio := uint32(0), uint32(from), uint32(from)
	for _, m := range got {
		if m.Type == chunk.TypeUserControl {
			continue // which has no time
		}
		require.GreaterOrEqual(t, m.Timestamp, last, "%s steps back", &m)
		last = m.Timestamp
		switch {
		case m.Type != chunk.TypeAudio && m.Type != chunk.TypeVideo || m.Payload[1] == 0:
		case m.Type == chunk.TypeVideo:
			require.Equal(t, video, m.Timestamp, "video")
			video += frameTime
		default:
			require.Equal(t, audio, m.Timestamp, "audio")
			audio += soundTime
		}
	}
	require.InDelta(t, to, video, frameTime, "the last video frame")
	require.InDelta(t, to, audio, soundTime, "the last audio frame")
}

// frameBytes is how large a video frame is.
func frameBytes(m *message) int {
	if m.Type != chunk.TypeVideo || m.Payload[1] == 0 {
		return 0
	}
	return len(m.Payload) - 5
}

// splices checks what stands at each splice, and returns their stream times.
func splices(t *testing.T, got []message) []int {
	t.Helper()
	var at []int
	for i := range got {
		if got[i].String() == complete {
			require.Equal(t, []string{"data onMetaData", "video header", "audio header"}, prefixes(got[i-3:i]))
			require.Equal(t, fmt.Sprintf("key @%d", got[i].Timestamp), got[i+1].String())
			at = append(at, int(got[i].Timestamp))
		}
	}
	return at
}

func prefixes(messages []message) []string {
	all := names(messages)
	for i := range all {
		if len(all[i]) > 12 && messages[i].Type != chunk.TypeDataAMF0 {
			all[i] = all[i][:12]
		}
	}
	return all
}

func TestSwitch(t *testing.T) {
	app := renditions()
	tests := []struct {
		old, name string
		offset    any
		at        int
		reason    string
	}{
		{"low", "mp4:high?Signature=x", -1.0, 4000, reasonSuccess},
		{"low", "high", nil, 4000, reasonSuccess},
		{"low", "high", 0.0, 4000, reasonSuccess},
		{"low", "high", 7.5, 8000, reasonSuccess},
		{"low", "high", 8.0, 8000, reasonSuccess},
		{"low", "low", nil, 4000, reasonSuccess},
		{"low", "late-high", nil, 4000, reasonSuccess},
		{"late-high", "high", nil, 4000, reasonSuccess},
		{"low", "unaligned", nil, 4200, reasonSuccess},
		{"unaligned", "low", nil, 4000, reasonSuccess},
		{"low", "mp4", nil, 4000, reasonSuccess},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s to %s at %v", test.old, test.name, test.offset), func(t *testing.T) {
			bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
				p := h.peer(t).stream(2 * time.Second)
				p.play(test.old)
				got := p.within(500 * time.Millisecond)
				require.Equal(t, "data onMetaData", got[len(opening)-1].String())
				p.play2("switch", test.name, "offset", test.offset, "start", 0.0, "len", -1.0)
				got = append(got, p.until(CodePlayStop)...)
				continuous(t, got, 0, 20_000)
				require.Equal(t, []int{test.at}, splices(t, got))
				i := slices.Index(names(got), CodePlayTransition)
				display := displayName(test.name)
				info := got[i].info()
				require.Equal(t, "Transitioning from "+test.old+" to "+display+".", info.String("description"))
				require.Equal(t, display, info.String("details"))
				require.Equal(t, test.reason, info.String("reason"))
				require.Equal(t, "status", info.String("level"))
				fast, _ := info.Lookup("isFastPlay")
				require.Equal(t, false, fast)
				for _, m := range got {
					if n := frameBytes(&m); n > 0 {
						want := app.films[test.old].bytes
						if int(m.Timestamp) >= test.at {
							want = app.films[display].bytes
						}
						require.Equal(t, want, n, "%s", &m)
					}
				}
				require.Equal(t, "Stopped playing "+display+".", got[len(got)-1].info().String("description"))
			})
		})
	}
	for name, f := range app.films {
		require.Zero(t, f.sources.Load(), "sources of %s left open", name)
	}
}

// TestFastSwitch holds that an offset inside of the client's buffer has the new stream sent from there on.
func TestFastSwitch(t *testing.T) {
	bubble(t, &Server{Handler: renditions()}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(10 * time.Second)
		p.play("low")
		got := p.within(1500 * time.Millisecond)
		p.play2("switch", "high", "offset", 4.2)
		rest := p.until(complete)
		at := slices.Index(names(rest), CodePlayTransition)
		got, rest = append(got, rest[:at]...), rest[at:]
		fast, _ := rest[0].info().Lookup("isFastPlay")
		require.Equal(t, true, fast)
		require.Equal(t, []string{CodePlayTransition, "data onMetaData", "video header @5000", "audio header @5000", complete}, names(rest), "at once")
		require.Greater(t, media(got)[len(media(got))-1].Timestamp, uint32(10_000))
		continuous(t, p.until(CodePlayStop), 5000, 20_000)

		p.play2("switch", "low", "offset", 17.0)
		continuous(t, p.until(CodePlayStop)[5:], 17_000, 20_000)
	})
}

// TestSwitchKeepsPace holds that a switch neither starves the client nor floods it.
func TestSwitchKeepsPace(t *testing.T) {
	bubble(t, &Server{Handler: renditions()}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(2 * time.Second)
		p.play("low")
		requirePace(t, p, 19*time.Second, func(i int) {
			if i%10 == 5 {
				p.play2("switch", []string{"low", "high"}[i/10%2])
			}
		})
	})
}

// TestSwitchLastWins has switches come faster than key frames.
func TestSwitchLastWins(t *testing.T) {
	app := renditions()
	bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Second)
		p.play("low")
		got := p.within(1100 * time.Millisecond)
		for i := range 100 {
			p.play2("switch", []string{"unaligned", "low", "high"}[i%3])
			if i%10 == 0 {
				got = append(got, p.within(time.Millisecond)...)
			}
		}
		p.play2("switch", "high")
		got = append(got, p.until(CodePlayStop)...)
		continuous(t, got, 0, 20_000)
		require.Len(t, splices(t, got), 1)
		require.Equal(t, "Stopped playing high.", got[len(got)-1].info().String("description"))
	})
	for name, f := range app.films {
		require.Zero(t, f.sources.Load(), "sources of %s left open", name)
	}
}

// TestSwitchRefused holds that what plays goes on when a switch cannot be made.
func TestSwitchRefused(t *testing.T) {
	app := renditions()
	app.films["mp3"] = &film{length: 20 * time.Second, audio: true, format: flv.FormatMP3}
	broken := &film{length: 20 * time.Second, video: true, audio: true, next: func(context.Context, uint32) error { return errors.New("bucket gone") }}
	unseekable := &film{length: 20 * time.Second, video: true, audio: true, seek: func(context.Context, time.Duration) error { return errors.New("bucket gone") }}
	app.films["broken"], app.films["unseekable"] = broken, unseekable
	app.films["vp6"] = &film{length: 20 * time.Second, video: true, format: flv.FormatMP4, codec: flv.CodecVP6}
	tests := []struct {
		name, transition string
		options          []any
		why              string
	}{
		{"missing", "switch", nil, "Failed to play missing (stream ID: 1)."},
		{"broken", "switch", nil, "Failed to play broken (stream ID: 1)."},
		{"unseekable", "switch", nil, "Failed to play unseekable (stream ID: 1)."},
		{"vp6", "switch", nil, "The streams are of different types."},
		{"endless", "switch", nil, "The stream has no key frame to switch at."},
		{"high", "switch", []any{"offset", 20.0}, "The stream has no key frame to switch at."},
		{"high", "switch", []any{"offset", 1e300}, "The stream has no key frame to switch at."},
		{"short", "switch", nil, "The stream has no key frame to switch at."},
		{"high", "switch", []any{"oldStreamName", "nothing"}, "The stream to be replaced is not in the playlist."},
		{"high", "swap", []any{"oldStreamName", "nothing"}, "The stream to be replaced is not in the playlist."},
		{"high", "swich", nil, "There is no such transition."},
		{"", "resume", nil, "Nothing waits to be resumed."},
	}
	for _, test := range tests {
		t.Run(test.name+" "+test.transition, func(t *testing.T) {
			bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
				p := h.peer(t).stream(time.Second)
				p.play("low")
				got := p.within(1200 * time.Millisecond)
				p.play2(test.transition, test.name, test.options...)
				got = append(got, p.until(CodePlayStop)...)
				at := slices.Index(names(got), CodePlayFailed)
				require.Positive(t, at)
				require.Equal(t, "error", got[at].info().String("level"))
				require.Equal(t, test.why, got[at].info().String("description"))
				require.NotContains(t, names(got), CodePlayTransition)
				frames(t, media(got), app.films["low"], 0, time.Hour, 0)
			})
		})
	}
	for name, f := range app.films {
		require.Zero(t, f.sources.Load(), "sources of %s left open", name)
	}
}

// TestSwitchOffsetPlayed holds that an offset which the client says it is past is refused.
func TestSwitchOffsetPlayed(t *testing.T) {
	bubble(t, &Server{Handler: renditions()}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Second)
		p.play("low")
		p.within(100 * time.Millisecond)
		p.send(1, "seek", 0.0, nil, 9000.0)
		p.until(CodeSeekNotify)
		p.play2("switch", "high", "offset", 5.0)
		got := p.until(CodePlayFailed)
		require.Equal(t, "The offset has been played already.", got[len(got)-1].info().String("description"))
	})
}

// TestSwitchColdBucket holds that the old stream goes on while the new one is being opened, however long that takes.
func TestSwitchColdBucket(t *testing.T) {
	app := renditions()
	var cold chan struct{}
	app.films["high"].next = func(ctx context.Context, _ uint32) error {
		select {
		case <-cold:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
		cold = make(chan struct{})
		p := h.peer(t).stream(time.Second)
		p.play("low")
		got := p.within(time.Second)
		p.play2("switch", "high")
		got = append(got, p.within(6500*time.Millisecond)...)
		require.Empty(t, splices(t, got))
		close(cold)
		got = append(got, p.until(CodePlayStop)...)
		require.Equal(t, []int{10_000}, splices(t, got))
		continuous(t, got, 0, 20_000)
	})
	require.Zero(t, app.films["high"].sources.Load())
}

// TestSwitchGivenUp ends a stream while a switch is being opened, in all ways.
func TestSwitchGivenUp(t *testing.T) {
	ways := map[string]func(p *peer){
		"close":      func(p *peer) { p.send(1, "closeStream", 0.0, nil) },
		"disconnect": func(p *peer) { p.conn.Close() },
		"play":       func(p *peer) { p.play("short") },
		"stop":       func(p *peer) { p.play2("stop", "") },
		"reset":      func(p *peer) { p.play2("reset", "short") },
		"switch":     func(p *peer) { p.play2("switch", "high") },
	}
	for name, way := range ways {
		for _, hung := range []bool{true, false} {
			t.Run(fmt.Sprint(name, " hung ", hung), func(t *testing.T) {
				app := renditions()
				app.films["mp4"].next = func(ctx context.Context, _ uint32) error {
					if hung {
						<-ctx.Done()
					}
					return ctx.Err()
				}
				bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
					p := h.peer(t).stream(time.Second)
					p.play("low")
					p.within(1200 * time.Millisecond)
					p.play2("switch", "mp4")
					synctest.Wait()
					require.EqualValues(t, 1, app.films["mp4"].sources.Load())
					way(p)
					p.within(3 * time.Second)
					synctest.Wait()
					require.Zero(t, app.films["mp4"].sources.Load())
				})
			})
		}
	}
}

// TestSwitchAndSeek holds that a seek keeps a switch: made at once where the new stream is open, and otherwise once it is.
func TestSwitchAndSeek(t *testing.T) {
	for _, to := range []float64{1200, 3500, 12_300} {
		for _, warm := range []bool{true, false} {
			t.Run(fmt.Sprint(to, warm), func(t *testing.T) {
				app := renditions()
				app.films["unaligned"].next = func(ctx context.Context, at uint32) error {
					if !warm {
						return sleepFor(ctx, 5*time.Millisecond)
					}
					return nil
				}
				bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
					p := h.peer(t).stream(time.Second)
					p.play("low")
					p.within(1200 * time.Millisecond)
					p.play2("switch", "unaligned", "offset", 9.0)
					synctest.Wait()
					p.send(1, "seek", 0.0, nil, to)
					p.until(CodeSeekNotify)
					got := p.within(8 * time.Second)
					require.Equal(t, 1, count(got, complete))
					require.Equal(t, highBytes, lastFrameBytes(got))
				})
			})
		}
	}
}

func lastFrameBytes(got []message) int {
	for i := len(got) - 1; i >= 0; i-- {
		if n := frameBytes(&got[i]); n > 0 {
			return n
		}
	}
	return 0
}

func sleepFor(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
