package demux

import (
	"context"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/mp3"
	"github.com/seed-3309b198/reelfront/flv/mp4"
)

// headLen is how much of a file is looked at to tell what it is.
const headLen = 4 << 10

// Open reads the index of the file that in holds. The content tells the format; only where it leaves that open does the
// hint, which may be empty, decide. It comes from the file's name or the prefix of the stream's.
//
// Besides the errors of in, Open returns an error that wraps flv.ErrFormat for a file that is damaged or of another kind,
// which it names, and one that wraps flv.ErrNoTrack for a file in which nothing can be played.
func Open(ctx context.Context, in flv.Input, hint flv.Format) (flv.File, error) {
	head, err := in.Window(ctx, 0, int(min(in.Size(), headLen)))
	if err != nil {
		return nil, err
	}
	format, other := sniff(head)
	if format == "" && other == "" {
		format, other = hint, "nothing known"
	}
	switch format {
	case flv.FormatFLV:
		return opened(flv.Open(ctx, in))
	case flv.FormatMP4:
		return opened(mp4.Open(ctx, in))
	case flv.FormatMP3:
		return opened(mp3.Open(ctx, in))
	}
	return nil, &flv.FormatError{What: "file", Reason: "neither FLV nor MP4 nor MP3: it looks like " + other}
}

// opened makes a File of what one of the formats opened. A nil pointer in an interface would not be nil.
func opened[F flv.File](f F, err error) (flv.File, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}
