package rtmp

import (
	"cmp"
	"context"
	"encoding/binary"
	"io"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
)

// film is a made-up file: 25 video frames a second with a key frame each second, and an audio frame every 50 ms. Every
// body says which frame it is.
type film struct {
	length time.Duration
	from   uint32 // timestamp of the first tag
	bytes  int    // of each video frame; 0 for a few
	keys   uint32 // ms from key frame to key frame; 0 for keyTime
	format flv.Format
	codec  flv.Codec // of the video; AVC where there is none
	video  bool
	audio  bool

	next    func(ctx context.Context, at uint32) error // called before each tag
	seek    func(ctx context.Context, to time.Duration) error
	close   func()
	sources atomic.Int32 // open
}

const frameTime, soundTime, keyTime = 40, 50, 1000

func (f *film) info() *flv.Info {
	info := &flv.Info{Format: cmp.Or(f.format, flv.FormatFLV), Duration: f.length, Metadata: amf.ECMAArray{{Key: "duration", Value: f.length.Seconds()}}}
	if f.video {
		info.Tracks = append(info.Tracks, flv.Track{Type: flv.TrackVideo, Codec: cmp.Or(f.codec, flv.CodecAVC)})
	}
	if f.audio {
		info.Tracks = append(info.Tracks, flv.Track{Type: flv.TrackAudio, Codec: flv.CodecAAC})
	}
	return info
}

func (f *film) open() *filmSource {
	f.sources.Add(1)
	return &filmSource{film: f, headers: 2}
}

// filmSource reads a film.
type filmSource struct {
	*film
	at      uint32 // ms of the next tag, without from
	sound   bool   // the video frame of that instant was sent
	headers int    // sequence headers to be sent before it
	buf     []byte
}

func (s *filmSource) Info() *flv.Info { return s.info() }

func (s *filmSource) Close() error {
	s.sources.Add(-1)
	if s.film.close != nil {
		s.film.close()
	}
	return nil
}

func (s *filmSource) Next(ctx context.Context) (*flv.Tag, error) {
	if s.film.next != nil {
		if err := s.film.next(ctx, s.at); err != nil {
			return nil, err
		}
	}
	for s.headers > 0 {
		s.headers--
		if s.headers == 1 && s.video {
			return &flv.Tag{Type: flv.TagVideo, Timestamp: s.from + s.at, Head: flv.MakeHead(0x17, 0, 0, 0, 0), Data: []byte("avcC")}, nil
		}
		if s.headers == 0 && s.audio {
			return &flv.Tag{Type: flv.TagAudio, Timestamp: s.from + s.at, Head: flv.MakeHead(0xAF, 0), Data: []byte("asc")}, nil
		}
	}
	for s.at < uint32(s.length.Milliseconds()) {
		at := s.at
		if s.video && at%frameTime == 0 && !s.sound {
			s.sound = true
			return &flv.Tag{Type: flv.TagVideo, Timestamp: s.from + at, Head: s.videoHead(at), Data: s.frame(at)}, nil
		}
		s.sound = false
		s.at += 10
		if s.audio && at%soundTime == 0 {
			return &flv.Tag{Type: flv.TagAudio, Timestamp: s.from + at, Head: flv.MakeHead(0xAF, 1), Data: binary.BigEndian.AppendUint32(nil, at)}, nil
		}
	}
	return nil, io.EOF
}

func (f *film) keyEvery() uint32 { return cmp.Or(f.keys, keyTime) }

func (f *film) videoHead(at uint32) flv.Head {
	if at%f.keyEvery() == 0 {
		return flv.MakeHead(0x17, 1, 0, 0, 0)
	}
	return flv.MakeHead(0x27, 1, 0, 0, 0)
}

func (s *filmSource) frame(at uint32) []byte {
	if len(s.buf) < max(4, s.bytes) {
		s.buf = make([]byte, max(4, s.bytes))
	}
	binary.BigEndian.PutUint32(s.buf, at)
	return s.buf
}

func (s *filmSource) Seek(ctx context.Context, t time.Duration) (time.Duration, error) {
	if s.film.seek != nil {
		if err := s.film.seek(ctx, t); err != nil {
			return 0, err
		}
	}
	at := min(max(0, t.Milliseconds()-int64(s.from)), s.length.Milliseconds()-1)
	s.at, s.sound, s.headers = uint32(at)/s.keyEvery()*s.keyEvery(), false, 2
	return time.Duration(int64(s.from)+int64(s.at)) * time.Millisecond, nil
}

// cinema is an application that shows films by name.
type cinema struct {
	films  map[string]*film
	events func(Event)
	asked  func(*PlayRequest)
}

func (c *cinema) Connect(context.Context, *ConnectRequest) (App, error) { return c, nil }

func (c *cinema) Play(_ context.Context, r *PlayRequest) (Source, error) {
	if c.asked != nil {
		c.asked(r)
	}
	f := c.films[displayName(r.Name)]
	if f == nil {
		return nil, fs.ErrNotExist
	}
	return f.open(), nil
}

func (c *cinema) Length(_ context.Context, name string) (time.Duration, error) {
	if f := c.films[displayName(name)]; f != nil {
		return f.length, nil
	}
	return 0, fs.ErrNotExist
}

func (c *cinema) Observe(e Event) {
	if c.events != nil {
		c.events(e)
	}
}
