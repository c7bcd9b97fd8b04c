package rtmp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/internal/strangers"
	"github.com/seed-3309b198/reelfront/rtmp"
)

// fromElsewhere has a client connect from another address of this machine than proxies do.
func fromElsewhere(t *testing.T) *rtmp.ClientOptions {
	t.Helper()
	elsewhere := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}
	l, err := net.ListenTCP("tcp", elsewhere)
	if err != nil {
		t.Skipf("this machine has no %s", elsewhere.IP)
	}
	require.NoError(t, l.Close())
	return &rtmp.ClientOptions{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		d := net.Dialer{LocalAddr: elsewhere}
		return d.DialContext(ctx, network, addr)
	}}
}

// playAll plays a stream with our client, to its end.
func playAll(t *testing.T, url string, opts *rtmp.ClientOptions) (tags int) {
	t.Helper()
	c, err := rtmp.Dial(t.Context(), url, opts)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Connect(t.Context()))
	s, err := c.CreateStream(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.SetBufferLength(3600e9))
	require.NoError(t, s.Play(t.Context(), c.StreamName(), nil))
	for {
		_, err := s.ReadTag(t.Context())
		if err == io.EOF {
			return tags
		}
		require.NoError(t, err)
		tags++
	}
}

// requireViewer checks for whom a proxy made the one connection on which something was played.
func requireViewer(t *testing.T, s *station, want string) {
	t.Helper()
	plays := s.played()
	require.Len(t, plays, 1)
	host, _, err := net.SplitHostPort(plays[0].RemoteAddr.String())
	require.NoError(t, err)
	require.Equal(t, want, host)
}

func TestBehindNginx(t *testing.T) {
	t.Parallel()
	for _, trusted := range []bool{true, false} {
		t.Run(fmt.Sprintf("trusted %v", trusted), func(t *testing.T) {
			t.Parallel()
			config, viewer := &rtmp.Server{}, "127.0.0.1"
			if trusted {
				config.TrustedProxies, viewer = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, "127.0.0.2"
			}
			s := newStation(t, config)
			addr := strangers.Nginx(t, s.addr)
			url := "rtmpt://" + addr + "/vod"
			require.Greater(t, playAll(t, url+"/mp4:flv/mp4/testdata/faststart.mp4", fromElsewhere(t)), 50)
			requireViewer(t, s, viewer)
			for _, clip := range clips {
				t.Run("rtmpdump "+clip.name, func(t *testing.T) {
					want := record(t, "rtmp://"+s.addr+"/vod", clip.name)
					require.True(t, bytes.Equal(want, record(t, url, clip.name)))
				})
				t.Run("ffmpeg "+clip.name, func(t *testing.T) {
					require.Equal(t, framecrc(t, "rtmp://"+s.addr+"/vod", clip.name), framecrc(t, url, clip.name))
				})
			}
		})
	}
}

func TestBehindNginxStream(t *testing.T) {
	t.Parallel()
	s := newStation(t, &rtmp.Server{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	addr := strangers.NginxStream(t, s.addr)
	for _, scheme := range []string{"rtmp", "rtmpe", "rtmpt"} {
		t.Run(scheme, func(t *testing.T) {
			require.Greater(t, playAll(t, scheme+"://"+addr+"/vod/mp4:flv/mp4/testdata/faststart.mp4", fromElsewhere(t)), 50)
			requireViewer(t, s, "127.0.0.2")
		})
	}
	for _, scheme := range []string{"rtmp", "rtmpe", "rtmpt", "rtmpte", "rtmps"} {
		t.Run("rtmpdump "+scheme, func(t *testing.T) {
			require.NotEmpty(t, record(t, scheme+"://"+addr+"/vod", clips[0].name))
			requireViewer(t, s, "127.0.0.1")
		})
	}
}
