package rtmptest

import (
	"embed"
	"io/fs"
)

//go:embed clips/clip.flv clips/clip.mp4 clips/clip.mp3
var clips embed.FS

// Clips are three files of two seconds: clip.flv and clip.mp4, which have the same 50 frames of 96x64 H.264 with B-frames
// and key frames at 0 s and 1 s, and a tone in AAC, 22,050 Hz mono; and clip.mp3, the tone alone.
func Clips() fs.FS {
	sub, err := fs.Sub(clips, "clips")
	if err != nil {
		return clips // never: "clips" is a valid name
	}
	return sub
}
