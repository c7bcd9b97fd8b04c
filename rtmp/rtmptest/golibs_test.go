package rtmptest_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/message"
	joy4 "github.com/nareix/joy4/format/rtmp"
	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/internal/strangers"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/rtmptest"
)

func dialGortmplib(t *testing.T, location string) (*gortmplib.Client, error) {
	t.Helper()
	u, err := url.Parse(location)
	require.NoError(t, err)
	c := &gortmplib.Client{URL: u}
	if err := c.Initialize(t.Context()); err != nil {
		return nil, err
	}
	t.Cleanup(c.Close)
	require.NoError(t, c.NetConn().SetReadDeadline(time.Now().Add(strangers.Patience)))
	return c, nil
}

// playGortmplib reads messages until the server says that the stream has stopped.
func playGortmplib(t *testing.T, srv *rtmptest.Server, path string, _ film) film {
	c, err := dialGortmplib(t, srv.URL+"#"+path)
	require.NoError(t, err)
	got := make(film)
	for {
		m, err := c.Read()
		require.NoError(t, err)
		switch m := m.(type) {
		case *message.Video:
			if m.Type == message.VideoTypeAU {
				got.add("video", ms(m.DTS), ms(m.DTS+m.PTSDelta), m.AU)
			}
		case *message.Audio:
			if m.Codec != message.CodecMPEG4Audio || m.AACType == message.AudioAACTypeAU {
				got.add("audio", ms(m.DTS), ms(m.DTS), m.AU)
			}
		case *message.CommandAMF0:
			if statusCode(m) == rtmp.CodePlayStop {
				return got
			}
		}
	}
}

func statusCode(m *message.CommandAMF0) string {
	if m.Name != "onStatus" || len(m.Arguments) < 2 {
		return ""
	}
	info, _ := m.Arguments[1].(amf0.Object)
	code, _ := info.GetString("code")
	return code
}

// playJoy4 reads as many packets as there are to be, since joy4 does not look at what a server says of the end.
func playJoy4(t *testing.T, srv *rtmptest.Server, path string, want film) film {
	c, err := joy4.DialTimeout(srv.URL+"/"+path, strangers.Patience)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	require.NoError(t, c.NetConn().SetReadDeadline(time.Now().Add(strangers.Patience)))
	streams, err := c.Streams()
	require.NoError(t, err)
	got := make(film)
	for got.count() < want.count() {
		p, err := c.ReadPacket()
		require.NoError(t, err)
		kind := "audio"
		if streams[p.Idx].Type().IsVideo() {
			kind = "video"
		}
		got.add(kind, ms(p.Time), ms(p.Time+p.CompositionTime), p.Data)
	}
	return got
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
