package rtmp

import (
	"context"
	"time"

	"github.com/seed-3309b198/reelfront/flv/amf"
)

// Play2Options are what else a transition is told; the zero value, and nil, are a recorded stream from its start to its
// end, and a switch as soon as nothing that was sent already is lost.
type Play2Options struct {
	// Old is the stream to be replaced, of TransitionSwitch and TransitionSwap; empty for what plays.
	Old string
	// Start is where in the file to start, and Length how much to play; 0 for all. A switch or a swap has neither.
	Start, Length time.Duration
	// Offset is the stream time from which on TransitionSwitch plays the new stream, and at which TransitionResume resumes.
	// A switch goes to the first key frame at or after it, even where the server has sent that already: then it goes back,
	// and what of the old stream has not been read yet from there on is dropped. 0 is where the server is.
	Offset time.Duration
}

// Play2 changes what plays, without a gap in stream time where it switches. TransitionReset, TransitionResume, and
// TransitionAppend where nothing plays, return as Play does, when the server has started the stream or refused.
//
// The others do not wait. The statuses of ClientOptions.OnStatus tell what becomes of a switch: CodePlayTransition when the
// server will make it, CodePlayTransitionComplete where the new stream's tags begin, which is with its onMetaData and its
// sequence headers. A refused one leaves the old stream playing, and ReadTag returns the *StatusError once.
func (s *ClientStream) Play2(ctx context.Context, t Transition, name string, opts *Play2Options) error {
	if opts == nil {
		opts = &Play2Options{}
	}
	var started chan error
	switch t {
	case TransitionReset, TransitionResume:
		started = s.start(false)
	case TransitionAppend:
		started = s.start(true)
	}
	return s.await(ctx, started, s.command("play2", opts.wire(t, name)))
}

// wire is a NetStreamPlayOptions.
func (o *Play2Options) wire(t Transition, name string) amf.Object {
	length, offset := -1.0, -1.0
	if o.Length > 0 {
		length = o.Length.Seconds()
	}
	if o.Offset > 0 {
		offset = o.Offset.Seconds()
	}
	return amf.Object{
		{Key: "streamName", Value: name},
		{Key: "oldStreamName", Value: o.Old},
		{Key: "start", Value: max(0, o.Start.Seconds())},
		{Key: "len", Value: length},
		{Key: "offset", Value: offset},
		{Key: "transition", Value: string(t)},
	}
}
