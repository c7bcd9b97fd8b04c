package distribution

import (
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/rtmp"
)

// clocked is an edge whose clock the test sets, in seconds after 1970, and a stream of a viewer of its films.
func clocked(t *testing.T) (*atomic.Int64, *rtmp.ClientStream) {
	t.Helper()
	e, _, d, _ := signedEdge(t)
	now := new(atomic.Int64)
	now.Store(expires - 1)
	e.Now = func() time.Time { return time.Unix(now.Load(), 0) }
	_, s, _ := tapped(t, listen(t, e, d))
	return now, s
}

// rest is how many tags are left of a stream.
func rest(t *testing.T, s *rtmp.ClientStream) (tags int, err error) {
	t.Helper()
	for ; ; tags++ {
		if _, err := s.ReadTag(t.Context()); errors.Is(err, io.EOF) {
			return tags, nil
		} else if err != nil {
			return tags, err
		}
	}
}

func requireFailed(t *testing.T, err error) {
	t.Helper()
	var status *rtmp.StatusError
	require.ErrorAs(t, err, &status)
	require.Equal(t, rtmp.CodeStreamFailed, status.Code)
}

// What plays when its signature expires plays on, over pauses too; a seek is refused, and so is another play.
func TestExpiryInPlay(t *testing.T) {
	t.Parallel()
	now, s := clocked(t)
	name := "dir/sub/video_1.flv?" + canned(t, "dir/sub/video_1.flv")
	require.NoError(t, s.SetBufferLength(time.Hour))
	require.NoError(t, s.Play(t.Context(), name, nil))
	all, err := rest(t, s)
	require.NoError(t, err)

	require.NoError(t, s.SetBufferLength(100*time.Millisecond))
	require.NoError(t, s.Play(t.Context(), name, nil))
	now.Store(expires)
	require.NoError(t, s.Pause(true))
	require.NoError(t, s.Pause(false))
	require.NoError(t, s.SetBufferLength(time.Hour))
	tags, err := rest(t, s)
	require.NoError(t, err)
	require.Equal(t, all, tags)

	require.NoError(t, s.Seek(time.Second))
	_, err = rest(t, s)
	requireFailed(t, err)
	requireFailed(t, s.Play(t.Context(), name, nil))
	now.Store(expires - 1)
	require.NoError(t, s.Play(t.Context(), name, nil))
}

// A change of quality or an entry of a playlist that may not play leaves alone what plays.
func TestRefusedBesidePlay(t *testing.T) {
	t.Parallel()
	_, s := clocked(t)
	name := "dir/sub/video_1.flv?" + canned(t, "dir/sub/video_1.flv")
	require.NoError(t, s.SetBufferLength(time.Hour))
	require.NoError(t, s.Play(t.Context(), name, nil))
	all, err := rest(t, s)
	require.NoError(t, err)

	require.NoError(t, s.SetBufferLength(100*time.Millisecond))
	require.NoError(t, s.Play(t.Context(), name, nil))
	require.NoError(t, s.Play2(t.Context(), rtmp.TransitionSwitch, "mp4:dir/film.mp4", nil))
	tags, err := rest(t, s)
	var status *rtmp.StatusError
	require.ErrorAs(t, err, &status)
	require.Equal(t, rtmp.CodePlayFailed, status.Code, "which is what a switch that fails is told, whatever the cause")
	require.NoError(t, s.SetBufferLength(time.Hour))
	more, err := rest(t, s)
	require.NoError(t, err)
	require.Equal(t, all, tags+more)

	require.NoError(t, s.SetBufferLength(100*time.Millisecond))
	require.NoError(t, s.Play(t.Context(), name, nil))
	require.NoError(t, s.Play(t.Context(), "mp4:dir/film.mp4", &rtmp.PlayOptions{Append: true}))
	require.NoError(t, s.SetBufferLength(time.Hour))
	tags, err = rest(t, s)
	requireFailed(t, err)
	require.Equal(t, all, tags)
}
