package rtmptest_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/rtmptest"
)

// A test of a downloader: what it makes of a clip, and of a server that breaks off.
func Example() {
	_ = TestDownload
}

func TestDownload(t *testing.T) {
	t.Parallel()
	srv := rtmptest.NewServer(t, rtmptest.Clips())
	tags, err := download(t.Context(), srv.URL+"/clip")
	require.NoError(t, err)
	require.NotEmpty(t, tags)

	srv.Fail(&rtmptest.Fault{Err: fs.ErrNotExist, Tags: 10})
	tags, err = download(t.Context(), srv.URL+"/clip")
	require.Error(t, err)
	require.Len(t, tags, 10)
}

// download is the program under test: it plays a stream to its end.
func download(ctx context.Context, url string) (tags []flv.Tag, err error) {
	c, err := rtmp.Dial(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return downloadFrom(ctx, c)
}

func downloadFrom(ctx context.Context, c *rtmp.Client) (tags []flv.Tag, err error) {
	if err := c.Connect(ctx); err != nil {
		return nil, err
	}
	s, err := c.CreateStream(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.SetBufferLength(time.Hour); err != nil {
		return nil, err
	}
	if err := s.Play(ctx, c.StreamName(), nil); err != nil {
		return nil, err
	}
	for {
		tag, err := s.ReadTag(ctx)
		if errors.Is(err, io.EOF) {
			return tags, nil
		}
		if err != nil {
			return tags, err
		}
		if tag.Type != flv.TagScript {
			tags = append(tags, tag.Clone())
		}
	}
}
