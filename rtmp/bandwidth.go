package rtmp

import (
	"strings"
	"sync/atomic"
	"time"
)

const (
	// probePatience is how long a client may take to answer; one that has no onBWCheck may never.
	probePatience = 3 * time.Second
	probeBytes    = 32 << 10
)

// The server's own transactions: an empty onBWCheck, which tells the latency, and one with a payload.
const (
	probeLatency = 1
	probePayload = 2
)

// probe is a bandwidth detection as Flash players ask for it with checkBandwidth: the server calls onBWCheck, and the
// client's answers say when it had what was sent.
type probe struct {
	done atomic.Bool // an answer was given

	// Owned by the reading goroutine.
	sent    time.Time // when the last call was made
	latency time.Duration
}

// checkBandwidth begins a detection, unless one is under way. It ends with onBWDone, whatever the client does.
func (c *conn) checkBandwidth(cmd *command) error {
	b := c.out.result(nil, cmd.transaction, nil)
	if c.probe != nil && !c.probe.done.Load() {
		return c.out.reply(b)
	}
	p := &probe{sent: time.Now()}
	c.probe = p
	time.AfterFunc(probePatience, func() {
		// All that is known of a client that does not answer is how much it has taken since it connected.
		c.endProbe(p, c.nc.Sent(), c.nc.Age(), 0)
	})
	return c.out.reply(c.out.command(b, csConnect, 0, 0, "onBWCheck", probeLatency, nil, ""))
}

// probeAnswered takes the answer to an onBWCheck: an error tells the time as well as a result does.
func (c *conn) probeAnswered(transaction float64) error {
	p := c.probe
	if p == nil || p.done.Load() {
		return nil
	}
	took := time.Since(p.sent)
	switch transaction {
	case probeLatency:
		p.latency, p.sent = took, time.Now()
		payload := strings.Repeat("0", probeBytes)
		return c.out.reply(c.out.command(nil, csConnect, 0, 0, "onBWCheck", probePayload, nil, payload))
	case probePayload:
		c.endProbe(p, probeBytes, max(time.Millisecond, took-p.latency), p.latency)
	}
	return nil
}

// endProbe tells the client kbit/s, and the bytes and ms that they were measured over, and the latency in ms.
func (c *conn) endProbe(p *probe, bytes uint64, took, latency time.Duration) {
	if p.done.Swap(true) {
		return
	}
	kbits := float64(bytes) * 8 / 1000 / max(took, time.Millisecond).Seconds()
	_ = c.out.reply(c.out.command(nil, csConnect, 0, 0, "onBWDone", 0.0, nil, kbits, bytes, took.Milliseconds(), latency.Milliseconds()))
}
