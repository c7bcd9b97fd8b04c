package handshake

import (
	"bytes"
	"crypto/rc4"
	"errors"
	"io"
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"
)

// encryptedPipe is both ends of an RTMPE connection.
func encryptedPipe(t testing.TB) (net.Conn, net.Conn) {
	s, c := shake(t, nil, &ClientOptions{Protocol: RTMPE}, unwrapped)
	return s.Conn, c.Conn
}

func TestConn(t *testing.T) {
	t.Parallel()
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		a, b := encryptedPipe(t)
		return a, b, func() {
			a.Close()
			b.Close()
		}, nil
	})
}

func TestNetConn(t *testing.T) {
	t.Parallel()
	below := &scriptConn{}
	c, err := encrypt(below, []byte("secret"), []byte("own"), []byte("peer"))
	require.NoError(t, err)
	require.Same(t, below, c.(interface{ NetConn() net.Conn }).NetConn())
}

// stubbornConn takes at most limit bytes of each Write, then says that the deadline has passed.
type stubbornConn struct {
	scriptConn
	limit int
}

func (c *stubbornConn) Write(p []byte) (int, error) {
	if len(p) <= c.limit {
		return c.out.Write(p)
	}
	n, _ := c.out.Write(p[:c.limit])
	return n, os.ErrDeadlineExceeded
}

// A Write cut short by a deadline is taken up where it stopped.
func TestWriteGoesOnAfterDeadline(t *testing.T) {
	t.Parallel()
	sent := bytes.Repeat([]byte("abcdefg"), 30000)
	for _, limit := range []int{10000, 40000, scratchSize - 1, scratchSize, 1 << 20} {
		below := &stubbornConn{limit: limit}
		c, err := encrypt(below, []byte("secret"), []byte("own"), []byte("peer"))
		require.NoError(t, err)
		for left := sent; len(left) > 0; {
			n, err := c.Write(left)
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				require.NoError(t, err)
			}
			left = left[n:]
		}
		peer, err := encrypt(&scriptConn{in: &below.out}, []byte("secret"), []byte("peer"), []byte("own"))
		require.NoError(t, err)
		got, err := io.ReadAll(peer)
		require.NoError(t, err)
		require.True(t, bytes.Equal(sent, got), "limit %d", limit)
	}
}

// discardConn takes everything.
type discardConn struct{ net.Conn }

func (discardConn) Write(p []byte) (int, error) { return len(p), nil }

func BenchmarkConnWrite(b *testing.B) {
	batch := make([]byte, 256<<10)
	b.Run("conn", func(b *testing.B) {
		c, err := encrypt(discardConn{}, []byte("secret"), []byte("own"), []byte("peer"))
		require.NoError(b, err)
		b.SetBytes(int64(len(batch)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Write(batch); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare RC4", func(b *testing.B) {
		c, err := rc4.NewCipher([]byte("sixteen byte key"))
		require.NoError(b, err)
		dst := make([]byte, len(batch))
		b.SetBytes(int64(len(batch)))
		for b.Loop() {
			c.XORKeyStream(dst, batch)
		}
	})
}
