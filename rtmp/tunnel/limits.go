package tunnel

import (
	"math"
	"time"
)

// Defaults of the fields of Handler.
const (
	defaultMaxSessions = 16384
	defaultMaxPerAddr  = 4096
	defaultMaxPending  = 512 << 10
	defaultMaxReply    = 256 << 10
	defaultMaxRequest  = 256 << 10
	defaultExpiry      = 30 * time.Second
	defaultIdleHold    = 500 * time.Millisecond
)

const (
	// firstIdleHold is how long the first idle request without data is held; each that follows is held twice as long.
	firstIdleHold = 100 * time.Millisecond
	// The ends of held requests are rounded down to a grid, a coarse one for those held long: many pollers share one
	// wake-up, and then come again together.
	idleGrid     = 50 * time.Millisecond
	longIdleGrid = 250 * time.Millisecond
	// briefHold is how long a request may be held whose client may have left.
	briefHold = time.Second
	// longestPollInterval is the interval byte for the longest wait.
	longestPollInterval = 0x21
	// reorderHold is how long a request waits for those that it overtook, and how long the last reply of a session that has
	// ended can be had again.
	reorderHold = 2 * time.Second
	// maxRequestsAtOnce is how many requests of one session may be in progress: its own, and repeated or overtaking ones.
	maxRequestsAtOnce = 8
	// maxSequenceDigits keeps a sequence number below 1<<63.
	maxSequenceDigits = 18
)

// Limits of the client's side.
const (
	clientPending   = 256 << 10        // bytes written but not yet posted
	clientPost      = 64 << 10         // bytes of one request, what servers are known to take
	clientReply     = 4 << 20          // bytes of one reply
	clientHoard     = 4 << 20          // bytes not read, above which not even keep-alive polls are made
	clientKeepAlive = 10 * time.Second // between polls while the reader does not read
	requestTimeout  = 30 * time.Second // one request with its reply
	closeTimeout    = 5 * time.Second  // flushing and closing
	// A short reply is likely to be answered: an idle request, which the server may hold, waits for that a moment.
	clientShort = 16 << 10
	clientGrace = 5 * time.Millisecond

	maxIDLength     = 256
	requestAttempts = 3
)

// limit is the number that a field asks for: its default when 0, none when negative.
func limit(field, byDefault int) int {
	switch {
	case field == 0:
		return byDefault
	case field < 0:
		return math.MaxInt
	}
	return field
}

func (h *Handler) maxSessions() int { return limit(h.MaxSessions, defaultMaxSessions) }
func (h *Handler) maxPerAddr() int  { return limit(h.MaxPerAddr, defaultMaxPerAddr) }
func (h *Handler) maxPending() int  { return limit(h.MaxPending, defaultMaxPending) }
func (h *Handler) maxReply() int    { return limit(h.MaxReply, defaultMaxReply) }
func (h *Handler) maxRequest() int  { return limit(h.MaxRequest, defaultMaxRequest) }

// expiry is 0 for none.
func (h *Handler) expiry() time.Duration {
	if h.Expiry == 0 {
		return defaultExpiry
	}
	return max(h.Expiry, 0)
}

// longestHold is how long an idle request can be held.
func (h *Handler) longestHold() time.Duration {
	return h.idleHold() + pollWait(longestPollInterval) + idleGrid
}

// holdsBriefly tells whether holds are so short that it does not matter when the client leaves meanwhile.
func (h *Handler) holdsBriefly() bool { return h.idleHold() <= briefHold }

// idleHold is 0 for none.
func (h *Handler) idleHold() time.Duration {
	if h.IdleHold == 0 {
		return defaultIdleHold
	}
	return max(h.IdleHold, 0)
}
