package rtmp

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
)

// Handler decides who may connect, and to what.
type Handler interface {
	// Connect answers a client's connect command. It runs on the connection's reading goroutine, under the connect
	// deadline. A *StatusError is sent to the client as it is; any other error becomes NetConnection.Connect.Failed. The
	// connection is closed after either.
	Connect(ctx context.Context, r *ConnectRequest) (App, error)
}

// HandlerFunc is a function as a Handler.
type HandlerFunc func(ctx context.Context, r *ConnectRequest) (App, error)

// Connect calls f.
func (f HandlerFunc) Connect(ctx context.Context, r *ConnectRequest) (App, error) { return f(ctx, r) }

// App is what one connection is connected to. The optional interfaces Observer, Lengther, Caller and io.Closer are found
// by assertion; Close is called when the connection has ended.
type App interface {
	// Play opens what a play command names: it is called for each play, each entry of a playlist and each transition. It
	// runs on the player's goroutine or, so that what plays goes on while a switch is opened, on another one beside it; ctx
	// ends when it is not wanted any more, and when the stream or the connection ends. Errors are told to the client
	// by StatusOf, but those of a switch all alike, by NetStream.Play.Failed.
	Play(ctx context.Context, r *PlayRequest) (Source, error)
}

// Source is media that a player pulls from. One goroutine at a time calls its methods, and Close exactly once.
type Source interface {
	Info() *flv.Info
	flv.Reader
	io.Closer
}

// Observer is an App that is told what happens on its connection. Observe must not block.
type Observer interface{ Observe(Event) }

// Lengther is an App that answers getStreamLength.
type Lengther interface {
	// Length is the duration of what name names; 0 when not known. It runs on a goroutine of its own.
	Length(ctx context.Context, name string) (time.Duration, error)
}

// Caller is an App that answers commands which the server itself does not know.
type Caller interface {
	// Call returns the result of a command. It runs on the connection's reading goroutine and must not block.
	Call(ctx context.Context, command string, args []any) (any, error)
}

// ConnectRequest is a client's connect command. It is never changed once made.
type ConnectRequest struct {
	App            string // as sent, with its query: "cfx/st", "vod?token=x", "cfx/st/mp4:videos"
	TCURL          string // as sent: "rtmp://host:1935/cfx/st"
	SWFURL         string
	PageURL        string
	FlashVersion   string
	ObjectEncoding int // 0 or 3; replies are AMF0 in either case

	Object amf.Object // the whole command object
	Args   []any      // further arguments of connect

	// Protocol is the scheme that the client used: rtmp, rtmpe, rtmpt, rtmpte, rtmps or rtmpts.
	Protocol string
	// RemoteAddr is the viewer's address: the TCP peer's or, behind a trusted proxy, the one that the proxy told.
	RemoteAddr net.Addr
	// LocalAddr is where the viewer connected: the listener's address or, behind a trusted proxy that sends PROXY headers,
	// the proxy's.
	LocalAddr net.Addr
	// ClientID is the number by which status messages call this connection.
	ClientID uint32
}

// PlayKind is what the start argument of play asks for (FMS client-side ActionScript, NetStream.play).
type PlayKind uint8

// The kinds of play.
const (
	PlayRecorded PlayKind = iota // start >= 0: a recorded stream, from there
	PlayAny                      // start -2, the default: live, else recorded, else wait for it
	PlayLive                     // start -1: live only
)

// PlayRequest is one stream to be played.
type PlayRequest struct {
	Connect  *ConnectRequest
	StreamID uint32
	// Name is the stream name as sent, with prefix and query: "mp4:dir/film.mp4?Expires=1".
	Name  string
	Kind  PlayKind
	Start time.Duration // 0 unless Kind is PlayRecorded
	// Length is how much is asked for: negative for all, 0 for a single frame.
	Length time.Duration

	// Codecs tells which codecs the client takes; nil for those of classic FLV alone, which every client takes (Enhanced
	// RTMP v2, "Enhancing NetConnection connect Command").
	Codecs func(flv.Codec) bool
	// Audio chooses among several audio tracks, by language (ISO 639-2) or by index, counted from 0. It is for a host to
	// set; "" is the first that the client takes.
	Audio string
}

// EventKind says what an Event is about.
type EventKind string

// The kinds of events.
const (
	EventConnect    EventKind = "connect"
	EventPlay       EventKind = "play"
	EventPause      EventKind = "pause"
	EventUnpause    EventKind = "unpause"
	EventSeek       EventKind = "seek"
	EventStop       EventKind = "stop"
	EventDisconnect EventKind = "disconnect"
)

// Event is something that happened on a connection.
type Event struct {
	Kind     EventKind
	Time     time.Time
	Connect  *ConnectRequest
	StreamID uint32
	Name     string        // the stream name as sent; empty for connect and disconnect
	Position time.Duration // where the stream is, on its own timeline
	// BytesSent and BytesReceived are the connection's totals so far, handshake included.
	BytesSent, BytesReceived uint64
	// Err is why it failed or ended; nil when it went well.
	Err error
}
