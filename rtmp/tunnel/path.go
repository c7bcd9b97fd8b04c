package tunnel

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// verb is what a request asks for.
type verb uint8

const (
	verbNone verb = iota
	verbIdent
	verbOpen
	verbSend
	verbIdle
	verbClose
)

// sessionID names a session. Whoever knows it may send and receive in it.
type sessionID [16]byte

func (id sessionID) String() string { return hex.EncodeToString(id[:]) }

// A target is what the path of a request says.
type target struct {
	verb verb
	id   sessionID
	// known is false if the id can be none of ours.
	known bool
	seq   int64
}

// parsePath says what a path asks for: verbNone if it is not one of RTMPT's.
func parsePath(path string) target {
	switch path {
	case "/open/1":
		return target{verb: verbOpen}
	case "/fcs/ident", "/fcs/ident2":
		return target{verb: verbIdent}
	}
	name, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	id, digits, ok := strings.Cut(rest, "/")
	if !ok || id == "" || path[0] != '/' {
		return target{}
	}
	t := target{verb: verbNamed(name)}
	if t.seq, ok = parseSequence(digits); !ok || t.verb == verbNone {
		return target{}
	}
	t.id, t.known = parseID(id)
	return t
}

func verbNamed(name string) verb {
	switch name {
	case "send":
		return verbSend
	case "idle":
		return verbIdle
	case "close":
		return verbClose
	}
	return verbNone
}

func parseID(s string) (id sessionID, ok bool) {
	if len(s) != hex.EncodedLen(len(id)) {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(s))
	return id, err == nil
}

func parseSequence(s string) (int64, bool) {
	if len(s) == 0 || len(s) > maxSequenceDigits {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
