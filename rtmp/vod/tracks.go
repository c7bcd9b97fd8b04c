package vod

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/rtmp"
)

// choose picks the tracks of a file that a client is sent: the first video track that it takes; the audio track that
// audio names, or else the first that it takes; and all text and data tracks. A file that has video is not played
// without: a client would show a black picture and not say why.
func choose(p Path, tracks []flv.Track, audio string, takes func(flv.Codec) bool) ([]flv.Track, error) {
	if takes == nil {
		takes = func(c flv.Codec) bool { return !c.Enhanced() }
	}
	var chosen, video, sound []flv.Track
	for _, t := range tracks {
		switch t.Type {
		case flv.TrackVideo:
			video = append(video, t)
		case flv.TrackAudio:
			sound = append(sound, t)
		}
	}
	v, a := first(video, takes), chosenAudio(sound, audio, takes)
	switch {
	case v < 0 && len(video) > 0:
		return nil, noTrack(p, video[0].Codec)
	case v < 0 && a < 0 && len(sound) > 0:
		return nil, noTrack(p, sound[0].Codec)
	case v < 0 && a < 0:
		return nil, fmt.Errorf("vod: %q: %w", p.Name, flv.ErrNoTrack)
	}
	if v >= 0 {
		chosen = append(chosen, video[v])
	}
	if a >= 0 {
		chosen = append(chosen, sound[a])
	}
	for _, t := range tracks {
		if t.Type == flv.TrackText || t.Type == flv.TrackData {
			chosen = append(chosen, t)
		}
	}
	return chosen, nil
}

// first is the index of the first track that the client takes, -1 if there is none.
func first(tracks []flv.Track, takes func(flv.Codec) bool) int {
	for i, t := range tracks {
		if takes(t.Codec) {
			return i
		}
	}
	return -1
}

// chosenAudio is the index of the audio track that choice names by language or by index. A choice that the file or the
// client does not have is no reason not to play.
func chosenAudio(tracks []flv.Track, choice string, takes func(flv.Codec) bool) int {
	if i, err := strconv.Atoi(choice); err == nil && i >= 0 && i < len(tracks) && takes(tracks[i].Codec) {
		return i
	}
	for i, t := range tracks {
		if choice != "" && strings.EqualFold(t.Language, choice) && takes(t.Codec) {
			return i
		}
	}
	return first(tracks, takes)
}

// noTrack says that a codec is the reason why a file is not played.
func noTrack(p Path, c flv.Codec) error {
	return &rtmp.StatusError{
		Code:        rtmp.CodePlayNoSupportedTrack,
		Description: fmt.Sprintf("Failed to play %s; this client does not take its codec, %s.", p.Name, c),
		Err:         fmt.Errorf("vod: %q: %w: the client does not take %s", p.Name, flv.ErrNoTrack, c),
	}
}
