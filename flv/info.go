package flv

import (
	"context"
	"time"

	"github.com/seed-3309b198/reelfront/flv/amf"
)

// Format is the container that a file is.
type Format string

// The containers.
const (
	FormatFLV Format = "flv"
	FormatMP4 Format = "mp4"
	FormatMP3 Format = "mp3"
)

// Info is what is known of a file, or of a choice of its tracks. It is never changed once made.
type Info struct {
	Format   Format
	Duration time.Duration // 0 when not known
	Tracks   []Track
	// LeftOut names the codecs of sound and pictures that the file has beside those of Tracks and that cannot be sent. It is
	// for a log.
	LeftOut []string
	// Metadata is what onMetaData says of the whole file; what each track adds is in Track.Metadata. OnMetaData joins
	// both.
	Metadata amf.ECMAArray
	// KeyFrames are the times of the key frames on the file's own timeline, ascending; nil where they are not known.
	KeyFrames []time.Duration
}

// TrackType says what a track carries.
type TrackType uint8

// The track types.
const (
	TrackVideo TrackType = iota + 1
	TrackAudio
	TrackText // timed text, sent as onTextData
	TrackData // AMF data, sent as script tags
)

// Track is one track of a file.
type Track struct {
	ID       uint32 // the container's own number; 0 in FLV and MP3
	Type     TrackType
	Codec    Codec
	Language string // ISO 639-2, "" when not known
	// Metadata is what onMetaData says of this track: videocodecid, width, audiosamplerate and the like.
	Metadata amf.ECMAArray
}

// OnMetaData is the body of the onMetaData message: the pairs of the file, then those of its tracks.
func (i *Info) OnMetaData() amf.ECMAArray {
	all := append(amf.ECMAArray(nil), i.Metadata...)
	for _, t := range i.Tracks {
		all = append(all, t.Metadata...)
	}
	return all
}

// Reader reads a file as tags, in the order of their decoding times. One goroutine at a time uses it.
//
// The first onMetaData is not among the tags: Info has it. Later script tags come in their place.
//
// Timestamps are those of the file: they need not begin at 0, may jump, and wrap at 2^32 ms. Times of Seek do not wrap:
// the timeline begins with the timestamp of the file's first frame and goes on past 2^32 ms. Video tags that hold no pictures
// (sequence headers, ends of sequences, commands) are never taken for key frames; neither are empty audio tags for frames.
type Reader interface {
	// Next returns the next tag, or io.EOF after the last. The tag is the caller's to change until the next call, and the
	// Reader's again from then on. After an error of ctx, Next may be called again and goes on where it was.
	Next(ctx context.Context) (*Tag, error)
	// Seek goes to the last key frame at or before t (of an audio-only file, the last frame), compared in whole
	// milliseconds as they stand in Tag.Timestamp, and returns that key frame's time. The sequence headers in force
	// there come next, with that time, and then the key frame. With them come an onMetaData other than the first, and what
	// Enhanced RTMP keeps in force in the same way: metadata of the picture, channel layouts. A t before the first key
	// frame means the first; a t past the end means the last. After an error the reader is where it was, and Seek may be
	// called again.
	Seek(ctx context.Context, t time.Duration) (time.Duration, error)
}

// File is an index over an object: safe for concurrent use, and shared by all viewers of one version of that object.
// What it learns lazily is append-only and learnt once, under the ctx of the viewer who needs it.
type File interface {
	Info() *Info
	// NewReader returns a reader of the given tracks, which are among Info().Tracks, or, with none given, of the first
	// video and the first audio track. It does no input or output. in holds the bytes that the index was made from, and
	// belongs to the reader.
	NewReader(in Input, tracks ...Track) Reader
	// Bytes is about how much memory the index takes, for a cache's accounting.
	Bytes() int
}
