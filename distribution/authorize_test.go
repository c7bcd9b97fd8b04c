package distribution

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

func connectTo(t *testing.T, e *Edge) *connection {
	t.Helper()
	app, err := e.Connect(t.Context(), request("cfx/st", "rtmp://films.example.com/cfx/st"))
	require.NoError(t, err)
	return app.(*connection)
}

func requireRefused(t *testing.T, streamID uint32, err error) {
	t.Helper()
	var status *rtmp.StatusError
	require.ErrorAs(t, err, &status)
	require.Equal(t, rtmp.CodeStreamFailed, status.Code)
	require.Equal(t, fmt.Sprintf("Failed to play  (stream ID: %d).", streamID), status.Description)
	require.Nil(t, status.Application)
	require.Nil(t, status.Extra)
	require.ErrorIs(t, err, fs.ErrPermission)
}

func private(c *Config) { c.TrustedSigners = TrustedSigners{true, []string{Self}} }

// A distribution with trusted signers plays nothing unsigned, and does not tell what there is.
func TestUnsignedIsRefused(t *testing.T) {
	t.Parallel()
	e, _, _, buckets := newEdge(t, private)
	e.MaxRefusals = -1
	c := connectTo(t, e)
	for _, name := range []string{"a", "mp4:a.mp4", "a?Expires=1&Signature=x&Key-Pair-Id=y", "", "../a"} {
		_, err := c.Play(t.Context(), &rtmp.PlayRequest{Name: name, StreamID: 7})
		requireRefused(t, 7, err)
		_, err = c.Length(t.Context(), name)
		requireRefused(t, 0, err)
	}
	_, asked := buckets.take()
	require.Empty(t, asked)
}

func TestAuthorizer(t *testing.T) {
	t.Parallel()
	broken := errors.New("token server is down")
	for _, c := range []struct {
		name       string
		change     func(*Config)
		authorizer func(*Authorization) (vod.Grant, error)
		asked      []string // nil for a refusal
	}{
		{"grants all", nil, func(a *Authorization) (vod.Grant, error) { return a.Grant, a.Err }, []string{"films/a.flv", "films/a"}},
		{"grants some", nil, func(a *Authorization) (vod.Grant, error) { return vod.Grant{Keys: a.Keys[:1]}, nil }, []string{"films/a.flv"}},
		{"grants none", nil, func(*Authorization) (vod.Grant, error) { return vod.Grant{}, nil }, nil},
		{"refuses", nil, func(a *Authorization) (vod.Grant, error) { return a.Grant, fs.ErrPermission }, nil},
		{"fails", nil, func(a *Authorization) (vod.Grant, error) { return a.Grant, broken }, nil},
		{"beside a signature", private, func(a *Authorization) (vod.Grant, error) { return a.Grant, a.Err }, nil},
		{"instead of a signature", private, func(a *Authorization) (vod.Grant, error) { return vod.Grant{Keys: a.Keys}, nil }, []string{"films/a.flv", "films/a"}},
		{"by the token", nil, func(a *Authorization) (vod.Grant, error) {
			if a.Path.Query != "token=1" || a.Path.AppQuery != "" || a.Play.Connect == nil || a.Distribution == nil {
				return vod.Grant{}, fs.ErrPermission
			}
			return a.Grant, nil
		}, []string{"films/a.flv", "films/a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e, _, _, buckets := newEdge(t, c.change)
			e.Authorizer = func(_ context.Context, a *Authorization) (vod.Grant, error) { return c.authorizer(a) }
			conn := connectTo(t, e)
			_, err := conn.Play(t.Context(), &rtmp.PlayRequest{Connect: conn.request, Name: "flv:a?token=1", StreamID: 3})
			_, asked := buckets.take()
			require.Equal(t, c.asked, asked)
			if c.asked == nil {
				requireRefused(t, 3, err)
			} else {
				require.ErrorIs(t, err, fs.ErrNotExist)
			}
		})
	}
}

func TestRefusalsAreLimited(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		most  int
		calls int
	}{{0, 5}, {2, 2}, {-1, 20}} {
		e, _, _, _ := newEdge(t, nil)
		e.MaxRefusals = c.most
		calls := 0
		e.Authorizer = func(_ context.Context, a *Authorization) (vod.Grant, error) {
			calls++
			if a.Path.Query == "good" {
				return a.Grant, nil
			}
			return vod.Grant{}, fs.ErrPermission
		}
		conn := connectTo(t, e)
		_, err := conn.Play(t.Context(), &rtmp.PlayRequest{Name: "a?good"})
		require.ErrorIs(t, err, fs.ErrNotExist)
		calls = 0
		for range 20 {
			_, err := conn.Play(t.Context(), &rtmp.PlayRequest{Name: "a?bad", StreamID: 1})
			requireRefused(t, 1, err)
		}
		require.Equal(t, c.calls, calls)
		_, err = conn.Play(t.Context(), &rtmp.PlayRequest{Name: "a?good", StreamID: 1})
		if c.most < 0 {
			require.ErrorIs(t, err, fs.ErrNotExist)
		} else {
			requireRefused(t, 1, err)
		}
		_, err = connectTo(t, e).Play(t.Context(), &rtmp.PlayRequest{Name: "a?good"})
		require.ErrorIs(t, err, fs.ErrNotExist, "another connection")
	}
}

// What the bucket refuses looks the same, but is nobody's attempt at guessing.
func TestOriginRefusalIsNotCounted(t *testing.T) {
	t.Parallel()
	e, _, _, buckets := newEdge(t, nil)
	buckets.refuse = true
	c := connectTo(t, e)
	for range 10 {
		_, err := c.Play(t.Context(), &rtmp.PlayRequest{Name: "flv:a", StreamID: 2})
		requireRefused(t, 2, err)
	}
	_, asked := buckets.take()
	require.Len(t, asked, 20)
}

type sourceAtStart struct{ at time.Duration }

func (s *sourceAtStart) Info() *flv.Info                        { return &flv.Info{} }
func (s *sourceAtStart) Next(context.Context) (*flv.Tag, error) { return nil, io.EOF }
func (s *sourceAtStart) Close() error                           { return nil }
func (s *sourceAtStart) Seek(_ context.Context, t time.Duration) (time.Duration, error) {
	s.at = t
	return t, nil
}

func TestSeekIsChecked(t *testing.T) {
	t.Parallel()
	e, set, d, _ := newEdge(t, nil)
	expired := false
	e.Authorizer = func(_ context.Context, a *Authorization) (vod.Grant, error) {
		if expired || a.Path.Query != "token=1" {
			return vod.Grant{}, fs.ErrPermission
		}
		return a.Grant, nil
	}
	conn := connectTo(t, e)
	r := &rtmp.PlayRequest{Name: "a?token=1", StreamID: 4}
	inner := new(sourceAtStart)
	src := conn.guard(d, inner, r)
	seek := func(to time.Duration) error {
		_, err := src.Seek(t.Context(), to)
		return err
	}
	require.NoError(t, seek(time.Second))
	expired = true
	_, err := src.Next(t.Context())
	require.Equal(t, io.EOF, err, "what plays is not cut")
	requireRefused(t, 4, seek(2*time.Second))
	require.Equal(t, time.Second, inner.at)
	expired = false
	require.NoError(t, seek(3*time.Second))

	all := e.Authorizer
	e.Authorizer = func(context.Context, *Authorization) (vod.Grant, error) { return vod.Grant{}, nil }
	requireRefused(t, 4, seek(4*time.Second))
	require.Equal(t, 3*time.Second, inner.at, "no key was granted")
	e.Authorizer = all

	c := d.Config
	c.Enabled = false
	_, err = set.Update(d.ID, d.ETag, c)
	require.NoError(t, err)
	requireRefused(t, 4, seek(time.Second))

	e.SeekUnchecked = true
	require.Equal(t, rtmp.Source(inner), conn.guard(d, inner, r))
	e.SeekUnchecked, e.Authorizer = false, nil
	require.Equal(t, rtmp.Source(inner), conn.guard(d, inner, r), "a public distribution")
}

// A viewer who drags the seek bar interrupts one question after the other, which is no attempt at guessing.
func TestInterruptedAuthorizer(t *testing.T) {
	t.Parallel()
	e, _, d, _ := newEdge(t, nil)
	e.Authorizer = func(ctx context.Context, a *Authorization) (vod.Grant, error) {
		if err := ctx.Err(); err != nil {
			return vod.Grant{}, fmt.Errorf("asking the token server: %w", err)
		}
		return a.Grant, nil
	}
	conn := connectTo(t, e)
	r := &rtmp.PlayRequest{Name: "flv:a", StreamID: 4}
	src := conn.guard(d, new(sourceAtStart), r)
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 * defaultMaxRefusals {
		_, err := src.Seek(interrupted, time.Second)
		requireRefused(t, 4, err)
		_, err = conn.Play(interrupted, r)
		requireRefused(t, 4, err)
	}
	_, err := src.Seek(t.Context(), time.Second)
	require.NoError(t, err)
	_, err = conn.Play(t.Context(), r)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestKeys(t *testing.T) {
	t.Parallel()
	var keys []crypto.PublicKey
	for range 5 {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		keys = append(keys, key.Public())
	}
	k := new(Keys)
	require.Empty(t, k.IDs(Self))
	require.Nil(t, k.find([]string{Self}, "APKA1"))

	require.NoError(t, k.Add(Self, "APKA2", keys[2]))
	require.NoError(t, k.Add(Self, "APKA1", keys[1]))
	require.NoError(t, k.Add("123456789012", "PK12345EXAMPLE", keys[3]))
	require.Equal(t, []string{"APKA1", "APKA2"}, k.IDs(Self))
	require.Error(t, k.Add(Self, "APKA3", keys[4]), "two active keys an account")
	require.NoError(t, k.Add(Self, "APKA1", keys[0]), "replacing one")
	require.Error(t, k.Add("1234", "APKA1", keys[1]))
	require.Error(t, k.Add(Self, "", keys[1]))
	require.Error(t, k.Add(Self, "a b", keys[1]))

	require.Same(t, keys[0], k.find([]string{"123456789012", Self}, "APKA1"))
	require.Nil(t, k.find([]string{"123456789012"}, "APKA1"), "another account's")

	k.Remove(Self, "APKA1")
	k.Remove(Self, "APKA9")
	k.Remove("123456789012", "PK12345EXAMPLE")
	k.Remove("000000000000", "APKA1")
	require.Equal(t, []string{"APKA2"}, k.IDs(Self))
	require.Empty(t, k.IDs("123456789012"))
	require.NoError(t, k.Add(Self, "APKA3", keys[4]))

	k = &Keys{MaxActive: -1}
	for _, id := range []string{"A", "B", "C", "D"} {
		require.NoError(t, k.Add(Self, id, keys[0]))
	}
}

// A key may be as short as CloudFront's were, and no shorter; one that is too long would make refusals dear.
func TestKeyKinds(t *testing.T) {
	t.Parallel()
	for bits, good := range map[int]bool{512: false, 1024: true, 4096: true, 16384: false} {
		key := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), uint(bits-1)), E: 65537}
		require.Equal(t, good, new(Keys).Add(Self, "APKA1", key) == nil, bits)
	}
	other, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	for _, key := range []crypto.PublicKey{nil, "APKA1", other} {
		require.Error(t, new(Keys).Add(Self, "APKA1", key))
	}
}
