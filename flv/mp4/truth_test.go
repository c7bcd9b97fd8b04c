package mp4_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/mp4"
	"github.com/seed-3309b198/reelfront/internal/strangers"
)

// packet is one packet as ffprobe saw it, or as a tag carries it.
type packet struct {
	dts, pts float64 // ms
	sum      string  // the first 12 hex digits of the payload's MD5
	key      bool
	discard  bool
}

// truth are the packets of a file, by stream, in the order of the streams.
type truth []truthStream

type truthStream struct {
	index   int
	kind    string
	packets []packet
}

// of are the streams of one kind: "video", "audio", "subtitle", "data".
func (t truth) of(kind string) (streams [][]packet) {
	for _, s := range t {
		if s.kind == kind {
			streams = append(streams, s.packets)
		}
	}
	return streams
}

// truthOf are the packets of a record about a file.
func truthOf(t *testing.T, rows []strangers.Row, media []byte) truth {
	t.Helper()
	var all truth
	for _, r := range rows {
		index := int(r.Number(t, "stream"))
		i := slices.IndexFunc(all, func(s truthStream) bool { return s.index == index })
		if i < 0 {
			i = len(all)
			all = append(all, truthStream{index: index, kind: r["type"]})
		}
		all[i].packets = append(all[i].packets, packet{
			dts: r.Number(t, "dts_ms"), pts: r.Number(t, "pts_ms"), sum: r.MD5(t, media), key: r["key"] == "1", discard: r["discard"] == "1",
		})
	}
	return all
}

// received are the packets of one track, out of tags; headers are the sequence headers.
type received struct {
	packets []packet
	headers int
}

// receive reduces the tags of a reader to packets, until it ends.
func receive(t *testing.T, r flv.Reader) map[flv.TagType]*received {
	t.Helper()
	got := map[flv.TagType]*received{flv.TagVideo: {}, flv.TagAudio: {}, flv.TagScript: {}}
	last := uint32(0)
	for {
		tag, err := r.Next(context.Background())
		if err == io.EOF {
			return got
		}
		require.NoError(t, err)
		require.GreaterOrEqual(t, tag.Timestamp, last, "timestamps go back")
		last = tag.Timestamp
		p, header := decode(t, tag)
		to := got[tag.Type]
		if header {
			to.headers++
			continue
		}
		to.packets = append(to.packets, p)
	}
}

// decode takes the codec header off a tag.
func decode(t *testing.T, tag *flv.Tag) (p packet, header bool) {
	t.Helper()
	b := tag.AppendBody(nil)
	ts := float64(tag.Timestamp)
	p = packet{dts: ts, pts: ts}
	signed := func(b []byte) float64 { return float64(int32(uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8) >> 8) }
	switch {
	case tag.Type == flv.TagScript:
	case tag.Type == flv.TagVideo && b[0]&0x80 == 0:
		require.EqualValues(t, 7, b[0]&0x0f)
		p.key = b[0]>>4 == 1
		header = b[1] == 0
		p.pts += signed(b[2:])
		b = b[5:]
	case tag.Type == flv.TagVideo:
		p.key = b[0]>>4&7 == 1
		header = b[0]&0x0f == 0
		n := 5
		if fourCC := string(b[1:5]); b[0]&0x0f == 1 && (fourCC == "hvc1" || fourCC == "vvc1") {
			p.pts += signed(b[5:])
			n = 8
		}
		b = b[n:]
	case b[0]>>4 == 10:
		header = b[1] == 0
		b = b[2:]
	case b[0]>>4 == 9:
		header = b[0]&0x0f == 0
		b = b[5:]
	default:
		b = b[1:]
	}
	p.sum = strangers.MD5(b)
	return p, header
}

// compare compares what arrived with the truth, and returns what is wrong: each track whole, decoding times within 1 ms,
// composition offsets within 1.5 ms, sound against pictures within 2 ms.
func compare(got map[flv.TagType]*received, want truth) string {
	var shifts []float64
	for _, k := range []struct {
		kind string
		tag  flv.TagType
	}{{"video", flv.TagVideo}, {"audio", flv.TagAudio}, {"data", flv.TagScript}} {
		streams := want.of(k.kind)
		if len(streams) == 0 {
			continue
		}
		have := got[k.tag].packets
		if len(have) == 0 {
			return k.kind + ": nothing arrived"
		}
		fault := k.kind + ": payloads that no track of the file has"
		for _, s := range streams {
			if f, shift := compareTrack(have, s); f == "" {
				fault = ""
				shifts = append(shifts, shift)
				break
			} else if len(streams) == 1 || fault == "" {
				fault = k.kind + ": " + f
			}
		}
		if fault != "" {
			return fault
		}
	}
	if len(shifts) > 1 && (shifts[0]-shifts[1] > 2 || shifts[1]-shifts[0] > 2) {
		return fmt.Sprintf("audio runs %.1f ms against video", shifts[1]-shifts[0])
	}
	return ""
}

func compareTrack(have, want []packet) (fault string, shift float64) {
	if len(have) != len(want) {
		return fmt.Sprintf("%d samples, want %d", len(have), len(want)), 0
	}
	shift = have[0].dts - want[0].dts
	for i, h := range have {
		w := want[i]
		if h.sum != w.sum {
			return fmt.Sprintf("sample %d: payload differs", i), 0
		}
		if d := h.dts - w.dts - shift; d > 1.01 || d < -1.01 {
			return fmt.Sprintf("sample %d: dts %.0f ms, want %.3f", i, h.dts, w.dts+shift), 0
		}
		if d := (h.pts - h.dts) - (w.pts - w.dts); d > 1.51 || d < -1.51 {
			return fmt.Sprintf("sample %d: composition offset %.0f ms, want %.3f", i, h.pts-h.dts, w.pts-w.dts), 0
		}
	}
	return "", shift
}

// open opens a file that lies in memory.
func open(t *testing.T, media []byte) (*mp4.File, flv.Input) {
	t.Helper()
	in := flv.NewInput(bytes.NewReader(media), int64(len(media)))
	f, err := mp4.Open(context.Background(), in)
	require.NoError(t, err)
	return f, in
}

// mediaFiles are the real files, by path; the test is skipped where there are none.
func mediaFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, path := range strangers.Media(t, ".mp4", ".mov", ".f4v") {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		files[path] = b
	}
	return files
}

func truths(t *testing.T, path string, media []byte) (all []truth) {
	t.Helper()
	for _, suffix := range []string{".packets.tsv", ".packets-noelst.tsv"} {
		if rows := strangers.Record(t, path+suffix); rows != nil {
			all = append(all, truthOf(t, rows, media))
		}
	}
	return all
}

// compareAny compares with each of the truths, and returns what is wrong with the first where all differ.
func compareAny(got map[flv.TagType]*received, all []truth) string {
	var faults []string
	for _, tr := range all {
		f := compare(got, tr)
		if f == "" {
			return ""
		}
		faults = append(faults, f)
	}
	return strings.Join(faults, "; ")
}

// refused are files that must be refused, with what the error says.
func refused(path string) string {
	switch {
	case strings.Contains(path, "-cenc-"):
		return "encrypted"
	case strings.Contains(path, "-malformed-"):
		return "does not fit"
	}
	return ""
}

func TestMedia(t *testing.T) {
	t.Parallel()
	for path, media := range mediaFiles(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			if why := refused(path); why != "" {
				_, err := mp4.Open(context.Background(), flv.NewInput(bytes.NewReader(media), int64(len(media))))
				require.Error(t, err)
				require.ErrorContains(t, err, why)
				return
			}
			f, in := open(t, media)
			require.Empty(t, compareAny(receive(t, f.NewReader(in)), truths(t, path, media)))
			checkInfo(t, f, in)
		})
	}
}

// checkInfo checks that what Info says is true of what a reader gives.
func checkInfo(t *testing.T, f *mp4.File, in flv.Input) {
	t.Helper()
	r := f.NewReader(in)
	var last time.Duration
	for {
		tag, err := r.Next(context.Background())
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		last = time.Duration(tag.Timestamp) * time.Millisecond
	}
	duration, ok := f.Info().Metadata.Number("duration")
	require.True(t, ok)
	require.GreaterOrEqual(t, last.Seconds()/duration, 0.9994)
	require.GreaterOrEqual(t, f.Info().Duration, last)
}

// testFile is a clip of the package's own.
func testFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return b
}
