package vod

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/rtmp"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	var (
		hevc = flv.Track{ID: 1, Type: flv.TrackVideo, Codec: flv.CodecHEVC}
		avc  = flv.Track{ID: 2, Type: flv.TrackVideo, Codec: flv.CodecAVC}
		opus = flv.Track{ID: 3, Type: flv.TrackAudio, Codec: flv.CodecOpus, Language: "eng"}
		aac  = flv.Track{ID: 4, Type: flv.TrackAudio, Codec: flv.CodecAAC, Language: "deu"}
		mp3  = flv.Track{ID: 5, Type: flv.TrackAudio, Codec: flv.CodecMP3, Language: "fra"}
		text = flv.Track{ID: 6, Type: flv.TrackText}
		data = flv.Track{ID: 7, Type: flv.TrackData}
		ac3  = flv.Track{ID: 8, Type: flv.TrackAudio, Codec: flv.CodecAC3, Language: "eng"}
		more = flv.Track{ID: 9, Type: flv.TrackText, Language: "fra"}
	)
	all := func(flv.Codec) bool { return true }
	none := func(flv.Codec) bool { return false }
	for _, c := range []struct {
		name   string
		tracks []flv.Track
		audio  string
		takes  func(flv.Codec) bool
		want   []flv.Track
		codec  flv.Codec // that the refusal names
	}{
		{name: "first of each", tracks: []flv.Track{aac, avc, mp3}, want: []flv.Track{avc, aac}},
		{name: "first playable", tracks: []flv.Track{hevc, avc, opus, aac}, want: []flv.Track{avc, aac}},
		{name: "enhanced", tracks: []flv.Track{hevc, avc, opus, aac}, takes: all, want: []flv.Track{hevc, opus}},
		{name: "video without playable audio", tracks: []flv.Track{avc, opus}, want: []flv.Track{avc}},
		{name: "no playable video", tracks: []flv.Track{aac, hevc}, codec: flv.CodecHEVC},
		{name: "audio only", tracks: []flv.Track{opus, mp3}, want: []flv.Track{mp3}},
		{name: "no playable audio", tracks: []flv.Track{opus}, codec: flv.CodecOpus},
		{name: "a client that takes nothing", tracks: []flv.Track{avc}, takes: none, codec: flv.CodecAVC},
		{name: "text and data", tracks: []flv.Track{text, aac, data, avc}, want: []flv.Track{avc, aac, text, data}},
		{name: "AC-3 and AAC, classic", tracks: []flv.Track{avc, ac3, aac}, want: []flv.Track{avc, aac}},
		{name: "AC-3 and AAC, enhanced", tracks: []flv.Track{avc, ac3, aac}, takes: all, want: []flv.Track{avc, ac3}},
		{name: "index of a track that cannot be sent", tracks: []flv.Track{avc, ac3, aac}, audio: "0", want: []flv.Track{avc, aac}},
		{name: "index counts sound alone", tracks: []flv.Track{text, ac3, avc, aac}, audio: "1", want: []flv.Track{avc, aac, text}},
		{name: "language of a track that cannot be sent", tracks: []flv.Track{hevc, aac}, audio: "deu", codec: flv.CodecHEVC},
		{name: "texts of every language", tracks: []flv.Track{avc, text, more}, want: []flv.Track{avc, text, more}},
		{name: "text beside sound", tracks: []flv.Track{mp3, text}, want: []flv.Track{mp3, text}},
		{name: "language", tracks: []flv.Track{avc, aac, mp3}, audio: "fra", want: []flv.Track{avc, mp3}},
		{name: "language in capitals", tracks: []flv.Track{avc, aac, mp3}, audio: "FRA", want: []flv.Track{avc, mp3}},
		{name: "index", tracks: []flv.Track{avc, aac, mp3}, audio: "1", want: []flv.Track{avc, mp3}},
		{name: "unknown language", tracks: []flv.Track{avc, aac, mp3}, audio: "jpn", want: []flv.Track{avc, aac}},
		{name: "index out of range", tracks: []flv.Track{avc, aac}, audio: "1", want: []flv.Track{avc, aac}},
		{name: "negative index", tracks: []flv.Track{avc, aac}, audio: "-1", want: []flv.Track{avc, aac}},
		{name: "choice that cannot be sent", tracks: []flv.Track{avc, aac, opus}, audio: "eng", want: []flv.Track{avc, aac}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := choose(Path{Name: "dir/film"}, c.tracks, c.audio, c.takes)
			if c.codec == "" {
				require.NoError(t, err)
				require.Equal(t, c.want, got)
				return
			}
			require.ErrorIs(t, err, flv.ErrNoTrack)
			status := rtmp.StatusOf(err)
			require.Equal(t, rtmp.CodePlayNoSupportedTrack, status.Code)
			require.Equal(t, "Failed to play dir/film; this client does not take its codec, "+string(c.codec)+".", status.Description)
		})
	}
	_, err := choose(Path{}, []flv.Track{text}, "", nil)
	require.ErrorIs(t, err, flv.ErrNoTrack)
}

func TestAudioChoice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host, query string
		allowed     bool
		want        string
	}{
		{"", "audio=deu", true, "deu"},
		{"", "x=1&audio=d%65u&y=2", true, "deu"},
		{"", "audio=deu", false, ""},
		{"fra", "audio=deu", true, "fra"},
		{"fra", "", false, "fra"},
		{"", "audio=%", true, ""},
	} {
		h := &Handler{AudioChoice: c.allowed}
		require.Equal(t, c.want, h.audio(&rtmp.PlayRequest{Audio: c.host}, Path{Query: c.query}))
	}
}
