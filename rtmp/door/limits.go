package door

import (
	"math"
	"time"
)

// What the HTTP server allows a request. The tunnels set deadlines of their own for what follows a request's header.
const (
	webHeaderBytes = 16 << 10
	webReadTime    = time.Minute
	webIdleTime    = 2 * time.Minute
)

const (
	// proxyBytes is the least in which a PROXY header of version 1 can be found (The PROXY protocol, 2.1: 107 bytes).
	proxyBytes = 256
	// unsentBytes is how much the kernel may hold of a connection that it has not sent yet: half a write of the player's,
	// so that the next one finds room while this one leaves.
	unsentBytes = 64 << 10
	// longestEarly is how much too early a write's deadline may be, for it to be left as it is.
	longestEarly = 4 * time.Second
	// dialWrite is how long a client's write may make no progress.
	dialWrite = 30 * time.Second
	// After an Accept that failed the next one waits, twice as long each time.
	acceptPause        = 5 * time.Millisecond
	longestAcceptPause = time.Second
)

// forever stands for no deadline; it can still be added to any present time.
const forever = 100 * 365 * 24 * time.Hour

func (s *Server) connections() int         { return limit(s.Connections, 50_000, math.MaxInt) }
func (s *Server) handshake() time.Duration { return limit(s.Handshake, 10*time.Second, forever) }
func (s *Server) write() time.Duration     { return limit(s.Write, 5*time.Minute, forever) }

// limit is what a field asks for: its default when 0, none when negative.
func limit[N int | time.Duration](field, byDefault, none N) N {
	switch {
	case field == 0:
		return byDefault
	case field < 0:
		return none
	}
	return field
}
