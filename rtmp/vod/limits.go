package vod

import "time"

const (
	maxNameBytes = 8192 // of an app and a stream name together: what CloudFront allowed a URL
	maxKeys      = 8    // keys that one stream name may stand for
	maxAppInText = 128  // bytes of an unknown application's name that its refusal repeats

	openTimeout         = 30 * time.Second // to find the object among its keys
	defaultPollInterval = 5 * time.Second
	defaultIndexBytes   = 64 << 20
)
