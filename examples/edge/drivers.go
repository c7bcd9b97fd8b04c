package main

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/memblob"
	_ "gocloud.dev/blob/s3blob"

	"github.com/seed-3309b198/reelfront/origin/bucket"
)

// driverOptions is what only the drivers' own types can do: on S3, a read of one version alone, and the Expires header.
func driverOptions() *bucket.Options {
	return &bucket.Options{Pin: pinS3, Expires: expiresS3}
}

func pinS3(as func(any) bool, etag string) error {
	var in *s3.GetObjectInput
	if as(&in) {
		in.IfMatch = aws.String(etag)
	}
	return nil
}

func expiresS3(attributes *blob.Attributes) time.Time {
	var head s3.HeadObjectOutput
	if !attributes.As(&head) || head.ExpiresString == nil {
		return time.Time{}
	}
	expires, err := http.ParseTime(*head.ExpiresString)
	if err != nil {
		return time.Time{} // an Expires that is no date means nothing for how long an object is kept
	}
	return expires
}
