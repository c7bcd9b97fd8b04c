package rtmp

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
)

const (
	// maxKeyInterval is how far a source whose key frames are not known is read to find one.
	maxKeyInterval = 30_000
	// maxSpliceHeaders is how many sequence headers and script tags may stand before a key frame.
	maxSpliceHeaders = 16
	// maxReorder is how long before a frame is shown it may be decoded, in ms.
	maxReorder = 500
	// spliceAhead is how far ahead of what has been sent a splice is, in ms, so that few pictures which have been sent are
	// shown only after it.
	spliceAhead = 160
	// maxInterleave is how far behind the audio a file's video may lie, in ms.
	maxInterleave = 1000
)

var errNoKeyFrame = errors.New("rtmp: no key frame to switch at")

// transition is a switch to another stream of the same content, from the command until the splice.
//
// While its source is opened and brought to the splice, which may take as long as a bucket takes, what plays goes on: a
// goroutine of its own does that and then hands the transition to the player. One of them owns it at any time, so that a
// Source is never used by two.
type transition struct {
	// Static after construction.
	item   item
	offset int64 // the stream time that was asked for, in ms; negative for none
	ctx    context.Context
	cancel context.CancelFunc

	owner atomic.Int32

	// Owned by the opening goroutine, and by the player once it is opened.
	src     Source
	err     error
	target  int64     // the stream time at or after which the splice is to be
	origin  int64     // see timeline; until the source is open, of what it replaces
	base    int64     // see playing; until the source is open, of what it replaces
	old     *flv.Info // of what it replaces
	at      int64     // stream time of the splice
	file    int64     // the same in the file
	headers []flv.Tag // what comes before the first frame
	first   *flv.Tag  // valid until the next call of src

	// Owned by the player.
	armed   bool    // it waits for the splice
	stale   bool    // the stream has been sought in since
	picture int64   // stream time of the last picture before the splice, once that is near
	fitted  bool    // a picture was fitted before it
	later   *action // the switch that came since
}

// fit has a picture of the old stream, whose stream time is at, shown before the new one begins. Where key frames are not
// aligned, the splice may come between a picture and those that are shown before it but decoded after: it takes the place of
// the last of them, which is not sent any more. Only AVC in its classic form is looked at.
func (t *transition) fit(tag *flv.Tag, at int64) {
	if tag.Type != flv.TagVideo {
		return
	}
	spacing := at - t.picture
	t.picture = at
	shown := t.at
	if ahead, ok := composition(t.first); ok {
		shown += ahead
	}
	ahead, ok := composition(tag)
	if !ok || at+ahead < shown {
		return
	}
	t.fitted = true
	if ahead = max(0, shown-at-spacing); tag.Head.Len() == 0 {
		tag.Head, tag.Data = flv.MakeHead(tag.Data[:avcHead]...), tag.Data[avcHead:]
	}
	b := tag.Head.Bytes()
	tag.Head = flv.MakeHead(b[0], b[1], byte(ahead>>16), byte(ahead>>8), byte(ahead))
}

// avcHead is the size of the codec header of an AVC tag.
const avcHead = 5

// composition is how long after its timestamp a picture is shown, in ms (FLV v10.1, E.4.3.1: CompositionTime).
func composition(tag *flv.Tag) (int64, bool) {
	const frameType, avc, pictures = 0x70, 7, 1
	b := tag.Head.Bytes()
	if len(b) == 0 {
		b = tag.Data
	}
	if tag.Type != flv.TagVideo || len(b) < avcHead || b[0]&^frameType != avc || b[1] != pictures {
		return 0, false
	}
	return int64(int32(uint32(b[2])<<24|uint32(b[3])<<16|uint32(b[4])<<8) >> 8), true
}

// The owners of a transition.
const (
	ownerOpener int32 = iota
	ownerPlayer
	ownerNobody // given up while it was opened: the opener closes it
)

func (t *transition) opened() bool { return t.owner.Load() == ownerPlayer }

func (t *transition) close() {
	t.cancel()
	if t.src != nil {
		_ = t.src.Close()
	}
}

// prepare opens a transition's source and brings it to the splice. Of switches in a row, one at a time is prepared.
func (p *player) prepare(t *transition) {
	var err error
	defer func() {
		if err != nil {
			p.c.cut(err)
		}
	}()
	defer p.c.recover(&err)
	select {
	case p.opening <- struct{}{}:
		defer func() { <-p.opening }()
		t.err = p.openTransition(t)
	case <-t.ctx.Done():
		t.err = t.ctx.Err()
	}
	if t.owner.CompareAndSwap(ownerOpener, ownerPlayer) {
		p.mail.nudge()
		return
	}
	t.close()
}

func (p *player) openTransition(t *transition) (err error) {
	if t.src, err = p.open(t.ctx, &t.item); err != nil {
		return err
	}
	if !compatible(t.old, t.src.Info()) {
		return &StatusError{Code: CodePlayFailed, Description: "The streams are of different types."}
	}
	if t.base != unknown {
		tag, err := t.src.Next(t.ctx)
		if err != nil {
			return err
		}
		base := int64(tag.Timestamp)
		t.origin, t.base = t.origin+base-t.base, base
	}
	return t.locate(t.ctx)
}

// compatible tells whether a decoder can go from one stream to the other: both are of one type, or AVC and AAC.
func compatible(a, b *flv.Info) bool {
	return a.Format == b.Format || everyPlayersCodecs(a) && everyPlayersCodecs(b)
}

func everyPlayersCodecs(info *flv.Info) bool {
	for _, t := range info.Tracks {
		switch {
		case t.Type == flv.TrackVideo && t.Codec != flv.CodecAVC, t.Type == flv.TrackAudio && t.Codec != flv.CodecAAC:
			return false
		}
	}
	return true
}

// locate brings the source to the first key frame at or after target, and reads up to it. Sources go to the key frame at
// or before a time, so where the key frames are not known, the source is read on to the next one.
func (t *transition) locate(ctx context.Context) error {
	want := max(0, t.target) + t.origin
	place, err := t.keyFrame(want)
	for range 2 {
		if err != nil {
			return err
		}
		var at time.Duration
		if at, err = t.src.Seek(ctx, time.Duration(place)*time.Millisecond); err != nil {
			return err
		}
		if t.file = at.Milliseconds(); t.file >= want {
			t.at = t.file - t.origin
			return t.readHeaders(ctx)
		}
		place, err = t.scan(ctx, t.file, want)
	}
	return errNoKeyFrame
}

// keyFrame is the file time of the first key frame at or after want, as far as key frames are known.
func (t *transition) keyFrame(want int64) (int64, error) {
	keys := t.src.Info().KeyFrames
	if len(keys) == 0 || !hasTrack(t.src.Info(), flv.TrackVideo) {
		return want, nil
	}
	i := searchTime(keys, want)
	if i == len(keys) {
		return 0, errNoKeyFrame
	}
	return keys[i].Milliseconds(), nil
}

// searchTime is the index of the first time that is not before ms.
func searchTime(times []time.Duration, ms int64) int {
	i, _ := slices.BinarySearchFunc(times, ms, func(t time.Duration, ms int64) int { return int(t.Milliseconds() - ms) })
	return i
}

// scan reads on from a file time to the first key frame at or after want, or, without video, the first audio frame.
func (t *transition) scan(ctx context.Context, file, want int64) (int64, error) {
	video := hasTrack(t.src.Info(), flv.TrackVideo)
	for file <= want+maxKeyInterval {
		tag, err := t.src.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
		file += int64(int32(tag.Timestamp - uint32(file)))
		entry := tag.Type == flv.TagAudio && tag.Len() > 0 && !tag.SequenceHeader()
		if video {
			entry = tag.KeyFrame()
		}
		if entry && file >= want {
			return file, nil
		}
	}
	return 0, errNoKeyFrame
}

// readHeaders reads up to the first frame.
func (t *transition) readHeaders(ctx context.Context) (err error) {
	t.headers = t.headers[:0]
	for range maxSpliceHeaders {
		if t.first, err = t.src.Next(ctx); err != nil {
			return err
		}
		if t.first.Type != flv.TagScript && !t.first.SequenceHeader() {
			return nil
		}
		t.headers = append(t.headers, t.first.Clone())
	}
	return errNoKeyFrame
}

func hasTrack(info *flv.Info, kind flv.TrackType) bool {
	return slices.ContainsFunc(info.Tracks, func(t flv.Track) bool { return t.Type == kind })
}
