package flv

import (
	"errors"
	"fmt"
)

// The two ways in which a file is no good.
var (
	ErrFormat  = errors.New("file structure invalid") // truncated, damaged, encrypted, or not media at all
	ErrNoTrack = errors.New("no supported track")     // sound, but nothing in it that can be played
)

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
