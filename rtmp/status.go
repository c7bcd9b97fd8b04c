package rtmp

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
)

// The status codes (ActionScript 3 reference, NetStatusEvent.info).
const (
	CodeConnectSuccess     = "NetConnection.Connect.Success"
	CodeConnectRejected    = "NetConnection.Connect.Rejected"
	CodeConnectFailed      = "NetConnection.Connect.Failed"
	CodeConnectAppShutdown = "NetConnection.Connect.AppShutdown"
	CodeConnectInvalidApp  = "NetConnection.Connect.InvalidApp"
	CodeCallFailed         = "NetConnection.Call.Failed"

	CodePlayReset                = "NetStream.Play.Reset"
	CodePlayStart                = "NetStream.Play.Start"
	CodePlayStop                 = "NetStream.Play.Stop"
	CodePlayComplete             = "NetStream.Play.Complete"
	CodePlaySwitch               = "NetStream.Play.Switch"
	CodePlayTransition           = "NetStream.Play.Transition"
	CodePlayTransitionComplete   = "NetStream.Play.TransitionComplete"
	CodePlayFailed               = "NetStream.Play.Failed"
	CodePlayStreamNotFound       = "NetStream.Play.StreamNotFound"
	CodePlayFileStructureInvalid = "NetStream.Play.FileStructureInvalid"
	CodePlayNoSupportedTrack     = "NetStream.Play.NoSupportedTrackFound"
	CodeStreamFailed             = "NetStream.Failed"
	CodeSeekNotify               = "NetStream.Seek.Notify"
	CodePauseNotify              = "NetStream.Pause.Notify"
	CodeUnpauseNotify            = "NetStream.Unpause.Notify"
	CodePublishDenied            = "NetStream.Publish.Denied"
	CodeDataStart                = "NetStream.Data.Start"
)

// StatusError is a refusal as the client is told it: an _error for connect, an onStatus of level "error" for a stream.
type StatusError struct {
	Code        string
	Description string // empty for the one that Flash servers gave with Code
	// Application is the application-defined value of a rejected connect; nil for none.
	Application any
	// Extra are further properties of the status object, such as ex.redirect.
	Extra amf.Object
	// Err is the cause, for logs; clients never see it.
	Err error
}

func (e *StatusError) Error() string {
	s := e.Code
	if e.Description != "" {
		s += ": " + e.Description
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *StatusError) Unwrap() error { return e.Err }

// StatusOf says how an error of App.Play or of a Source is told to the client: the one place where errors become
// statuses.
func StatusOf(err error) *StatusError {
	var status *StatusError
	switch {
	case errors.As(err, &status):
		return status
	case errors.Is(err, fs.ErrNotExist):
		return &StatusError{Code: CodePlayStreamNotFound, Err: err}
	case errors.Is(err, fs.ErrPermission):
		return &StatusError{Code: CodeStreamFailed, Err: err}
	case errors.Is(err, flv.ErrFormat):
		return &StatusError{Code: CodePlayFileStructureInvalid, Err: err}
	case errors.Is(err, flv.ErrNoTrack):
		return &StatusError{Code: CodePlayNoSupportedTrack, Err: err}
	default:
		return &StatusError{Code: CodePlayFailed, Err: err}
	}
}

// The levels of a status (RTMP 1.0, 7.2.2).
const (
	levelStatus = "status"
	levelError  = "error"
)

// statusInfo is the information object of onStatus and _error. Empty details are left out.
func statusInfo(level, code, description, details string, clientID uint32) amf.Object {
	info := amf.Object{{Key: "level", Value: level}, {Key: "code", Value: code}, {Key: "description", Value: description}}
	if details != "" {
		info = append(info, amf.Pair{Key: "details", Value: details})
	}
	return append(info, amf.Pair{Key: "clientid", Value: float64(clientID)})
}

// streamRefusal is the onStatus that tells a failed play. name is the stream name without prefix and query.
func (e *StatusError) streamRefusal(name string, stream, clientID uint32) amf.Object {
	if e.Code == CodeStreamFailed {
		name = "" // as CloudFront did: a refusal does not repeat what was asked for
	}
	description := e.Description
	var codecs *flv.CodecError
	switch {
	case description != "":
	case e.Code == CodePlayNoSupportedTrack && errors.As(e.Err, &codecs):
		description = fmt.Sprintf("Failed to play %s; %s cannot be sent.", name, strings.Join(codecs.Codecs, ", "))
	default:
		description = describe(e.Code, name, stream)
	}
	return append(statusInfo(levelError, e.Code, description, name, clientID), e.Extra...)
}

// describe gives the wording of Flash Media Server for the statuses of a stream.
func describe(code, name string, stream uint32) string {
	switch code {
	case CodePlayReset:
		return "Playing and resetting " + name + "."
	case CodePlayStart:
		return "Started playing " + name + "."
	case CodePlayStop:
		return "Stopped playing " + name + "."
	case CodePauseNotify:
		return "Pausing " + name + "."
	case CodeUnpauseNotify:
		return "Unpausing " + name + "."
	case CodePlayStreamNotFound:
		return "Failed to play " + name + "; stream not found."
	case CodePlayFileStructureInvalid:
		return "Failed to play " + name + "; the file's structure is invalid."
	case CodePlayNoSupportedTrack:
		return "Failed to play " + name + "; it has no supported track."
	default:
		return fmt.Sprintf("Failed to play %s (stream ID: %d).", name, stream)
	}
}

func describeSeek(target time.Duration, stream uint32) string {
	return fmt.Sprintf("Seeking %d (stream ID: %d).", target.Milliseconds(), stream)
}
