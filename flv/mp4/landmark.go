package mp4

import (
	"context"
	"errors"
	"slices"
	"sort"

	"github.com/seed-3309b198/reelfront/flv"
)

// landmark is a place where fragments can be entered, from a sidx or an mfra.
type landmark struct {
	offset int64
	ticks  int64 // the time of its first picture, about, in ticks of timescale
	scale  uint32
	branch bool      // what lies there is another sidx
	found  *fragment // the first fragment at or after offset, once known; guarded by the index's mutex
}

// timestamp is the landmark's time as it stands in a tag, about.
func (m *landmark) timestamp(t *track) int64 {
	return milliseconds(m.ticks, m.scale) + milliseconds(t.fragmentOffset, t.timescale) + t.origin
}

// marks are the landmarks known so far.
func (x *fragmentIndex) marks() []*landmark {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.landmarks
}

// marksTo are the landmarks up to ms, and where the one after them lies. A sidx on the way there is read.
func (x *fragmentIndex) marksTo(ctx context.Context, s *scanner, t *track, ms int64) ([]*landmark, bound, error) {
	for depth := 0; ; depth++ {
		marks, next := x.marks(), bound{x.end, x.over}
		n := sort.Search(len(marks), func(i int) bool { return marks[i].timestamp(t) > ms })
		if n < len(marks) {
			next = bound{marks[n].offset, marks[n].timestamp(t)}
		}
		if n == 0 || !marks[n-1].branch || depth == maxSidxDepth {
			return marks[:n], next, nil
		}
		if err := x.expand(ctx, s, marks[n-1]); err != nil {
			return nil, bound{}, err
		}
	}
}

// at is the first fragment from m on, nil where there is none, or m leads to something else.
func (x *fragmentIndex) at(ctx context.Context, s *scanner, m *landmark) (*fragment, error) {
	x.mu.Lock()
	f := m.found
	x.mu.Unlock()
	if f != nil {
		return f, nil
	}
	f, err := x.read(ctx, s, m.offset, nil)
	if errors.Is(err, flv.ErrFormat) { // an index of another version of the file
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	m.found = f
	return f, nil
}

// lastMark is the fragment at the last landmark, and true; the first fragment where there are no landmarks, or the last one
// leads nowhere.
func (x *fragmentIndex) lastMark(ctx context.Context, s *scanner) (*fragment, bool, error) {
	for range maxSidxDepth {
		marks := x.marks()
		if len(marks) == 0 {
			return x.first, false, nil
		}
		if m := marks[len(marks)-1]; !m.branch {
			if f, err := x.at(ctx, s, m); f != nil || err != nil {
				return f, true, err
			}
			break
		} else if err := x.expand(ctx, s, m); err != nil {
			return nil, false, err
		}
	}
	return x.first, false, nil
}

// expand puts what the sidx at m lists in the place of m.
func (x *fragmentIndex) expand(ctx context.Context, s *scanner, m *landmark) error {
	s.at = m.offset
	b, ok, err := s.next(ctx)
	if err != nil && !errors.Is(err, flv.ErrFormat) {
		return err
	}
	leaf := *m
	leaf.branch = false
	below := []*landmark{&leaf}
	if err == nil && ok && b.kind.String() == "sidx" && b.size <= maxMoofBytes {
		body, err := s.read(ctx, b)
		if err != nil {
			return err
		}
		if listed, _, _ := x.parseSidx(&body); len(listed) > 0 {
			below = listed
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	i := slices.Index(x.landmarks, m)
	if i < 0 || len(x.landmarks)+len(below) > maxLandmarks {
		return nil
	}
	after := x.landmarks[i+1:]
	if len(after) > 0 {
		below = slices.DeleteFunc(below, func(b *landmark) bool { return b.offset >= after[0].offset })
	}
	x.landmarks = slices.Concat(x.landmarks[:i], below, after)
	return nil
}

// readSidx reads the segment indexes in front of the first moof (ISO/IEC 14496-12, 8.16.3). covered tells whether they
// reach about to the end of the file.
func (x *fragmentIndex) readSidx(ctx context.Context, s *scanner) (covered bool, err error) {
	for range maxTopBoxes {
		b, ok, err := s.next(ctx)
		if b.torn {
			return covered, nil
		}
		if err != nil || !ok || b.kind.String() == "moof" {
			return covered, err
		}
		if b.kind.String() != "sidx" || b.size > maxMoofBytes || len(x.landmarks) > 0 {
			continue
		}
		body, err := s.read(ctx, b)
		if err != nil {
			return false, err
		}
		marks, end, said := x.parseSidx(&body)
		x.landmarks = marks
		if covered = end >= x.fileSize-windowBytes && len(marks) > 1; covered { // else it speaks of the first segment alone
			x.said = said
		}
	}
	return covered, nil
}

// parseSidx makes landmarks of a sidx, and returns where what it lists ends, and when, in ms.
func (x *fragmentIndex) parseSidx(sidx *box) (marks []*landmark, end, over int64) {
	f := fields{b: sidx.body}
	version, _ := f.version()
	f.skip(4)
	scale := f.u32()
	ticks := f.sized(version)
	at := sidx.offset + int64(sidx.header+len(sidx.body)) + int64(f.sized(version))
	f.skip(2)
	count := f.u16()
	if scale == 0 {
		return nil, 0, 0
	}
	for range count {
		reference := f.u32()
		duration := f.u32()
		f.skip(4)
		if f.short || at < sidx.offset || at > x.fileSize || ticks/uint64(scale) > maxSeconds {
			break
		}
		marks = append(marks, &landmark{offset: at, ticks: int64(ticks), scale: scale, branch: reference>>31 == 1})
		at += int64(reference & 0x7fffffff)
		ticks += uint64(duration)
	}
	return marks, at, milliseconds(int64(min(ticks, maxSeconds*uint64(scale))), scale)
}

// readMfra reads the random access index at the end of the file (8.8.9), where there is one: its last box says how long
// it is.
func (x *fragmentIndex) readMfra(ctx context.Context, s *scanner) error {
	const mfroBytes = 16
	n := min(windowBytes, x.fileSize-x.start)
	if n < mfroBytes {
		return nil
	}
	w, err := s.far(ctx, x.fileSize-n, int(n))
	if err != nil {
		return err
	}
	mfro := fields{b: w[len(w)-mfroBytes+4:]}
	kind := fourCC(mfro.take(4))
	mfro.skip(4)
	size := int64(mfro.u32())
	if kind.String() != "mfro" || size < mfroBytes || size > min(maxMoofBytes, x.fileSize-x.start) {
		return nil
	}
	if size > n {
		if w, err = s.far(ctx, x.fileSize-size, int(size)); err != nil {
			return err
		}
	}
	w = w[int64(len(w))-size:]
	if string(w[4:8]) != "mfra" {
		return nil
	}
	x.end = x.fileSize - size
	x.parseMfra(&box{kind: fourCC(w[4:8]), offset: x.end, header: 8, body: w[8:]})
	return nil
}

// parseMfra makes landmarks of the tfra of the track that leads a seek. A bad one is as good as none.
func (x *fragmentIndex) parseMfra(mfra *box) {
	lead := x.tracks[0]
	for _, t := range x.tracks {
		if t.kind == flv.TrackVideo && lead.kind != flv.TrackVideo || t.kind == flv.TrackAudio && lead.kind > flv.TrackAudio {
			lead = t
		}
	}
	r := mfra.children("mfra", 0)
	for r.next() {
		f := fields{b: r.body}
		version, _ := f.version()
		if r.kind.String() != "tfra" || f.u32() != lead.id {
			continue
		}
		widths := f.u32()
		numbers := int(widths>>4&3+widths>>2&3+widths&3) + 3
		var marks []*landmark
		for range min(f.u32(), maxLandmarks) {
			m := &landmark{ticks: int64(f.sized(version)), offset: int64(f.sized(version)), scale: lead.timescale}
			f.skip(numbers)
			if f.short || m.ticks < 0 || m.ticks/int64(m.scale) > maxSeconds || m.offset < x.start || m.offset >= x.end {
				return
			}
			if n := len(marks); n > 0 && (m.offset < marks[n-1].offset || m.ticks < marks[n-1].ticks) {
				return
			}
			marks = append(marks, m)
		}
		x.landmarks = marks
		return
	}
}
