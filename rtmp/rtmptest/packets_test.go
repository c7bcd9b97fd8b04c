package rtmptest_test

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/internal/strangers"
)

// packet is a frame of video or audio: its codec's bytes, without any container's headers.
type packet struct {
	dts, pts float64 // ms
	md5      string
}

// film is the first video and the first audio track of something: "video" and "audio" to their packets.
type film map[string][]packet

func (f film) add(kind string, dts, pts float64, payload []byte) {
	sum := md5.Sum(payload)
	f[kind] = append(f[kind], packet{dts: dts, pts: pts, md5: hex.EncodeToString(sum[:])})
}

func (f film) count() int { return len(f["video"]) + len(f["audio"]) }

// part is what of a film is decoded at or after from, and before to, in ms.
func (f film) part(from, to float64) film {
	some := make(film)
	for kind, packets := range f {
		for _, p := range packets {
			if p.dts >= from && p.dts < to {
				some[kind] = append(some[kind], p)
			}
		}
	}
	return some
}

// difference says how what arrived differs from a film; "" for not at all. Times may be rounded to milliseconds and
// shifted, all by the same.
func (f film) difference(got film) string {
	shifts := make(map[string]float64)
	for kind, want := range f {
		have := got[kind]
		if len(have) != len(want) {
			return fmt.Sprintf("%s: %d packets, want %d", kind, len(have), len(want))
		}
		shift := have[0].dts - want[0].dts
		shifts[kind] = shift
		for i, w := range want {
			h := have[i]
			switch {
			case h.md5[:12] != w.md5[:12]:
				return fmt.Sprintf("%s packet %d: another payload", kind, i)
			case math.Abs(h.dts-w.dts-shift) > 1.01:
				return fmt.Sprintf("%s packet %d: dts %.1f ms, want %.1f", kind, i, h.dts, w.dts+shift)
			case math.Abs((h.pts-h.dts)-(w.pts-w.dts)) > 1.51:
				return fmt.Sprintf("%s packet %d: composition offset %.1f ms, want %.1f", kind, i, h.pts-h.dts, w.pts-w.dts)
			}
		}
	}
	for kind := range got {
		if f[kind] == nil {
			return kind + ": not in the file"
		}
	}
	if len(shifts) == 2 && math.Abs(shifts["audio"]-shifts["video"]) > 2 {
		return fmt.Sprintf("audio runs %.1f ms against video", shifts["audio"]-shifts["video"])
	}
	return ""
}

// requireFilm requires that a film arrived, on one of the timelines that it may be said to have.
func requireFilm(t *testing.T, timelines []film, got film) {
	t.Helper()
	for _, want := range timelines {
		if want.difference(got) == "" {
			return
		}
	}
	require.Empty(t, timelines[0].difference(got))
}

// timelines are a file's packets as ffprobe reads them: with its edit lists applied, and where it may have some without.
func timelines(t *testing.T, path string) []film {
	t.Helper()
	all := []film{probe(t, path)}
	if strings.HasSuffix(path, ".mp4") || strings.HasSuffix(path, ".mov") {
		all = append(all, probe(t, "-ignore_editlist", "1", path))
	}
	return all
}

// probe reads a file or URL with ffprobe, which must come to its end by itself.
func probe(t *testing.T, args ...string) film {
	t.Helper()
	fixed := []string{"-v", "error", "-of", "json", "-show_packets", "-show_data_hash", "md5"}
	out := strangers.Run(t, "ffprobe", append(fixed, args...)...)
	require.NoError(t, out.Err, out.Stderr)
	var found struct {
		Packets []struct {
			Type   string `json:"codec_type"`
			Stream int    `json:"stream_index"`
			DTS    string `json:"dts_time"`
			PTS    string `json:"pts_time"`
			Hash   string `json:"data_hash"`
		}
	}
	require.NoError(t, json.Unmarshal(out.Stdout, &found))
	f, first := make(film), make(map[string]int)
	for _, p := range found.Packets {
		if p.Type != "video" && p.Type != "audio" {
			continue
		}
		if stream, ok := first[p.Type]; ok && stream != p.Stream {
			continue
		}
		first[p.Type] = p.Stream
		f[p.Type] = append(f[p.Type], packet{dts: seconds(t, p.DTS, p.PTS), pts: seconds(t, p.PTS, p.DTS), md5: strings.TrimPrefix(p.Hash, "MD5:")})
	}
	return f
}

// seconds is a time of ffprobe's in ms; s, or else where it has none otherwise.
func seconds(t *testing.T, s, otherwise string) float64 {
	if s == "" {
		s = otherwise
	}
	v, err := strconv.ParseFloat(s, 64)
	require.NoError(t, err)
	return v * 1000
}

func TestDifference(t *testing.T) {
	t.Parallel()
	reel := func(shift float64, payloads ...string) film {
		f := make(film)
		for i, p := range payloads {
			f.add("video", float64(40*i), float64(40*i+80), []byte(p))
			f.add("audio", float64(40*i)+shift, float64(40*i)+shift, []byte(p))
		}
		return f
	}
	want := reel(0, "a", "b", "c")
	require.Empty(t, want.difference(reel(0, "a", "b", "c")))
	require.Contains(t, want.difference(reel(0, "a", "b")), "2 packets, want 3")
	require.Contains(t, want.difference(reel(0, "a", "c", "b")), "packet 1: another payload")
	require.Contains(t, want.difference(reel(10, "a", "b", "c")), "runs 10.0 ms")
	late := reel(0, "a", "b", "c")
	late["audio"][2].dts += 5
	require.Contains(t, want.difference(late), "audio packet 2: dts 85.0 ms, want 80.0")
	late = reel(0, "a", "b", "c")
	late["video"][1].pts -= 40
	require.Contains(t, want.difference(late), "composition offset 40.0 ms, want 80.0")
	require.Contains(t, film{"video": want["video"]}.difference(want), "audio: not in the file")
	require.Contains(t, want.difference(film{"video": want["video"]}), "audio: 0 packets")
}
