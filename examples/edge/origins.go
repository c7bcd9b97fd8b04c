package main

import (
	"context"

	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/origin/bucket"
)

// demoBucket is the bucket of the distribution that is made when none is given.
const demoBucket = "media"

// originsFunc opens a bucket as an origin access identity, "" for anonymously.
type originsFunc func(ctx context.Context, bucket, identity string) (origin.Origin, error)

// openOrigins returns the buckets that the command line speaks of: those of a template, one bucket for all, or the demo.
//
// A distribution that was given reads its bucket as CloudFront did: as its origin access identity, whose URL -identity
// says, or else anonymously. The one that is made here reads as -origin says.
func openOrigins(ctx context.Context, o *options) (originsFunc, func() error, error) {
	if o.origin == "" {
		demo, err := openDemo(ctx)
		if err != nil {
			return nil, nil, err
		}
		return func(context.Context, string, string) (origin.Origin, error) { return demo, nil }, demo.Close, nil
	}
	buckets := &bucket.Buckets{
		URL: o.origin, Identities: o.identities,
		Anonymous: len(o.distributions) > 0,
		Options:   driverOptions(),
	}
	return buckets.Origin, buckets.Close, nil
}
