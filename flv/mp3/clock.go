package mp3

import (
	"math"
	"math/bits"
	"time"
)

// ticksPerSecond is a multiple of every sampling rate of MPEG audio, so that times add up exactly, also where the rate
// changes.
const ticksPerSecond = 14_112_000

// milliseconds rounds ticks to whole milliseconds, as they stand in a tag.
func milliseconds(ticks int64) int64 {
	const perMs = ticksPerSecond / 1000
	return (ticks + perMs/2) / perMs
}

// duration is the time of ticks, to the nanosecond below.
func duration(ticks int64) time.Duration {
	rest := ticks % ticksPerSecond * int64(time.Second) / ticksPerSecond
	return time.Duration(ticks/ticksPerSecond)*time.Second + time.Duration(rest)
}

// scale is n*to/from of numbers that are not negative, or the highest number where it goes beyond.
func scale(n, to, from int64) int64 {
	hi, lo := bits.Mul64(uint64(n), uint64(to))
	if hi >= uint64(from) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, uint64(from))
	return int64(min(q, math.MaxInt64))
}
