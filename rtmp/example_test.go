package rtmp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"testing/fstest"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

// A server plays the files of a file system, and a client takes one of them.
func Example() {
	clip, err := os.ReadFile("../flv/testdata/avc-aac.flv")
	if err != nil {
		log.Fatal(err)
	}
	films := fstest.MapFS{"trailers/one.flv": {Data: clip}}
	srv := &rtmp.Server{Handler: &vod.Handler{App: "vod", Origin: origin.FS(films)}}
	defer srv.Close()

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(l)

	video, tags, err := watch(context.Background(), fmt.Sprintf("rtmp://%s/vod/trailers/one.flv", l.Addr()))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(video, tags)
	// Output: avc1 62
}

// watch plays a stream to its end, and returns its video codec and how many video tags it has.
func watch(ctx context.Context, url string) (video flv.Codec, tags int, err error) {
	c, err := rtmp.Dial(ctx, url, nil)
	if err != nil {
		return "", 0, err
	}
	defer c.Close()
	if err := c.Connect(ctx); err != nil {
		return "", 0, err
	}
	stream, err := c.CreateStream(ctx)
	if err != nil {
		return "", 0, err
	}
	// The server fills this buffer as fast as it can; what is to be shown states a few seconds.
	if err := stream.SetBufferLength(time.Hour); err != nil {
		return "", 0, err
	}
	if err := stream.Play(ctx, c.StreamName(), nil); err != nil {
		return "", 0, err
	}
	for {
		tag, err := stream.ReadTag(ctx)
		if errors.Is(err, io.EOF) {
			return video, tags, nil
		}
		if err != nil {
			return video, tags, err
		}
		if tag.Type == flv.TagVideo {
			video = tag.Codec()
			tags++
		}
	}
}

// A host's own rule before the files: who has no token is refused.
func ExampleHandlerFunc() {
	files := &vod.Handler{App: "vod", Origin: origin.FS(os.DirFS("../flv/testdata"))}
	members := rtmp.HandlerFunc(func(ctx context.Context, r *rtmp.ConnectRequest) (rtmp.App, error) {
		if r.App != "vod?token=sesame" {
			return nil, &rtmp.StatusError{Code: rtmp.CodeConnectRejected, Description: "No token, no film."}
		}
		return files.Connect(ctx, r)
	})
	for _, app := range []string{"vod", "vod?token=sesame"} {
		_, err := members.Connect(context.Background(), &rtmp.ConnectRequest{App: app})
		fmt.Println(err)
	}
	// Output:
	// NetConnection.Connect.Rejected: No token, no film.
	// <nil>
}
