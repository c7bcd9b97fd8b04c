// Package origin is where media files come from.
package origin
