package mp4

// parseSampleTable reads the boxes of an stbl but for the sample descriptions.
func parseSampleTable(stbl *box) (*sampleTable, error) {
	const path = "moov/trak/mdia/minf/stbl"
	t := &sampleTable{chunkSize: 4}
	r := stbl.children(path, 0)
	for r.next() {
		var err error
		f := fields{b: r.body}
		switch r.kind.String() {
		case "stts":
			t.durations, err = r.table(path, 8)
		case "ctts":
			t.offsets, err = r.table(path, 8)
		case "stsc":
			t.chunkRuns, err = r.table(path, 12)
		case "stco":
			t.chunks, err = r.table(path, 4)
		case "co64":
			t.chunkSize = 8
			t.chunks, err = r.table(path, 8)
		case "stss":
			t.hasSyncs = true
			t.syncs, err = r.table(path, 4)
		case "stsz":
			f.version()
			t.size, t.sizeBits = f.u32(), 32
			err = t.parseSizes(&r.box, path+"/stsz", &f)
		case "stz2":
			f.version()
			t.sizeBits = int(f.u32() & 0xff)
			err = t.parseSizes(&r.box, path+"/stz2", &f)
		}
		if err != nil {
			return nil, err
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return t, t.check(path, stbl.offset)
}

// table is the entries of a full box that holds a count and so many entries of size bytes.
func (b *box) table(path string, size int) ([]byte, error) {
	f := fields{b: b.body}
	f.version()
	count := uint64(f.u32())
	if f.short || count > uint64(len(f.b)/size) {
		return nil, bad(path+"/"+b.kind.printable(), b.offset, "%d entries of %d bytes in a box of %d", count, size, len(b.body)+b.header)
	}
	return f.take(int(count) * size), nil
}

// parseSizes reads the sizes of the samples: stsz and stz2 from their count on.
func (t *sampleTable) parseSizes(b *box, path string, f *fields) error {
	count := f.u32()
	switch t.sizeBits {
	case 4, 8, 16, 32:
	default:
		return bad(path, b.offset, "sizes of %d bits", t.sizeBits)
	}
	if f.short || count > maxSamples && t.size == 0 {
		return bad(path, b.offset, "%d samples, of at most %d in a file", count, maxSamples)
	}
	t.count = int(count)
	if t.size > 0 {
		return nil
	}
	need := (t.count*t.sizeBits + 7) / 8
	if t.sizes = f.take(need); f.short {
		return bad(path, b.offset, "%d sizes of %d bits in a box of %d bytes", t.count, t.sizeBits, len(b.body)+b.header)
	}
	return nil
}

// check looks for what the cursor and the searches rest on.
func (t *sampleTable) check(path string, at int64) error {
	if t.count > 0 && len(t.chunks) > 0 && len(t.chunkRuns) == 0 {
		return bad(path+"/stsc", at, "missing or empty")
	}
	if t.count > 0 && len(t.durations) == 0 {
		return bad(path+"/stts", at, "missing or empty")
	}
	for _, list := range [...]struct {
		name  string
		empty int
	}{{"stts", emptyRuns(t.durations)}, {"ctts", emptyRuns(t.offsets)}, {"stsc", t.emptyChunks()}} {
		if list.empty > maxEmptyRuns {
			return bad(path+"/"+list.name, at, "%d entries or chunks of no sample, of at most %d", list.empty, maxEmptyRuns)
		}
	}
	for i, last := 0, uint32(0); i < len(t.syncs)/4; i++ {
		n := u32At(t.syncs, i)
		if n <= last {
			return bad(path+"/stss", at, "sync sample %d after %d", n, last)
		}
		last = n
	}
	return nil
}

// emptyRuns is the number of entries of an stts or a ctts that are of no sample. A cursor steps over each of them, wherever
// it sets out from.
func emptyRuns(entries []byte) (n int) {
	for i := 0; i < len(entries)/4; i += 2 {
		if u32At(entries, i) == 0 {
			n++
		}
	}
	return n
}

// emptyChunks is the number of chunks without samples, and of entries of the stsc that are of no chunk.
func (t *sampleTable) emptyChunks() (n int) {
	chunks := int64(len(t.chunks) / t.chunkSize)
	for i := 0; i < len(t.chunkRuns)/4; i += 3 {
		first, end := int64(u32At(t.chunkRuns, i)), chunks+1
		if i+3 < len(t.chunkRuns)/4 {
			end = min(end, int64(u32At(t.chunkRuns, i+3)))
		}
		switch {
		case end <= first:
			n++
		case u32At(t.chunkRuns, i+1) == 0:
			n += int(end - max(first, 1))
		}
	}
	return n
}
