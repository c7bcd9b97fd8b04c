package rtmp

import (
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
)

func TestClientPlay2Command(t *testing.T) {
	onStage(t, nil, func(t *testing.T, s *stage, c *Client) {
		stream := s.stream(c)
		require.NoError(t, stream.Play2(t.Context(), TransitionSwitch, "high", &Play2Options{Old: "low", Offset: 12_195 * time.Millisecond}))
		require.Equal(t, []any{"play2", 0.0, nil, amf.Object{
			{Key: "streamName", Value: "high"}, {Key: "oldStreamName", Value: "low"}, {Key: "start", Value: 0.0},
			{Key: "len", Value: -1.0}, {Key: "offset", Value: 12.195}, {Key: "transition", Value: "switch"},
		}}, s.called("play2"))
		options := (&Play2Options{Start: 1500 * time.Millisecond, Length: time.Second}).wire(TransitionAppend, "b")
		start, _ := options.Number("start")
		length, _ := options.Number("len")
		require.Equal(t, []float64{1.5, 1}, []float64{start, length})
	})
}

// timeline20 checks that a client read each frame of a stream of 20 s once, and returns how large its video frames are.
func timeline20(t *testing.T, tags []flv.Tag, end int) (sizes []int) {
	t.Helper()
	video, audio := uint32(0), uint32(0)
	for i := range tags {
		switch tag := &tags[i]; {
		case tag.Type == flv.TagScript || tag.SequenceHeader():
		case tag.Type == flv.TagVideo:
			require.Equal(t, video, tag.Timestamp)
			video += frameTime
			sizes = append(sizes, len(tag.Data)-5)
		default:
			require.Equal(t, audio, tag.Timestamp)
			audio += soundTime
		}
	}
	require.EqualValues(t, end, video)
	require.EqualValues(t, end, audio)
	return sizes
}

func TestClientSwitches(t *testing.T) {
	bubble(t, &Server{Handler: renditions()}, func(t *testing.T, h *house) {
		var completed atomic.Int32
		c := h.client(t, ClientOptions{OnStatus: func(s Status) {
			if s.Code == CodePlayTransitionComplete {
				completed.Add(1)
			}
		}})
		s := c.seat(t)
		require.NoError(t, s.SetBufferLength(time.Second))
		require.NoError(t, s.Play2(t.Context(), TransitionReset, "low", nil))
		time.Sleep(5 * time.Second)
		require.NoError(t, s.Play2(t.Context(), TransitionSwitch, "high", nil))
		sizes := timeline20(t, watch(t, s), 20_000)
		require.EqualValues(t, 1, completed.Load())
		require.Equal(t, lowBytes, sizes[0])
		require.Equal(t, highBytes, sizes[len(sizes)-1])
	})
}

// TestClientSwitchesFast holds that of a switch within what has come, but was not read, no tag is read twice.
func TestClientSwitchesFast(t *testing.T) {
	bubble(t, &Server{Handler: renditions()}, func(t *testing.T, h *house) {
		s := h.client(t, ClientOptions{}).seat(t)
		require.NoError(t, s.Play2(t.Context(), TransitionReset, "low", nil))
		var tags []flv.Tag
		for len(tags) < 100 {
			tag, err := s.ReadTag(t.Context())
			require.NoError(t, err)
			tags = append(tags, tag.Clone())
		}
		synctest.Wait()
		require.NoError(t, s.Play2(t.Context(), TransitionSwitch, "high", &Play2Options{Offset: 10 * time.Second}))
		synctest.Wait()
		sizes := timeline20(t, append(tags, watch(t, s)...), 20_000)
		require.Equal(t, []int{lowBytes, highBytes}, sizes[249:251])
	})
}

func TestClientSwitchRefused(t *testing.T) {
	bubble(t, &Server{Handler: renditions()}, func(t *testing.T, h *house) {
		s := h.client(t, ClientOptions{}).seat(t)
		require.NoError(t, s.SetBufferLength(time.Second))
		require.NoError(t, s.Play2(t.Context(), TransitionReset, "low", nil))
		require.NoError(t, s.Play2(t.Context(), TransitionSwitch, "missing", nil))
		var tags []flv.Tag
		refused := 0
		for {
			tag, err := s.ReadTag(t.Context())
			if err == io.EOF {
				break
			}
			if err != nil {
				requireStatus(t, err, CodePlayFailed)
				refused++
				continue
			}
			tags = append(tags, tag.Clone())
		}
		require.Equal(t, 1, refused)
		timeline20(t, tags, 20_000)
	})
}

// TestClientBuildsPlaylist builds a playlist that does not start, swaps an entry, and resumes in its middle.
func TestClientBuildsPlaylist(t *testing.T) {
	bubble(t, &Server{Handler: renditions()}, func(t *testing.T, h *house) {
		s := h.client(t, ClientOptions{}).seat(t)
		for _, name := range []string{"film", "low", "song"} {
			require.NoError(t, s.Play2(t.Context(), TransitionAppendAndWait, name, nil))
		}
		require.NoError(t, s.Play2(t.Context(), TransitionSwap, "high", &Play2Options{Old: "song"}))
		require.NoError(t, s.Play2(t.Context(), TransitionResume, "low", &Play2Options{Offset: 15_500 * time.Millisecond}))
		tags := watch(t, s)
		require.Equal(t, uint32(15_000), tags[0].Timestamp)
		require.EqualValues(t, 39_960, lastVideo(tags))
		require.NoError(t, s.Play2(t.Context(), TransitionStop, "", nil))
		require.NoError(t, s.Play2(t.Context(), TransitionAppend, "short", nil), "on the stream that has stopped")
		require.EqualValues(t, 960, lastVideo(watch(t, s)))
		require.NoError(t, s.Play2(t.Context(), TransitionAppend, "short", &Play2Options{Length: 500 * time.Millisecond}), "goes on behind the end")
		require.EqualValues(t, 1480, lastVideo(watch(t, s)))
		requireStatus(t, s.Play2(t.Context(), TransitionReset, "missing", nil), CodePlayStreamNotFound)
	})
}

func lastVideo(tags []flv.Tag) uint32 {
	last := uint32(0)
	for i := range tags {
		if tags[i].Type == flv.TagVideo {
			last = tags[i].Timestamp
		}
	}
	return last
}
