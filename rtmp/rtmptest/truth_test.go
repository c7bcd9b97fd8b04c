package rtmptest_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/internal/strangers"
)

// firstMedia is when the first audio or video tag of a file is, in ms.
func firstMedia(t *testing.T, rows []strangers.Row) uint32 {
	t.Helper()
	for _, r := range rows {
		if r["tag"] != "script" {
			return uint32(r.Number(t, "ts_ms"))
		}
	}
	return 0
}

// codecNames are FFmpeg's names of the codecs that can be sent, and whether Enhanced RTMP alone can.
func codecNames() map[string]bool {
	return map[string]bool{
		"h264": false, "aac": false, "mp3": false, "flv1": false,
		"hevc": true, "av1": true, "vp9": true, "opus": true, "ac3": true,
	}
}

// filmOfRows are the tracks of a file that a client is to receive: of several, those that it did receive packets of.
func filmOfRows(t *testing.T, path string, rows []strangers.Row, got film, codecs []flv.Codec) film {
	t.Helper()
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	known := codecNames()
	tracks := make(map[string]film) // by kind and number
	for _, r := range rows {
		needsEnhanced, ok := known[r["codec"]]
		if !ok || needsEnhanced && codecs == nil {
			continue
		}
		track := r["type"] + r["stream"]
		if tracks[track] == nil {
			tracks[track] = make(film)
		}
		p := packet{dts: r.Number(t, "dts_ms"), pts: r.Number(t, "pts_ms"), md5: r.MD5(t, file)}
		tracks[track][r["type"]] = append(tracks[track][r["type"]], p)
	}
	want := make(film)
	for _, track := range tracks {
		for kind, packets := range track {
			if want[kind] == nil || holds(packets, got[kind]) {
				want[kind] = packets
			}
		}
	}
	return want
}

// holds tells whether a track has all of some packets in it.
func holds(track, packets []packet) bool {
	in := make(map[string]bool)
	for _, p := range track {
		in[p.md5[:12]] = true
	}
	for _, p := range packets {
		if !in[p.md5[:12]] {
			return false
		}
	}
	return true
}

// filmOf takes the codecs' headers off the tags of a stream. Nothing may need a sequence header that has not come.
func filmOf(t *testing.T, tags []flv.Tag) film {
	t.Helper()
	f := make(film)
	ready := make(map[string]bool)
	for _, tag := range tags {
		kind := map[flv.TagType]string{flv.TagAudio: "audio", flv.TagVideo: "video"}[tag.Type]
		if tag.SequenceHeader() {
			ready[kind] = true
			continue
		}
		codec := tag.Codec()
		cts, payload := frame(t, &tag)
		if payload == nil {
			continue
		}
		switch codec {
		case flv.CodecMP3, flv.CodecH263, flv.CodecAC3, flv.CodecEAC3:
		default:
			require.True(t, ready[kind], "%s %s: no sequence header before the first frame", kind, codec)
		}
		dts := float64(tag.Timestamp)
		f.add(kind, dts, dts+cts, payload)
	}
	return f
}

// frame is the composition time, in ms, and the frame in a tag; no frame where the tag is the end of a sequence.
func frame(t *testing.T, tag *flv.Tag) (cts float64, payload []byte) {
	b := tag.Data
	require.NotEmpty(t, b)
	if tag.Type == flv.TagAudio {
		switch b[0] >> 4 {
		case 9: // Enhanced RTMP: packet type and FourCC
			require.EqualValues(t, 1, b[0]&0x0F, "coded frames")
			return 0, b[5:]
		case 10:
			return 0, b[2:]
		}
		return 0, b[1:]
	}
	switch {
	case b[0]&0x80 != 0 && b[0]&0x0F == 1 && tag.Codec() == flv.CodecHEVC:
		return signed24(b[5:]), b[8:]
	case b[0]&0x80 != 0:
		require.Contains(t, []byte{1, 3}, b[0]&0x0F, "coded frames")
		return 0, b[5:]
	case b[0]&0x0F == 7 && b[1] != 1:
		return 0, nil
	case b[0]&0x0F == 7:
		return signed24(b[2:]), b[5:]
	}
	return 0, b[1:]
}

func signed24(b []byte) float64 {
	return float64(int32(uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8) >> 8)
}
