package handshake

import (
	"errors"
	"fmt"
	"io"
)

// Error says in which part of a handshake something went wrong: with the bytes, or with the connection.
type Error struct {
	What   string // "C0" to "C2", "S0" to "S2"
	Reason string // empty when Err says it
	Err    error  // of the connection, or nil; io.EOF for a peer that closed before its first byte
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("handshake: %s: %v", e.What, e.Err)
	}
	return fmt.Sprintf("handshake: %s: %s", e.What, e.Reason)
}

func (e *Error) Unwrap() error { return e.Err }

// read fills p, and reads no more.
func read(r io.Reader, what string, p []byte) error {
	_, err := io.ReadFull(r, p)
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) && what != "C0" {
		err = io.ErrUnexpectedEOF
	}
	return &Error{What: what, Err: err}
}
