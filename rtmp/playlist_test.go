package rtmp

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestPlaylistSeek seeks across the items of a playlist: "film" to 10 s, "song" from second 2 for 5 s, "film", "short".
func TestPlaylistSeek(t *testing.T) {
	app := newCinema()
	tests := []struct {
		name     string
		wait     time.Duration // of play before it
		to       float64
		film     string
		from     time.Duration // in the film
		at       int64         // on the timeline
		switches int           // Play.Switch that come after it
	}{
		{"within the first", 0, 5500, "film", 5 * time.Second, 5000, 3},
		{"into the second", 0, 12_000, "song", 4 * time.Second, 12_000, 2},
		{"into the third", 0, 17_300, "film", 2 * time.Second, 17_000, 1},
		{"into the last", 0, 25_500, "short", 0, 25_000, 0},
		{"back to the first", 17 * time.Second, 3700, "film", 3 * time.Second, 3000, 3},
		{"back to the second", 17 * time.Second, 11_000, "song", 3 * time.Second, 11_000, 2},
		{"within the third", 17 * time.Second, 20_000, "film", 5 * time.Second, 20_000, 1},
		{"back after the end", time.Minute, 14_000, "song", 6 * time.Second, 14_000, 2},
		{"to a border", 0, 10_000, "song", 2 * time.Second, 10_000, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, &Server{Handler: app}, func(t *testing.T, h *house) {
				p := h.peer(t).stream(time.Second)
				p.play("film")
				p.play("song", 2000.0, 5000.0, false)
				p.play("film", -2000.0, -1000.0, false)
				p.play("short", -2000.0, -1000.0, false)
				p.until(CodePlayStart)
				p.within(test.wait + 1200*time.Millisecond)
				p.send(1, "seek", 0.0, nil, test.to)
				p.until(CodeSeekNotify)
				got := p.until(CodePlayStop)
				end := slices.IndexFunc(names(got), func(name string) bool {
					return name == "data "+CodePlaySwitch || name == "data "+CodePlayComplete
				})
				last := map[string]time.Duration{"film": time.Hour, "song": 7 * time.Second, "short": time.Hour}[test.film]
				frames(t, media(got[:end]), app.films[test.film], test.from, last, test.at-test.from.Milliseconds())
				require.Equal(t, test.switches, count(got, "data "+CodePlaySwitch))
				require.EqualValues(t, 25_960, got[len(got)-1].Timestamp)
			})
		})
	}
	for name, f := range app.films {
		require.Zero(t, f.sources.Load(), "sources of %s left open", name)
	}
}

// TestPlaylistSeekIntoMissing seeks into an entry that is not there: the playlist goes on behind it.
func TestPlaylistSeekIntoMissing(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Second)
		p.play("film")
		p.play("missing", -2000.0, -1000.0, false)
		p.play("short", -2000.0, -1000.0, false)
		p.within(1200 * time.Millisecond)
		p.send(1, "seek", 0.0, nil, 10_500.0)
		got := names(p.until(CodePlayStop))
		require.Less(t, slices.Index(got, CodeSeekNotify), slices.Index(got, CodePlayStreamNotFound))
		require.Contains(t, got, "key @10500")
	})
}

// TestPlaylistKeepsPace holds that a client is not sent the next items sooner than it needs them, nor later.
func TestPlaylistKeepsPace(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(2 * time.Second)
		p.play("short")
		began := time.Now()
		for range 30 {
			p.play("short", -2000.0, -1000.0, false)
		}
		p.until(CodePlayStart)
		sent := time.Duration(0)
		for sent < 30*time.Second {
			for _, m := range media(p.within(50 * time.Millisecond)) {
				sent = max(sent, time.Duration(m.Timestamp)*time.Millisecond)
			}
			ahead := sent - time.Since(began)
			require.GreaterOrEqual(t, ahead, 2*time.Second-frameTime*time.Millisecond)
			require.LessOrEqual(t, ahead, 3*time.Second+frameTime*time.Millisecond)
		}
	})
}

// TestPlaylistOfAThousand appends more than a playlist takes, in one go: the client is told, and keeps its connection.
func TestPlaylistOfAThousand(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Second)
		p.play("film")
		p.until(CodePlayStart)
		go func() {
			for range 1100 {
				p.play2("append", "film")
			}
		}()
		refused := 0
		for refused < 100 {
			if m := p.next(); m.String() == CodePlayFailed {
				require.Equal(t, "The playlist is full.", m.info().String("description"))
				refused++
			}
		}
		p.play2("stop", "")
		p.until(CodePlayStop)
		synctest.Wait()
		p.play("short")
		p.until(CodePlayStop)
	})
}

func TestPlay2BeforePlay(t *testing.T) {
	bubble(t, &Server{Handler: renditions()}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Hour)
		for _, transition := range []string{"switch", "swap"} {
			p.play2(transition, "high")
			got := p.until(CodePlayFailed)
			require.Equal(t, nothingPlays, got[len(got)-1].info().String("description"))
		}
		p.play2("stop", "")
		p.send(1, "play2", 0.0, nil)
		p.until(CodePlayStreamNotFound)
		p.play2("switch", "high")
		got := p.until(CodePlayFailed)
		require.Equal(t, nothingPlays, got[len(got)-1].info().String("description"))
		p.play2("", "film", "start", 2.0, "len", 3.0, "offset", "x")
		frames(t, media(p.until(CodePlayStop)), newCinema().films["film"], 2*time.Second, 5*time.Second, -2000)
		p.play2("resume", "film", "offset", 100.0)
		require.Empty(t, media(p.until(CodePlayStop)))
	})
}

// TestSwap replaces what waits, by name, and what plays, at its end.
func TestSwap(t *testing.T) {
	bubble(t, &Server{Handler: renditions()}, func(t *testing.T, h *house) {
		p := h.peer(t).stream(time.Hour)
		for _, name := range []string{"short", "film", "song"} {
			p.play2("appendAndWait", name)
		}
		p.play2("switch", "low", "oldStreamName", "mp4:film?Signature=x")
		require.Equal(t, []string{CodePlayTransition}, names(p.within(time.Second)))
		p.play2("append", "short")
		got := p.until(CodePlayStop)
		var told []string
		for _, m := range got {
			if m.String() == CodePlayStart {
				told = append(told, m.info().String("details"))
			}
		}
		require.Equal(t, []string{"short", "low", "song", "short"}, told)
		require.Equal(t, 1, count(got, complete))

		p.buffer(1, time.Second)
		p.play("film")
		p.within(1200 * time.Millisecond)
		p.play2("swap", "short")
		got = p.until(CodePlayStop)
		frames(t, media(got[slices.Index(names(got), complete):]), newCinema().films["short"], 0, time.Hour, 10_000)
	})
}

// BenchmarkSwitch opens a stream and brings it to the splice.
func BenchmarkSwitch(b *testing.B) {
	app := renditions()
	b.ReportAllocs()
	for b.Loop() {
		t := &transition{ctx: b.Context(), target: 10_001, base: unknown, src: app.films["unaligned"].open()}
		if err := t.locate(b.Context()); err != nil || t.at != 11_200 {
			b.Fatal(err, t.at)
		}
	}
}
