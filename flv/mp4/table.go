package mp4

import (
	"encoding/binary"
	"sort"
)

// sampleTable is the stbl of a track, left as it lies in the moov: run-length tables that a cursor walks (ISO/IEC
// 14496-12, 8.6 and 8.7).
type sampleTable struct {
	count     int    // samples
	size      uint32 // of every sample; 0: each has its own in sizes
	sizes     []byte
	sizeBits  int    // of an element of sizes: 4, 8, 16 or 32
	durations []byte // stts: count, delta
	offsets   []byte // ctts: count, offset; always signed, as QuickTime writes version 0
	chunkRuns []byte // stsc: first chunk, samples per chunk, sample description
	chunks    []byte // stco or co64
	chunkSize int    // bytes of an element of chunks: 4 or 8
	syncs     []byte // stss: sample numbers, from 1
	hasSyncs  bool   // without an stss every sample is a sync sample

	checkpoints []tableCursor
	interval    int   // samples between two checkpoints
	minOffset   int64 // the least composition offset, or 0
	maxOffset   int64 // the greatest, or 0
	last        int64 // decoding time of the last sample
	end         int64 // decoding time that would follow it
	total       int64 // bytes of all samples
}

// sample is one sample of a track.
type sample struct {
	offset int64 // in the file
	size   uint32
	cts    int32  // composition offset, in the track's ticks
	dts    int64  // decoding time, in the track's ticks
	desc   uint32 // sample description, from 0
	key    bool
}

// tableCursor stands before a sample of a table. It is a value: a copy of one is a checkpoint.
type tableCursor struct {
	n         int   // the sample, from 0
	dts       int64 // of the sample
	offset    int64 // of the sample, when left is not 0
	durRun    int32 // in durations
	durLeft   uint32
	ctsRun    int32 // in offsets
	ctsLeft   uint32
	chunkRun  int32  // in chunkRuns
	chunk     int32  // the chunk to come, from 0
	left      uint32 // samples left of the current chunk
	desc      uint32
	sync      int32 // in syncs: the first that is not before the sample
	exhausted bool
}

func u32At(b []byte, i int) uint32 { return binary.BigEndian.Uint32(b[4*i:]) }

// next returns the sample that c stands before and moves past it.
func (c *tableCursor) next(t *sampleTable) (s sample, ok bool) {
	ok = c.read(t, &s)
	return s, ok
}

// read is next into s, which is not copied: it stays as it is where there is none.
func (c *tableCursor) read(t *sampleTable, s *sample) bool {
	if c.n >= t.count || c.exhausted {
		return false
	}
	for c.left == 0 {
		if !c.nextChunk(t) {
			return false
		}
	}
	s.offset, s.desc, s.dts = c.offset, c.desc, c.dts
	s.size = t.sizeOf(c.n)
	s.cts = c.nextOffset(t)
	s.key = c.nextSync(t)
	c.offset += int64(s.size)
	c.dts += int64(c.nextDuration(t))
	c.left--
	c.n++
	return true
}

// nextChunk enters the next chunk.
func (c *tableCursor) nextChunk(t *sampleTable) bool {
	i := int(c.chunk)
	if i >= len(t.chunks)/t.chunkSize {
		c.exhausted = true
		return false
	}
	for r := int(c.chunkRun) + 1; 12*r < len(t.chunkRuns) && int64(u32At(t.chunkRuns, 3*r)) <= int64(i)+1; r++ {
		c.chunkRun = int32(r)
	}
	run := t.chunkRuns[12*c.chunkRun:]
	c.left = u32At(run, 1)
	if d := u32At(run, 2); d > 0 {
		c.desc = d - 1
	}
	if t.chunkSize == 8 {
		c.offset = int64(binary.BigEndian.Uint64(t.chunks[8*i:]))
	} else {
		c.offset = int64(u32At(t.chunks, i))
	}
	c.chunk++
	return true
}

// nextDuration is the duration of the sample. The last run also holds for samples past its end.
func (c *tableCursor) nextDuration(t *sampleTable) uint32 {
	for c.durLeft == 0 && 8*int(c.durRun) < len(t.durations) {
		c.durLeft = u32At(t.durations, 2*int(c.durRun))
		c.durRun++
	}
	if c.durRun == 0 {
		return 0
	}
	if c.durLeft > 0 {
		c.durLeft--
	}
	d := u32At(t.durations, 2*int(c.durRun)-1)
	if d > 1<<31 { // a negative delta, which some writers left behind
		return 1
	}
	return d
}

func (c *tableCursor) nextOffset(t *sampleTable) int32 {
	for c.ctsLeft == 0 {
		if 8*int(c.ctsRun) >= len(t.offsets) {
			return 0
		}
		c.ctsLeft = u32At(t.offsets, 2*int(c.ctsRun))
		c.ctsRun++
	}
	c.ctsLeft--
	return int32(u32At(t.offsets, 2*int(c.ctsRun)-1))
}

func (c *tableCursor) nextSync(t *sampleTable) bool {
	if !t.hasSyncs {
		return true
	}
	number := uint32(c.n) + 1
	for 4*int(c.sync) < len(t.syncs) {
		s := u32At(t.syncs, int(c.sync))
		if s > number {
			return false
		}
		c.sync++
		if s == number {
			return true
		}
	}
	return false
}

func (t *sampleTable) sizeOf(n int) uint32 {
	switch {
	case t.size > 0:
		return t.size
	case t.sizeBits == 32:
		return u32At(t.sizes, n)
	case t.sizeBits == 16:
		return uint32(binary.BigEndian.Uint16(t.sizes[2*n:]))
	case t.sizeBits == 8:
		return uint32(t.sizes[n])
	case n%2 == 0:
		return uint32(t.sizes[n/2] >> 4)
	default:
		return uint32(t.sizes[n/2] & 0xf)
	}
}

// cursorAt returns a cursor that stands before sample n.
func (t *sampleTable) cursorAt(n int) tableCursor {
	if len(t.checkpoints) == 0 {
		return tableCursor{exhausted: true}
	}
	c := t.checkpoints[min(n/t.interval, len(t.checkpoints)-1)]
	for c.n < n {
		if _, ok := c.next(t); !ok {
			break
		}
	}
	return c
}

// atOrBefore returns a cursor that stands before the last sample whose decoding time is not after dts, or before the
// first sample.
func (t *sampleTable) atOrBefore(dts int64) tableCursor {
	i := sort.Search(len(t.checkpoints), func(i int) bool { return t.checkpoints[i].dts > dts })
	if i == 0 {
		return t.cursorAt(0)
	}
	at := t.checkpoints[i-1]
	for c := at; ; {
		before := c
		if _, ok := c.next(t); !ok || before.dts > dts {
			return at
		}
		at = before
	}
}

// syncAtOrBefore is the last sync sample that is not after n; -1 where there is none.
func (t *sampleTable) syncAtOrBefore(n int) int {
	if !t.hasSyncs {
		return n
	}
	i := sort.Search(len(t.syncs)/4, func(i int) bool { return int64(u32At(t.syncs, i)) > int64(n)+1 })
	if i == 0 {
		return -1
	}
	return int(u32At(t.syncs, i-1)) - 1
}

// scan walks the table once: it counts the samples that are really there, checks that each lies in the file of size
// bytes, and sets the checkpoints. budget is how many samples there may be.
func (t *sampleTable) scan(path string, at, fileSize int64, budget int) error {
	if t.count > budget {
		return bad(path, at, "%d samples, of at most %d in a file", t.count, maxSamples)
	}
	t.interval = max(checkpointEvery, t.count/maxCheckpoints)
	var c tableCursor
	for {
		if c.n%t.interval == 0 && c.n < t.count {
			t.checkpoints = append(t.checkpoints, c)
		}
		s, ok := c.next(t)
		if !ok {
			break
		}
		if s.offset < 0 || s.offset > fileSize || int64(s.size) > fileSize-s.offset {
			return bad(path, at, "sample %d of %d bytes at byte %d lies outside of the file", c.n-1, s.size, s.offset)
		}
		if s.size > maxSampleBytes {
			return bad(path, at, "sample %d has %d bytes, more than a message can carry", c.n-1, s.size)
		}
		t.minOffset = min(t.minOffset, int64(s.cts))
		t.maxOffset = max(t.maxOffset, int64(s.cts))
		t.last = s.dts
		t.total += int64(s.size)
	}
	t.count, t.end = c.n, c.dts
	if t.count == 0 {
		t.checkpoints = nil
	}
	return nil
}
