package flv

import (
	"errors"
	"fmt"
	"strings"
)

// The two ways in which a file is no good.
var (
	ErrFormat  = errors.New("file structure invalid") // truncated, damaged, encrypted, or not media at all
	ErrNoTrack = errors.New("no supported track")     // sound, but nothing in it that can be played
)

// CodecError names the codecs that keep a file from being played. errors.Is(err, ErrNoTrack) holds.
type CodecError struct {
	Codecs []string // as the container names them, or in words
}

func (e *CodecError) Error() string {
	return "codec " + strings.Join(e.Codecs, ", ") + " cannot be sent"
}

// Unwrap makes it an ErrNoTrack.
func (e *CodecError) Unwrap() error { return ErrNoTrack }

// FormatError says what is wrong with a file, and where. errors.Is(err, ErrFormat) holds.
type FormatError struct {
	What   string // the structure: "moov/trak/stbl/stsz", "tag"
	Offset int64  // where it starts in the file, in bytes
	Reason string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s at byte %d: %s", e.What, e.Offset, e.Reason)
}

// Unwrap makes it an ErrFormat.
func (e *FormatError) Unwrap() error { return ErrFormat }
