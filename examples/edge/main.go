// Command edge serves the files of a bucket over RTMP, as an edge of Amazon CloudFront's RTMP distributions did.
//
//	go run ./examples/edge                                        # plays an embedded demo clip, prints what to try
//	go run ./examples/edge -origin file:///srv/media              # plays a folder
//	go run ./examples/edge -origin 's3://films?region=eu-west-1'  # plays a bucket
//
// It links the bucket drivers file, mem and s3; build with -tags gcs,azure for those two as well.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/seed-3309b198/reelfront/rtmp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, stop, os.Args[1:], os.Stderr)
	stop()
	os.Exit(code)
}

// run serves until ctx ends and then drains. release lets a second signal end the program at once. It returns the exit
// code: 2 for flags or files that are no good.
func run(ctx context.Context, release func(), args []string, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, errHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "edge:", err)
		return 2
	}
	tlsConfig, err := o.tlsConfig()
	if err != nil {
		fmt.Fprintln(stderr, "edge:", err)
		return 2
	}
	log := o.logger(stderr)
	edge, closeEdge, err := newEdge(ctx, o, log)
	if err != nil {
		fmt.Fprintln(stderr, "edge:", err)
		return 2
	}
	defer closeEdge()
	listeners, err := listen(o.listen)
	if err != nil {
		fmt.Fprintln(stderr, "edge:", err)
		return 2
	}
	srv := &rtmp.Server{
		Handler:        edge,
		HTTP:           edge,
		TLSConfig:      tlsConfig,
		TrustedProxies: o.trustedProxies,
		Enhanced:       o.enhanced,
		Logger:         log,
	}
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		log.Info("listening", "addr", l.Addr().String())
		go func() { failed <- srv.Serve(l) }()
	}
	if o.origin == "" && o.logFormat == "text" {
		printDemo(stderr, listeners[0].Addr())
	}
	select {
	case err := <-failed:
		log.Error("serving failed", "err", err)
		srv.Close()
		return 1
	case <-ctx.Done():
		release()
	}
	log.Info("draining", "patience", o.drain)
	drain, cancel := context.WithTimeout(context.Background(), o.drain)
	defer cancel()
	if err := srv.Shutdown(drain); err != nil {
		log.Info("viewers were cut off", "err", err)
	}
	return 0
}

func listen(addrs []string) ([]net.Listener, error) {
	var all []net.Listener
	for _, addr := range addrs {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			for _, l := range all {
				l.Close()
			}
			return nil, fmt.Errorf("-listen: %w", err)
		}
		all = append(all, l)
	}
	return all, nil
}
