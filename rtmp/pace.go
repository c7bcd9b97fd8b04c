package rtmp

import "time"

// Pacing, measured on 1,000 to 20,000 viewers: a wake-up costs more than what it sends, so viewers are refilled rarely,
// and at instants that all of them share.
const (
	refillGrid     = 50 * time.Millisecond
	refillInterval = 500 * time.Millisecond
	// A client that states a buffer of three seconds or more is refilled half as often.
	longBuffer         = 3 * time.Second
	longRefillInterval = time.Second
)

// pace says how much of a stream may have been sent by now: what plays in real time since the clock was set, and the
// client's buffer ahead of it. Times are since the server's epoch; positions are stream time in ms.
type pace struct {
	most   time.Duration // the longest buffer that is filled
	buffer time.Duration // the client's
	start  time.Duration
	from   int64
}

// set starts the clock: position from plays now.
func (p *pace) set(now time.Duration, from int64) { p.start, p.from = now, from }

// position is what a client plays that began when the clock was set, and has not waited since.
func (p *pace) position(now time.Duration) int64 { return p.from + (now - p.start).Milliseconds() }

// limit is the position up to which may be sent: a second more than the client's buffer, which is at least a second.
func (p *pace) limit(now time.Duration) int64 {
	return p.from + (now - p.start + p.ahead()).Milliseconds()
}

// ahead is how far ahead of real time a client is kept.
func (p *pace) ahead() time.Duration {
	return min(max(p.buffer, time.Second), p.most) + time.Second
}

// next is when to send again after everything up to position was sent.
func (p *pace) next(now time.Duration, position int64) time.Duration {
	interval := refillInterval
	if p.buffer >= longBuffer {
		interval = longRefillInterval
	}
	early := time.Duration(position-p.limit(now)) * time.Millisecond
	due := now + max(interval, early)
	return (due + refillGrid - 1).Truncate(refillGrid)
}
