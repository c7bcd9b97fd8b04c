package tunnel

import (
	"bytes"
	"context"
	"io"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/internal/strangers"
)

func TestBehindNginx(t *testing.T) {
	t.Parallel()
	h := new(Handler)
	address := strangers.Nginx(t, serve(t, h).Listener.Addr().String())
	t.Run("librtmp", func(t *testing.T) { playOverSocket(t, h, address) })
	t.Run("Dial", func(t *testing.T) {
		client, accepted := pair(t, h, "http://"+address, nil)
		exchangeAtOnce(t, client, accepted, randomBytes(1<<20))
		require.NoError(t, client.Close())
		_, err := accepted.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
	})
}

// Real clients get as far as the connect command, with C2 repeating S1, and read replies of the largest size.
func TestRealClientsConnect(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, program string
		proxied       bool
		args          []string
	}{
		{"rtmpdump", "rtmpdump", false, []string{"-q", "-o", "/dev/null", "-r"}},
		{"ffmpeg", "ffmpeg", false, []string{"-v", "quiet", "-f", "null", "/dev/null", "-i"}},
		{"rtmpdump behind nginx", "rtmpdump", true, []string{"-q", "-o", "/dev/null", "-r"}},
		{"ffmpeg behind nginx", "ffmpeg", true, []string{"-v", "quiet", "-f", "null", "/dev/null", "-i"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			program := strangers.Path(t, tc.program)
			h := new(Handler)
			address := serve(t, h).Listener.Addr().String()
			if tc.proxied {
				address = strangers.Nginx(t, address)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, program, append(tc.args, "rtmpt://"+address+"/app/name")...)
			require.NoError(t, cmd.Start())
			c, err := h.Accept()
			require.NoError(t, err)
			require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))

			c0c1 := make([]byte, 1537)
			_, err = io.ReadFull(c, c0c1)
			require.NoError(t, err)
			s1 := append(make([]byte, 8), randomBytes(1528)...)
			_, err = c.Write(bytes.Join([][]byte{{3}, s1, c0c1[1:]}, nil))
			require.NoError(t, err)
			c2 := make([]byte, 1536)
			_, err = io.ReadFull(c, c2)
			require.NoError(t, err)
			require.True(t, bytes.Equal(s1[8:], c2[8:]))
			connect := make([]byte, 64)
			_, err = io.ReadFull(c, connect)
			require.NoError(t, err)
			require.Contains(t, string(connect), "connect")

			// More than a reply holds, then a ping request: whoever answers it has read all before.
			_, err = c.Write(pingAfterLargeMessages())
			require.NoError(t, err)
			require.True(t, awaitBytes(c, []byte{0, 7, 'p', 'i', 'n', 'g'}), "the ping is answered")

			require.NoError(t, c.Close())
			require.Error(t, cmd.Wait(), "it notices that the stream has ended")
			require.NoError(t, ctx.Err())
		})
	}
}

// pingAfterLargeMessages is RTMP: a chunk size, acknowledgements with long tails, and a ping request.
func pingAfterLargeMessages() []byte {
	message := func(kind byte, body []byte) []byte {
		n := len(body)
		return append([]byte{2, 0, 0, 0, byte(n >> 16), byte(n >> 8), byte(n), kind, 0, 0, 0, 0}, body...)
	}
	wire := message(1, []byte{0, 1, 0, 0})
	for range 9 {
		wire = append(wire, message(3, make([]byte, 60_000))...)
	}
	return append(wire, message(4, []byte{0, 6, 'p', 'i', 'n', 'g'})...)
}

// awaitBytes reads until what it has read contains want.
func awaitBytes(r io.Reader, want []byte) bool {
	var got []byte
	p := make([]byte, 4096)
	for {
		n, err := r.Read(p)
		got = append(got, p[:n]...)
		if bytes.Contains(got, want) {
			return true
		}
		if err != nil {
			return false
		}
	}
}
