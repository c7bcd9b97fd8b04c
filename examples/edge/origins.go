package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

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
	own := &bucket.Buckets{URL: o.origin, Identities: o.identities, Options: driverOptions()}
	public := &bucket.Buckets{URL: anonymous(o.origin), Options: driverOptions()}
	closeAll := func() error { return errors.Join(own.Close(), public.Close()) }
	if !strings.Contains(o.origin, "{bucket}") {
		if _, err := own.Origin(ctx, demoBucket, ""); err != nil {
			return nil, nil, fmt.Errorf("-origin: %w", errors.Join(err, closeAll()))
		}
	}
	if len(o.distributions) == 0 {
		return own.Origin, closeAll, nil
	}
	return func(ctx context.Context, bucket, identity string) (origin.Origin, error) {
		if identity == "" {
			return public.Origin(ctx, bucket, "")
		}
		return own.Origin(ctx, bucket, identity)
	}, closeAll, nil
}

// anonymous is a bucket URL without credentials, for the drivers that know such a thing: s3 and gs. In a file or mem
// bucket everything may be read by everybody.
func anonymous(bucketURL string) string {
	scheme, _, _ := strings.Cut(bucketURL, "://")
	if scheme != "s3" && scheme != "gs" {
		return bucketURL
	}
	base, query, _ := strings.Cut(bucketURL, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return bucketURL // which the driver will refuse, and say why
	}
	values.Del("profile")
	values.Set("anonymous", "true")
	return base + "?" + values.Encode()
}
