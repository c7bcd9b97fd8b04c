package vod

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
)

func TestID3(t *testing.T) {
	t.Parallel()
	texts := amf.Object{{Key: "TIT2", Value: "Bolero"}, {Key: "TPE1", Value: "Ravel"}}
	for _, c := range []struct {
		metadata amf.ECMAArray
		want     amf.Object
	}{
		{amf.ECMAArray{{Key: "duration", Value: 10.0}, {Key: "tags", Value: texts}}, texts},
		{nil, amf.Object{}},
	} {
		o := &fakeOrigin{}
		o.put("bolero.mp3", `"1"`)
		h, f, _ := newHandler(o)
		f.info.Metadata = c.metadata
		s, err := connect(t, h, "vod").Play(t.Context(), play("id3:bolero"))
		require.NoError(t, err)
		require.Empty(t, s.Info().Tracks)
		require.Equal(t, c.metadata, s.Info().OnMetaData())
		for range 2 {
			canceled, cancel := context.WithCancel(t.Context())
			cancel()
			_, err = s.Next(canceled)
			require.ErrorIs(t, err, context.Canceled)
			tag, err := s.Next(t.Context())
			require.NoError(t, err)
			want, err := amf.Append(nil, "onId3", c.want)
			require.NoError(t, err)
			require.Equal(t, flv.Tag{Type: flv.TagScript, Data: want}, *tag)
			_, err = s.Next(t.Context())
			require.Equal(t, io.EOF, err)
			at, err := s.Seek(t.Context(), time.Second)
			require.NoError(t, err)
			require.Zero(t, at)
		}
		require.NoError(t, s.Close())
	}
}
