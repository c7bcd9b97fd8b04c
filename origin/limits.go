package origin

import "time"

// What a Cache and a Guard take where a field is zero, and bounds that are no fields.
const (
	maxKeyBytes = 1024 // S3's limit on the length of a key

	defaultMemoryBytes    = 256 << 20
	defaultBlockBytes     = 1 << 20
	minBlockBytes         = 4 << 10
	maxBlockBytes         = 64 << 20
	defaultDirBytes       = 10 << 30
	maxSpaceBytes         = 1024 // of a space whose blocks are kept on disk
	defaultReadAheadBytes = 4 << 20
	maxAheadBlocks        = 1 << 10   // of ReadAheadBytes
	calmBlocks            = 8         // that were there in time, after which less is fetched ahead
	gatherAhead           = 16        // blocks of one window that are fetched side by side
	roomyBlocks           = 16        // of a memory tier in which the end of a film is fetched with its beginning
	privateBlockBytes     = 256 << 10 // of a Reader without a cache
	maxEntries            = 1 << 16   // names that a Cache remembers, those that do not exist among them

	defaultTTL          = 24 * time.Hour
	defaultMinTTL       = time.Hour // CloudFront's for RTMP
	defaultMaxTTL       = 100 * 365 * 24 * time.Hour
	defaultNegativeTTL  = 5 * time.Second
	defaultStaleIfError = 24 * time.Hour
	staleWait           = 2 * time.Second  // how long an Open waits for the origin when it has a stale answer
	recheckAfter        = 10 * time.Second // after a revalidation that failed
	idleRelease         = 10 * time.Second // a Reader that is not used so long holds no block

	defaultTimeout        = 30 * time.Second
	defaultAttemptTimeout = 10 * time.Second
	defaultAttempts       = 4
	defaultParallel       = 64
	defaultBreakAfter     = 5
	defaultBreakFor       = 5 * time.Second
	firstBackoff          = 100 * time.Millisecond
	maxBackoff            = 5 * time.Second
	maxThrottle           = 30 * time.Second // the longest Retry-After that is respected
	waitGrace             = 5 * time.Second  // beyond a Guard's Timeout, for an origin that ignores its context
)

// defaulted is v, or def for 0, or 0 for a negative v, which means none.
func defaulted[T ~int | ~int64](v, def T) T {
	if v == 0 {
		return def
	}
	return max(v, 0)
}
