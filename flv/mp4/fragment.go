package mp4

import (
	"math"
	"math/bits"

	"github.com/seed-3309b198/reelfront/flv"
)

// fragmentDefaults are what holds for samples that do not say it themselves: a track's trex, which a traf's tfhd changes
// (ISO/IEC 14496-12, 8.8.3 and 8.8.7).
type fragmentDefaults struct {
	desc, duration, size, flags uint32
}

// parseExtends reads the defaults of the tracks, and how long the fragments are together.
func (m *movie) parseExtends(mvex *box) error {
	r := mvex.children("moov/mvex", 0)
	for r.next() {
		f := fields{b: r.body}
		version, _ := f.version()
		switch r.kind.String() {
		case "mehd":
			m.fragments = f.sized(version)
		case "trex":
			id := f.u32()
			d := fragmentDefaults{desc: f.u32(), duration: f.u32(), size: f.u32(), flags: f.u32()}
			if f.short {
				return bad("moov/mvex/trex", r.offset, "too short")
			}
			for _, t := range m.tracks {
				if t.id == id {
					t.defaults = d
				}
			}
		}
	}
	return r.err
}

// fragment is a moof, left as it lies in the file (ISO/IEC 14496-12, 8.8.4). What is set when it is made never changes.
type fragment struct {
	offset int64
	end    int64 // where the box after it starts
	runs   []run
	ends   []int64 // for each track: the decoding time after its last sample so far, in ticks
	timed  bool    // it says the decoding times itself
	bytes  int

	next *fragment // the one after it, once known; guarded by the index's mutex
	last bool      // there is none after it; also guarded
}

// run is a trun: samples that lie one after the other (8.8.8).
type run struct {
	track    *track
	dts      int64 // of the first sample, in ticks
	offset   int64 // of the first sample
	count    int
	fields   uint32 // which fields each sample has, as the trun's flags have it
	first    uint32 // flags of the first sample, where the trun has them
	samples  []byte
	sync     int   // the first sync sample; -1: none
	last     int64 // decoding time of the last sample
	least    int64 // the least composition offset, or 0
	bytes    int64 // of all samples
	defaults fragmentDefaults
}

// The flags of tfhd, trun and samples (8.8.7, 8.8.8, 8.8.3.1).
const (
	tfhdBase        = 0x1
	tfhdDesc        = 0x2
	tfhdDuration    = 0x8
	tfhdSize        = 0x10
	tfhdFlags       = 0x20
	tfhdMoofIsBase  = 0x20000
	trunOffset      = 0x1
	trunFirstFlags  = 0x4
	trunDuration    = 0x100
	trunSize        = 0x200
	trunFlags       = 0x400
	trunComposition = 0x800
	trunSampleField = 0xf00
	sampleNotSync   = 0x10000
	sampleDepends   = 0x1000000
)

// stride is the number of bytes that each sample has in samples.
func (r *run) stride() int { return 4 * bits.OnesCount32(r.fields&trunSampleField) }

// at returns sample i, of which offset and decoding time are the caller's, and its duration.
func (r *run) at(i int) (s sample, duration uint32) {
	s.desc, s.size, duration = max(r.defaults.desc, 1)-1, r.defaults.size, r.defaults.duration
	flags, n := r.defaults.flags, i*r.stride()/4
	if r.fields&trunDuration != 0 {
		duration = u32At(r.samples, n)
		n++
	}
	if r.fields&trunSize != 0 {
		s.size = u32At(r.samples, n)
		n++
	}
	if r.fields&trunFlags != 0 {
		flags = u32At(r.samples, n)
		n++
	}
	if r.fields&trunComposition != 0 {
		s.cts = int32(u32At(r.samples, n))
	}
	if i == 0 && r.fields&trunFirstFlags != 0 {
		flags = r.first
	}
	s.key = r.track.kind != flv.TrackVideo || flags&(sampleNotSync|sampleDepends) == 0
	return s, duration
}

// fragmentParser reads one moof.
type fragmentParser struct {
	tracks   []*track
	unplayed []*track
	fileSize int64
	budget   int  // samples that there may be
	torn     bool // the file ends within the data of the moof: what lies outside is left out
	f        *fragment
	data     int64 // where the data of the last run ended
}

// parse reads a moof. ends are the ends of the tracks before it, nil where they are not known.
func (p *fragmentParser) parse(moof *box, ends []int64) (*fragment, error) {
	p.f = &fragment{
		offset: moof.offset, end: moof.offset + int64(moof.header+len(moof.body)),
		ends: make([]int64, len(p.tracks)), timed: true, bytes: len(moof.body),
	}
	copy(p.f.ends, ends)
	p.data = moof.offset
	r := moof.children("moof", 0)
	for r.next() {
		if r.kind.String() == "traf" {
			if err := p.parseTrack(&r.box); err != nil {
				return nil, err
			}
		}
	}
	return p.f, r.err
}

// trackFragment is what a traf says of its runs.
type trackFragment struct {
	track    *track // nil: the moov does not have it
	index    int    // of the track among those that are played; -1: it is not one of them
	base     int64  // what the runs' data offsets count from
	timed    bool   // it says its decoding time
	defaults fragmentDefaults
}

// parseTrack reads a traf.
func (p *fragmentParser) parseTrack(traf *box) error {
	t := trackFragment{index: -1}
	r := traf.children("moof/traf", 0)
	for r.next() {
		var err error
		switch r.kind.String() {
		case "tfhd":
			err = p.parseHeader(&r.box, &t)
		case "tfdt":
			f := fields{b: r.body}
			version, _ := f.version()
			if ticks := f.sized(version); t.index >= 0 {
				err = p.start(&t, ticks, "moof/traf/tfdt", r.offset)
			}
		case "trun":
			if t.track != nil {
				err = p.parseRun(&r.box, &t)
			}
		case "senc", "saiz":
			if t.index >= 0 {
				err = bad("moof/traf/"+r.kind.String(), r.offset, "track %d is encrypted", t.track.id)
			}
		}
		if err != nil {
			return err
		}
	}
	return r.err
}

// start sets the decoding time of the first sample of t, as the box at says it.
func (p *fragmentParser) start(t *trackFragment, ticks uint64, path string, at int64) error {
	if secs := ticks / uint64(t.track.timescale); secs > maxSeconds {
		return bad(path, at, "%d s", secs)
	}
	p.f.ends[t.index], t.timed = int64(ticks), true
	return nil
}

// parseHeader reads a tfhd.
func (p *fragmentParser) parseHeader(tfhd *box, t *trackFragment) error {
	f := fields{b: tfhd.body}
	_, flags := f.version()
	id := f.u32()
	t.track, t.index, t.base = nil, -1, p.data
	for _, other := range p.unplayed {
		if other.id == id {
			t.track, t.defaults = other, other.defaults
		}
	}
	for i, track := range p.tracks {
		if track.id == id {
			t.track, t.index, t.defaults = track, i, track.defaults
		}
	}
	if flags&tfhdBase != 0 {
		t.base = int64(f.u64())
	} else if flags&tfhdMoofIsBase != 0 {
		t.base = p.f.offset
	}
	d := &t.defaults
	for _, field := range []struct {
		flag uint32
		to   *uint32
	}{{tfhdDesc, &d.desc}, {tfhdDuration, &d.duration}, {tfhdSize, &d.size}, {tfhdFlags, &d.flags}} {
		if flags&field.flag != 0 {
			*field.to = f.u32()
		}
	}
	if f.short || t.base < 0 || t.base > p.fileSize && !p.torn {
		return bad("moof/traf/tfhd", tfhd.offset, "too short, or data at byte %d of a file of %d", t.base, p.fileSize)
	}
	p.data = t.base
	return nil
}

// parseRun reads a trun, and checks each of its samples. Of a track that is not played only the length matters: the data of
// the next one may begin where its data end.
func (p *fragmentParser) parseRun(trun *box, t *trackFragment) error {
	const path = "moof/traf/trun"
	f := fields{b: trun.body}
	_, flags := f.version()
	r := run{track: t.track, count: int(f.u32()), fields: flags, defaults: t.defaults, offset: p.data, sync: -1}
	if flags&trunOffset != 0 {
		r.offset = t.base + int64(int32(f.u32()))
	}
	if flags&trunFirstFlags != 0 {
		r.first = f.u32()
	}
	if r.samples = f.take(r.count * r.stride()); f.short {
		return bad(path, trun.offset, "%d samples in a box of %d bytes", r.count, len(trun.body)+trun.header)
	}
	if p.data = r.offset + r.length(); t.index < 0 {
		return nil
	}
	if p.budget -= r.count; p.budget < 0 {
		return bad(path, trun.offset, "more than %d samples", maxSamples)
	}
	p.f.timed = p.f.timed && t.timed
	if r.count == 0 {
		return nil
	}
	r.dts = p.f.ends[t.index]
	if err := p.walk(&r, t.index, trun.offset); err != nil {
		return err
	}
	if r.count > 0 {
		p.f.runs = append(p.f.runs, r)
	}
	return nil
}

// length is how many bytes the samples of a run have together.
func (r *run) length() (n int64) {
	if r.fields&trunSize == 0 {
		return int64(r.count) * int64(r.defaults.size)
	}
	for i := range r.count {
		s, _ := r.at(i)
		n += int64(s.size)
	}
	return n
}

// walk goes through the samples of a run once.
func (p *fragmentParser) walk(r *run, track int, at int64) error {
	const path = "moof/traf/trun"
	offset, dts := r.offset, r.dts
	for i := range r.count {
		s, duration := r.at(i)
		if offset < 0 || offset > p.fileSize || int64(s.size) > p.fileSize-offset {
			if p.torn {
				r.count = i
				break
			}
			return bad(path, at, "sample %d of %d bytes at byte %d lies outside of the file", i, s.size, offset)
		}
		if s.size > maxSampleBytes {
			return bad(path, at, "sample %d has %d bytes, more than a message can carry", i, s.size)
		}
		if s.key && r.sync < 0 {
			r.sync = i
		}
		r.least, r.last = min(r.least, int64(s.cts)), dts
		offset += int64(s.size)
		dts += int64(duration)
		if r.stride() == 0 && i > 0 { // the rest are all alike
			rest := int64(r.count - 1 - i)
			if rest*int64(s.size) > p.fileSize-offset {
				if !p.torn {
					return bad(path, at, "%d samples of %d bytes from byte %d lie outside of the file", rest, s.size, offset)
				}
				rest = (p.fileSize - offset) / int64(s.size)
				r.count = i + 1 + int(rest)
			}
			offset += rest * int64(s.size)
			dts += rest * int64(duration)
			r.last = dts - int64(duration)
			break
		}
	}
	if dts/int64(r.track.timescale) > 2*maxSeconds {
		return bad(path, at, "the track runs for %d s", dts/int64(r.track.timescale))
	}
	p.f.ends[track], r.bytes = dts, offset-r.offset
	return nil
}

// timestamp is a decoding time of the run's track as it stands in a tag, in ms.
func (r *run) timestamp(dts int64) int64 {
	return milliseconds(dts-r.track.shift+r.track.fragmentOffset, r.track.timescale) + r.track.origin
}

// starts is the earliest timestamp of a sample in the fragment, in ms.
func (f *fragment) starts() int64 {
	least := int64(math.MaxInt64)
	for i := range f.runs {
		least = min(least, f.runs[i].timestamp(f.runs[i].dts))
	}
	return least
}
