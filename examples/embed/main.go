// Command embed plays the media files of a bucket at rtmp://127.0.0.1/vod/NAME.
package main

import (
	"context"
	"flag"
	"log"

	_ "gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/s3blob"

	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/origin/bucket"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

func main() {
	url := flag.String("bucket", "file:///srv/films", "or s3://films?region=eu-west-1")
	listen := flag.String("listen", ":1935", "address")
	flag.Parse()
	films, err := bucket.Open(context.Background(), *url)
	if err != nil {
		log.Fatal(err)
	}
	cache := &origin.Cache{MemoryBytes: 256 << 20}
	srv := &rtmp.Server{Handler: &vod.Handler{App: "vod", Origin: cache.Wrap("films", films)}}
	log.Fatal(srv.ListenAndServe(*listen))
}
