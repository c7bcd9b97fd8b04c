package mp3

import (
	"context"
	"fmt"
	"math"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
)

// A File is an MP3 file. It implements flv.File.
type File struct {
	info  *flv.Info
	first header // of the first frame that plays
	end   int64  // where the audio ends
	index *index

	constant *constantRate // nil where the bit rate varies or is not known to be constant
	guide    *guide        // nil without a table
	last     point         // the last frame; off is 0 when not known
}

// Open reads what is needed of an MP3 file to play it: its tags, the first frames, and of a large file the last ones. A
// file that is not MP3 fails with flv.ErrFormat; MPEG audio of another layer, or of "free format", with flv.ErrNoTrack.
func Open(ctx context.Context, in flv.Input) (*File, error) {
	var t texts
	start, err := t.readID3v2(ctx, in)
	if err != nil {
		return nil, err
	}
	f := &File{}
	if f.end, err = t.readTrailers(ctx, in, start); err != nil {
		return nil, err
	}
	w := f.walker(in, walkWindow)
	w.off, w.junk = start, maxLeadJunk
	first, err := w.next(ctx)
	if isEnd(err) {
		return nil, refusal(ctx, w, start)
	} else if err != nil {
		return nil, err
	}
	tableOff := first.off
	tab, tabled := parseTable(first)
	if tabled {
		if first, err = w.next(ctx); isEnd(err) {
			return nil, &flv.FormatError{What: "frame", Offset: w.off, Reason: "no frame behind the Xing or VBRI header"}
		} else if err != nil {
			return nil, err
		}
	}
	f.first, f.index = first.header, newIndex(first.off)
	var g *guide
	if tabled {
		if made, ok := newGuide(tab, tableOff, f.end, f.first.ticks()); ok {
			g = &made
		}
	}
	ticks, err := f.survey(ctx, in, g, first.off)
	if err != nil {
		return nil, err
	}
	f.info = f.describe(t.pairs, ticks, first.off)
	return f, nil
}

// walker is a walker over the file's audio.
func (f *File) walker(in flv.Input, window int64) walker {
	return walker{in: in, end: f.end, window: window, junk: maxJunk, last: f.first}
}

// refusal says why nothing plays of a file whose audio should begin at off.
func refusal(ctx context.Context, w walker, off int64) error {
	b, err := w.bytes(ctx, off, 4*maxFrame)
	if err != nil {
		return err
	}
	h, ok := parseHeader(b)
	switch {
	case ok && h.layer < 3 && isChain(b, h.layer):
		return noTrack([...]string{1: "MPEG audio layer I", 2: "MPEG audio layer II"}[h.layer])
	case ok && h.layer == 3 && h.free:
		return noTrack("MP3 of free format")
	}
	w.off = off
	return w.fault(errJunk)
}

func noTrack(codec string) error {
	return fmt.Errorf("mp3: %w", &flv.CodecError{Codecs: []string{codec}})
}

// survey finds out how long the file plays, in ticks, and how to find a time in it.
func (f *File) survey(ctx context.Context, in flv.Input, g *guide, start int64) (int64, error) {
	if f.end-start <= walkAtOnce {
		return f.walkAll(ctx, in)
	}
	c, isConstant, err := f.headRate(ctx, in, start)
	if err != nil {
		return 0, err
	}
	last, h, err := f.tail(ctx, in, start)
	if err != nil {
		return 0, err
	}
	n, fits := c.frame(last)
	if isConstant && last != 0 && fits && h.bitrate == f.first.bitrate && h.alike(&f.first) {
		f.constant = &c
		f.last = point{off: last, ticks: n * f.first.ticks()}
		return f.last.ticks + f.first.ticks(), nil
	}
	if g != nil {
		f.guide = g
		f.last = point{off: last, ticks: max(g.ticks()-f.first.ticks(), 0)}
		return g.ticks(), nil
	}
	if f.end-start <= walkUntabled {
		return f.walkAll(ctx, in)
	}
	return f.sample(ctx, in, start)
}

// walkAll indexes the whole file.
func (f *File) walkAll(ctx context.Context, in flv.Input) (int64, error) {
	if err := f.index.walk(ctx, f.walker(in, walkWindow), math.MaxInt64, f.first.ticks()); err != nil {
		return 0, err
	}
	f.last = f.index.last
	return f.index.ticks, nil
}

// headRate tells whether the first frames are of one bit rate, and which.
func (f *File) headRate(ctx context.Context, in flv.Input, start int64) (constantRate, bool, error) {
	w := f.walker(in, walkWindow)
	w.off = start
	var offs [headFrames]int64
	padded := false
	for i := range offs {
		fr, err := w.next(ctx)
		if err != nil && !isEnd(err) {
			return constantRate{}, false, err
		}
		if err != nil || fr.bitrate != f.first.bitrate || !fr.alike(&f.first) {
			return constantRate{}, false, nil
		}
		offs[i] = fr.off
		padded = padded || fr.padded
	}
	c := newConstantRate(start, f.first, padded)
	for i, off := range offs {
		if n, fits := c.frame(off); !fits || n != int64(i) {
			return c, false, nil
		}
	}
	return c, true, nil
}

// tail finds the last frame; its offset is 0 when there is none near the end.
func (f *File) tail(ctx context.Context, in flv.Input, start int64) (int64, header, error) {
	w := f.walker(in, playWindow)
	w.off = max(start, f.end-playWindow)
	w.last = header{}
	last := frame{}
	for {
		fr, err := w.next(ctx)
		if isEnd(err) {
			return last.off, last.header, nil
		} else if err != nil {
			return 0, header{}, err
		}
		last = fr
	}
}

// sample estimates how long a file plays whose bit rate varies and that has no table; 0 when it cannot.
func (f *File) sample(ctx context.Context, in flv.Input, start int64) (int64, error) {
	bytes, ticks := int64(0), int64(0)
	for i := range int64(sampledPlaces) {
		w := f.walker(in, playWindow)
		w.off = start + (f.end-start)/sampledPlaces*i
		w.last = header{}
		for range headFrames / sampledPlaces {
			fr, err := w.next(ctx)
			if isEnd(err) {
				break
			} else if err != nil {
				return 0, err
			}
			bytes += int64(fr.size)
			ticks += fr.ticks()
		}
	}
	if bytes == 0 {
		return 0, nil
	}
	return scale(f.end-start, ticks, bytes), nil
}

// describe makes what is told of the file. start is where its first frame lies, and ticks how long it plays, 0 when that
// is not known.
func (f *File) describe(tags amf.Object, ticks, start int64) *flv.Info {
	d := duration(ticks)
	var meta amf.ECMAArray
	bitrate := float64(f.first.bitrate)
	if d > 0 {
		meta = append(meta, amf.Pair{Key: "duration", Value: f.statedSeconds(ticks)})
		if f.constant == nil {
			bitrate = float64(f.end-start) * 8 / d.Seconds()
		}
	}
	if len(tags) > 0 {
		meta = append(meta, amf.Pair{Key: "tags", Value: tags})
	}
	channels := 2.0
	if f.first.mono {
		channels = 1
	}
	return &flv.Info{
		Format:   flv.FormatMP3,
		Duration: d,
		Metadata: meta,
		Tracks: []flv.Track{{
			Type:  flv.TrackAudio,
			Codec: flv.CodecMP3,
			Metadata: amf.ECMAArray{
				{Key: "audiocodecid", Value: flv.CodecMP3.MetadataID()},
				{Key: "audiosamplerate", Value: float64(f.first.rate)},
				{Key: "audiochannels", Value: channels},
				{Key: "audiodatarate", Value: math.Round(bitrate) / 1000},
			},
		}},
	}
}

// statedSeconds is the duration as clients are told it. rtmpdump takes a play for incomplete whose last tag comes before
// 99.9 % of that, as it would in a short file, where one frame is more than the rest.
func (f *File) statedSeconds(ticks int64) float64 {
	seconds := duration(ticks).Seconds()
	if last := float64(milliseconds(ticks-f.first.ticks())) / 1000; last > 0 && last < 0.9995*seconds {
		return last
	}
	return seconds
}

// Info describes the file.
func (f *File) Info() *flv.Info { return f.info }

// NewReader returns a reader of the file's one track.
func (f *File) NewReader(in flv.Input, _ ...flv.Track) flv.Reader {
	r := &reader{file: f, w: f.walker(in, playWindow), place: place{exact: true}}
	p, _, _ := f.index.at(0, 1)
	r.w.off = p.off
	return r
}

// Bytes is about how much memory the index takes once all of it is learnt.
func (f *File) Bytes() int {
	const point, fixed = 16, 2 << 10
	n := int64(f.info.Duration.Seconds()*ticksPerSecond) / (f.first.ticks() * spacing)
	n = point * min(n+1, maxPoints)
	if f.guide != nil {
		n += point * int64(cap(f.guide.anchors))
	}
	for _, p := range f.info.Metadata {
		if tags, ok := p.Value.(amf.Object); ok {
			for _, t := range tags {
				n += int64(len(t.Key)+len(t.Value.(string))) + 64
			}
		}
	}
	return int(n) + fixed
}
