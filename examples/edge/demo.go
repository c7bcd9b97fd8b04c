package main

import (
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"

	"gocloud.dev/blob"

	"github.com/seed-3309b198/reelfront/origin/bucket"
)

//go:embed demo/demo.flv demo/demo.mp4 demo/demo.mp3
var demoFiles embed.FS

// openDemo returns a bucket in memory that holds the demo clip.
func openDemo(ctx context.Context) (*bucket.Origin, error) {
	b, err := blob.OpenBucket(ctx, "mem://")
	if err != nil {
		return nil, err
	}
	clips, err := fs.Sub(demoFiles, "demo")
	if err != nil {
		return nil, err
	}
	err = fs.WalkDir(clips, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(clips, name)
		if err != nil {
			return err
		}
		return b.WriteAll(ctx, name, data, nil)
	})
	if err != nil {
		return nil, err
	}
	return bucket.New(b, nil), nil
}

// printDemo says what to try.
func printDemo(w io.Writer, addr net.Addr) {
	host, port, err := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); err != nil || ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	if host = net.JoinHostPort(host, port); port == "1935" {
		host = strings.TrimSuffix(host, ":1935")
	}
	fmt.Fprintf(w, `
A demo clip is playing at
  rtmp://%[1]s/cfx/st/mp4:demo.mp4
  rtmp://%[1]s/cfx/st/flv:demo
  rtmp://%[1]s/cfx/st/mp3:demo

Try one of
  ffplay rtmp://%[1]s/cfx/st/mp4:demo.mp4
  vlc rtmp://%[1]s/cfx/st/mp4:demo.mp4
  rtmpdump -r rtmp://%[1]s/cfx/st/mp4:demo.mp4 -o demo.flv
  gst-launch-1.0 rtmp2src location=rtmp://%[1]s/cfx/st/mp4:demo.mp4 ! decodebin ! autovideosink

Your own files: -origin file:///path/to/folder, or -origin 's3://bucket?region=eu-west-1'

`, host)
}
