package vod

import "time"

const (
	maxNameBytes = 8192 // of an app or a stream name: what CloudFront allowed a URL
	maxKeys      = 8    // keys that one stream name may stand for

	defaultPollInterval = 2 * time.Second
	defaultIndexBytes   = 64 << 20
)
