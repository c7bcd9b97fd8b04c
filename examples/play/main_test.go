package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

const films = "../../flv/testdata"

func serve(t *testing.T, films string) (url string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	srv := &rtmp.Server{Handler: &vod.Handler{Origin: origin.FS(os.DirFS(films))}}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, srv.Close())
		require.ErrorIs(t, <-served, rtmp.ErrServerClosed)
	})
	return "rtmp://" + l.Addr().String() + "/vod/"
}

// tags reads a file.
func tags(t *testing.T, file string) []flv.Tag {
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	in := flv.NewInput(bytes.NewReader(b), int64(len(b)))
	index, err := flv.Open(t.Context(), in)
	require.NoError(t, err)
	r := index.NewReader(in)
	var all []flv.Tag
	for {
		tag, err := r.Next(t.Context())
		if err == io.EOF {
			return all
		}
		require.NoError(t, err)
		all = append(all, tag.Clone())
	}
}

func TestSaves(t *testing.T) {
	url := serve(t, films)
	for _, name := range []string{"avc-aac", "h263-mp3", "nellymoser"} {
		out := filepath.Join(t.TempDir(), "out.flv")
		j, err := parse([]string{"-o", out, url + name + ".flv"})
		require.NoError(t, err)
		require.NoError(t, j.run(t.Context()))
		original := filepath.Join(films, name+".flv")
		require.Equal(t, tags(t, original), tags(t, out), name)
		require.Equal(t, kinds(t, original), kinds(t, out), "what the head of the file says")
	}
}

func kinds(t *testing.T, file string) byte {
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	return b[4]
}

func TestSavesPart(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.flv")
	j, err := parse([]string{"-o", out, "-start", "100ms", "-duration", "200ms", "-app", "vod", serve(t, films) + "avc-aac"})
	require.NoError(t, err)
	require.NoError(t, j.run(t.Context()))
	got := tags(t, out)
	require.InDelta(t, 300, got[len(got)-1].Timestamp, 100)
}

func TestFails(t *testing.T) {
	url := serve(t, films)
	out := filepath.Join(t.TempDir(), "out.flv")
	j, err := parse([]string{"-o", out, url + "missing"})
	require.NoError(t, err)
	require.ErrorContains(t, j.run(t.Context()), rtmp.CodePlayStreamNotFound)
	require.NoFileExists(t, out)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	j, err = parse([]string{"-o", out, url + "avc-aac"})
	require.NoError(t, err)
	require.ErrorIs(t, j.run(ctx), context.Canceled)
}

func TestCommandLine(t *testing.T) {
	for _, args := range [][]string{{}, {"a", "b"}, {"-start", "-1s", "rtmp://host/vod/a"}, {"-what"}, {"-switch", "a", "rtmp://host/vod/a"}, {"-switch", "a@-1", "rtmp://host/vod/a"}, {"-switch", "a@NaN", "rtmp://host/vod/a"}} {
		_, err := parse(args)
		require.Error(t, err, "%v", args)
	}
}

// TestSwitches goes to another file with the same content and back, and saves each picture once.
func TestSwitches(t *testing.T) {
	const demo = "../edge/demo"
	out := filepath.Join(t.TempDir(), "out.flv")
	j, err := parse([]string{"-o", out, "-switch", "flv:demo@4.5", "-switch", "mp4:demo.mp4@2.5", serve(t, demo) + "flv:demo"})
	require.NoError(t, err)
	require.Equal(t, changes{{"mp4:demo.mp4", 2500 * time.Millisecond}, {"flv:demo", 4500 * time.Millisecond}}, j.changes)
	require.NoError(t, j.run(t.Context()))
	want, got := pictures(tags(t, filepath.Join(demo, "demo.flv"))), pictures(tags(t, out))
	require.Len(t, got, len(want))
	for i := range want {
		require.InDelta(t, want[i], got[i], 1)
	}
}

// pictures are the times of the pictures among tags.
func pictures(tags []flv.Tag) []uint32 {
	var all []uint32
	for i := range tags {
		if tag := &tags[i]; tag.Type == flv.TagVideo && !tag.SequenceHeader() {
			all = append(all, tag.Timestamp)
		}
	}
	return all
}

func TestSwitchFails(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.flv")
	j, err := parse([]string{"-o", out, "-switch", "missing@0", serve(t, "../edge/demo") + "flv:demo"})
	require.NoError(t, err)
	require.ErrorContains(t, j.run(t.Context()), rtmp.CodePlayFailed)
}
