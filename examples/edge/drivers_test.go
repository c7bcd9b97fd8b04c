//go:build !gcs && !azure

package main

import "testing"

// A scheme that is not linked is refused with what to do about it.
func TestSchemesNotLinked(t *testing.T) {
	t.Parallel()
	requireRefused(t, "-origin gs://films", "build with -tags gcs")
	requireRefused(t, "-origin azblob://films", "build with -tags azure")
}
