// Package bucket makes an origin of any bucket that gocloud.dev/blob knows: S3, Google Cloud Storage, Azure, a directory,
// memory.
//
//	films, err := bucket.Open(ctx, "s3://films?region=eu-west-1")
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer films.Close()
//	cache := &origin.Cache{MemoryBytes: 256 << 20}
//	handler := &vod.Handler{App: "vod", Origin: cache.Wrap("films", films)}
//
// It links no driver: the program imports those that it wants, such as gocloud.dev/blob/s3blob. What only a driver's types
// can do, such as If-Match on S3, the program sets in Options. Buckets opens many buckets by name.
//
// On S3, s3:GetObject is all that it needs; with s3:ListBucket too, an object that does not exist is told from one that may not
// be read.
//
// # Specifications
//
// URLs are those of gocloud.dev/blob (https://gocloud.dev/howto/blob/). A version is pinned by its ETag (RFC 9110, 8.8.3).
package bucket
