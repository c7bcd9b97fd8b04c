package flv

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/seed-3309b198/reelfront/flv/amf"
)

// What FFmpeg takes in onMetaData; it ends the connection over anything else.
const (
	maxMetadataKey   = 127
	maxMetadataDepth = 8
	// maxSentMetadata is about how many bytes are sent; what comes after is left out.
	maxSentMetadata = 64 << 10
	// maxSentFrames is how many key frames the index may have that is sent to viewers, who have no use for it.
	maxSentFrames = 64
	// shortClip is the duration in seconds below which the length of one frame counts: rtmpdump takes a download for cut
	// off when the last timestamp is less than 99.9 % of the duration.
	shortClip = 25
)

// readMetadata decodes the first onMetaData. A damaged one is taken as far as it goes: it never makes a file unplayable.
func (o *opener) readMetadata(ctx context.Context, e *entry) error {
	if e.size > maxMetadata {
		return nil
	}
	b, err := o.in.Window(ctx, e.off+tagHeaderSize, e.size)
	if err != nil {
		return err
	}
	values, _ := amf.Decoder{MaxElements: maxMetadataElements, MaxSize: maxMetadataSize}.Decode(scriptBody(b))
	if len(values) < 2 {
		return nil
	}
	pairs, _ := amf.Properties(values[1])
	if index, ok := pairs.Lookup("keyframes"); ok {
		o.frames = indexedFrames(index, o.size)
	}
	pairs = slices.DeleteFunc(slices.Clone(pairs), func(p amf.Pair) bool {
		return p.Key == "keyframes" && len(o.frames) > maxSentFrames
	})
	f := filter{left: maxSentMetadata}
	o.pairs = f.pairs(pairs, 0)
	o.sent = maxSentMetadata - f.left
	return nil
}

// indexedFrames reads the index of key frames that many writers put into onMetaData: times in seconds and the file
// positions of their tags. It is nil unless both ascend.
func indexedFrames(v any, size int64) []point {
	index, _ := amf.Properties(v)
	seconds, _ := index.Lookup("times")
	positions, _ := index.Lookup("filepositions")
	s, _ := seconds.(amf.StrictArray)
	p, _ := positions.(amf.StrictArray)
	if len(s) != len(p) {
		return nil
	}
	frames := make([]point, 0, len(s))
	for i := range s {
		at, ok1 := s[i].(float64)
		off, ok2 := p[i].(float64)
		if !ok1 || !ok2 || !(at >= 0 && at < math.MaxInt32) || !(off >= 0 && off < float64(size)) {
			return nil
		}
		f := point{off: int64(off), time: int64(math.Round(at * 1000))}
		if n := len(frames); n > 0 && (f.off <= frames[n-1].off || f.time < frames[n-1].time) {
			return nil
		}
		frames = append(frames, f)
	}
	return frames
}

// proveFrames looks whether the first and the last entry of the file's own index tell the truth.
func (o *opener) proveFrames(ctx context.Context) error {
	if len(o.frames) == 0 {
		return nil
	}
	for _, f := range []point{o.frames[0], o.frames[len(o.frames)-1]} {
		_, ok, err := o.indexedFrame(ctx, o.scanner, f)
		if err != nil || !ok {
			return err
		}
	}
	o.framesProve = true
	return nil
}

// filter keeps of metadata what FFmpeg takes, and no more than it has room for.
type filter struct {
	left int // bytes
}

// value returns v as far as it is taken, and whether any of it is.
func (f *filter) value(v any, depth int) (any, bool) {
	const number = 9 // bytes
	if f.left -= number; depth > maxMetadataDepth || f.left < 0 {
		return nil, false
	}
	switch v := v.(type) {
	case nil, bool, float64, amf.Date:
		return v, true
	case string:
		f.left -= len(v)
		return v, f.left >= 0
	case amf.StrictArray:
		kept := make(amf.StrictArray, 0, min(len(v), f.left/number))
		for _, e := range v {
			if e, _ = f.value(e, depth+1); f.left < 0 {
				return nil, false
			}
			kept = append(kept, e) // null keeps the place of what is not taken
		}
		return kept, true
	case amf.ECMAArray:
		return f.pairs(amf.Object(v), depth), true
	}
	if o, ok := amf.Properties(v); ok {
		return amf.Object(f.pairs(o, depth)), true
	}
	return nil, false
}

func (f *filter) pairs(pairs amf.Object, depth int) amf.ECMAArray {
	var kept amf.ECMAArray
	for _, p := range pairs {
		if p.Key == "" || len(p.Key) > maxMetadataKey {
			continue
		}
		before := f.left
		f.left -= len(p.Key)
		if v, ok := f.value(p.Value, depth+1); ok {
			kept = append(kept, amf.Pair{Key: p.Key, Value: v})
		} else {
			f.left = before
		}
	}
	return kept
}

// statedDuration is the duration that the file's onMetaData tells in ms, 0 when it tells none that could be.
func (o *opener) statedDuration() int64 {
	d, _ := o.pairs.Number("duration")
	if !(d > 0 && d < math.MaxInt32) {
		return 0
	}
	return int64(math.Round(d * 1000))
}

// describe divides the pairs of onMetaData between the file and its tracks, and adds what they do not tell.
func (o *opener) describe(info *Info) {
	tracks := map[TrackType]*Track{}
	derived := map[TrackType]amf.ECMAArray{}
	for i := range info.Tracks {
		t := &info.Tracks[i]
		tracks[t.Type] = t
		derived[t.Type], t.Metadata = append(amf.ECMAArray{{Key: codecKey(t.Type), Value: t.Codec.MetadataID()}}, t.Metadata...), nil
	}
	info.Metadata = amf.ECMAArray{{Key: "duration", Value: o.duration(info.Duration)}}
	for _, p := range o.pairs {
		kind := trackOf(p.Key)
		switch t := tracks[kind]; {
		case p.Key == "duration":
		case kind == 0:
			info.Metadata = append(info.Metadata, p)
		case t != nil:
			t.Metadata = append(t.Metadata, p)
		}
	}
	for kind, t := range tracks {
		for _, p := range derived[kind] {
			if _, told := t.Metadata.Lookup(p.Key); !told {
				t.Metadata = append(t.Metadata, p)
			}
		}
	}
}

// duration is what onMetaData shall tell in seconds: what the file itself tells unless that is plainly wrong.
func (o *opener) duration(found time.Duration) float64 {
	stated, measured := o.statedDuration(), found.Milliseconds()
	off := max(stated-measured, measured-stated)
	short := stated > measured && stated < shortClip*1000
	if stated == 0 || off > max(1000, measured/20) || short {
		return float64(measured) / 1000
	}
	d, _ := o.pairs.Number("duration")
	return d
}

func codecKey(kind TrackType) string {
	if kind == TrackVideo {
		return "videocodecid"
	}
	return "audiocodecid"
}

// trackOf is the type of the track that a key of onMetaData is about, 0 when it is about the file.
func trackOf(key string) TrackType {
	switch {
	case strings.HasPrefix(key, "video"), strings.HasPrefix(key, "avc"):
		return TrackVideo
	case strings.HasPrefix(key, "audio"), strings.HasPrefix(key, "aac"):
		return TrackAudio
	}
	switch key {
	case "width", "height", "framerate":
		return TrackVideo
	case "stereo":
		return TrackAudio
	}
	return 0
}
