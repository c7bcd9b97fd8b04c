package vod

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/origin"
)

// sharedObject is an object that a viewer and the build of its index hold together. Each closes it once.
type sharedObject struct {
	origin.Object
	holders atomic.Int32
}

func share(o origin.Object) *sharedObject {
	s := &sharedObject{Object: o}
	s.retain()
	return s
}

func (o *sharedObject) retain() { o.holders.Add(1) }

func (o *sharedObject) Close() error {
	if o.holders.Add(-1) > 0 {
		return nil
	}
	return o.Object.Close()
}

// source is a file as one viewer plays it: a rtmp.Source once start has been called.
type source struct {
	flv.Reader
	file  flv.File
	info  *flv.Info
	in    *origin.Reader
	obj   *sharedObject
	grant Grant
}

// start chooses the tracks. A name with the prefix id3 has none: what is asked for are the texts alone.
func (s *source) start(p Path, audio string, takes func(flv.Codec) bool) error {
	info := s.file.Info()
	if p.Prefix == "id3" {
		tag, err := id3Tag(info)
		s.info, s.Reader = &flv.Info{Format: info.Format, Metadata: info.Metadata}, &tagReader{tag: tag}
		return err
	}
	tracks, err := choose(p, info.Tracks, audio, takes)
	if err != nil {
		return err
	}
	duration := s.grant.until(info.Duration)
	if s.info = info; duration != info.Duration || !slices.EqualFunc(tracks, info.Tracks, same) {
		part := *info
		part.Tracks, part.Duration = tracks, duration
		s.info = &part
	}
	s.Reader = s.file.NewReader(s.in, tracks...)
	if s.grant.Start > 0 || s.grant.End > 0 {
		s.Reader = &boundedReader{r: s.Reader, start: s.grant.Start, end: s.grant.End}
	}
	return nil
}

func same(a, b flv.Track) bool { return a.ID == b.ID && a.Type == b.Type }

// Info implements rtmp.Source.
func (s *source) Info() *flv.Info { return s.info }

// Close implements rtmp.Source.
func (s *source) Close() error { return errors.Join(s.in.Close(), s.obj.Close()) }

// boundedReader reads a part of a file.
type boundedReader struct {
	r          flv.Reader
	start, end time.Duration // 0 for no bound
	placed     bool          // Seek has been called
	at         time.Duration // of the last tag, which Tag.Timestamp tells but for its upper bits
}

// Next implements flv.Reader.
func (b *boundedReader) Next(ctx context.Context) (*flv.Tag, error) {
	if !b.placed && b.start > 0 {
		if _, err := b.Seek(ctx, b.start); err != nil {
			return nil, err
		}
	}
	tag, err := b.r.Next(ctx)
	if err != nil {
		return nil, err
	}
	b.at += time.Duration(int32(tag.Timestamp-uint32(b.at.Milliseconds()))) * time.Millisecond
	if b.end > 0 && b.at >= b.end {
		return nil, io.EOF
	}
	return tag, nil
}

// Seek implements flv.Reader.
func (b *boundedReader) Seek(ctx context.Context, t time.Duration) (time.Duration, error) {
	t = max(t, b.start)
	if b.end > 0 {
		t = min(t, b.end-time.Millisecond)
	}
	at, err := b.r.Seek(ctx, t)
	if err == nil {
		b.placed, b.at = true, at.Truncate(time.Millisecond)
	}
	return at, err
}
