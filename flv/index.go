package flv

import (
	"cmp"
	"slices"
	"sync"
)

// known is what viewers have learnt of a file and share: it only grows. All of its methods are safe for concurrent use.
type known struct {
	mu      sync.RWMutex
	points  []point  // by offset
	walked  []extent // by offset; they neither overlap nor touch
	headers []header // by offset: all that lie in walked
	// changed tells of which types headers were seen after the first frame.
	changed [TagScript + 1]bool
}

// point is a place where a tag with frames starts: the times of others are not to be relied upon.
type point struct {
	off  int64
	time int64
}

// extent is a part of the file all of whose tags were seen.
type extent struct {
	from, to int64
}

// slot is what a header takes the place of.
type slot struct {
	kind  TagType
	side  bool // not the sequence header, but what accompanies it
	track uint8
}

// header is a tag that stays in force until the next one of its slot.
type header struct {
	off int64
	slot
}

// walk is what was seen on a way through a file, tag by tag. It belongs to one goroutine until it is learnt.
type walk struct {
	extent
	headers []header
	points  []point
	changed [TagScript + 1]bool
}

// begin starts anew at off.
func (w *walk) begin(off int64) {
	w.extent = extent{off, off}
	w.headers, w.points = w.headers[:0], w.points[:0]
}

// add notes a tag; first are the offsets of the file's first frames by type.
func (w *walk) add(off, end, time int64, kind TagType, b *body, first *[TagScript + 1]int64) {
	w.to = end
	if kind != TagScript && b.packet == packetFrame && (len(w.points) == 0 || off-w.points[len(w.points)-1].off >= pointGap) {
		w.points = append(w.points, point{off, time})
	}
	if b.packet != packetSequence && b.packet != packetSide {
		return
	}
	if len(w.headers) > maxHeaders {
		return // more than can be learnt
	}
	w.headers = append(w.headers, header{off, slot{kind, b.packet == packetSide, b.track}})
	w.changed[kind] = w.changed[kind] || off > first[kind]
}

// learn adds what w has seen.
func (k *known) learn(w *walk) {
	if w.from == w.to {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for kind, changed := range w.changed {
		k.changed[kind] = k.changed[kind] || changed
	}
	for _, p := range w.points {
		k.addPoint(p)
	}
	if len(k.headers)+len(w.headers) > maxHeaders || len(k.walked) >= maxPoints {
		return
	}
	for _, h := range w.headers {
		if i, found := slices.BinarySearchFunc(k.headers, h.off, headerAt); !found {
			k.headers = slices.Insert(k.headers, i, h)
		}
	}
	k.addExtent(w.extent)
}

func headerAt(h header, off int64) int { return cmp.Compare(h.off, off) }

func (k *known) addPoint(p point) {
	i, _ := slices.BinarySearchFunc(k.points, p.off, func(p point, off int64) int { return cmp.Compare(p.off, off) })
	if len(k.points) >= maxPoints || i > 0 && p.off-k.points[i-1].off < pointGap ||
		i < len(k.points) && k.points[i].off-p.off < pointGap {
		return
	}
	k.points = slices.Insert(k.points, i, p)
}

func (k *known) addExtent(e extent) {
	first, _ := slices.BinarySearchFunc(k.walked, e.from, func(w extent, from int64) int { return cmp.Compare(w.to, from) })
	last := first
	for last < len(k.walked) && k.walked[last].from <= e.to {
		e = extent{min(e.from, k.walked[last].from), max(e.to, k.walked[last].to)}
		last++
	}
	k.walked = slices.Replace(k.walked, first, last, e)
}

// around returns the points next to time: the last of those at or before it that precede the first after it.
func (k *known) around(time int64, lo, hi point) (point, point) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	i, _ := slices.BinarySearchFunc(k.points, time, func(p point, time int64) int {
		if p.time <= time {
			return -1
		}
		return 1
	})
	if i > 0 && k.points[i-1].off > lo.off {
		lo = k.points[i-1]
	}
	if i < len(k.points) && k.points[i].off < hi.off {
		hi = k.points[i]
	}
	return lo, hi
}

// extentOf returns the extent that off ends or lies in, and where the one before it ends.
func (k *known) extentOf(off int64) (e extent, before int64) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	i, _ := slices.BinarySearchFunc(k.walked, off, func(w extent, off int64) int { return cmp.Compare(w.to, off) })
	e = extent{off, off}
	if i < len(k.walked) && k.walked[i].from <= off {
		e = k.walked[i]
	}
	if i > 0 {
		before = k.walked[i-1].to
	}
	return e, before
}

// seen tells whether a sequence header of the type lies in [from, to).
func (k *known) seen(kind TagType, from, to int64) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for i, _ := slices.BinarySearchFunc(k.headers, from, headerAt); i < len(k.headers) && k.headers[i].off < to; i++ {
		if k.headers[i].kind == kind && !k.headers[i].side {
			return true
		}
	}
	return false
}

func (k *known) changes(kind TagType) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.changed[kind]
}

// before returns the last header of each slot that lies before off and is wanted, by offset.
func (k *known) before(off int64, wanted func(header) bool) []header {
	k.mu.RLock()
	defer k.mu.RUnlock()
	var last []header
	i, _ := slices.BinarySearchFunc(k.headers, off, headerAt)
	for i--; i >= 0 && len(last) < maxInForce; i-- {
		h := k.headers[i]
		if wanted(h) && !slices.ContainsFunc(last, func(l header) bool { return l.slot == h.slot }) {
			last = append(last, h)
		}
	}
	slices.Reverse(last)
	return last
}

// bytes is about how much memory it all takes.
func (k *known) bytes() int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return cap(k.points)*16 + cap(k.walked)*16 + cap(k.headers)*16
}
