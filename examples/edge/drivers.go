package main

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	_ "gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/memblob"
	_ "gocloud.dev/blob/s3blob"

	"github.com/seed-3309b198/reelfront/origin/bucket"
)

// driverOptions is what only the drivers' own types can do: on S3, a read of one version alone.
func driverOptions() *bucket.Options {
	return &bucket.Options{Pin: func(as func(any) bool, etag string) error {
		var in *s3.GetObjectInput
		if as(&in) {
			in.IfMatch = aws.String(fmt.Sprintf("%q", etag))
		}
		return nil
	}}
}
