package mp4_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/mp4"
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

// readTruth reads a record of packets; nil where there is none.
func readTruth(t *testing.T, path string, media []byte) truth {
	t.Helper()
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		z, err := os.Open(path + ".gz")
		if os.IsNotExist(err) {
			return nil
		}
		require.NoError(t, err)
		defer z.Close()
		r, err := gzip.NewReader(z)
		require.NoError(t, err)
		b, err = io.ReadAll(r)
		require.NoError(t, err)
	} else {
		require.NoError(t, err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	column := map[string]int{}
	for i, name := range strings.Split(strings.TrimPrefix(lines[0], "#"), "\t") {
		column[name] = i
	}
	return parseTruth(t, lines[1:], column, "\t", media)
}

func parseTruth(t *testing.T, lines []string, column map[string]int, sep string, media []byte) truth {
	t.Helper()
	var all truth
	for _, line := range lines {
		cells := strings.Split(line, sep)
		cell := func(name string) string {
			if i, ok := column[name]; ok && i < len(cells) {
				return cells[i]
			}
			return ""
		}
		number := func(name string) float64 {
			v, err := strconv.ParseFloat(cell(name), 64)
			if err != nil {
				return 0
			}
			return v
		}
		p := packet{dts: number("dts_ms"), pts: number("pts_ms"), sum: cell("md5_12"), key: cell("key") == "1", discard: cell("discard") == "1"}
		if p.sum == "" {
			pos, size := int(number("pos")), int(number("size"))
			p.sum = sum(media[pos : pos+size])
		}
		index := int(number("stream"))
		i := 0
		for i < len(all) && all[i].index != index {
			i++
		}
		if i == len(all) {
			all = append(all, truthStream{index: index, kind: cell("type")})
		}
		all[i].packets = append(all[i].packets, p)
	}
	return all
}

func sum(b []byte) string {
	h := md5.Sum(b)
	return hex.EncodeToString(h[:])[:12]
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
	p.sum = sum(b)
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

// mediaFiles are the real files, by name; the test is skipped where there are none.
func mediaFiles(t *testing.T) map[string][]byte {
	t.Helper()
	dir := os.Getenv("REELFRONT_MEDIA")
	if dir == "" {
		t.Skip("REELFRONT_MEDIA names no folder of media files")
	}
	files := map[string][]byte{}
	for _, pattern := range []string{"*.mp4", "*.mov", "*.f4v"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		require.NoError(t, err)
		for _, p := range paths {
			b, err := os.ReadFile(p)
			require.NoError(t, err)
			files[filepath.Base(p)] = b
		}
	}
	require.NotEmpty(t, files, "REELFRONT_MEDIA has no MP4")
	return files
}

func truths(t *testing.T, name string, media []byte) (all []truth) {
	t.Helper()
	for _, suffix := range []string{".packets.tsv", ".packets-noelst.tsv"} {
		if tr := readTruth(t, filepath.Join(os.Getenv("REELFRONT_MEDIA"), name+suffix), media); tr != nil {
			all = append(all, tr)
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
func refused(name string) string {
	switch {
	case strings.Contains(name, "cenc"):
		return "encrypted"
	case strings.Contains(name, "malformed"):
		return "does not fit"
	}
	return ""
}

func TestMedia(t *testing.T) {
	t.Parallel()
	for name, media := range mediaFiles(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if why := refused(name); why != "" {
				_, err := mp4.Open(context.Background(), flv.NewInput(bytes.NewReader(media), int64(len(media))))
				require.Error(t, err)
				require.ErrorContains(t, err, why)
				return
			}
			f, in := open(t, media)
			require.Empty(t, compareAny(receive(t, f.NewReader(in)), truths(t, name, media)))
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
