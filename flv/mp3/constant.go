package mp3

// A constantRate says where the frames of a file of constant bit rate lie: frame n begins at about start + n*bytes/per.
type constantRate struct{ start, bytes, per int64 }

// slop is how far a frame may lie from where the bit rate says, in bytes: encoders pad early or late.
const slop = 2

// newConstantRate takes the rate from the first frame. Where a frame is not a whole number of bytes, frames are padded to
// keep the rate, but for those of encoders that never pad.
func newConstantRate(start int64, h header, padded bool) constantRate {
	if !padded {
		return constantRate{start: start, bytes: int64(h.size), per: 1}
	}
	return constantRate{start: start, bytes: int64(h.bytesFactor() * h.bitrate), per: int64(h.rate)}
}

// offset is where frame n should lie.
func (c constantRate) offset(n int64) int64 { return c.start + scale(n, c.bytes, c.per) }

// frame is the number of the frame nearest to off, and whether it lies where it should.
func (c constantRate) frame(off int64) (n int64, fits bool) {
	if c.bytes == 0 || off < c.start {
		return 0, false
	}
	n = (scale(off-c.start, c.per*2, c.bytes) + 1) / 2
	d := off - c.offset(n)
	return n, -slop <= d && d <= slop
}
