package mp4

import (
	"math"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
)

// lastOfDuration is the part of onMetaData's duration that the last timestamp must reach, or rtmpdump takes a whole film
// for an incomplete one. It asks for 0.999.
const lastOfDuration = 0.9995

// describe fills in the Info.
func (f *File) describe() {
	f.setOrigin()
	f.info.Format = flv.FormatMP4
	f.info.LeftOut = f.movie.refused
	last, over := f.finish()
	f.measure(over)
	for _, t := range f.movie.tracks {
		f.info.Tracks = append(f.info.Tracks, t.describe())
	}
	f.info.Duration = time.Duration(over) * time.Millisecond
	add(&f.info.Metadata, amf.ECMAArray{
		{Key: "duration", Value: shownDuration(last, over)},
		{Key: "moovPosition", Value: float64(f.movie.offset)},
	})
	if len(f.movie.tags) > 0 {
		f.info.Metadata = append(f.info.Metadata, amf.Pair{Key: "tags", Value: f.movie.tags})
	}
	f.info.Metadata = append(f.info.Metadata, amf.Pair{Key: "trackinfo", Value: f.movie.trackInfo()})
	f.describeKeyFrames()
}

// finish are the last timestamp of the tracks that play by default, and the time at which they are over, in ms. Where
// fragments are left that nobody has looked at, both are what the file says of its duration.
func (f *File) finish() (last, over int64) {
	f.end = maxSeconds * 1000
	if f.fragments != nil && !f.fragments.whole {
		over = f.movie.said(f.fragments)
		return over, over
	}
	for _, t := range f.selected(nil) {
		l, o := t.finish()
		if f.fragments != nil {
			l, o = f.fragments.finish(t, l, o)
		}
		last, over = max(last, l), max(over, o)
	}
	f.end = last
	return last, max(last, over)
}

// measure finds the bit rates of the tracks. over is when the file is over, in ms. Of fragments it is the part of the whole
// file's that the track has of the first ones.
func (f *File) measure(over int64) {
	var first int64
	for _, t := range f.movie.tracks {
		first += t.firstBytes
	}
	for _, t := range f.movie.tracks {
		switch {
		case first > 0 && over > 0:
			t.bitrate = 8000 * float64(f.fragments.fileSize) / float64(over) * float64(t.firstBytes) / float64(first)
		case first == 0 && t.table.end > 0:
			t.bitrate = 8 * float64(t.table.total) * float64(t.timescale) / float64(t.table.end)
		}
	}
}

// kilobits is the track's bit rate as onMetaData has it, in kbit/s.
func (t *track) kilobits() float64 { return math.Round(t.bitrate) / 1000 }

// shownDuration is onMetaData's duration in seconds, of a file that ends at over with a last timestamp of last, in ms.
func shownDuration(last, over int64) float64 {
	d := float64(over)
	if last > 0 {
		d = min(d, math.Floor(float64(last)/lastOfDuration))
	}
	return d / 1000
}

// describe is what Info says of the track.
func (t *track) describe() flv.Track {
	e := &t.entries[0]
	d := flv.Track{ID: t.id, Type: t.kind, Codec: e.codec, Language: t.language}
	switch t.kind {
	case flv.TrackVideo:
		d.Metadata = amf.ECMAArray{{Key: "videocodecid", Value: e.codec.MetadataID()}}
		add(&d.Metadata, e.codec.Metadata(e.config))
		add(&d.Metadata, amf.ECMAArray{
			{Key: "width", Value: float64(e.width)},
			{Key: "height", Value: float64(e.height)},
			{Key: "videoframerate", Value: t.frameRate()},
			{Key: "videodatarate", Value: t.kilobits()},
		})
	case flv.TrackAudio:
		d.Metadata = amf.ECMAArray{{Key: "audiocodecid", Value: e.codec.MetadataID()}}
		add(&d.Metadata, e.codec.Metadata(e.config))
		add(&d.Metadata, amf.ECMAArray{
			{Key: "audiosamplerate", Value: float64(e.rate)},
			{Key: "audiochannels", Value: float64(e.channels)},
			{Key: "audiodatarate", Value: t.kilobits()},
		})
	}
	return d
}

// add appends to m those pairs that it does not have, zeros left out.
func add(m *amf.ECMAArray, pairs amf.ECMAArray) {
	for _, p := range pairs {
		if _, has := m.Lookup(p.Key); !has && p.Value != 0.0 {
			*m = append(*m, p)
		}
	}
}

// frameRate is the mean number of samples a second, to a thousandth; in fragments, what the first sample has.
func (t *track) frameRate() float64 {
	samples, ticks := float64(t.table.count), float64(t.table.end)
	if ticks == 0 {
		samples, ticks = 1, float64(t.sampleDuration)
	}
	if ticks == 0 {
		return 0
	}
	return math.Round(1000*samples*float64(t.timescale)/ticks) / 1000
}

// trackInfo is onMetaData's trackinfo.
func (m *movie) trackInfo() amf.StrictArray {
	var all amf.StrictArray
	for _, t := range m.tracks {
		var formats amf.StrictArray
		for i := range t.entries {
			formats = append(formats, amf.Object{{Key: "sampletype", Value: t.entries[i].format.printable()}})
		}
		language := t.language
		if language == "" {
			language = "und"
		}
		all = append(all, amf.Object{
			{Key: "length", Value: float64(t.length())},
			{Key: "timescale", Value: float64(t.timescale)},
			{Key: "language", Value: language},
			{Key: "sampledescription", Value: formats},
		})
	}
	return all
}

// length is the length of the track's media in its own ticks.
func (t *track) length() int64 {
	if t.table.end > 0 {
		return t.table.end
	}
	return int64(t.duration)
}

// describeKeyFrames lists the key frames of the first video track, where the moov has all of them.
func (f *File) describeKeyFrames() {
	if f.fragments != nil && f.fragments.first != nil {
		return
	}
	for _, t := range f.selected(nil) {
		if t.kind != flv.TrackVideo {
			continue
		}
		f.info.KeyFrames = t.keyFrameTimes()
		if n := len(f.info.KeyFrames); n > 0 && n <= maxSeekPoints {
			f.info.Metadata = append(f.info.Metadata, amf.Pair{Key: "seekpoints", Value: t.seekPoints()})
		}
		return
	}
}

// seekPoints is onMetaData's seekpoints: where each key frame lies, and when it is shown.
func (t *track) seekPoints() amf.StrictArray {
	var points amf.StrictArray
	t.eachKeyFrame(func(ms int64, s sample) {
		points = append(points, amf.Object{
			{Key: "time", Value: float64(ms) / 1000},
			{Key: "offset", Value: float64(s.offset)},
		})
	})
	return points
}

// keyFrameTimes are the times of all key frames; nil where there are too many.
func (t *track) keyFrameTimes() []time.Duration {
	if !t.table.hasSyncs || len(t.table.syncs)/4 > maxKeyFrames {
		return nil
	}
	times := make([]time.Duration, 0, len(t.table.syncs)/4)
	t.eachKeyFrame(func(ms int64, _ sample) {
		times = append(times, time.Duration(ms)*time.Millisecond)
	})
	return times
}

// eachKeyFrame calls f for each sync sample that the timeline has, at most maxKeyFrames times.
func (t *track) eachKeyFrame(f func(ms int64, s sample)) {
	left := maxKeyFrames
	for i := range t.spans {
		p := &t.spans[i]
		for j := range len(t.table.syncs) / 4 {
			n := int(u32At(t.table.syncs, j)) - 1
			if n < p.first || n >= p.end {
				continue
			}
			if left--; left < 0 {
				return
			}
			c := t.table.cursorAt(n)
			s, _ := c.next(t.table)
			ms, _ := t.timestamp(p, &s)
			f(ms, s)
		}
	}
}
