package rtmp

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCheckBandwidth(t *testing.T) {
	for _, answer := range []string{"_result", "_error"} {
		bubble(t, &Server{}, func(t *testing.T, h *house) {
			p := h.peer(t).connect()
			p.send(0, "checkBandwidth", 5.0, nil)
			require.Equal(t, []any{"_result", 5.0, nil}, p.next().values)
			for range 2 {
				check := p.next()
				require.Equal(t, "onBWCheck", check.String())
				time.Sleep(50 * time.Millisecond) // the latency, and then as much again for the payload
				if check.values[3] != "" {
					time.Sleep(64 * time.Millisecond)
				}
				p.send(0, answer, check.values[1], nil, 1.0)
			}
			done := p.next()
			require.Equal(t, []any{"onBWDone", 0.0, nil, 4096.0, 32768.0, 64.0, 50.0}, done.values)
			require.Empty(t, p.within(10*time.Second))
		})
	}
}

// TestCheckBandwidthUnanswered holds that a detection ends with a number even where the client has no onBWCheck.
func TestCheckBandwidthUnanswered(t *testing.T) {
	bubble(t, &Server{}, func(t *testing.T, h *house) {
		p := h.peer(t).connect()
		p.send(0, "checkBandwidth", 5.0, nil)
		p.until("onBWCheck")
		p.send(0, "checkBandwidth", 6.0, nil) // while one is under way
		got := p.until("onBWDone")
		require.Equal(t, []string{"_result", "onBWDone"}, names(got))
		require.Positive(t, got[1].values[3])
		p.send(0, "_result", 1.0, nil, 1.0) // too late
		require.Empty(t, p.within(10*time.Second))
		p.send(0, "checkBandwidth", 7.0, nil)
		p.until("onBWDone")
	})
}
