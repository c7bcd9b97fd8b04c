package vod

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/origin"
)

// Keys are the keys of the objects that the path may mean, the likeliest first: the name as it is, then with the
// extensions that clients leave out, then the same percent-decoded. There are at most 8, each of them clean; none where
// the name cannot be an object's.
func (p Path) Keys() []string {
	forms := []string{p.Name}
	if decoded, err := url.PathUnescape(p.Name); err == nil && decoded != p.Name {
		forms = append(forms, decoded)
	}
	var keys []string
	for _, form := range forms {
		if !isClean(form) {
			continue
		}
		candidates := append([]string{form}, extended(form, p.Prefix)...)
		for _, key := range candidates[:min(len(candidates), maxKeys/len(forms))] {
			if isClean(key) && !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys
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
	case ".mp4", ".f4v", ".mov", ".m4v", ".m4a", ".3gp":
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
