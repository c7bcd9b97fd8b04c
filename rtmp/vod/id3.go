package vod

import (
	"context"
	"io"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
)

// id3Tag is the data message that a player of "id3:name" waits for: its handler onId3 gets the texts that the file has
// about itself (Flash Media Server, "Working with MP3 files").
func id3Tag(info *flv.Info) (flv.Tag, error) {
	texts, ok := info.Metadata.Lookup("tags")
	if !ok {
		texts = amf.Object{}
	}
	data, err := amf.Append(nil, "onId3", texts)
	return flv.Tag{Type: flv.TagScript, Data: data}, err
}

// tagReader reads a single tag.
type tagReader struct {
	tag  flv.Tag
	read bool
}

// Next implements flv.Reader.
func (r *tagReader) Next(ctx context.Context) (*flv.Tag, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.read {
		return nil, io.EOF
	}
	r.read = true
	tag := r.tag
	return &tag, nil
}

// Seek implements flv.Reader.
func (r *tagReader) Seek(context.Context, time.Duration) (time.Duration, error) {
	r.read = false
	return 0, nil
}
