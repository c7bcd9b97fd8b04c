package rtmp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"

	"github.com/seed-3309b198/reelfront/rtmp"
)

// A client takes a stream from a server, as fast as it comes.
func ExampleDial() {
	ctx := context.Background()
	c, err := rtmp.Dial(ctx, "rtmp://127.0.0.1/cfx/st/mp4:demo.mp4", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if err := c.Connect(ctx); err != nil {
		log.Fatal(err)
	}
	stream, err := c.CreateStream(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if err := stream.Play(ctx, c.StreamName(), nil); err != nil {
		log.Fatal(err)
	}
	for {
		tag, err := stream.ReadTag(ctx)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(tag.Type, tag.Timestamp, len(tag.Data))
	}
}
