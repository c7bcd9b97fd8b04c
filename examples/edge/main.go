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
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/seed-3309b198/reelfront/distribution"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/origin/bucket"
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
	log := o.logger(stderr)
	edge, closeEdge, err := newEdge(ctx, o, log)
	if err != nil {
		fmt.Fprintln(stderr, "edge:", err)
		return 2
	}
	defer closeEdge()
	tlsConfig, err := o.tlsConfig()
	if err != nil {
		fmt.Fprintln(stderr, "edge:", err)
		return 2
	}
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
	if o.origin == "" {
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

// newEdge makes the edge, with a distribution of its own that answers to every host.
func newEdge(ctx context.Context, o *options, log *slog.Logger) (*distribution.Edge, func(), error) {
	origins, closeOrigins, err := openOrigins(ctx, o.origin)
	if err != nil {
		return nil, nil, err
	}
	set := &distribution.Memory{}
	d, err := set.Create(distribution.Config{
		CallerReference: "edge",
		S3Origin:        distribution.S3Origin{DomainName: "media.s3.amazonaws.com"},
		Comment:         "Answers to every host.",
		Enabled:         true,
	})
	if err != nil {
		closeOrigins()
		return nil, nil, err
	}
	cache := &origin.Cache{}
	edge := &distribution.Edge{
		Set:            set,
		Default:        d.ID,
		Origins:        origins,
		Cache:          cache,
		WaitForMissing: o.waitForMissing,
		Logger:         log,
	}
	return edge, func() {
		cache.Close()
		closeOrigins()
	}, nil
}

// originsFunc opens a bucket as an identity.
type originsFunc func(ctx context.Context, bucket, identity string) (origin.Origin, error)

// openOrigins returns the buckets that url stands for: those of a template, one bucket for all, or the demo.
func openOrigins(ctx context.Context, url string) (originsFunc, func(), error) {
	if url == "" {
		demo, err := openDemo(ctx)
		if err != nil {
			return nil, nil, err
		}
		return func(context.Context, string, string) (origin.Origin, error) { return demo, nil }, func() { demo.Close() }, nil
	}
	buckets := &bucket.Buckets{URL: url, Options: driverOptions()}
	if !strings.Contains(url, "{bucket}") {
		if _, err := buckets.Origin(ctx, "media", ""); err != nil {
			buckets.Close()
			return nil, nil, fmt.Errorf("-origin: %w", err)
		}
	}
	return buckets.Origin, func() { buckets.Close() }, nil
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
