package rtmp

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/rtmp/door"
)

func TestClientAddress(t *testing.T) {
	t.Parallel()
	tests := []struct{ url, explicit, app, name string }{
		{"/cfx/st/mp4:videos/a.mp4?Expires=1&Signature=x", "", "cfx/st", "mp4:videos/a.mp4?Expires=1&Signature=x"},
		{"/cfx/st/mp4:videos/a.mp4?Policy=e/f&Signature=g/h+i=", "", "cfx/st", "mp4:videos/a.mp4?Policy=e/f&Signature=g/h+i="},
		{"/cfx/st/a.mp4", "", "cfx/st", "mp4:a.mp4"},
		{"/cfx/st/dir/a.mp4?Expires=1", "", "cfx/st", "mp4:dir/a.mp4?Expires=1"},
		{"/cfx/st/a", "", "cfx/st", "a"},
		{"/cfx/st", "", "cfx/st", ""},
		{"/cfx/st/", "", "cfx/st", ""},
		{"/vod/mp4:dir/a.mp4", "", "vod", "mp4:dir/a.mp4"},
		{"/vod/dir/a.mp4", "", "vod/dir", "mp4:a.mp4"},
		{"/vod/a.flv", "", "vod", "a"},
		{"/vod/a.FLV?x=.mp3", "", "vod", "a?x=.mp3"},
		{"/vod/dir/sub/a.mp3", "", "vod/dir", "mp3:sub/a"},
		{"/vod/dir/mp4:sub/a.mp4", "", "vod/dir", "mp4:sub/a.mp4"},
		{"/a/b/c/mp4:d", "", "a/b/c", "mp4:d"},
		{"/ondemand/dir/a.mp4", "", "ondemand", "mp4:dir/a.mp4"},
		{"/vod/_definst_/mp4:dir/a.mp4", "", "vod/_definst_", "mp4:dir/a.mp4"},
		{"/vod/_definst_", "", "vod/_definst_", ""},
		{"/app?x=1/mp4:a.mp4", "", "app?x=1", "mp4:a.mp4"},
		{"/cfx/st?x=1/mp4:a.mp4", "", "cfx/st?x=1", "mp4:a.mp4"},
		{"/app?slist=mp4:dir/a.mp4&z=1", "", "app?slist=mp4:dir/a.mp4&z=1", "mp4:dir/a.mp4"},
		{"/vod/a%20b%2Fc.mp4", "", "vod", "mp4:a%20b%2Fc.mp4"},
		{"/vod/a b.mp4", "", "vod", "mp4:a b.mp4"},
		{"/vod//dir/a.mp4", "", "vod", "mp4:dir/a.mp4"},
		{"//vod/a", "", "vod", "a"},
		{"/vod", "", "vod", ""},
		{"/vod/dir/sub/a.mp4", "vod", "vod", "mp4:dir/sub/a.mp4"},
		{"/vod/dir/sub/a.mp4", "/vod/dir/sub/", "vod/dir/sub", "mp4:a.mp4"},
		{"/a.mp4", "vod", "vod", "mp4:a.mp4"},
		{"/vod", "vod", "vod", ""},
		{"", "vod", "vod", ""},
	}
	for _, tt := range tests {
		a, err := parseAddress("rtmp://host"+tt.url, tt.explicit)
		require.NoError(t, err, tt.url)
		require.Equal(t, address{door.Scheme{}, "host:1935", "rtmp://host/" + tt.app, tt.app, tt.name}, a, tt.url)
	}
}

func TestClientAddressHost(t *testing.T) {
	t.Parallel()
	for url, host := range map[string]string{
		"rtmp://host/vod":          "host:1935",
		"RTMPE://host/vod":         "host:1935",
		"rtmpt://host/vod":         "host:80",
		"rtmpte://host/vod":        "host:80",
		"rtmps://host/vod":         "host:443",
		"rtmpts://host/vod":        "host:443",
		"rtmpt://host:8080/vod":    "host:8080",
		"rtmp://[2001:db8::1]/vod": "[2001:db8::1]:1935",
		"rtmp://[::1]:19/vod":      "[::1]:19",
	} {
		a, err := parseAddress(url, "")
		require.NoError(t, err, url)
		require.Equal(t, host, a.host, url)
	}
	a, err := parseAddress("RTMPT://host:8080/cfx/st/a", "")
	require.NoError(t, err)
	require.Equal(t, "rtmpt://host:8080/cfx/st", a.tcURL)

	for _, url := range []string{
		"", "host/vod", "http://host/vod", "rtmp:/host/vod", "rtmpx://host/vod", "rtmp://host", "rtmp://host/", "rtmp:///vod",
		"rtmp://host:/vod", "rtmp://:1935/vod", "rtmp://me:secret@host/vod", "rtmp://?/vod",
	} {
		_, err := parseAddress(url, "")
		require.Error(t, err, url)
	}
}
