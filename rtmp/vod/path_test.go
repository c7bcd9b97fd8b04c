package vod_test

import (
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

var roots = []string{"cfx/st", "vod", "ondemand", "app"}

// clientCases are what living clients make of a URL. Each is what one of them sends, and the object that was meant.
var clientCases = []struct {
	client, app, name string
	prefix, query     string
	key               string // the object that the URL means
	at                int    // its place among the keys
}{
	// rtmp://host/cfx/st/mp4:videos/a.mp4?Expires=1&Signature=x&Key-Pair-Id=y
	{"rtmpdump", "cfx/st/mp4:videos", "mp4:a?Expires=1&Signature=x&Key-Pair-Id=y", "mp4", "Expires=1&Signature=x&Key-Pair-Id=y", "videos/a.mp4", 0},
	{"ffmpeg", "cfx/st", "mp4:videos/a.mp4?Expires=1&Signature=x&Key-Pair-Id=y", "mp4", "Expires=1&Signature=x&Key-Pair-Id=y", "videos/a.mp4", 0},
	{"rtmp2src", "cfx/st/mp4:videos", "a.mp4?Expires=1&Signature=x&Key-Pair-Id=y", "mp4", "Expires=1&Signature=x&Key-Pair-Id=y", "videos/a.mp4", 0},
	// /vod/mp4:dir/a.mp4
	{"rtmpdump", "vod/mp4:dir", "mp4:a", "mp4", "", "dir/a.mp4", 0},
	{"ffmpeg", "vod", "mp4:dir/a.mp4", "mp4", "", "dir/a.mp4", 0},
	{"rtmp2src", "vod/mp4:dir", "a.mp4", "mp4", "", "dir/a.mp4", 0},
	// /vod/dir/a.mp4
	{"rtmpdump", "vod/dir", "mp4:a", "mp4", "", "dir/a.mp4", 0},
	{"ffmpeg", "vod/dir", "mp4:a.mp4", "mp4", "", "dir/a.mp4", 0},
	{"rtmp2src", "vod/dir", "a.mp4", "", "", "dir/a.mp4", 0},
	// /vod/a.flv
	{"rtmpdump, ffmpeg", "vod", "a", "", "", "a.flv", 0},
	{"rtmp2src", "vod", "a.flv", "", "", "a.flv", 0},
	// /vod/dir/sub/a.mp3
	{"rtmpdump", "vod/dir/sub", "mp3:a", "mp3", "", "dir/sub/a.mp3", 0},
	{"ffmpeg", "vod/dir", "sub/a.mp3", "", "", "dir/sub/a.mp3", 0},
	{"rtmp2src", "vod/dir/sub", "a.mp3", "", "", "dir/sub/a.mp3", 0},
	// /cfx/st/a.mp4
	{"rtmpdump", "cfx/st", "mp4:a", "mp4", "", "a.mp4", 0},
	{"ffmpeg", "cfx/st", "mp4:a.mp4", "mp4", "", "a.mp4", 0},
	{"rtmp2src", "cfx/st", "a.mp4", "", "", "a.mp4", 0},
	// /cfx/st/dir/a.mp4
	{"rtmpdump", "cfx/st/dir", "mp4:a", "mp4", "", "dir/a.mp4", 0},
	{"ffmpeg", "cfx/st", "mp4:dir/a.mp4", "mp4", "", "dir/a.mp4", 0},
	{"rtmp2src", "cfx/st/dir", "a.mp4", "", "", "dir/a.mp4", 0},
	// /cfx/st/dir/a.mp4?Expires=1&Signature=x
	{"rtmpdump", "cfx/st/dir", "mp4:a?Expires=1&Signature=x", "mp4", "Expires=1&Signature=x", "dir/a.mp4", 0},
	{"ffmpeg", "cfx/st", "dir/a.mp4?Expires=1&Signature=x", "", "Expires=1&Signature=x", "dir/a.mp4", 0},
	{"rtmp2src", "cfx/st/dir", "a.mp4?Expires=1&Signature=x", "", "Expires=1&Signature=x", "dir/a.mp4", 0},
	// /cfx/st/mp4:dir/sub/a.mp4
	{"rtmpdump", "cfx/st/mp4:dir", "mp4:sub/a", "mp4", "", "dir/sub/a.mp4", 0},
	{"ffmpeg", "cfx/st", "mp4:dir/sub/a.mp4", "mp4", "", "dir/sub/a.mp4", 0},
	{"rtmp2src", "cfx/st/mp4:dir/sub", "a.mp4", "mp4", "", "dir/sub/a.mp4", 0},
	// /ondemand/dir/a.mp4
	{"rtmpdump", "ondemand", "mp4:dir/a", "mp4", "", "dir/a.mp4", 0},
	{"ffmpeg", "ondemand", "mp4:dir/a.mp4", "mp4", "", "dir/a.mp4", 0},
	{"rtmp2src", "ondemand/dir", "a.mp4", "", "", "dir/a.mp4", 0},
	// /ondemand/mp4:a.mp4
	{"all", "ondemand", "mp4:a.mp4", "mp4", "", "a.mp4", 0},
	// /vod/_definst_/mp4:dir/a.mp4
	{"rtmpdump", "vod/_definst_/mp4:dir", "mp4:a", "mp4", "", "dir/a.mp4", 0},
	{"ffmpeg", "vod/_definst_", "mp4:dir/a.mp4", "mp4", "", "dir/a.mp4", 0},
	{"rtmp2src", "vod/_definst_/mp4:dir", "a.mp4", "mp4", "", "dir/a.mp4", 0},
	// /cfx/st/_definst_/mp4:dir/a.mp4 and without prefix: ffmpeg takes two components for the app
	{"ffmpeg", "cfx/st", "_definst_/mp4:dir/a.mp4", "mp4", "", "dir/a.mp4", 0},
	{"ffmpeg", "cfx/st", "mp4:_definst_/dir/a.mp4", "mp4", "", "dir/a.mp4", 0},
	// /app?x=1/mp4:a.mp4
	{"all", "app?x=1", "mp4:a.mp4", "mp4", "", "a.mp4", 0},
	// /app?slist=mp4:dir/a.mp4&z=1
	{"rtmpdump, ffmpeg", "app?slist=mp4:dir/a.mp4&z=1", "mp4:dir/a.mp4", "mp4", "", "dir/a.mp4", 0},
	{"rtmp2src", "app?slist=mp4:dir", "a.mp4&z=1", "mp4", "z=1", "dir/a.mp4", 0},
	{"rtmpdump", "app?slist=dir/a.mp4", "mp4:dir/a", "mp4", "", "dir/a.mp4", 0},
	// /vod/a%20b%2Fc.mp4
	{"rtmpdump", "vod", "mp4:a b/c", "mp4", "", "a b/c.mp4", 0},
	{"ffmpeg", "vod", "mp4:a%20b%2Fc.mp4", "mp4", "", "a b/c.mp4", 1},
	{"rtmp2src", "vod", "a%20b%2Fc.mp4", "", "", "a b/c.mp4", 1},
	// /vod//dir/a.mp4
	{"rtmpdump", "vod//dir", "mp4:a", "mp4", "", "dir/a.mp4", 0},
	{"ffmpeg", "vod/", "mp4:dir/a.mp4", "mp4", "", "dir/a.mp4", 0},
	{"rtmp2src", "vod//dir", "a.mp4", "", "", "dir/a.mp4", 0},
	// /cfx/st/mp4:videos/a.mp4?Policy=e/f&Signature=g/h+i=&Key-Pair-Id=k
	{"rtmpdump", "cfx/st/mp4:videos", "mp4:a?Policy=e/f&Signature=g/h+i=&Key-Pair-Id=k", "mp4", "Policy=e/f&Signature=g/h+i=&Key-Pair-Id=k", "videos/a.mp4", 0},
	{"ffmpeg", "cfx/st", "mp4:videos/a.mp4?Policy=e/f&Signature=g/h+i=&Key-Pair-Id=k", "mp4", "Policy=e/f&Signature=g/h+i=&Key-Pair-Id=k", "videos/a.mp4", 0},
	{"rtmp2src", "cfx/st/mp4:videos/a.mp4?Policy=e/f&Signature=g", "h+i=&Key-Pair-Id=k", "mp4", "Policy=e/f&Signature=g/h+i=&Key-Pair-Id=k", "videos/a.mp4", 0},
	// the same with the signature last, without a directory, with a parameter of its own that holds the slash
	{"rtmp2src", "cfx/st/a.flv?Expires=1&Key-Pair-Id=k&Signature=g", "h+i=", "", "Expires=1&Key-Pair-Id=k&Signature=g/h+i=", "a.flv", 0},
	{"rtmpdump", "cfx/st/a.mp4?Policy=e", "f&Signature=g/h+i=&Key-Pair-Id=k", "", "Policy=e/f&Signature=g/h+i=&Key-Pair-Id=k", "a.mp4", 0},
	{"rtmp2src", "cfx/st/dir/a?u=x", "y&Expires=1&Signature=g&Key-Pair-Id=k", "", "u=x/y&Expires=1&Signature=g&Key-Pair-Id=k", "dir/a.flv", 0},
	{"ffmpeg", "vod/a.mp4?token=x", "y", "", "token=x/y", "a.mp4", 0},
	// -r rtmp://host/cfx/st -y X, -rtmp_playpath X: the instance is lost, or X has it
	{"rtmpdump -y, ffmpeg -rtmp_playpath", "cfx", "mp4:dir/a.mp4", "mp4", "", "dir/a.mp4", 0},
	{"instance in the name", "cfx", "st/mp4:dir/a.mp4", "mp4", "", "dir/a.mp4", 0},
	{"instance in the name", "cfx", "mp4:st/_definst_/dir/a.mp4", "mp4", "", "dir/a.mp4", 0},
	{"explicit", "cfx/st", "dir/a", "", "", "dir/a.flv", 0},
	// CloudFront's forms
	{"trailing slash", "cfx/st/", "mediafile", "", "", "mediafile.flv", 0},
	{"exact", "cfx/st", "videos/mediafile.flv", "", "", "videos/mediafile.flv", 0},
	{"flv prefix", "cfx/st", "flv:dir/x", "flv", "", "dir/x.flv", 0},
	{"flv prefix and extension", "cfx/st", "flv:dir/x.flv", "flv", "", "dir/x.flv", 0},
	{"mp3", "cfx/st", "mp3:Oasis_Wonderwall", "mp3", "", "Oasis_Wonderwall.mp3", 0},
	{"mp3", "cfx/st", "mp3:fake_empire-cbr", "mp3", "", "fake_empire-cbr.mp3", 0},
	{"mp3 with extension", "cfx/st", "mp3:a.mp3", "mp3", "", "a.mp3", 0},
	{"mp4 without extension", "cfx/st", "mp4:dir/x", "mp4", "", "dir/x.mp4", 0},
	{"bare mp4", "cfx/st", "magicvideo", "", "", "magicvideo.mp4", 1},
	{"doubled prefix", "cfx/st", "mp4:mp4:movie.mp4?Expires=1", "mp4", "Expires=1", "movie.mp4", 0},
	{"underscore", "cfx/st", "video_1.flv?Expires=1", "", "Expires=1", "video_1.flv", 0},
	{"space", "cfx/st", "mp4:a b.mp4", "mp4", "", "a b.mp4", 0},
	{"leading slash", "cfx/st", "/videos/a.flv", "", "", "videos/a.flv", 0},
	{"leading slash behind the prefix", "cfx/st", "mp4:/videos/a.mp4", "mp4", "", "videos/a.mp4", 0},
	{"own parameters", "cfx/st", "name?p=2&q=4", "", "p=2&q=4", "name.flv", 0},
	{"encoded query", "cfx/st", "mp4:example/video.mp4%3FPolicy%3Dp%26Signature%3Ds%26Key-Pair-Id%3Dk", "mp4", "Policy=p&Signature=s&Key-Pair-Id=k", "example/video.mp4", 0},
	{"encoded query, lower case", "cfx/st", "video%3fExpires%3d1", "", "Expires=1", "video.flv", 0},
	{"question mark in a name", "cfx/st", "what%3F.mp4", "", "", "what?.mp4", 1},
	{"query on the connect", "cfx/st?key=value", "a", "", "", "a.flv", 0},
	// Adobe Media Server's kinds
	{"f4v", "vod", "mp4:a.f4v", "mp4", "", "a.f4v", 0},
	{"f4v cut by rtmpdump", "vod", "mp4:a", "mp4", "", "a.f4v", 1},
	{"mov", "vod", "mp4:a", "mp4", "", "a.mov", 2},
	{"m4v", "vod", "mp4:a", "mp4", "", "a.m4v", 3},
	{"m4a", "vod", "mp4:a", "mp4", "", "a.m4a", 4},
	{"3gp", "vod", "mp4:a", "mp4", "", "a.3gp", 5},
	{"upper case", "vod", "A.MP4", "", "", "A.MP4", 0},
	{"two extensions, one cut", "vod", "mp4:clip.mov", "mp4", "", "clip.mov.mp4", 1},
	{"dots", "vod", "mp4:clip.v2", "mp4", "", "clip.v2.mp4", 0},
	{"id3", "vod", "id3:a", "id3", "", "a.mp3", 0},
	{"id3 by rtmpdump", "vod", "mp3:id3:a", "id3", "", "a.mp3", 0},
	{"id3 in a directory by rtmpdump", "vod/id3:dir", "mp3:a", "id3", "", "dir/a.mp3", 0},
	{"raw", "vod", "raw:a.flv", "raw", "", "a.flv", 0},
	{"prefix in the middle", "cfx/st", "dir/mp4:a.mp4", "mp4", "", "dir/a.mp4", 0},
	{"prefixes that differ", "vod/mp4:dir", "mp3:a", "mp3", "", "dir/a.mp3", 0},
	{"unknown prefix is part of the name", "vod", "webm:a", "", "", "webm:a", 3},
}

func TestPathOfClients(t *testing.T) {
	t.Parallel()
	for _, c := range clientCases {
		t.Run(c.client+" "+c.app+" "+c.name, func(t *testing.T) {
			t.Parallel()
			m, ok := vod.Split(c.app, roots...)
			require.True(t, ok)
			p := m.Path(c.name)
			require.Equal(t, c.prefix, p.Prefix)
			require.Equal(t, c.query, p.Query)
			keys := p.Keys()
			require.Greater(t, len(keys), c.at, "keys %q", keys)
			require.Equal(t, c.key, keys[c.at], "keys %q", keys)
		})
	}
}

func TestPathKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		keys []string
	}{
		{"a", []string{"a.flv", "a.mp4", "a.mp3", "a"}},
		{"flv:a", []string{"a.flv", "a"}},
		{"flv:a.flv", []string{"a.flv"}},
		{"a.mp4", []string{"a.mp4", "a.mp4.flv"}},
		{"mp4:a.mp4", []string{"a.mp4"}},
		{"mp4:a.f4a", []string{"a.f4a", "a.f4a.mp4"}},
		{"mp4:a", []string{"a.mp4", "a.f4v", "a.mov", "a.m4v", "a.m4a", "a.3gp", "a"}},
		{"mp4:a.v2", []string{"a.v2.mp4", "a.v2.f4v", "a.v2.mov", "a.v2.m4v", "a.v2.m4a", "a.v2.3gp", "a.v2"}},
		{"mp4:a%20b", []string{"a%20b.mp4", "a b.mp4", "a%20b.f4v", "a b.f4v", "a%20b.mov", "a b.mov", "a%20b", "a b"}},
		{"a%20b.mp4", []string{"a%20b.mp4", "a b.mp4", "a%20b.mp4.flv", "a b.mp4.flv"}},
		{"100%", []string{"100%.flv", "100%.mp4", "100%.mp3", "100%"}},
		{"mp4:%2e%2e/a.mp4", []string{"%2e%2e/a.mp4"}},
		{"mp4:a%00.mp4", []string{"a%00.mp4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, ok := vod.Split("vod", "vod")
			require.True(t, ok)
			require.Equal(t, c.keys, m.Path(c.name).Keys())
		})
	}
}

func TestPathWithoutKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ app, name string }{
		{"vod", ""},
		{"vod", "/"},
		{"vod", "//a"},
		{"vod", "mp4:"},
		{"vod/dir", "mp4:"},
		{"vod/dir", ""},
		{"vod", "?Expires=1"},
		{"vod", "."},
		{"vod", ".."},
		{"vod", "../a.mp4"},
		{"vod", "mp4:../a.mp4"},
		{"vod/..", "mp4:a"},
		{"vod/mp4:..", "mp4:a"},
		{"vod", "./a"},
		{"vod", "a/./b"},
		{"vod", "a/../b"},
		{"vod", "a//b"},
		{"vod", "dir/"},
		{"vod", "a\x00.mp4"},
		{"vod", "a\nb.mp4"},
		{"vod", `..\a.mp4`},
		{"vod", "\xff.mp4"},
		{"vod", strings.Repeat("a", 1025)},
		{"vod", strings.Repeat("a/", 600) + "b"},
		{"vod", "a?" + strings.Repeat("x", 9000)},
	} {
		t.Run(c.app+" "+c.name, func(t *testing.T) {
			t.Parallel()
			m, ok := vod.Split(c.app, roots...)
			require.True(t, ok)
			require.Empty(t, m.Path(c.name).Keys())
		})
	}
}

func TestPathAppQuery(t *testing.T) {
	t.Parallel()
	m, ok := vod.Split("cfx/st?token=1", "cfx/st")
	require.True(t, ok)
	require.Equal(t, vod.Path{Name: "a", Query: "x=2", AppQuery: "token=1"}, m.Path("a?x=2"))
}

func TestSplit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		app   string
		roots []string
		want  vod.Mount
		ok    bool
	}{
		{"vod", []string{"vod"}, vod.Mount{Root: "vod"}, true},
		{"vod/", []string{"vod"}, vod.Mount{Root: "vod"}, true},
		{"/vod", []string{"vod"}, vod.Mount{Root: "vod"}, true},
		{"vod/_definst_", []string{"vod"}, vod.Mount{Root: "vod"}, true},
		{"cfx/st/_definst_/dir?x=1", []string{"cfx/st"}, vod.Mount{Root: "cfx/st", Tail: "dir", Query: "x=1"}, true},
		{"a/b/c", []string{"a", "a/b", "a/c"}, vod.Mount{Root: "a/b", Tail: "c"}, true},
		{"a/b/c", []string{"a/b/c/d", "a"}, vod.Mount{Root: "a", Tail: "b/c"}, true},
		{"vodka", []string{"vod"}, vod.Mount{}, false},
		{"cfx/xx", []string{"cfx/st"}, vod.Mount{}, false},
		{"VOD", []string{"vod"}, vod.Mount{}, false},
		{"", []string{"vod", ""}, vod.Mount{}, false},
		{"?vod", []string{"vod"}, vod.Mount{}, false},
		{"vod/" + strings.Repeat("a", 9000), []string{"vod"}, vod.Mount{}, false},
	} {
		t.Run(c.app, func(t *testing.T) {
			t.Parallel()
			m, ok := vod.Split(c.app, c.roots...)
			require.Equal(t, c.ok, ok)
			require.Equal(t, c.want, m)
		})
	}
}

func FuzzPath(f *testing.F) {
	for _, c := range clientCases {
		f.Add(c.app, c.name)
	}
	f.Add("vod/../x", "%2e%2e%2f%00//mp4:")
	f.Add("vod?slist=", "slist=")
	f.Add("vod/"+strings.Repeat("mp4:/", 800), strings.Repeat("mp3:", 1000)+"%3F"+strings.Repeat("/%2e", 1000))
	f.Add("vod?"+strings.Repeat("&slist=", 1000), strings.Repeat("/", 1000))
	f.Fuzz(func(t *testing.T, app, name string) {
		m, ok := vod.Split(app, roots...)
		if !ok {
			return
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		keys := m.Path(name).Keys()
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2<<20))
		require.LessOrEqual(t, len(keys), 8)
		seen := map[string]bool{}
		for _, key := range keys {
			require.True(t, origin.ValidKey(key), "%q", key)
			require.True(t, utf8.ValidString(key))
			require.NotContains(t, key, "\x00")
			require.False(t, seen[key], "%q twice", key)
			seen[key] = true
		}
	})
}
