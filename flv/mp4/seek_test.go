package mp4_test

import (
	"context"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/mp4"
)

// mark is what a seek test compares of a tag.
type mark struct {
	kind   flv.TagType
	ts     uint32
	cts    float64
	sum    string
	key    bool
	header bool
}

// marks reads the tags of r to the end.
func marks(t *testing.T, r flv.Reader) (all []mark) {
	t.Helper()
	for {
		tag, err := r.Next(context.Background())
		if err == io.EOF {
			return all
		}
		require.NoError(t, err)
		p, header := decode(t, tag)
		key := p.key || tag.Type == flv.TagAudio
		all = append(all, mark{tag.Type, tag.Timestamp, p.pts - p.dts, p.sum, key && !header, header})
	}
}

// checkSeeks seeks to many places of a file, and expects what a whole play has from the right key frame on.
func checkSeeks(t *testing.T, f *mp4.File, in flv.Input) {
	t.Helper()
	all := marks(t, f.NewReader(in))
	lead := flv.TagAudio
	for _, m := range all {
		if m.kind == flv.TagVideo {
			lead = flv.TagVideo
		}
	}
	r := f.NewReader(in)
	end := int64(all[len(all)-1].ts)
	step := max(end/40, 1)
	for ms := int64(-step); ms < end+3*step; ms += step {
		checkSeek(t, r, all, lead, ms)
	}
	for i, m := range all { // each key frame's own time, and the millisecond before it
		if m.kind == lead && m.key && i%(1+len(all)/50) == 0 {
			checkSeek(t, r, all, lead, int64(m.ts))
			checkSeek(t, r, all, lead, int64(m.ts)-1)
		}
	}
}

func checkSeek(t *testing.T, r flv.Reader, all []mark, lead flv.TagType, ms int64) {
	t.Helper()
	at := -1
	for i, m := range all {
		if m.kind == lead && m.key && (at < 0 || int64(m.ts) <= ms) {
			at = i
		}
	}
	got, err := r.Seek(context.Background(), time.Duration(ms)*time.Millisecond)
	require.NoError(t, err)
	require.EqualValues(t, all[at].ts, got.Milliseconds(), "seek to %d ms", ms)
	var want, have []mark
	for _, m := range all[at:] {
		if !m.header {
			want = append(want, m)
		}
	}
	headers := map[flv.TagType]int{}
	for i, m := range marks(t, r) {
		if !m.header {
			have = append(have, m)
			continue
		}
		headers[m.kind]++
		if len(have) == 0 {
			require.EqualValues(t, all[at].ts, m.ts, "header %d", i)
		}
	}
	require.Equal(t, want, have, "seek to %d ms", ms)
	for _, m := range all {
		if m.header && m.kind == lead {
			require.NotZero(t, headers[m.kind], "no sequence header after a seek to %d ms", ms)
		}
	}
}

func TestMediaSeek(t *testing.T) {
	t.Parallel()
	for path, media := range mediaFiles(t) {
		if refused(path) != "" {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			f, in := open(t, media)
			checkSeeks(t, f, in)
		})
	}
}
