// Package distribution rebuilds the streaming distributions of Amazon CloudFront: RTMP at rtmp://host/cfx/st over the
// objects of a bucket, with CloudFront's configuration, names, rules and refusals.
//
//	set := new(distribution.Memory)
//	d, err := distribution.Parse(exported) // aws cloudfront get-streaming-distribution-config
//	if err != nil {
//		log.Fatal(err)
//	}
//	if _, err := set.Load(d); err != nil {
//		log.Fatal(err)
//	}
//	buckets := &bucket.Buckets{URL: "s3://{bucket}?region=eu-west-1", Anonymous: true} // of package origin/bucket
//	keys := new(distribution.Keys)
//	if err := keys.Add(distribution.Self, "APKAEXAMPLE", key); err != nil { // key is of signer.ParsePublicKey
//		log.Fatal(err)
//	}
//	edge := &distribution.Edge{Set: set, Origins: buckets.Origin, Cache: &origin.Cache{MemoryBytes: 256 << 20}, Keys: keys}
//	srv := &rtmp.Server{Handler: edge, HTTP: edge}
//	log.Fatal(srv.ListenAndServe(":1935"))
//
// An Edge finds the distribution by the host of the client's tcUrl among domain names and CNAMEs. What a stream name
// means is package vod's matter.
//
// # Private content
//
// A distribution with trusted signers plays signed names alone: those that one of the keys in Edge.Keys has signed, of an
// account that the distribution trusts. What a viewer may play is decided from the name, before a bucket is asked; whoever
// may not is told the same whatever the cause, which goes to the server's log. It is decided for each play, each entry of a
// playlist, each change of quality and each seek, but not for going on after a pause, and no stream that plays is cut.
// Edge.Authorizer lets a host decide otherwise.
//
// The bucket is read as the distribution's origin access identity, or else as anybody: what that means is for Edge.Origins
// to say. The type Buckets of package origin/bucket says it for every bucket that gocloud.dev/blob knows.
//
// # Specifications
//
// It follows the CloudFront developer guide's pages on RTMP distributions and the API reference of
// StreamingDistributionConfig, as they were when the service ended on 31 December 2020.
package distribution
