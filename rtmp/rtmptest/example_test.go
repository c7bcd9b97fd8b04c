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

// A handler of one's own plays what no file holds: here, melodies of beeps.
func ExampleNewHandlerServer() {
	t := new(exampleT)
	defer t.end()
	srv := rtmptest.NewHandlerServer(t, rtmp.HandlerFunc(
		func(_ context.Context, r *rtmp.ConnectRequest) (rtmp.App, error) {
			if r.App == "vod" {
				return beeps{}, nil
			}
			return nil, &rtmp.StatusError{Code: rtmp.CodeConnectRejected, Description: "There are only beeps here."}
		}))
	tags, err := download(context.Background(), srv.URL+"/three")
	fmt.Println(len(tags), tags[2].Timestamp, err)

	_, err = download(context.Background(), srv.URL+"/ninety")
	fmt.Println(err)
	// Output:
	// 3 40 <nil>
	// NetStream.Play.StreamNotFound: Failed to play ninety; stream not found.
}

// beeps is an application whose streams are melodies of beeps.
type beeps struct{}

func (beeps) Play(_ context.Context, r *rtmp.PlayRequest) (rtmp.Source, error) {
	n, known := map[string]uint32{"three": 3, "five": 5}[r.Name]
	if !known {
		return nil, fmt.Errorf("beeps: %q: %w", r.Name, fs.ErrNotExist)
	}
	return &melody{beeps: n}, nil
}

// melody is a Source of tags of sound, one each 20 ms.
type melody struct{ beeps, next uint32 }

const beepEvery = 20 // ms

func (r *melody) Info() *flv.Info {
	return &flv.Info{Duration: time.Duration(r.beeps) * beepEvery * time.Millisecond}
}

func (r *melody) Next(context.Context) (flv.Tag, error) {
	if r.next == r.beeps {
		return flv.Tag{}, io.EOF
	}
	r.next++
	// The head says PCM of 16 bits, 44.1 kHz, mono.
	return flv.Tag{
		Type: flv.TagAudio, Timestamp: (r.next - 1) * beepEvery,
		Head: flv.MakeHead(0x3e), Data: make([]byte, 2*44100*beepEvery/1000),
	}, nil
}

func (r *melody) Seek(_ context.Context, t time.Duration) (time.Duration, error) {
	r.next = min(uint32(max(t, 0).Milliseconds()/beepEvery), r.beeps-1)
	return time.Duration(r.next) * beepEvery * time.Millisecond, nil
}

func (r *melody) Close() error { return nil }

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
