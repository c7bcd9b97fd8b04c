package vod

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/origin"
)

// Keys are the keys of the objects that the path may mean, the likeliest first: the name with the extensions that clients
// leave out and then as it is, or the other way round where it has one; each also percent-decoded. There are at most 8,
// each of them clean; none where the name cannot be an object's.
func (p Path) Keys() []string {
	forms := []string{p.Name}
	if decoded, err := url.PathUnescape(p.Name); err == nil && decoded != p.Name {
		forms = append(forms, decoded)
	}
	var candidates [2][]string
	for i, form := range forms {
		if isClean(form) {
			candidates[i] = named(form, p.Prefix, maxKeys/len(forms))
		}
	}
	var keys []string
	for i := range maxKeys {
		for _, c := range candidates {
			if i < len(c) && isClean(c[i]) && !slices.Contains(keys, c[i]) {
				keys = append(keys, c[i])
			}
		}
	}
	return keys
}

// named are at most so many objects' names that a stream name stands for. In buckets nearly all have an extension, so one
// without is asked for last: each that does not exist is a round trip to the origin before the first frame.
func named(name, prefix string, most int) []string {
	longer := extended(name, prefix)
	longer = longer[:min(len(longer), most-1)]
	if hasMediaExt(name) {
		return append([]string{name}, longer...)
	}
	return append(longer, name)
}

// extended are a name's forms with an extension added. A name that has an extension already may have had two.
func extended(name, prefix string) []string {
	exts := extensions(prefix)
	if hasMediaExt(name) {
		exts = exts[:1]
	}
	var names []string
	for _, ext := range exts {
		if !strings.EqualFold(path.Ext(name), ext) {
			names = append(names, name+ext)
		}
	}
	return names
}

// extensions are those that a prefix stands for (Adobe Media Server, "Streaming media files"), the likeliest first.
// FLV and MP3 files are named without one; others lose it in some clients.
func extensions(prefix string) []string {
	switch prefix {
	case "mp4":
		return []string{".mp4", ".f4v", ".mov", ".m4v", ".m4a", ".3gp"}
	case "mp3", "id3":
		return []string{".mp3"}
	case "flv":
		return []string{".flv"}
	default:
		return []string{".flv", ".mp4", ".mp3"}
	}
}

func hasMediaExt(name string) bool { return formatOf(name) != "" }

// formatOf is the format that the extension of a key speaks of, "" for none. The content may say otherwise.
func formatOf(key string) flv.Format {
	switch strings.ToLower(path.Ext(key)) {
	case ".flv":
		return flv.FormatFLV
	case ".mp4", ".f4v", ".f4p", ".f4a", ".f4b", ".mov", ".m4v", ".m4a", ".3gp", ".3g2":
		return flv.FormatMP4
	case ".mp3":
		return flv.FormatMP3
	}
	return ""
}

// isClean reports whether an origin may be asked for key at all.
func isClean(key string) bool {
	return origin.ValidKey(key) && !strings.ContainsFunc(key, func(r rune) bool { return r < 0x20 || r == 0x7f })
}
