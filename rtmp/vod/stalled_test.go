package vod_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

// TestIdleViewerHoldsNoBlock has viewers who do not go on: after a while nothing keeps the piece of the film where they are
// in memory. The cache has no memory tier that would.
func TestIdleViewerHoldsNoBlock(t *testing.T) {
	t.Parallel()
	for name, idle := range map[string]func(t *testing.T, s *rtmp.ClientStream){
		"does not read": func(t *testing.T, s *rtmp.ClientStream) { require.NoError(t, s.SetBufferLength(time.Hour)) },
		"paused": func(t *testing.T, s *rtmp.ClientStream) {
			firstFrame(t, s, true)
			require.NoError(t, s.Pause(true))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			film := longFLV(t, false)
			synctest.Test(t, func(t *testing.T) {
				far := &farOrigin{objects: map[string][]byte{"film.flv": film}}
				cache := &origin.Cache{MemoryBytes: -1}
				t.Cleanup(func() { require.NoError(t, cache.Close()) })
				s := openStream(t, &vod.Handler{App: "vod", Origin: cache.Wrap("films", far)})
				require.NoError(t, s.Play(t.Context(), "film.flv", nil))
				idle(t, s)
				synctest.Wait()
				require.NotZero(t, far.held())
				time.Sleep(30 * time.Second)
				synctest.Wait()
				require.Equal(t, 1, cache.Stats().Readers)
				require.Zero(t, far.held())
			})
		})
	}
}
