package mp3

import (
	"context"
	"sort"
	"sync"
)

// spacing is the number of frames from one point of an index to the next: one to two seconds.
const spacing = 64

// maxPoints bounds an index: 16 MiB, three weeks of sound.
const maxPoints = 1 << 20

// A point is a frame: where it lies and when it plays.
type point struct{ off, ticks int64 }

// An index is what is known for certain of a file: each spacing-th frame from the first one on, as far as anybody has
// come. It only grows. The zero index is not ready: newIndex makes one.
type index struct {
	walking chan struct{} // holds a token while somebody walks on behind the last point

	mu     sync.Mutex
	points []point
	whole  bool  // the audio was walked to its end
	last   point // of the last frame, when whole
	ticks  int64 // of the whole audio, when whole
}

func newIndex(first int64) *index {
	return &index{walking: make(chan struct{}, 1), points: []point{{off: first}}}
}

// learn adds frame n, when it is the next point.
func (x *index) learn(n int64, p point) {
	if n%spacing != 0 {
		return
	}
	x.mu.Lock()
	if n/spacing == int64(len(x.points)) && len(x.points) < maxPoints {
		x.points = append(x.points, p)
	}
	x.mu.Unlock()
}

// finish says that the last frame is known.
func (x *index) finish(last point, ticks int64) {
	x.mu.Lock()
	x.whole, x.last, x.ticks = true, last, ticks
	x.mu.Unlock()
}

// at returns the last point up to ticks and its frame number. It is near when the frames behind it are not more than
// those between two points.
func (x *index) at(ticks, frameTicks int64) (p point, n int64, near bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	i := sort.Search(len(x.points), func(i int) bool { return x.points[i].ticks > ticks })
	i = max(i-1, 0)
	p = x.points[i]
	near = i < len(x.points)-1 || x.whole || ticks-p.ticks < spacing*frameTicks
	return p, int64(i) * spacing, near
}

// walk learns what lies up to the given time. One walks at a time; the others wait and find it done.
func (x *index) walk(ctx context.Context, w walker, ticks, frameTicks int64) error {
	select {
	case x.walking <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-x.walking }()
	p, n, near := x.at(ticks, frameTicks)
	if near {
		return nil
	}
	w.off = p.off
	last := p
	for at := p.ticks; at <= ticks; n++ {
		f, err := w.next(ctx)
		if isEnd(err) {
			x.finish(last, at)
			return nil
		}
		if err != nil {
			return err
		}
		last = point{off: f.off, ticks: at}
		x.learn(n, last)
		at += f.ticks()
	}
	return nil
}
