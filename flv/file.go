package flv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/seed-3309b198/reelfront/flv/amf"
)

// Index is what is known of an FLV file. It implements File.
//
// Opening reads the beginning and the end of the file. Where everything else lies is learnt as viewers play and seek. A
// seek in a file without an index of its key frames bisects it, and finds its way into the stream of tags where three of
// their headers follow one another. Sequence headers in force at its target are known when some viewer has played up to
// there; else they are looked for backwards from it, in a file in which they were seen to change as far as it takes, in
// others for 1 MiB. So where headers change a single time, long before the target of a seek, and nobody has come by there
// yet, that seek gets the first ones: nothing short of reading the file up to there would tell.
//
// Of a tag with several tracks (Enhanced RTMP's Multitrack) only the first is listed in Info; a reader passes the tag on as
// it is.
type Index struct {
	info      *Info
	size      int64
	start     int64   // of the first tag
	startTime int64   // of the first frame
	origin    int64   // the time from which the duration counts
	endTime   int64   // of the last frame; startTime where the end of the file has none
	metadata  int64   // where the first onMetaData lies, -1 when there is none
	frames    []point // the file's own index of key frames
	sent      int     // bytes of the file's own metadata that are kept
	video     bool
	// sequenced tells of which types the codec has sequence headers.
	sequenced [TagScript + 1]bool
	// first are the places of the first frames by type, and of the first onMetaData.
	first [TagScript + 1]int64
	known known
}

// Open indexes an FLV file. A file that is none, or is encrypted, or holds no tag is an ErrFormat; one whose codecs are
// all unknown is an ErrNoTrack.
func Open(ctx context.Context, in Input) (*Index, error) {
	x := &Index{size: in.Size(), metadata: -1}
	for kind := range x.first {
		x.first[kind] = math.MaxInt64
	}
	x.first[TagScript] = -1
	s := &scanner{in: in, chunk: probeBytes}
	b, err := s.bytes(ctx, 0, fileHeaderSize)
	if err != nil {
		return nil, err
	}
	header, err := parseFileHeader(b)
	if err != nil {
		return nil, err
	}
	o := opener{Index: x, scanner: s, header: header}
	if err := o.head(ctx); err != nil {
		return nil, err
	}
	if err := o.tail(ctx); err != nil {
		return nil, err
	}
	if err := o.proveFrames(ctx); err != nil {
		return nil, err
	}
	x.info = o.makeInfo()
	return x, nil
}

// opener is what Open needs while it works.
type opener struct {
	*Index
	*scanner
	header      fileHeader
	pairs       amf.ECMAArray // of the first onMetaData
	tracks      [TagScript + 1]*Track
	unknown     [TagScript + 1]string // the codec of the first sound and picture of one that is not known
	damage      error                 // what ended the reading of the file's beginning too early
	framesProve bool
}

// head reads tags until each type that the header announces was seen.
func (o *opener) head(ctx context.Context) error {
	off, err := o.findStart(ctx)
	if err != nil {
		return err
	}
	var w walk
	w.begin(off)
	for scanned := int64(0); scanned < maxHeadScan && (scanned < probeBytes || !o.complete()); {
		e, err := o.scanner.next(ctx, off)
		if noTag(err) {
			o.damage = err
			break
		}
		if err != nil {
			return err
		}
		if err := o.note(ctx, &e); err != nil {
			return err
		}
		off = e.end()
		w.add(e.off, off, e.time, e.kind, &e.body, &o.first)
		if scanned += tagHeaderSize; e.kind != TagScript { // onMetaData may be longer than all of the rest
			scanned += int64(e.size)
		}
	}
	o.known.learn(&w)
	for kind, t := range o.tracks {
		o.sequenced[kind] = t != nil && t.Codec.SequenceHead() != Head{}
	}
	o.video = o.tracks[TagVideo] != nil
	return o.playable()
}

// findStart finds the first tag, and the first frame, with whose timestamp the file's timeline starts: headers before it
// often have the timestamp 0 however late it is.
func (o *opener) findStart(ctx context.Context) (int64, error) {
	off := o.header.start + previousTagSizeSize
	e, ok, err := o.tag(ctx, off)
	if err == nil && !ok {
		off = o.header.start // some writers leave out the first PreviousTagSize
		e, err = o.scanner.next(ctx, off)
	}
	if errors.Is(err, io.EOF) {
		err = &FormatError{"FLV body", off, "no tags"}
	}
	if err != nil {
		return 0, err
	}
	o.start = e.off
	first := e
	for err == nil && e.off-o.start < maxHeadScan && !e.frame(TagVideo) && !e.frame(TagAudio) {
		if first.kind == TagScript {
			first = e
		}
		e, err = o.scanner.next(ctx, e.end())
	}
	if err != nil && !noTag(err) {
		return 0, err
	}
	if err != nil {
		e = first
	}
	if first.kind == TagScript {
		first = e
	}
	o.startTime = int64(e.timestamp)
	o.origin = min(near(first.timestamp, o.startTime), o.startTime)
	o.scanner.time = o.startTime
	return o.start, nil
}

// playable tells why the file cannot be played, if so. Pictures that cannot be sent are a reason: sound under a black
// picture is not what the file is.
func (o *opener) playable() error {
	left := o.leftOut()
	switch {
	case o.video || o.tracks[TagAudio] != nil && o.unknown[TagVideo] == "":
		return nil
	case o.tracks[TagAudio] == nil && errors.Is(o.damage, ErrFormat):
		return o.damage
	case len(left) > 0:
		return fmt.Errorf("flv: %w", &CodecError{left})
	}
	return &FormatError{"FLV body", o.start, "neither sound nor picture"}
}

// complete tells whether a frame was seen of each type that the file's header announces.
func (o *opener) complete() bool {
	seen := func(kind TagType) bool { return o.first[kind] != math.MaxInt64 }
	return (seen(TagVideo) || !o.header.video) && (seen(TagAudio) || !o.header.audio)
}

// note takes from a tag what Info tells.
func (o *opener) note(ctx context.Context, e *entry) error {
	if e.kind == TagScript {
		if o.metadata < 0 && e.body.packet == packetSequence {
			o.metadata, o.first[TagScript] = e.off, e.off
			return o.readMetadata(ctx, e)
		}
		return nil
	}
	if e.body.packet == packetFrame && o.first[e.kind] == math.MaxInt64 {
		o.first[e.kind] = e.off
	}
	if e.body.codec == "" {
		return o.noteUnknown(ctx, e)
	}
	if o.tracks[e.kind] == nil {
		o.tracks[e.kind] = &Track{Type: trackType(e.kind), Codec: e.body.codec}
	}
	track := o.tracks[e.kind]
	if e.body.packet != packetSequence || track.Metadata != nil || e.size > maxPrivate || e.size < e.body.private {
		return nil
	}
	b, err := o.in.Window(ctx, e.off+tagHeaderSize+int64(e.body.private), e.size-e.body.private)
	if err == nil {
		track.Metadata = track.Codec.Metadata(b)
	}
	return err
}

// noteUnknown takes the name of a codec that is not known.
func (o *opener) noteUnknown(ctx context.Context, e *entry) error {
	if e.body.packet != packetFrame || o.unknown[e.kind] != "" {
		return nil
	}
	b, err := o.scanner.bytes(ctx, e.off, tagHeaderSize+min(e.size, bodyPrefix))
	if err == nil {
		tag := Tag{Type: e.kind, Data: b[tagHeaderSize : tagHeaderSize+min(e.size, bodyPrefix)]}
		o.unknown[e.kind] = tag.unknownCodec()
	}
	return err
}

// leftOut are the codecs of sound and picture that are not known, where nothing else is there in their place.
func (o *opener) leftOut() (names []string) {
	for _, kind := range [...]TagType{TagVideo, TagAudio} {
		if o.tracks[kind] == nil && o.unknown[kind] != "" {
			names = append(names, o.unknown[kind])
		}
	}
	return names
}

func trackType(kind TagType) TrackType {
	if kind == TagVideo {
		return TrackVideo
	}
	return TrackAudio
}

// tail finds the time of the last frame, in ever larger pieces of the file's end.
func (o *opener) tail(ctx context.Context) error {
	o.endTime = o.startTime
	for length := int64(probeBytes); ; length *= 4 {
		from := max(o.size-length, o.start)
		off, err := o.firstTag(ctx, o.scanner, from, o.size)
		if err != nil {
			return err
		}
		found, err := o.lastFrame(ctx, off)
		if err != nil || found || from == o.start || length >= maxTailScan {
			return err
		}
	}
}

// noTag tells whether an error of a scanner is about the file alone: there is no tag where it looked.
func noTag(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, ErrFormat) }

// lastFrame walks from off to the end of the file.
func (o *opener) lastFrame(ctx context.Context, off int64) (bool, error) {
	found, end := false, int64(0)
	o.scanner.time = o.startTime
	var w walk
	w.begin(off)
	for {
		e, err := o.scanner.next(ctx, off)
		if noTag(err) {
			break
		}
		if err != nil {
			return false, err
		}
		if len(w.points) == 0 && w.from > o.start && e.kind != TagScript {
			e.time = o.lateTime(e.timestamp)
			o.scanner.time = e.time
		}
		if e.kind != TagScript && e.body.packet == packetFrame {
			found, end = true, max(end, e.time)
		}
		off = e.end()
		w.add(e.off, off, e.time, e.kind, &e.body, &o.first)
	}
	if found {
		o.endTime = end
		o.known.learn(&w)
	}
	return found, nil
}

// lateTime is the time of a tag near the end of the file, of which nothing but its own 32 bits and the duration that
// onMetaData tells are known.
func (o *opener) lateTime(ts uint32) int64 {
	if d := o.statedDuration(); d > math.MaxInt32 {
		return near(ts, o.startTime+d)
	}
	t := near(ts, o.startTime)
	if t < o.startTime-int64(time.Hour/time.Millisecond) {
		t += 1 << 32
	}
	return t
}

func (o *opener) makeInfo() *Info {
	info := &Info{Format: FormatFLV, Duration: milliseconds(max(o.endTime-o.origin, 0)), LeftOut: o.leftOut()}
	if info.Duration == 0 {
		info.Duration = milliseconds(o.statedDuration())
	}
	if o.framesProve {
		for _, f := range o.frames {
			info.KeyFrames = append(info.KeyFrames, milliseconds(f.time))
		}
	}
	for _, kind := range [...]TagType{TagVideo, TagAudio} {
		if t := o.tracks[kind]; t != nil {
			info.Tracks = append(info.Tracks, *t)
		}
	}
	o.describe(info)
	return info
}

func milliseconds(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

// Info is the file's description. Its Duration is the time of the last frame, counted from the first
// audio or video tag.
func (x *Index) Info() *Info { return x.info }

// Bytes is about how much memory the index takes.
func (x *Index) Bytes() int {
	const fixed, perByte = 2 << 10, 4
	return fixed + x.sent*perByte + cap(x.frames)*16 + cap(x.info.KeyFrames)*8 + x.known.bytes()
}

// NewReader returns a reader of the file's tags. With tracks given, audio and video tags of types that are not among
// them are left out; with none, all tags of the file come.
func (x *Index) NewReader(in Input, tracks ...Track) Reader {
	has := func(kind TrackType) bool {
		return len(tracks) == 0 || slices.ContainsFunc(tracks, func(t Track) bool { return t.Type == kind })
	}
	r := &reader{index: x, in: in, pos: x.start, time: x.startTime, audio: has(TrackAudio), video: has(TrackVideo)}
	r.beginWalk(x.start)
	return r
}
