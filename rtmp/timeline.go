package rtmp

import "time"

// timeline maps the timestamps of a source, which wrap at 2^32 ms, to stream time: 0 at the first item as it was played.
// All values are in milliseconds.
type timeline struct {
	file   int64 // the last tag's time in the file
	origin int64 // the time in the file that is stream time 0; the file's own start for a playlist's later items
}

// anchor has the source stand at file time t, and that be stream time at.
func (t *timeline) anchor(file, at int64) {
	t.file, t.origin = file, file-at
}

// jump has the source stand at file time t, after a seek.
func (t *timeline) jump(file int64) { t.file = file }

// at is the stream time of the next tag; it is never negative.
func (t *timeline) at(timestamp uint32) int64 {
	t.file += int64(int32(timestamp - uint32(t.file)))
	return max(0, t.file-t.origin)
}

// end has the source stand where its last tag, which was the one before the stream time at, ends.
func (t *timeline) end(at int64) { t.file = at + t.origin }

// now is the stream time of the last tag.
func (t *timeline) now() int64 { return max(0, t.file-t.origin) }

// fileTime is the file time of a stream time.
func (t *timeline) fileTime(stream time.Duration) time.Duration {
	return max(0, stream+time.Duration(t.origin)*time.Millisecond)
}
