package rtmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
)

// ClientStream is a NetStream: what plays on a connection. One goroutine at a time calls ReadTag; the other methods may be
// called by any, also while ReadTag waits.
type ClientStream struct {
	// Static after CreateStream.
	c     *Client
	id    uint32
	ready chan struct{} // holds a token when there is something new to read
	room  chan struct{} // holds a token when there is room again

	// Guarded by mu.
	mu       sync.Mutex
	state    streamState
	started  chan error // of the Play that waits
	in, out  tagBatch   // what has come, and what of it ReadTag works off
	sought   []int64    // where to the seeks went, in ms, that the server has not told of yet
	received uint32     // timestamp of the tag that came last
	complete bool       // the server has said that all was played
	ended    bool       // ReadTag has returned io.EOF, and nothing has come since
	fast     bool       // the next tag takes the place of those that have come from its time on
}

// streamState says what is done with the media that comes for a stream.
type streamState uint8

const (
	streamIdle     streamState = iota // dropped: nothing was asked for
	streamStarting                    // dropped until Play.Start, as it is of what played before
	streamPlaying                     // delivered
	streamSeeking                     // dropped until Seek.Notify, as it is of where the stream was
	streamClosed
)

// PlayOptions say what of a stream is to play; the zero value, and nil, a recorded stream from its start to its end.
type PlayOptions struct {
	Kind  PlayKind
	Start time.Duration // where to start, of PlayRecorded: at the key frame at or before it
	// Length is how much to play; 0 for all.
	Length time.Duration
	// Frame asks for the one frame at Start, whatever Length says.
	Frame bool
	// Append puts the stream behind those that play already, instead of in their place.
	Append bool
}

var (
	errBadStreamID = errors.New("rtmp: createStream was answered with no usable number")
	errReplaced    = errors.New("rtmp: another Play has replaced this one")
)

// CreateStream makes a stream. A refusal is a *StatusError.
func (c *Client) CreateStream(ctx context.Context) (*ClientStream, error) {
	v, err := c.Call(ctx, "createStream")
	if err != nil {
		return nil, err
	}
	id, _ := v.(float64)
	if id < 1 || id > math.MaxUint32 || id != math.Trunc(id) {
		return nil, errBadStreamID
	}
	s := newClientStream(c, uint32(id))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streams[s.id] != nil {
		return nil, errBadStreamID
	}
	c.streams[s.id] = s
	return s, nil
}

func newClientStream(c *Client, id uint32) *ClientStream {
	return &ClientStream{c: c, id: id, ready: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// ID is the number by which the server calls the stream.
func (s *ClientStream) ID() uint32 { return s.id }

// Play plays a stream, and returns when the server has started it or refused, which is a *StatusError. Stream time begins
// at 0 then, wherever in the file it started. With PlayOptions.Append it does not wait while something plays: the server
// says nothing before the stream's turn comes, and ReadTag returns its refusal.
func (s *ClientStream) Play(ctx context.Context, name string, opts *PlayOptions) error {
	if opts == nil {
		opts = &PlayOptions{}
	}
	started := s.start(opts.Append)
	start, length := opts.wire()
	return s.await(ctx, started, s.command("play", name, start, length, !opts.Append))
}

// await waits for the answer to a play that was sent, or not, with err. started is nil where none is to be waited for.
func (s *ClientStream) await(ctx context.Context, started chan error, err error) error {
	if err != nil {
		s.abandon(started)
		return err
	}
	if started == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.c.opts.timeout())
	defer cancel()
	select {
	case err := <-started:
		return err
	case <-ctx.Done():
		s.abandon(started)
		return fmt.Errorf("rtmp: play: %w", ctx.Err())
	case <-s.c.done:
	}
	select {
	case err := <-started: // it came before the end
		return err
	default:
		return s.c.cause()
	}
}

// wire is start and length as play has them, in ms.
func (o *PlayOptions) wire() (start, length float64) {
	switch o.Kind {
	case PlayAny:
		start = -2000
	case PlayLive:
		start = -1000
	default:
		start = float64(max(0, o.Start.Milliseconds()))
	}
	switch {
	case o.Frame:
		return start, 0
	case o.Length <= 0:
		return start, -1000
	}
	return start, float64(max(1, o.Length.Milliseconds()))
}

// start has the stream wait for Play.Start, unless the play is put behind one that runs.
func (s *ClientStream) start(behind bool) chan error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state == streamClosed:
		return nil
	case !behind || s.state == streamIdle:
		s.flush()
		s.state, s.sought = streamStarting, nil
	case !s.reopen():
		return nil
	}
	s.finishStart(errReplaced)
	s.complete = false
	s.started = make(chan error, 1)
	return s.started
}

// reopen takes back the end of a stream, which goes on with another entry; it reports false where it had not come.
func (s *ClientStream) reopen() bool {
	ended := s.ended || s.in.dropEnd() || s.in.empty() && s.out.dropEnd()
	s.ended = false
	return ended
}

// finishStart tells the Play that waits, if one does.
func (s *ClientStream) finishStart(err error) {
	if s.started != nil {
		s.started <- err
		s.started = nil
	}
}

// abandon ends a play that nobody waits for any more.
func (s *ClientStream) abandon(started chan error) {
	s.mu.Lock()
	waits := started != nil && s.started == started
	if waits {
		s.started = nil
	}
	idle := waits && s.state == streamStarting
	if idle {
		s.state = streamIdle
	}
	s.mu.Unlock()
	if idle {
		_ = s.command("closeStream") // lest the server sends all of it; if it cannot be told, it cannot send either
	}
}

// Seek goes to a position on the stream's timeline: to the key frame at or before it. It does not wait. What has not been
// read yet is dropped, and what ReadTag returns from now on comes from the new position; a refusal comes from there too.
// Of several seeks in a row a server may do only the last. A stream that has ended can be sought in.
func (s *ClientStream) Seek(position time.Duration) error {
	target := max(0, position.Milliseconds())
	s.mu.Lock()
	if s.state == streamPlaying || s.state == streamSeeking {
		s.flush()
		s.state, s.complete = streamSeeking, false
		s.sought = append(s.sought[max(0, len(s.sought)-maxSought):], target)
	}
	s.mu.Unlock()
	return s.command("seek", float64(target))
}

// maxSought is how many seeks are remembered.
const maxSought = 64

// overtaken tells whether a Seek.Notify is about a seek that a later one has overtaken: servers say in its description where
// to they seek. The server still goes there first then, for a moment.
func (s *ClientStream) overtaken(notify *Status) bool {
	var target int64
	if _, err := fmt.Sscanf(notify.Description, "Seeking %d", &target); err != nil || len(s.sought) == 0 {
		return false
	}
	last := len(s.sought) - 1
	return target != s.sought[last] && slices.Contains(s.sought[:last], target)
}

// Pause stops the stream, or lets it go on. It does not wait; what was on its way still comes.
func (s *ClientStream) Pause(paused bool) error {
	s.mu.Lock()
	at := s.received
	s.mu.Unlock()
	return s.command("pause", paused, float64(at))
}

// ReceiveAudio says whether audio is wanted. It does not wait. Turned on again, a server goes back to the last key frame.
func (s *ClientStream) ReceiveAudio(wanted bool) error { return s.command("receiveAudio", wanted) }

// ReceiveVideo says whether video is wanted. It does not wait. Turned on again, a server goes back to the last key frame.
func (s *ClientStream) ReceiveVideo(wanted bool) error { return s.command("receiveVideo", wanted) }

// SetBufferLength tells how much media the caller holds before it is played. Servers send no more than about that much
// ahead of real time, and without it about a second: for a download it is to be longer than the stream.
func (s *ClientStream) SetBufferLength(d time.Duration) error {
	ms := uint32(min(max(0, d.Milliseconds()), math.MaxInt32))
	return s.c.write(chunk.AppendUserControl(nil, chunk.EventSetBufferLength, s.id, ms))
}

// Close ends the stream on the server. It does not wait. ReadTag returns net.ErrClosed then.
func (s *ClientStream) Close() error {
	s.mu.Lock()
	closed := s.state == streamClosed
	s.finishStart(net.ErrClosed)
	s.flush()
	s.state = streamClosed
	s.mu.Unlock()
	knock(s.ready)
	if closed {
		return nil
	}
	s.c.mu.Lock()
	delete(s.c.streams, s.id)
	s.c.mu.Unlock()
	if err := s.c.send(s.id, "closeStream", 0, nil); err != nil {
		return err
	}
	return s.c.send(0, "deleteStream", 0, nil, s.id)
}

// command sends a command that has no answer but statuses.
func (s *ClientStream) command(name string, args ...any) error {
	s.mu.Lock()
	closed := s.state == streamClosed
	s.mu.Unlock()
	if closed {
		return net.ErrClosed
	}
	return s.c.send(s.id, append([]any{name, 0, nil}, args...)...)
}

// ReadTag returns the stream's next tag: audio, video and script, with the timestamps of the wire and in its order. The
// sequence headers and onMetaData are among them, again after a seek. The tag's Data is valid until the next call.
//
// The error is io.EOF when all was played; a Play or Seek goes on from there. It is a *StatusError where the server told
// of a failure in mid-play, after which ReadTag may be called again: a playlist goes on with its next entry. When the
// connection has ended, it says why. After an error of ctx, ReadTag may be called again.
func (s *ClientStream) ReadTag(ctx context.Context) (flv.Tag, error) {
	for {
		if err := ctx.Err(); err != nil {
			return flv.Tag{}, err
		}
		over := s.c.isDone()
		if t, err, ok := s.take(); ok {
			return t, err
		}
		if over {
			return flv.Tag{}, s.endOfConnection()
		}
		select {
		case <-s.ready:
		case <-s.c.done:
		case <-ctx.Done():
		}
	}
}

// isDone tells whether nothing more will come.
func (c *Client) isDone() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// endOfConnection is what the end of the connection means for the stream: the end of it, where all had been played.
func (s *ClientStream) endOfConnection() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.c.cause()
	if s.complete && errors.Is(err, errHungUp) {
		return io.EOF
	}
	return err
}

// take returns what comes next, if there is something.
func (s *ClientStream) take() (t flv.Tag, err error, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == streamClosed {
		return flv.Tag{}, net.ErrClosed, true
	}
	if s.out.empty() {
		if s.in.empty() {
			return flv.Tag{}, io.EOF, s.ended
		}
		s.out.reset(s.c.opts.readAhead())
		s.in, s.out = s.out, s.in
		knock(s.room)
	}
	t, err = s.out.pop()
	s.ended = errors.Is(err, io.EOF)
	return t, err, true
}

// flush drops what has not been read.
func (s *ClientStream) flush() {
	s.in.reset(s.c.opts.readAhead())
	s.out.drop()
	s.ended, s.fast = false, false
	knock(s.room)
}

// deliver adds a tag, and waits until there is room for it.
func (s *ClientStream) deliver(kind flv.TagType, timestamp uint32, body []byte) {
	for !s.offer(kind, timestamp, body) {
		select {
		case <-s.room:
		case <-s.c.closing:
			return
		}
	}
}

// offer adds a tag unless there is no room for it; one that is not wanted it drops.
func (s *ClientStream) offer(kind flv.TagType, timestamp uint32, body []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != streamPlaying {
		return true
	}
	if s.fast {
		s.fast, s.ended, s.complete = false, false, false
		s.in.trim(timestamp)
		s.out.trim(timestamp)
	}
	if !s.in.fits(len(body), s.c.opts.readAhead()) {
		return false
	}
	s.in.add(kind, timestamp, body)
	s.received = timestamp
	knock(s.ready)
	return true
}

// deliverError adds an error behind the tags that have come, and waits until there is room for it.
func (s *ClientStream) deliverError(err error) {
	for !s.offerError(err) {
		select {
		case <-s.room:
		case <-s.c.closing:
			return
		}
	}
}

func (s *ClientStream) offerError(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != streamPlaying {
		return true
	}
	if !s.in.fits(0, s.c.opts.readAhead()) {
		return false
	}
	s.in.addError(err)
	knock(s.ready)
	return true
}

// status does what a status means for the playback.
func (s *ClientStream) status(st *Status) {
	switch {
	case st.failure():
		s.fail(st.refusal())
		return
	case st.Code == CodePlayStop, st.Code == codeUnpublishNotify:
		s.deliverError(io.EOF)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch st.Code {
	case CodePlayReset:
		if s.state == streamPlaying {
			s.flush() // of an earlier Play, which this one overtook
		}
	case CodePlayStart:
		if s.state == streamStarting {
			s.state = streamPlaying
		}
		s.finishStart(nil)
	case CodeSeekNotify:
		if s.state == streamPlaying || s.state == streamSeeking {
			s.flush()
			if !s.overtaken(st) {
				s.state, s.sought = streamPlaying, nil
			}
		}
	case CodePlayTransition:
		v, _ := st.Info.Lookup("isFastPlay")
		s.fast, _ = v.(bool)
	case CodePlayComplete:
		s.complete = s.complete || s.state == streamPlaying
	}
}

// codeUnpublishNotify ends a live stream.
const codeUnpublishNotify = "NetStream.Play.UnpublishNotify"

// fail takes a refusal: the answer to a Play that waits, else what ReadTag returns next.
func (s *ClientStream) fail(refusal *StatusError) {
	s.mu.Lock()
	waits := s.started != nil
	s.finishStart(refusal)
	switch s.state {
	case streamStarting:
		s.state = streamIdle
	case streamSeeking:
		s.state, s.sought = streamPlaying, nil
	}
	s.mu.Unlock()
	if !waits {
		s.deliverError(refusal)
	}
}

// knock leaves a token, unless one is there.
func knock(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
