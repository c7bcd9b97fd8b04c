package handshake

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// shake does both sides of a handshake over a pipe.
func shake(t testing.TB, server *ServerOptions, client *ClientOptions, wrap func(net.Conn) net.Conn) (s, c *Result) {
	a, b := net.Pipe()
	t.Cleanup(func() {
		a.Close()
		b.Close()
	})
	done := make(chan error, 1)
	go func() {
		var err error
		s, err = Server(wrap(a), server)
		done <- err
	}()
	c, err := Client(wrap(b), client)
	require.NoError(t, err)
	require.NoError(t, <-done)
	return s, c
}

func unwrapped(c net.Conn) net.Conn { return c }

// slowConn brings one byte with each Read.
type slowConn struct{ net.Conn }

func (c slowConn) Read(p []byte) (int, error) { return c.Conn.Read(p[:min(1, len(p))]) }

var modes = []struct {
	name   string
	client ClientOptions
	digest Digest
}{
	{"plain", ClientOptions{}, NoDigest},
	{"scheme 0", ClientOptions{Digest: Scheme0, Strict: true}, Scheme0},
	{"scheme 1", ClientOptions{Digest: Scheme1, Strict: true}, Scheme1},
	{"RTMPE", ClientOptions{Protocol: RTMPE}, Scheme1},
	{"RTMPE scheme 0", ClientOptions{Protocol: RTMPE, Digest: Scheme0}, Scheme0},
	{"RTMPE XTEA", ClientOptions{Protocol: RTMPEXTEA}, Scheme1},
	{"RTMPE Blowfish", ClientOptions{Protocol: RTMPEBlowfish}, Scheme1},
}

func TestServerAndClient(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		for _, way := range []struct {
			name string
			wrap func(net.Conn) net.Conn
			talk int
		}{
			{"whole", unwrapped, 3*scratchSize + 1},
			{"bytes", func(c net.Conn) net.Conn { return slowConn{c} }, 1000},
		} {
			t.Run(mode.name+"/"+way.name, func(t *testing.T) {
				t.Parallel()
				s, c := shake(t, nil, &mode.client, way.wrap)
				want := mode.client.Protocol
				if want == 0 {
					want = RTMP
				}
				require.Equal(t, want, s.Protocol)
				require.Equal(t, want, c.Protocol)
				require.Equal(t, mode.digest, s.Digest)
				require.Equal(t, mode.digest, c.Digest)
				require.Equal(t, s.SWFKey, c.SWFKey)
				requireTalk(t, s.Conn, c.Conn, way.talk)
				requireTalk(t, c.Conn, s.Conn, way.talk)
			})
		}
	}
}

// requireTalk sends size bytes from one to the other.
func requireTalk(t *testing.T, from, to net.Conn, size int) {
	t.Helper()
	sent := bytes.Repeat([]byte("media"), size)[:size]
	kept := bytes.Clone(sent)
	done := make(chan error, 1)
	go func() {
		_, err := from.Write(sent)
		done <- err
	}()
	got := make([]byte, len(sent))
	_, err := io.ReadFull(to, got)
	require.NoError(t, err)
	require.NoError(t, <-done)
	require.True(t, bytes.Equal(kept, got), "what arrives is what was sent")
	require.True(t, bytes.Equal(kept, sent), "Write leaves its argument as it is")
}

// The server's options may ask for what Flash Media Servers did: 8 and 9 in answer to 6.
func TestClientFollowsUpgrade(t *testing.T) {
	t.Parallel()
	for _, p := range []Protocol{RTMPEXTEA, RTMPEBlowfish} {
		s, c := shake(t, &ServerOptions{upgrade: p}, &ClientOptions{Protocol: RTMPE}, unwrapped)
		require.Equal(t, p, c.Protocol)
		requireTalk(t, s.Conn, c.Conn, 1000)
	}
}

// The same randomness makes the same bytes.
func TestRandIsAll(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		mode.client.Rand = deterministic()
		_, first := shake(t, &ServerOptions{Rand: deterministic()}, &mode.client, unwrapped)
		mode.client.Rand = deterministic()
		_, second := shake(t, &ServerOptions{Rand: deterministic()}, &mode.client, unwrapped)
		require.Equal(t, first.SWFKey, second.SWFKey)
	}
}

func BenchmarkHandshake(b *testing.B) {
	for _, name := range []string{"rtmpdump", "ffmpeg", "rtmpdump-rtmpe", "rtmpdump-xtea", "rtmpdump-blowfish"} {
		b.Run(name, func(b *testing.B) {
			rec := findRecording(b, name)
			sent := rec.sent(b)
			b.ReportAllocs()
			for b.Loop() {
				conn := &scriptConn{in: bytes.NewReader(sent)}
				if _, err := Server(conn, &ServerOptions{Rand: deterministic(), upgrade: rec.upgrade}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
