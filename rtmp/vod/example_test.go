package vod_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing/fstest"

	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

// A host with tokens of its own: guests see the first half of a minute.
func ExampleHandler() {
	h := &vod.Handler{
		App:    "vod",
		Origin: origin.FS(fstest.MapFS{}),
		Authorize: func(_ context.Context, _ *rtmp.PlayRequest, p vod.Path, keys []string) (vod.Grant, error) {
			switch p.Query {
			case "token=member":
				return vod.Grant{Keys: keys}, nil
			case "token=guest":
				return vod.Grant{Keys: keys, End: 30e9}, nil
			}
			return vod.Grant{}, fmt.Errorf("no token: %w", fs.ErrPermission)
		},
	}
	app, err := h.Connect(context.Background(), &rtmp.ConnectRequest{App: "vod"})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = app.Play(context.Background(), &rtmp.PlayRequest{Name: "mp4:film.mp4"})
	fmt.Println(errors.Is(err, fs.ErrPermission))
	// Output: true
}

// What clients make of rtmp://host/vod/mp4:films/a.mp4?x=1.
func ExampleMount_Path() {
	for _, sent := range []struct{ app, name string }{
		{"vod/mp4:films", "mp4:a?x=1"},   // rtmpdump
		{"vod", "mp4:films/a.mp4?x=1"},   // ffmpeg
		{"vod/mp4:films", "a.mp4?x=1"},   // GStreamer
		{"vod/_definst_", "mp4:films/a"}, // a Flash player
	} {
		m, _ := vod.Split(sent.app, "vod")
		p := m.Path(sent.name)
		fmt.Println(p.Prefix, p.Name, p.Keys()[:min(2, len(p.Keys()))])
	}
	// Output:
	// mp4 films/a [films/a.mp4 films/a.f4v]
	// mp4 films/a.mp4 [films/a.mp4]
	// mp4 films/a.mp4 [films/a.mp4]
	// mp4 films/a [films/a.mp4 films/a.f4v]
}
