package distribution

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

// newEdge makes an edge with a distribution of the configuration and a bucket that has nothing.
func newEdge(t *testing.T, change func(*Config)) (*Edge, *Memory, *Distribution, *fakeBuckets) {
	t.Helper()
	c := valid()
	c.Aliases = []string{"films.example.com", "*.example.org"}
	if change != nil {
		change(&c)
	}
	set, buckets := new(Memory), new(fakeBuckets)
	d, err := set.Create(c)
	require.NoError(t, err)
	return &Edge{Set: set, Origins: buckets.open}, set, d, buckets
}

func request(app, tcURL string) *rtmp.ConnectRequest {
	return &rtmp.ConnectRequest{App: app, TCURL: tcURL, Protocol: "rtmp"}
}

func TestEdgeConnect(t *testing.T) {
	t.Parallel()
	e, set, d, _ := newEdge(t, nil)
	disabled := valid()
	disabled.CallerReference, disabled.Enabled, disabled.Aliases = "off", false, []string{"off.example.com"}
	_, err := set.Create(disabled)
	require.NoError(t, err)

	own := "rtmp://" + d.DomainName + ":1935/cfx/st"
	for _, c := range []struct{ app, url, rejected string }{
		{"cfx/st", own, ""},
		{"cfx/st", "rtmp://films.example.com/cfx/st", ""},
		{"cfx/st", "rtmpt://FILMS.example.com.:80/cfx/st", ""},
		{"cfx/st", "rtmp://a.b.example.org/cfx/st", ""},
		{"cfx/st/", own, ""},
		{"cfx/st/_definst_", own, ""},
		{"cfx/st/_definst_/mp4:videos", own, ""},
		{"cfx/st/mp4:videos", own, ""},
		{"cfx/st?key=value", own, ""},
		{"cfx", own, ""},
		{"cfx/xx", own, "InvalidInstance"},
		{"cfx/stx", own, "InvalidInstance"},
		{"cfx/_definst_", own, "InvalidInstance"},
		{"vod", own, "InvalidURI"},
		{"", own, "InvalidURI"},
		{"CFX/ST", own, "InvalidURI"},
		{"cfx/st", "rtmp://a b/cfx/st", "InvalidURI"},
		{"cfx/st/" + strings.Repeat("a", 9000), own, "InvalidURI"},
		{"cfx/st", "rtmp://s000000000000.cloudfront.net/cfx/st", "DistributionNotFound"},
		{"cfx/st", "rtmp://example.com/cfx/st", "DistributionNotFound"},
		{"cfx/st", "rtmp://127.0.0.1/cfx/st", "DistributionNotFound"},
		{"cfx/st", "", "DistributionNotFound"},
		{"cfx/st", "rtmp://off.example.com/cfx/st", "DistributionNotFound"},
		{"vod", "rtmp://example.com/vod", "DistributionNotFound"},
		{"cfx/st", "rtmp://d111111abcdef8.cloudfront.net/cfx/st", "DistributionTypeMismatch"},
	} {
		app, err := e.Connect(t.Context(), request(c.app, c.url))
		if c.rejected == "" {
			require.NoError(t, err, "%q %q", c.app, c.url)
			require.NotNil(t, app)
			continue
		}
		var status *rtmp.StatusError
		require.ErrorAs(t, err, &status, "%q %q", c.app, c.url)
		status.Err = nil // which viewers do not see
		require.Equal(t, &rtmp.StatusError{
			Code:        rtmp.CodeConnectRejected,
			Description: "[ Server.Reject ] : (_defaultRoot_, _defaultVHost_) : " + c.rejected + ".",
			Application: amf.Object{{Key: "message", Value: c.rejected}},
		}, status, "%q %q", c.app, c.url)
	}
}

func TestEdgeDefault(t *testing.T) {
	t.Parallel()
	e, set, d, _ := newEdge(t, nil)
	e.Default = d.ID
	for _, url := range []string{"", "rtmp://127.0.0.1/cfx/st", "rtmp://[::1]:1935/cfx/st", "rtmp://localhost/cfx/st", "rtmp://s000000000000.cloudfront.net/cfx/st"} {
		_, err := e.Connect(t.Context(), request("cfx/st", url))
		require.NoError(t, err, url)
	}
	_, err := e.Connect(t.Context(), request("cfx/st", "rtmp://d111111abcdef8.cloudfront.net/cfx/st"))
	require.ErrorContains(t, err, "DistributionTypeMismatch")

	c := d.Config
	c.Enabled = false
	_, err = set.Update(d.ID, d.ETag, c)
	require.NoError(t, err)
	_, err = e.Connect(t.Context(), request("cfx/st", ""))
	require.ErrorContains(t, err, "DistributionNotFound")
	e.Default = "E0"
	_, err = e.Connect(t.Context(), request("cfx/st", ""))
	require.ErrorContains(t, err, "DistributionNotFound")
}

func TestEdgePlay(t *testing.T) {
	t.Parallel()
	e, _, _, buckets := newEdge(t, func(c *Config) {
		c.S3Origin.OriginAccessIdentity = "origin-access-identity/cloudfront/E74FTE3AJFJ256A"
	})
	app, err := e.Connect(t.Context(), request("cfx/st/mp4:videos", "rtmp://films.example.com/cfx/st/mp4:videos"))
	require.NoError(t, err)
	for _, kind := range []rtmp.PlayKind{rtmp.PlayAny, rtmp.PlayRecorded, rtmp.PlayLive} {
		_, err = app.Play(t.Context(), &rtmp.PlayRequest{Name: "mp4:a.mp4?Expires=1", Kind: kind})
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
	_, err = app.(rtmp.Lengther).Length(t.Context(), "flv:b")
	require.ErrorIs(t, err, fs.ErrNotExist)
	opened, asked := buckets.take()
	require.Equal(t, []string{"films E74FTE3AJFJ256A"}, opened, "a bucket is opened once")
	require.Equal(t, []string{"films/videos/a.mp4", "films/videos/a.mp4", "films/videos/a.mp4", "films/videos/b.flv", "films/videos/b"}, asked)
}

func TestEdgeWaitForMissing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _, _, _ := newEdge(t, nil)
		e.WaitForMissing = true
		app, err := e.Connect(t.Context(), request("cfx/st", "rtmp://films.example.com/cfx/st"))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err = app.Play(ctx, &rtmp.PlayRequest{Name: "a", Kind: rtmp.PlayAny})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = app.Play(t.Context(), &rtmp.PlayRequest{Name: "a", Kind: rtmp.PlayRecorded})
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
}

// A change of the distribution counts for connections that are open, from their next play on.
func TestEdgeFollowsTheSet(t *testing.T) {
	t.Parallel()
	e, set, d, buckets := newEdge(t, nil)
	app, err := e.Connect(t.Context(), request("cfx/st", "rtmp://films.example.com/cfx/st"))
	require.NoError(t, err)
	play := func() error {
		_, err := app.Play(t.Context(), &rtmp.PlayRequest{Name: "flv:a"})
		return err
	}
	require.ErrorIs(t, play(), fs.ErrNotExist)
	opened, _ := buckets.take()
	require.Equal(t, []string{"films "}, opened)

	c := d.Config
	c.S3Origin.OriginAccessIdentity = "origin-access-identity/cloudfront/E1"
	d, err = set.Update(d.ID, d.ETag, c)
	require.NoError(t, err)
	require.ErrorIs(t, play(), fs.ErrNotExist)
	opened, _ = buckets.take()
	require.Equal(t, []string{"films E1"}, opened)

	c.Enabled = false
	d, err = set.Update(d.ID, d.ETag, c)
	require.NoError(t, err)
	require.ErrorIs(t, play(), fs.ErrPermission)
	require.NoError(t, set.Delete(d.ID, d.ETag))
	require.ErrorIs(t, play(), fs.ErrPermission)
	_, err = app.(rtmp.Lengther).Length(t.Context(), "flv:a")
	require.ErrorIs(t, err, fs.ErrPermission)

	other := valid()
	other.CallerReference, other.Aliases = "two", []string{"two.example.com"}
	_, err = set.Create(other)
	require.NoError(t, err)
	_, err = e.Connect(t.Context(), request("cfx/st", "rtmp://two.example.com/cfx/st"))
	require.NoError(t, err)
	_, kept := e.served.Load(d.ID)
	require.False(t, kept, "what was deleted is forgotten")
}

// swapped is a Set whose Table a test replaces.
type swapped struct{ *Table }

// A Set of a host's own may leave out ETags: then each Distribution is another version. If not, one that has become private
// would go on as it was.
func TestEdgeWithoutETags(t *testing.T) {
	t.Parallel()
	e, _, d, buckets := newEdge(t, nil)
	version := func(c Config) *Distribution {
		return &Distribution{ID: d.ID, DomainName: d.DomainName, Config: c}
	}
	public, err := NewTable(version(d.Config))
	require.NoError(t, err)
	set := &swapped{public}
	e.Set = set
	conn := connectTo(t, e)
	play := func() error {
		_, err := conn.Play(t.Context(), &rtmp.PlayRequest{Name: "flv:a", StreamID: 1})
		return err
	}
	require.ErrorIs(t, play(), fs.ErrNotExist)
	require.ErrorIs(t, play(), fs.ErrNotExist)
	opened, _ := buckets.take()
	require.Len(t, opened, 1)

	c := d.Config
	private(&c)
	set.Table, err = NewTable(version(c))
	require.NoError(t, err)
	requireRefused(t, 1, play())
}

func TestEdgeBucketFails(t *testing.T) {
	t.Parallel()
	e, set, d, buckets := newEdge(t, nil)
	buckets.err = errors.New("no credentials")
	_, err := e.Connect(t.Context(), request("cfx/st", "rtmp://films.example.com/cfx/st"))
	require.EqualError(t, err, "distribution "+d.ID+": no credentials")
	buckets.err = nil
	_, err = e.Connect(t.Context(), request("cfx/st", "rtmp://films.example.com/cfx/st"))
	require.NoError(t, err, "a failure is not kept")

	conn := connectTo(t, e)
	next := d.Config
	next.Comment = "new"
	_, err = set.Update(d.ID, d.ETag, next)
	require.NoError(t, err)
	buckets.err = errors.New("no credentials")
	_, err = conn.Play(t.Context(), &rtmp.PlayRequest{Name: "flv:a"})
	require.EqualError(t, err, "distribution "+d.ID+": no credentials", "the distribution is named once")
}

func TestEdgeCache(t *testing.T) {
	t.Parallel()
	e, _, _, buckets := newEdge(t, nil)
	e.Cache = new(origin.Cache)
	defer func() { require.NoError(t, e.Cache.Close()) }()
	app, err := e.Connect(t.Context(), request("cfx/st", "rtmp://films.example.com/cfx/st"))
	require.NoError(t, err)
	_, err = app.Play(t.Context(), &rtmp.PlayRequest{Name: "flv:a"})
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, asked := buckets.take()
	require.Equal(t, []string{"films/a.flv", "films/a"}, asked)
}

func TestEdgeConcurrent(t *testing.T) {
	t.Parallel()
	e, set, d, _ := newEdge(t, nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				app, err := e.Connect(t.Context(), request("cfx/st", "rtmp://films.example.com/cfx/st"))
				if err == nil {
					_, err = app.Play(t.Context(), &rtmp.PlayRequest{Name: "a"})
				}
				if !errors.Is(err, fs.ErrNotExist) {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			n, err := set.Update(d.ID, d.ETag, d.Config)
			if err != nil {
				t.Error(err)
				return
			}
			d = n
		}
	})
	wg.Wait()
}

// What a distribution lacks is told to who prepares it, or else to each viewer until it is there.
func TestPrepare(t *testing.T) {
	t.Parallel()
	e, _, d, buckets := newEdge(t, nil)
	buckets.err = fs.ErrPermission
	require.ErrorIs(t, e.Prepare(t.Context(), d), fs.ErrPermission)
	_, err := e.Connect(t.Context(), request("cfx/st", "rtmp://films.example.com/cfx/st"))
	require.ErrorIs(t, err, fs.ErrPermission)
	buckets.err = nil
	require.NoError(t, e.Prepare(t.Context(), d))
	opened, _ := buckets.take()
	require.Equal(t, []string{"films ", "films ", "films "}, opened)
	connectTo(t, e)
	opened, _ = buckets.take()
	require.Empty(t, opened, "it is open")
}

func TestIncompleteEdge(t *testing.T) {
	t.Parallel()
	_, set, d, buckets := newEdge(t, nil)
	for missing, e := range map[error]*Edge{errNoSet: {Origins: buckets.open}, errNoOrigins: {Set: set}} {
		require.ErrorIs(t, e.Prepare(t.Context(), d), missing)
		_, err := e.Connect(t.Context(), request("cfx/st", "rtmp://films.example.com/cfx/st"))
		require.ErrorIs(t, err, missing)
	}
}

// A distribution whose signers have no keys plays nothing, which its owner had better know.
func TestSignersWithoutKeys(t *testing.T) {
	t.Parallel()
	const warning = "no trusted signer has a key"
	for _, c := range []struct {
		keys, authorizer bool
		account          string
		warns            bool
	}{
		{keys: false, warns: true},
		{keys: true, account: "123456789012", warns: true},
		{keys: true, account: Self, warns: false},
		{authorizer: true, warns: false},
	} {
		var text bytes.Buffer
		e, _, d, _ := newEdge(t, private)
		e.Logger = slog.New(slog.NewTextHandler(&text, nil))
		if c.keys {
			e.Keys = new(Keys)
			require.NoError(t, e.Keys.Add(c.account, testKeyID, testKey().Public()))
		}
		if c.authorizer {
			e.Authorizer = func(_ context.Context, a *Authorization) (vod.Grant, error) { return a.Grant, nil }
		}
		require.NoError(t, e.Prepare(t.Context(), d))
		require.Equal(t, c.warns, strings.Contains(text.String(), warning), text.String())
	}
}

func TestEdgeLogs(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	e, _, d, _ := newEdge(t, func(c *Config) {
		c.Logging = Logging{Enabled: true, Bucket: "logs.s3.amazonaws.com"}
		c.PriceClass = PriceClass100
	})
	e.Logger = slog.New(slog.NewTextHandler(&text, nil))
	require.NoError(t, e.Prepare(t.Context(), d))
	require.Contains(t, text.String(), "no access logs are written")
	require.Contains(t, text.String(), "the price class has no effect")
	said := text.Len()
	app, err := e.Connect(t.Context(), request("cfx/st", "rtmp://films.example.com/cfx/st"))
	require.NoError(t, err)
	require.Equal(t, said, text.Len(), "once for each version")
	app.(rtmp.Observer).Observe(rtmp.Event{Kind: rtmp.EventPlay})

	_, err = e.Connect(t.Context(), request("vod?Signature=secret", "rtmp://user:secret@films.example.com/vod?secret"))
	require.ErrorContains(t, err, `InvalidURI.: host "films.example.com"`)
	require.NotContains(t, err.Error(), "secret")

	e, _, d, _ = newEdge(t, nil)
	var kinds []rtmp.EventKind
	e.Log = func(of *Distribution, event rtmp.Event) {
		require.Equal(t, d.ID, of.ID)
		kinds = append(kinds, event.Kind)
	}
	app, err = e.Connect(t.Context(), request("cfx/st", "rtmp://films.example.com/cfx/st"))
	require.NoError(t, err)
	app.(rtmp.Observer).Observe(rtmp.Event{Kind: rtmp.EventConnect})
	app.(rtmp.Observer).Observe(rtmp.Event{Kind: rtmp.EventPlay})
	require.Equal(t, []rtmp.EventKind{rtmp.EventConnect, rtmp.EventPlay}, kinds)
}

func TestEdgeHTTP(t *testing.T) {
	t.Parallel()
	e, _, _, _ := newEdge(t, nil)
	for _, c := range []struct {
		method, path string
		code         int
	}{
		{"GET", "/crossdomain.xml", http.StatusOK},
		{"HEAD", "/crossdomain.xml", http.StatusOK},
		{"POST", "/crossdomain.xml", http.StatusNotFound},
		{"GET", "/", http.StatusNotFound},
		{"GET", "/a.mp4", http.StatusNotFound},
		{"GET", "/cfx/st/a.mp4", http.StatusNotFound},
		{"POST", "/fcs/ident2", http.StatusNotFound},
	} {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		require.Equal(t, c.code, w.Code, "%s %s", c.method, c.path)
		if c.code != http.StatusOK || c.method != "GET" {
			continue
		}
		var policy struct {
			XMLName xml.Name `xml:"cross-domain-policy"`
			Allow   struct {
				Domain string `xml:"domain,attr"`
				Secure string `xml:"secure,attr"`
			} `xml:"allow-access-from"`
		}
		require.NoError(t, xml.Unmarshal(w.Body.Bytes(), &policy))
		require.Equal(t, []string{"*", "false"}, []string{policy.Allow.Domain, policy.Allow.Secure})
	}
}

func BenchmarkConnect(b *testing.B) {
	set, buckets := new(Memory), new(fakeBuckets)
	c := valid()
	c.Aliases = []string{"films.example.com"}
	_, err := set.Create(c)
	require.NoError(b, err)
	e := &Edge{Set: set, Origins: buckets.open}
	r := request("cfx/st/mp4:videos", "rtmp://films.example.com:1935/cfx/st/mp4:videos")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Connect(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}
