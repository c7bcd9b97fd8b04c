package mp4

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/seed-3309b198/reelfront/flv"
)

// openFragments finds out how the fragments of a file are reached: by its sidx, else by its mfra, else by walking. It
// looks at the first ones, and at the last where that is near.
func openFragments(ctx context.Context, s *scanner, m *movie) (*fragmentIndex, error) {
	size := s.in.Size()
	x := &fragmentIndex{tracks: m.tracks, fileSize: size, start: s.at, end: size, known: map[int64]*fragment{}}
	covered, err := x.readSidx(ctx, s)
	if err != nil {
		return nil, err
	}
	if !covered {
		if err := x.readMfra(ctx, s); err != nil {
			return nil, err
		}
	}
	if err := x.readFirst(ctx, s); err != nil {
		return nil, err
	}
	if x.first == nil && !slices.ContainsFunc(m.tracks, func(t *track) bool { return t.table.count > 0 }) {
		return nil, fmt.Errorf("mp4: no samples, and no fragments either: %w", flv.ErrNoTrack)
	}
	return x, x.readLast(ctx, s)
}

// readSidx reads the segment indexes in front of the first moof (ISO/IEC 14496-12, 8.16.3). covered tells whether they
// reach about to the end of the file.
func (x *fragmentIndex) readSidx(ctx context.Context, s *scanner) (covered bool, err error) {
	for range maxTopBoxes {
		b, ok, err := s.next(ctx)
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
		if covered = x.parseSidx(&body) >= x.fileSize-windowBytes && len(x.landmarks) > 1; !covered {
			x.said = 0 // it speaks of the first segment alone
		}
	}
	return covered, nil
}

// parseSidx makes landmarks of a sidx, and returns where what it lists ends.
func (x *fragmentIndex) parseSidx(sidx *box) (end int64) {
	f := fields{b: sidx.body}
	version, _ := f.version()
	f.skip(4)
	scale := f.u32()
	ticks := f.sized(version)
	at := sidx.offset + int64(sidx.header+len(sidx.body)) + int64(f.sized(version))
	f.skip(2)
	count := f.u16()
	if scale == 0 {
		return 0
	}
	for range count {
		size := int64(f.u32() & 0x7fffffff)
		duration := f.u32()
		f.skip(4)
		if f.short || at < x.start || at > x.fileSize || ticks/uint64(scale) > maxSeconds {
			break
		}
		x.landmarks = append(x.landmarks, landmark{offset: at, ticks: int64(ticks), scale: scale})
		at += size
		ticks += uint64(duration)
	}
	x.said = milliseconds(int64(min(ticks, maxSeconds*uint64(scale))), scale)
	return at
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
		var marks []landmark
		for range min(f.u32(), maxLandmarks) {
			m := landmark{ticks: int64(f.sized(version)), offset: int64(f.sized(version)), scale: lead.timescale}
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

// readFirst looks at the first fragments, up to one of each track, and takes from them what all timestamps rest on.
func (x *fragmentIndex) readFirst(ctx context.Context, s *scanner) error {
	f, err := x.head(ctx, s)
	if err != nil || f == nil {
		return err
	}
	if !f.timed {
		x.landmarks = nil
	}
	seen := map[*track]bool{}
	for n := 0; f != nil; n++ {
		for i := range f.runs {
			r := &f.runs[i]
			if !seen[r.track] {
				_, r.track.sampleDuration = r.at(0)
			}
			seen[r.track] = true
			r.track.shift = max(r.track.shift, -r.least)
		}
		if n == maxOpenFragments || x.complete(seen) {
			break
		}
		if f, err = x.after(ctx, s, f); err != nil {
			return err
		}
	}
	return nil
}

// complete tells whether all tracks of sound and pictures without samples in the moov have been seen.
func (x *fragmentIndex) complete(seen map[*track]bool) bool {
	return !slices.ContainsFunc(x.tracks, func(t *track) bool {
		return (t.kind == flv.TrackVideo || t.kind == flv.TrackAudio) && t.table.count == 0 && !seen[t]
	})
}

// readLast finds the last fragments: from the last landmark on, or from the first fragment of a short file, or by looking
// for a moof near the end of a long one.
func (x *fragmentIndex) readLast(ctx context.Context, s *scanner) error {
	f := x.first
	if n := len(x.landmarks); n > 0 {
		var err error
		if f, err = x.at(ctx, s, n-1); err != nil {
			return err
		}
	}
	if f == nil || len(x.landmarks) > 0 || !f.timed || x.fileSize <= maxOpenBytes {
		if err := x.readTail(ctx, s, f); err != nil || x.whole {
			return err
		}
	}
	for n := int64(tailBytes); !x.whole && x.first.timed && n <= maxTailBytes; n *= 16 {
		if err := x.search(ctx, s, n); err != nil {
			return err
		}
	}
	return nil
}

// readTail walks from f to the end, if that is near.
func (x *fragmentIndex) readTail(ctx context.Context, s *scanner, f *fragment) error {
	for n := 0; n < maxOpenFragments || x.fileSize <= maxOpenBytes; n++ {
		if f == nil {
			x.whole = true
			return nil
		}
		x.tail = append(x.tail, f)
		var err error
		if f, err = x.after(ctx, s, f); err != nil {
			return err
		}
	}
	x.tail = nil
	return nil
}

// search looks for a moof in the last n bytes. Where there is one that says its time and from which others lead to the
// end, it becomes a landmark.
func (x *fragmentIndex) search(ctx context.Context, s *scanner, n int64) error {
	n = min(n, x.end-x.start)
	w, err := s.far(ctx, x.end-n, int(n))
	if err != nil {
		return err
	}
	f := x.parseFirst(w, x.end-n)
	if f == nil {
		return nil
	}
	if err := x.readTail(ctx, s, f); err != nil || !x.whole {
		return err
	}
	r := &f.runs[0]
	x.landmarks = append(x.landmarks, landmark{offset: f.offset, ticks: r.dts, scale: r.track.timescale, found: f})
	return nil
}

// parseFirst is the first moof in w, which lies at off, that makes sense by itself; nil where there is none.
func (x *fragmentIndex) parseFirst(w []byte, off int64) *fragment {
	for at, tries := 0, 0; tries < maxTailTries; at += 8 {
		k := bytes.Index(w[min(at+4, len(w)):], []byte("moof"))
		if k < 0 {
			return nil
		}
		at += k
		size, header := boxSize(w[at:])
		if header != 8 || size < 16 || size > uint64(len(w)-at) || string(w[at+12:at+16]) != "mfhd" {
			continue
		}
		tries++
		p := fragmentParser{tracks: x.tracks, fileSize: x.fileSize, budget: maxSamples - x.spent}
		moof := box{kind: fourCC(w[at+4:]), offset: off + int64(at), header: header, body: bytes.Clone(w[at+header:][:int(size)-header])}
		if f, err := p.parse(&moof, nil); err == nil && f.timed && len(f.runs) > 0 {
			return f
		}
	}
	return nil
}

// finish are the last timestamp of t and the time at which it is over, in ms, given those of its table. The end of the
// file has been seen.
func (x *fragmentIndex) finish(t *track, last, over int64) (int64, int64) {
	for _, f := range x.tail {
		for i := range f.runs {
			r := &f.runs[i]
			if r.track == t {
				last = max(last, r.timestamp(r.last))
				_, d := r.at(r.count - 1)
				over = max(over, r.timestamp(r.last+int64(d)))
			}
		}
	}
	return last, over
}

// said is the duration that the file claims, in ms; 0 where it does not.
func (m *movie) said(x *fragmentIndex) int64 {
	for _, ticks := range []uint64{m.fragments, m.duration} {
		if ticks > 0 && ticks/uint64(m.timescale) <= maxSeconds {
			return milliseconds(int64(ticks), m.timescale)
		}
	}
	return x.said
}
