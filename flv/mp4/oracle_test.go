package mp4_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	oracle "github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/internal/strangers"
)

// oracleSample is what mp4ff says of a sample: its decoding time, in ms of the media's own timeline, and its payload.
type oracleSample struct {
	dts, cts float64
	sum      string
}

// oracleSamples are the samples of a track as mp4ff sees them.
func oracleSamples(t *testing.T, f *oracle.File, media []byte, id uint32) (all []oracleSample) {
	t.Helper()
	var trak *oracle.TrakBox
	for _, tr := range f.Moov.Traks {
		if tr.Tkhd.TrackID == id {
			trak = tr
		}
	}
	require.NotNil(t, trak)
	ms := func(ticks int64) float64 { return float64(ticks) * 1000 / float64(trak.Mdia.Mdhd.Timescale) }
	if n := trak.GetNrSamples(); n > 0 {
		samples, err := trak.GetSampleData(1, n)
		require.NoError(t, err)
		dts := int64(0)
		for i, s := range samples {
			ranges, err := trak.GetRangesForSampleInterval(uint32(i+1), uint32(i+1))
			require.NoError(t, err)
			require.Len(t, ranges, 1)
			data := media[ranges[0].Offset:][:ranges[0].Size]
			all = append(all, oracleSample{ms(dts), ms(int64(s.CompositionTimeOffset)), strangers.MD5(data)})
			dts += int64(s.Dur)
		}
	}
	for _, segment := range f.Segments {
		for _, fragment := range segment.Fragments {
			var trex *oracle.TrexBox
			for _, x := range f.Moov.Mvex.Trexs {
				if x.TrackID == id {
					trex = x
				}
			}
			samples, err := fragment.GetFullSamples(trex)
			require.NoError(t, err)
			for _, s := range samples {
				all = append(all, oracleSample{ms(int64(s.DecodeTime)), ms(int64(s.CompositionTimeOffset)), strangers.MD5(s.Data)})
			}
		}
	}
	return all
}

// TestOracle reads each track by itself, and compares it with what mp4ff finds. Clips whose edit lists cut a track are
// left to TestEdits: mp4ff does not apply them.
func TestOracle(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.m*")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			media := testFile(t, name)
			want, err := oracle.DecodeFile(bytes.NewReader(media))
			require.NoError(t, err)
			f, in := open(t, media)
			for _, track := range f.Info().Tracks {
				if track.Type == flv.TrackText {
					continue
				}
				kind := flv.TagVideo
				if track.Type == flv.TrackAudio {
					kind = flv.TagAudio
				}
				got := receive(t, f.NewReader(in, track))[kind].packets
				samples := oracleSamples(t, want, media, track.ID)
				require.Len(t, got, len(samples), "track %d", track.ID)
				shift, lift := got[0].dts-samples[0].dts, got[0].pts-got[0].dts-samples[0].cts
				for i, s := range samples {
					require.Equal(t, s.sum, got[i].sum, "sample %d of track %d", i, track.ID)
					require.InDelta(t, s.dts+shift, got[i].dts, 1.01, "sample %d of track %d", i, track.ID)
					require.InDelta(t, s.cts+lift, got[i].pts-got[i].dts, 2.01, "sample %d of track %d", i, track.ID)
				}
			}
			if strings.HasPrefix(name, "text") {
				require.Len(t, f.Info().Tracks, 3)
			}
			checkSeeks(t, f, in)
			checkInfo(t, f, in)
		})
	}
}
