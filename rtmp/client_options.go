package rtmp

import (
	"context"
	"crypto/tls"
	"math"
	"net"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
	"github.com/seed-3309b198/reelfront/rtmp/handshake"
)

// ClientOptions are the options of Dial. In numbers zero means the default.
type ClientOptions struct {
	// App is the application, where the URL does not make clear what of it is that: "cfx/st". What follows it in the URL
	// is the stream name.
	App string
	// Object has further pairs for the command object of connect. One whose key is there already replaces that pair:
	// flashVer, swfUrl, pageUrl, capsEx and so on.
	Object amf.Object
	// Args are further arguments of connect.
	Args []any
	// Codecs are announced as what the caller can decode in the form of Enhanced RTMP. The codecs of classic FLV are
	// always announced.
	Codecs []flv.Codec

	// TLSConfig is for rtmps and rtmpts; nil is a zero one. The server's name is the URL's host unless it is set.
	TLSConfig *tls.Config
	// Handshake says how to shake hands; nil is signed by the first scheme, as FFmpeg and VLC do, and RTMPE of the first
	// kind for rtmpe and rtmpte. Whether it is RTMPE is the URL's to say, which kind is Protocol's.
	Handshake *handshake.ClientOptions
	// DialContext connects to the server's TCP address; nil is that of a net.Dialer.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// OnStatus, when set, is told every status that the server sends, in the order of the wire. It is called by the
	// goroutine that reads the connection, which waits for it: it must neither block nor call a method of the Client or
	// its streams that waits.
	OnStatus func(Status)

	// Timeout is how long Dial may take, and how long each answer; 30 s, none when negative. A context may end either
	// sooner.
	Timeout time.Duration
	// ReadAhead is how many bytes of a stream are taken from the connection before ReadTag asks for them; 256 KiB. One
	// message may exceed it.
	ReadAhead int
	// MessageBytes is the largest message that is accepted; 16 MiB less one, which is all that the protocol can state.
	MessageBytes int
}

const (
	defaultClientTimeout = 30 * time.Second
	defaultReadAhead     = 256 << 10
	// clientCommandBytes is the longest command, or status in a data message, that a client decodes.
	clientCommandBytes = 1 << 20
	// clientRepliesBytes is how much may wait behind a write that the server does not take.
	clientRepliesBytes = 1 << 20
)

func (o *ClientOptions) timeout() time.Duration { return duration(o.Timeout, defaultClientTimeout) }
func (o *ClientOptions) readAhead() int {
	return min(limit(o.ReadAhead, defaultReadAhead), math.MaxInt32/2)
}

func (o *ClientOptions) messageBytes() int {
	return min(limit(o.MessageBytes, chunk.MaxMessageSize), chunk.MaxMessageSize)
}

// Status is what a server says of a connection or a stream: an onStatus command, or the onStatus or onPlayStatus of a data
// message.
type Status struct {
	StreamID    uint32 // 0 for the connection
	Level       string // "status", "warning" or "error"; empty in many data messages
	Code        string // one of the codes above, or any other
	Description string
	Details     string
	Info        amf.Object // all of it
}

// statusOf reads an information object. One that is none has no code.
func statusOf(stream uint32, v any) Status {
	info, _ := amf.Properties(v)
	return Status{
		StreamID:    stream,
		Level:       info.String("level"),
		Code:        info.String("code"),
		Description: info.String("description"),
		Details:     info.String("details"),
		Info:        info,
	}
}

// failure tells whether a status is a refusal. Some servers give no level.
func (s *Status) failure() bool {
	switch s.Code {
	case CodePlayFailed, CodePlayStreamNotFound, CodeStreamFailed:
		return true
	}
	return s.Level == levelError
}

// refusal is a status as an error. What StatusError has no field for is in Extra.
func (s *Status) refusal() *StatusError {
	e := &StatusError{Code: s.Code, Description: s.Description}
	for _, p := range s.Info {
		switch p.Key {
		case "level", "code", "description":
		case "application":
			e.Application = p.Value
		default:
			e.Extra = append(e.Extra, p)
		}
	}
	return e
}
