package rtmptest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/rtmptest"
)

// What a downloader makes of a clip, and of a server that breaks off. In a test this is TestDownload, below.
func Example() {
	t := new(exampleT) // in a test, its *testing.T
	defer t.end()
	srv := rtmptest.NewServer(t, rtmptest.Clips())
	tags, err := download(context.Background(), srv.URL+"/clip")
	fmt.Println(len(tags) > 10, err)

	srv.Fail(&rtmptest.Fault{Err: fs.ErrNotExist, Tags: 10})
	tags, err = download(context.Background(), srv.URL+"/clip")
	fmt.Println(len(tags), err)
	// Output:
	// true <nil>
	// 10 NetStream.Play.Failed: Failed to play clip (stream ID: 1).
}

// exampleT stands for the *testing.T that an example has not got.
type exampleT struct {
	testing.TB
	atEnd []func()
}

func (t *exampleT) Helper()             {}
func (t *exampleT) Log(...any)          {}
func (t *exampleT) Logf(string, ...any) {}
func (t *exampleT) Cleanup(f func())    { t.atEnd = append(t.atEnd, f) }

func (t *exampleT) end() {
	for _, f := range slices.Backward(t.atEnd) {
		f()
	}
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
