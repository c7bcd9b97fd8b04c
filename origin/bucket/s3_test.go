package bucket_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"

	"github.com/seed-3309b198/reelfront/internal/strangers"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/origin/bucket"
	"github.com/seed-3309b198/reelfront/origin/origintest"
)

// pinS3 is what a program that links S3 sets as Options.Pin.
func pinS3(as func(any) bool, etag string) error {
	var in *s3.GetObjectInput
	if as(&in) {
		in.IfMatch = aws.String(etag)
	}
	return nil
}

// gateway is a S3 server with a directory of its own.
type gateway struct {
	url    string
	client *s3.Client
	made   int
}

// startGateway runs a S3 server until the test ends.
func startGateway(t *testing.T) *gateway {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", strangers.OwnerKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", strangers.OwnerSecret)
	g := &gateway{url: strangers.Versitygw(t)}
	g.client = s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &g.url, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(strangers.OwnerKey, strangers.OwnerSecret, ""),
	})
	return g
}

// newBucket makes a bucket and returns its name, and itself for writing.
func (g *gateway) newBucket(t *testing.T) (string, *blob.Bucket) {
	t.Helper()
	g.made++
	name := fmt.Sprint("films-", g.made)
	_, err := g.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name})
	require.NoError(t, err)
	b, err := s3blob.OpenBucket(t.Context(), g.client, name, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return name, b
}

func s3URL(endpoint string) string {
	return "s3://{bucket}?region=us-east-1&use_path_style=true&endpoint=" + endpoint
}

func (g *gateway) fixture(t *testing.T, opts *bucket.Options) origintest.Fixture {
	name, b := g.newBucket(t)
	buckets := &bucket.Buckets{URL: s3URL(g.url), Options: opts}
	t.Cleanup(func() { require.NoError(t, buckets.Close()) })
	o, err := buckets.Origin(t.Context(), name, "")
	require.NoError(t, err)
	return origintest.Fixture{
		Origin: o,
		Put: func(t *testing.T, key string, data []byte) {
			t.Helper()
			require.NoError(t, b.WriteAll(t.Context(), key, data, nil))
		},
		Remove: func(t *testing.T, key string) {
			t.Helper()
			require.NoError(t, b.Delete(t.Context(), key))
		},
	}
}

func TestS3(t *testing.T) {
	g := startGateway(t)
	pinned := &bucket.Options{Pin: pinS3}
	t.Run("conformance", func(t *testing.T) {
		origintest.Run(t, func(t *testing.T) origintest.Fixture { return g.fixture(t, pinned) })
	})
	t.Run("conformance cached", func(t *testing.T) {
		origintest.Run(t, func(t *testing.T) origintest.Fixture { return cached(t, g.fixture(t, pinned)) })
	})
	t.Run("anonymous", func(t *testing.T) { g.anonymous(t) })
	t.Run("cold start", func(t *testing.T) { g.coldStart(t) })
}

// TestS3Throttles has a server ask for fewer requests, as S3 does.
func TestS3Throttles(t *testing.T) {
	t.Parallel()
	slow := false
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slow {
			w.Header().Set("ETag", `"a"`)
			w.Header().Set("Content-Length", "100")
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>")
	}))
	defer srv.Close()
	b, err := s3blob.OpenBucket(t.Context(), s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &srv.URL, UsePathStyle: true, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	}), "films", nil)
	require.NoError(t, err)
	o := bucket.New(b, &bucket.Options{Pin: pinS3})
	defer o.Close()
	obj, err := o.Open(t.Context(), "film")
	require.NoError(t, err)
	slow = true
	_, err = obj.ReadAt(t.Context(), make([]byte, 10), 0)
	require.ErrorIs(t, err, origin.ErrThrottled)
}

// anonymous reads a bucket that nobody may read so.
func (g *gateway) anonymous(t *testing.T) {
	name, b := g.newBucket(t)
	require.NoError(t, b.WriteAll(t.Context(), "film", []byte("film"), nil))
	buckets := &bucket.Buckets{URL: s3URL(g.url) + "&anonymous=true", Identities: map[string]string{"E1": s3URL(g.url)}}
	defer buckets.Close()
	o, err := buckets.Origin(t.Context(), name, "")
	require.NoError(t, err)
	_, err = o.Open(t.Context(), "film")
	require.ErrorIs(t, err, fs.ErrPermission)
	o, err = buckets.Origin(t.Context(), name, "E1")
	require.NoError(t, err)
	require.Equal(t, "film", read(t, o, "film"))
}

// counter is a proxy that counts what is read through it.
type counter struct {
	mu     sync.Mutex
	ranges map[string]int
	bytes  int64
}

func (c *counter) count(resp *http.Response) error {
	if resp.Request.Method == http.MethodGet {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ranges[resp.Request.Header.Get("Range")]++
		c.bytes += resp.ContentLength
	}
	return nil
}

// coldStart has a thousand viewers start a film of a minute at once that nobody has seen before.
func (g *gateway) coldStart(t *testing.T) {
	const viewers, film = 1000, 7_500_000 // 1 Mbit/s
	name, b := g.newBucket(t)
	data := make([]byte, film)
	for i := range data {
		data[i] = byte(i*i>>8 ^ i)
	}
	require.NoError(t, b.WriteAll(t.Context(), "film", data, nil))
	target, err := url.Parse(g.url)
	require.NoError(t, err)
	count := &counter{ranges: map[string]int{}}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { // the signature is of the host that the client knows
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = target.Scheme, target.Host, r.In.Host
		},
		ModifyResponse: count.count,
	})
	defer proxy.Close()
	buckets := &bucket.Buckets{URL: s3URL(proxy.URL), Options: &bucket.Options{Pin: pinS3}}
	defer buckets.Close()
	o, err := buckets.Origin(t.Context(), name, "")
	require.NoError(t, err)
	cache := &origin.Cache{}
	defer cache.Close()
	cached := cache.Wrap("s", o)
	var wg sync.WaitGroup
	for range viewers {
		wg.Go(func() {
			if err := watch(t, cached, data); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	t.Logf("%d bytes in %d ranges for %d of film; %+v", count.bytes, len(count.ranges), film, cache.Stats())
	require.LessOrEqual(t, count.bytes, int64(film*105/100))
	for r, n := range count.ranges {
		require.Equal(t, 1, n, "reads of %s", r)
	}
}

// watch reads a film as one viewer does.
func watch(t *testing.T, o origin.Origin, data []byte) error {
	obj, err := o.Open(t.Context(), "film")
	if err != nil {
		return err
	}
	defer obj.Close()
	r := origin.NewReader(obj)
	defer r.Close()
	const n = 5000
	for off := 0; off+n <= len(data); off += n {
		w, err := r.Window(t.Context(), int64(off), n)
		if err != nil {
			return err
		}
		if !bytes.Equal(w, data[off:off+n]) {
			return errors.New("a viewer gets other bytes than the film's")
		}
	}
	return nil
}
