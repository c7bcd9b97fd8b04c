package vod_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/demux"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

// statuses are the codes that a server has sent.
type statuses struct {
	mu    sync.Mutex
	codes []string
}

func (s *statuses) add(status rtmp.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes = append(s.codes, status.Code)
}

func (s *statuses) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	codes := s.codes
	s.codes = nil
	return codes
}

// watch connects to a server that grants the part of each file, and returns a stream that is sent all at once.
func watch(t *testing.T, grant vod.Grant) (*rtmp.Client, *rtmp.ClientStream, *statuses) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	srv, served := &rtmp.Server{Handler: &vod.Handler{
		Origin: origin.FS(os.DirFS("../../flv")),
		Authorize: func(_ context.Context, _ *rtmp.PlayRequest, _ vod.Path, keys []string) (vod.Grant, error) {
			return vod.Grant{Keys: keys, Start: grant.Start, End: grant.End}, nil
		},
	}}, make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	told := new(statuses)
	c, err := rtmp.Dial(t.Context(), "rtmp://"+l.Addr().String()+"/vod/", &rtmp.ClientOptions{OnStatus: told.add})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, c.Close())
		require.NoError(t, srv.Close())
		require.ErrorIs(t, <-served, rtmp.ErrServerClosed)
	})
	require.NoError(t, c.Connect(t.Context()))
	s, err := c.CreateStream(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.SetBufferLength(time.Hour))
	return c, s, told
}

// requireOver says that what a server told last is that all was played.
func requireOver(t *testing.T, c *rtmp.Client, told *statuses) {
	t.Helper()
	_, err := c.Length(t.Context(), "testdata/avc-aac") // whose answer comes behind all statuses
	require.NoError(t, err)
	codes := told.take()
	require.GreaterOrEqual(t, len(codes), 2)
	require.Equal(t, []string{rtmp.CodePlayComplete, rtmp.CodePlayStop}, codes[len(codes)-2:])
}

// received is what is left of a stream, without script tags.
func received(t *testing.T, s *rtmp.ClientStream) (tags []string) {
	t.Helper()
	for {
		tag, err := s.ReadTag(t.Context())
		if err == io.EOF {
			return tags
		}
		require.NoError(t, err)
		if tag.Type != flv.TagScript {
			tags = append(tags, line(&tag, 0))
		}
	}
}

// part is what a file has from the key frame at or before start until before end, on the timeline of a stream that begins
// at that key frame; and where in the file that is.
func part(t *testing.T, path string, start, end time.Duration) (tags []string, at time.Duration) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	in := flv.NewInput(bytes.NewReader(data), int64(len(data)))
	file, err := demux.Open(t.Context(), in, "")
	require.NoError(t, err)
	r := file.NewReader(in)
	at, err = r.Seek(t.Context(), start)
	require.NoError(t, err)
	for {
		tag, err := r.Next(t.Context())
		if err == io.EOF {
			return tags, at
		}
		require.NoError(t, err)
		if tag.Type != flv.TagScript && time.Duration(tag.Timestamp)*time.Millisecond < end {
			tags = append(tags, line(tag, at))
		}
	}
}

// line says what a tag is: its type, its time in milliseconds from at, its length and a sum of its body.
func line(tag *flv.Tag, at time.Duration) string {
	body := slices.Concat(tag.Head.Bytes(), tag.Data)
	return fmt.Sprintf("%d %d %d %08x", tag.Type, tag.Timestamp-uint32(at.Milliseconds()), len(body), crc32.ChecksumIEEE(body))
}

// A guest's preview begins and ends where it was granted, with the statuses of a film that is over, whatever the guest asks
// for.
func TestPreview(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		path       string
		start, end time.Duration
	}{
		"testdata/avc-aac":           {"testdata/avc-aac.flv", 1500 * ms, 4 * time.Second},
		"mp4:mp4/testdata/faststart": {"mp4/testdata/faststart.mp4", 1200 * ms, 1600 * ms},
		"mp3:mp3/testdata/cbr":       {"mp3/testdata/cbr.mp3", 500 * ms, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, s, told := watch(t, vod.Grant{Start: c.start, End: c.end})
			want, at := part(t, "../../flv/"+c.path, c.start, c.end)
			length, err := client.Length(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, c.end-c.start, length)

			for _, opts := range []*rtmp.PlayOptions{nil, {Start: 100 * ms}, {Length: time.Hour}, {Start: c.start, Length: time.Hour}} {
				require.NoError(t, s.Play(t.Context(), name, opts))
				require.Equal(t, want, received(t, s), "%+v", opts)
				requireOver(t, client, told)
			}
			for _, to := range []time.Duration{0, c.end - at - ms} {
				require.NoError(t, s.Seek(to))
				tags := received(t, s)
				require.NotEmpty(t, tags)
				require.Equal(t, want[len(want)-1], tags[len(tags)-1])
			}
			for _, to := range []time.Duration{c.end - at, c.end, time.Hour} {
				require.NoError(t, s.Seek(to))
				require.Empty(t, received(t, s), "sought to %s", to)
				requireOver(t, client, told)
			}
			for _, from := range []time.Duration{c.end, time.Hour} {
				require.NoError(t, s.Play(t.Context(), name, &rtmp.PlayOptions{Start: from}))
				require.Empty(t, received(t, s), "from %s", from)
				requireOver(t, client, told)
			}
		})
	}
}

// A grant without an end is the rest of the file; one that ends behind the file's end is all of it.
func TestGrantOpenBounds(t *testing.T) {
	t.Parallel()
	for _, grant := range []vod.Grant{{}, {Start: 1500 * time.Millisecond}, {End: time.Hour}, {End: 3 * time.Second}} {
		end := grant.End
		if end == 0 {
			end = time.Hour
		}
		want, _ := part(t, "../../flv/testdata/avc-aac.flv", grant.Start, end)
		_, s, _ := watch(t, grant)
		require.NoError(t, s.Play(t.Context(), "testdata/avc-aac", nil))
		require.Equal(t, want, received(t, s), "%+v", grant)
	}
}
