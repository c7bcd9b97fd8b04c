package vod

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
)

func connect(t *testing.T, h *Handler, appName string) rtmp.App {
	t.Helper()
	a, err := h.Connect(t.Context(), &rtmp.ConnectRequest{App: appName})
	require.NoError(t, err)
	return a
}

func newHandler(o origin.Origin) (*Handler, *fakeFile, *atomic.Int32) {
	f := &fakeFile{info: flv.Info{Duration: 10 * time.Second, Tracks: avcAndAAC}, bytes: 1000}
	calls := new(atomic.Int32)
	return &Handler{Origin: o, demux: demuxTo(f, calls)}, f, calls
}

func play(name string) *rtmp.PlayRequest {
	return &rtmp.PlayRequest{Name: name, Kind: rtmp.PlayAny, Length: -1}
}

func TestConnectRejects(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ app, description string }{
		{"live", "[ Server.Reject ] : (_defaultRoot_, _defaultVHost_) : Application (live) is not defined."},
		{"live/x?token=secret", "[ Server.Reject ] : (_defaultRoot_, _defaultVHost_) : Application (live) is not defined."},
		{"", "[ Server.Reject ] : (_defaultRoot_, _defaultVHost_) : Application () is not defined."},
		{strings.Repeat("a", 9000), "[ Server.Reject ] : (_defaultRoot_, _defaultVHost_) : Application (" + strings.Repeat("a", 128) + ") is not defined."},
	} {
		_, err := (&Handler{App: "vod"}).Connect(t.Context(), &rtmp.ConnectRequest{App: c.app})
		var status *rtmp.StatusError
		require.ErrorAs(t, err, &status)
		require.Equal(t, rtmp.CodeConnectRejected, status.Code)
		require.Equal(t, c.description, status.Description)
	}
}

func TestPlay(t *testing.T) {
	t.Parallel()
	o := &fakeOrigin{}
	o.put("dir/film.mp4", `"1"`)
	h, f, _ := newHandler(o)
	s, err := connect(t, h, "vod/mp4:dir").Play(t.Context(), play("mp4:film?x=1"))
	require.NoError(t, err)
	require.Equal(t, []string{"dir/film.mp4"}, o.keysAsked())
	require.Nil(t, s.(*source).grant.Keys, "a viewer does not hold them")
	require.Equal(t, 10*time.Second, s.Info().Duration)
	require.Equal(t, avcAndAAC, *f.chosen.Load())
	for i := range uint32(100) {
		tag, err := s.Next(t.Context())
		require.NoError(t, err)
		require.Equal(t, i*100, tag.Timestamp)
	}
	_, err = s.Next(t.Context())
	require.Equal(t, io.EOF, err)
	require.NoError(t, s.Close())
	require.Zero(t, o.open.Load())
}

func TestPlayErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	for _, c := range []struct {
		name  string
		fail  map[string]error
		want  error
		asked []string
	}{
		{"mp4:a.mp4", nil, fs.ErrNotExist, []string{"a.mp4"}},
		{"../a.mp4", nil, fs.ErrNotExist, nil},
		{"", nil, fs.ErrNotExist, nil},
		{"flv:a", nil, fs.ErrNotExist, []string{"a.flv", "a"}},
		{"flv:a", map[string]error{"a.flv": fs.ErrPermission}, fs.ErrPermission, []string{"a.flv", "a"}},
		{"flv:a", map[string]error{"a": fs.ErrPermission}, fs.ErrPermission, []string{"a.flv", "a"}},
		{"flv:a", map[string]error{"a.flv": broken}, broken, []string{"a.flv"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, kind := range []rtmp.PlayKind{rtmp.PlayAny, rtmp.PlayLive, rtmp.PlayRecorded} {
				o := &fakeOrigin{fail: c.fail}
				h, _, _ := newHandler(o)
				_, err := connect(t, h, "vod").Play(t.Context(), &rtmp.PlayRequest{Name: c.name, Kind: kind})
				require.ErrorIs(t, err, c.want)
				require.Equal(t, c.asked, o.keysAsked())
			}
		})
	}
}

// A bucket that may not be listed says 403 of what is missing.
func TestPlayPastForbiddenKey(t *testing.T) {
	t.Parallel()
	o := &fakeOrigin{fail: map[string]error{"a.flv": fs.ErrPermission}}
	o.put("a.mp4", `"1"`)
	h, _, _ := newHandler(o)
	s, err := connect(t, h, "vod").Play(t.Context(), play("a"))
	require.NoError(t, err)
	require.Equal(t, []string{"a.flv", "a.mp4"}, o.keysAsked())
	require.NoError(t, s.Close())
}

func TestPlayDemuxError(t *testing.T) {
	t.Parallel()
	o := &fakeOrigin{}
	o.put("a.flv", `"1"`)
	h := &Handler{Origin: o, demux: func(context.Context, flv.Input, string) (flv.File, error) {
		return nil, &flv.FormatError{What: "tag", Offset: 13, Reason: "truncated"}
	}}
	_, err := connect(t, h, "vod").Play(t.Context(), play("a"))
	require.ErrorIs(t, err, flv.ErrFormat)
	require.ErrorContains(t, err, "a.flv: tag at byte 13")
	require.Zero(t, o.open.Load())
}

func TestLength(t *testing.T) {
	t.Parallel()
	o := &fakeOrigin{}
	o.put("a.flv", `"1"`)
	h, _, _ := newHandler(o)
	h.WaitForMissing = true
	a := connect(t, h, "vod").(rtmp.Lengther)
	d, err := a.Length(t.Context(), "a?x=1")
	require.NoError(t, err)
	require.Equal(t, 10*time.Second, d)
	_, err = a.Length(t.Context(), "b")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Zero(t, o.open.Load())
}

func TestWaitForMissing(t *testing.T) {
	t.Parallel()
	t.Run("appears", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			o := &fakeOrigin{}
			h, _, _ := newHandler(o)
			h.WaitForMissing = true
			began := time.Now()
			time.AfterFunc(12*time.Second, func() { o.put("a.flv", `"1"`) })
			s, err := connect(t, h, "vod").Play(t.Context(), play("flv:a"))
			require.NoError(t, err)
			require.Equal(t, 15*time.Second, time.Since(began))
			require.NoError(t, s.Close())
		})
	})
	t.Run("given up", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			h, _, _ := newHandler(&fakeOrigin{})
			h.WaitForMissing, h.PollInterval = true, time.Second
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := connect(t, h, "vod").Play(ctx, play("flv:a"))
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
	})
	t.Run("not with a start", func(t *testing.T) {
		t.Parallel()
		h, _, _ := newHandler(&fakeOrigin{})
		h.WaitForMissing = true
		_, err := connect(t, h, "vod").Play(t.Context(), &rtmp.PlayRequest{Name: "a", Kind: rtmp.PlayRecorded})
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
	t.Run("not for what cannot be", func(t *testing.T) {
		t.Parallel()
		h, _, _ := newHandler(&fakeOrigin{})
		h.WaitForMissing = true
		_, err := connect(t, h, "vod").Play(t.Context(), play("../a"))
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
}

func TestOpenTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _, _ := newHandler(hangingOrigin{})
		_, err := connect(t, h, "vod").Play(t.Context(), play("a"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

type hangingOrigin struct{}

func (hangingOrigin) Open(ctx context.Context, _ string) (origin.Object, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestAuthorize(t *testing.T) {
	t.Parallel()
	refused := fmt.Errorf("signature: %w", fs.ErrPermission)
	for _, c := range []struct {
		name  string
		grant func(p Path, keys []string) (Grant, error)
		asked []string
		want  error
	}{
		{"all", func(_ Path, keys []string) (Grant, error) { return Grant{Keys: keys}, nil }, []string{"b.flv", "b"}, nil},
		{"some", func(_ Path, keys []string) (Grant, error) { return Grant{Keys: keys[1:]}, nil }, []string{"b"}, nil},
		{"none", func(Path, []string) (Grant, error) { return Grant{}, nil }, nil, fs.ErrPermission},
		{"refused", func(_ Path, keys []string) (Grant, error) { return Grant{Keys: keys}, refused }, nil, refused},
		{"by its query", func(p Path, keys []string) (Grant, error) {
			if p.Query != "token=1" || p.Prefix != "flv" || p.Name != "b" {
				return Grant{}, refused
			}
			return Grant{Keys: keys}, nil
		}, []string{"b.flv", "b"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := &fakeOrigin{}
			o.put("b", `"1"`)
			h, _, _ := newHandler(o)
			h.Authorize = func(_ context.Context, r *rtmp.PlayRequest, p Path, keys []string) (Grant, error) {
				require.Equal(t, "flv:b?token=1", r.Name)
				require.Equal(t, "vod", r.Connect.App)
				return c.grant(p, keys)
			}
			a, err := h.Connect(t.Context(), &rtmp.ConnectRequest{App: "vod"})
			require.NoError(t, err)
			s, err := a.Play(t.Context(), &rtmp.PlayRequest{Connect: &rtmp.ConnectRequest{App: "vod"}, Name: "flv:b?token=1"})
			require.ErrorIs(t, err, c.want)
			require.Equal(t, c.asked, o.keysAsked())
			if err == nil {
				require.NoError(t, s.Close())
			}
			_, err = a.(rtmp.Lengther).Length(t.Context(), "flv:b?token=1")
			require.ErrorIs(t, err, c.want)
			require.Zero(t, o.open.Load())
		})
	}
}

func TestGrantBounds(t *testing.T) {
	t.Parallel()
	for _, base := range []uint32{0, 1<<32 - 3000} {
		o := &fakeOrigin{}
		o.put("a.flv", `"1"`)
		h, f, _ := newHandler(o)
		f.base = base
		f.info.Duration = time.Duration(base)*time.Millisecond + 10*time.Second
		offset := time.Duration(base) * time.Millisecond
		h.Authorize = func(_ context.Context, _ *rtmp.PlayRequest, _ Path, keys []string) (Grant, error) {
			return Grant{Keys: keys, Start: offset + 2500*time.Millisecond, End: offset + 5*time.Second}, nil
		}
		s, err := connect(t, h, "vod").Play(t.Context(), play("a"))
		require.NoError(t, err)
		require.Equal(t, offset+5*time.Second, s.Info().Duration)
		first, n := readAll(t, s)
		require.Equal(t, base+2000, first, "the key frame before the start")
		require.Equal(t, 30, n)

		for _, c := range []struct{ to, at time.Duration }{{0, 2 * time.Second}, {4 * time.Second, 4 * time.Second}, {9 * time.Second, 4 * time.Second}} {
			at, err := s.Seek(t.Context(), offset+c.to)
			require.NoError(t, err)
			require.Equal(t, offset+c.at, at)
			first, _ = readAll(t, s)
			require.Equal(t, base+uint32(c.at.Milliseconds()), first)
		}
		require.NoError(t, s.Close())
	}
}

func readAll(t *testing.T, s rtmp.Source) (first uint32, n int) {
	t.Helper()
	for ; ; n++ {
		tag, err := s.Next(t.Context())
		if err == io.EOF {
			return first, n
		}
		require.NoError(t, err)
		if n == 0 {
			first = tag.Timestamp
		}
	}
}
