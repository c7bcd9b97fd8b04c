package distribution

import (
	"context"
	"crypto/tls"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
)

// tap is a connection that keeps what was read from it.
type tap struct {
	net.Conn
	mu   sync.Mutex
	read []byte
}

func (c *tap) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = append(c.read, p[:n]...)
	return n, err
}

func (c *tap) take() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	read := c.read
	c.read = nil
	return read
}

// tapped is a stream of a connection that keeps what it reads.
func tapped(t *testing.T, address string) (*rtmp.Client, *rtmp.ClientStream, *tap) {
	t.Helper()
	wire := new(tap)
	c, err := rtmp.Dial(t.Context(), "rtmp://"+address+"/cfx/st/", &rtmp.ClientOptions{
		DialContext: func(ctx context.Context, network, addr string) (_ net.Conn, err error) {
			wire.Conn, err = new(net.Dialer).DialContext(ctx, network, addr)
			return wire, err
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	require.NoError(t, c.Connect(t.Context()))
	s, err := c.CreateStream(t.Context())
	require.NoError(t, err)
	return c, s, wire
}

// strictBucket has one film, allows nobody to read what is named secret, and remembers what it was asked for.
type strictBucket struct {
	origin.Origin
	mu    sync.Mutex
	asked []string
}

func (b *strictBucket) Open(ctx context.Context, key string) (origin.Object, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, key)
	if strings.Contains(key, "secret") {
		return nil, fs.ErrPermission
	}
	return b.Origin.Open(ctx, key)
}

func (b *strictBucket) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	asked := b.asked
	b.asked = nil
	return asked
}

// Whatever the cause of a refusal, the viewer is sent the same bytes; and but for the bucket's own refusal, the bucket has
// not been asked, so that nothing can be learnt from the time that it took either.
func TestRefusalsAreTheSameBytes(t *testing.T) {
	t.Parallel()
	e, set, d, _ := signedEdge(t)
	e.WaitForMissing = true
	now := e.Now()
	e.Now = func() time.Time { return now }
	address := listen(t, e, d)
	films, err := e.Origins(t.Context(), "", "")
	require.NoError(t, err)
	bucket := &strictBucket{Origin: films}
	e.Origins = func(context.Context, string, string) (origin.Origin, error) { return bucket, nil }

	c, s, wire := tapped(t, address)
	refused := func(name string, opts *rtmp.PlayOptions) []byte {
		wire.take()
		err := s.Play(t.Context(), name, opts)
		var status *rtmp.StatusError
		require.ErrorAs(t, err, &status, name)
		require.Equal(t, rtmp.CodeStreamFailed, status.Code, name)
		return wire.take()
	}
	const film = "mp4:dir/film.mp4?"
	want := refused("nothing", nil)
	require.Contains(t, string(want), fmt.Sprintf("Failed to play  (stream ID: %d).", s.ID()))

	good, secret := canned(t, "dir/film.mp4"), canned(t, "dir/secret.mp4")
	for cause, name := range map[string]string{
		"not signed":                     film,
		"not signed, object missing":     "mp4:dir/none.mp4",
		"not signed, no object's name":   "../../etc/passwd",
		"no name at all":                 "",
		"a parameter missing":            film + strings.Split(good, "&Key-Pair-Id")[0],
		"malformed":                      film + strings.Replace(good, "Signature=", "Signature=!", 1),
		"bad signature":                  film + strings.Replace(good, fmt.Sprint(expires), fmt.Sprint(expires+1), 1),
		"bad signature, object missing":  "mp4:dir/none.mp4?" + good,
		"of another object":              film + canned(t, "dir/song.mp3"),
		"of another directory":           film + custom(t, "other/*", ""),
		"unknown key":                    film + strings.Replace(good, testKeyID, "APKAOTHER", 1),
		"not yet valid":                  film + custom(t, "*", fmt.Sprintf(`,"DateGreaterThan":{"AWS:EpochTime":%d}`, expires-1)),
		"another address":                film + custom(t, "*", `,"IpAddress":{"AWS:SourceIp":"192.0.2.0/24"}`),
		"policy unreadable":              film + custom(t, "*", `,"Unknown":{}`),
		"parameters far too long":        film + good + "&x=" + strings.Repeat("x", 7000),
		"name far too long":              strings.Repeat("x", 9000) + "?" + good,
		"signed, but the bucket refuses": "mp4:dir/secret.mp4?" + secret,
	} {
		for _, opts := range []*rtmp.PlayOptions{nil, {Kind: rtmp.PlayAny}, {Kind: rtmp.PlayLive}, {Start: time.Second}} {
			require.Equal(t, want, refused(name, opts), cause)
		}
		if strings.Contains(cause, "bucket") {
			require.Contains(t, bucket.take(), "dir/secret.mp4")
		} else {
			require.Empty(t, bucket.take(), cause)
		}
	}

	now = time.Unix(expires, 0)
	require.Equal(t, want, refused(film+good, nil), "expired")
	now = time.Unix(expires-1, 0)
	require.NoError(t, s.Play(t.Context(), film+good, nil))
	require.NoError(t, s.Close())
	s, err = c.CreateStream(t.Context())
	require.NoError(t, err)
	want = refused("nothing", nil)
	bucket.take()

	off := d.Config
	off.Enabled = false
	gone, err := set.Update(d.ID, d.ETag, off)
	require.NoError(t, err)
	require.Equal(t, want, refused(film+good, nil), "disabled")
	require.NoError(t, set.Delete(gone.ID, gone.ETag))
	require.Equal(t, want, refused(film+good, nil), "deleted")
	require.Empty(t, bucket.take())
}

// A connection that was refused too often is told the same, too.
func TestTooManyRefusalsAreTheSameBytes(t *testing.T) {
	t.Parallel()
	e, _, d, _ := signedEdge(t)
	e.MaxRefusals = 2
	_, s, wire := tapped(t, listen(t, e, d))
	var first []byte
	for i := range 5 {
		wire.take()
		name := "mp4:dir/film.mp4"
		if i > 2 {
			name += "?" + canned(t, "dir/film.mp4")
		}
		require.Error(t, s.Play(t.Context(), name, nil))
		if got := wire.take(); i == 1 {
			first = got
		} else if i > 1 {
			require.Equal(t, first, got)
		}
	}
}

// Signed names play in every variant of the protocol, with the viewer's address held against the policy in each.
func TestSignedThroughEveryDoor(t *testing.T) {
	t.Parallel()
	e, _, d, _ := signedEdge(t)
	address := listen(t, e, d)
	for _, scheme := range []string{"rtmp", "rtmpe", "rtmpt", "rtmpte", "rtmps", "rtmpts"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			opts := &rtmp.ClientOptions{TLSConfig: &tls.Config{InsecureSkipVerify: true}}
			c, err := rtmp.Dial(t.Context(), scheme+"://"+address+"/cfx/st/", opts)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, c.Close()) })
			require.NoError(t, c.Connect(t.Context()))
			s, err := c.CreateStream(t.Context())
			require.NoError(t, err)
			for network, code := range map[string]string{"127.0.0.1/32": "", "192.0.2.0/24": rtmp.CodeStreamFailed} {
				policy := custom(t, "dir/*", fmt.Sprintf(`,"IpAddress":{"AWS:SourceIp":%q}`, network))
				err := s.Play(t.Context(), "mp4:dir/film.mp4?"+policy, nil)
				if code == "" {
					require.NoError(t, err)
					continue
				}
				var status *rtmp.StatusError
				require.ErrorAs(t, err, &status)
				require.Equal(t, code, status.Code)
			}
		})
	}
}
