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
//	edge := &distribution.Edge{Set: set, Origins: openBucket, Cache: cache}
//	srv := &rtmp.Server{Handler: edge, HTTP: edge}
//	log.Fatal(srv.ListenAndServe(":1935"))
//
// An Edge finds the distribution by the host of the client's tcUrl among domain names and CNAMEs. What a stream name
// means is package vod's matter.
//
// It follows the CloudFront developer guide's pages on RTMP distributions and the API reference of
// StreamingDistributionConfig, as they were when the service ended on 31 December 2020.
package distribution
