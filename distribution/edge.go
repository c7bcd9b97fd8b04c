package distribution

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

// The application and its instance that all distributions have.
const (
	application = "cfx"
	instance    = "cfx/st"
)

// Edge serves the distributions of a Set: it is a rtmp.Handler, and the http.Handler of the same server. Set and Origins
// are needed, all else may be left as it is. Fields are set before the first use and not changed after it.
type Edge struct {
	// Set has the distributions.
	Set Set
	// Default is the ID of the distribution that answers to hosts which are nobody's; "" for none.
	Default string
	// Origins opens a bucket as an origin access identity, "" for anonymously; the method Origin of bucket.Buckets is such a
	// function. It is called by Prepare, when a distribution is first used and when it has changed, perhaps by several
	// goroutines at once, under the deadline of a connect or a play.
	Origins func(ctx context.Context, bucket, identity string) (origin.Origin, error)
	// Cache keeps what was read from the origins; nil for no cache.
	Cache *origin.Cache
	// ShareCache keeps one copy for all distributions that read a bucket as the same identity. Otherwise each distribution
	// has its own, as CloudFront's had: what one may still serve, since it is fresh, says nothing of the others.
	ShareCache bool
	// IndexBytes bounds the memory of the indexes of all files together. 0 means 64 MiB.
	IndexBytes int64

	// WaitForMissing makes a play without a start wait for a file that does not exist, as CloudFront did. Otherwise it is
	// NetStream.Play.StreamNotFound at once.
	WaitForMissing bool
	// Keys are those of the trusted signers. Without them a distribution that has trusted signers plays nothing.
	Keys *Keys
	// Authorizer decides beside the trusted signers, or instead of them, what a viewer may play: a host's own tokens, or a
	// preview for guests. What it returns counts; Authorization has what the signers lead to. All of its errors, and a Grant
	// without Keys, are told to the viewer as the same refusal. Several goroutines may call it at once: for each play, each
	// entry of a playlist, each change of quality, getStreamLength and, unless SeekUnchecked is set, each seek, of which a
	// play that does not start at the beginning has one. Of a seek nothing but a refusal counts: Start and End stay as they
	// were when the play began. ctx ends when the viewer does not want it any more.
	Authorizer func(ctx context.Context, a *Authorization) (vod.Grant, error)
	// SeekUnchecked lets a viewer go on seeking in what he plays when he may not start it any more. Otherwise each seek is
	// decided as a play, as on CloudFront, and a refused one ends the play. A stream that just plays is cut in neither case.
	SeekUnchecked bool
	// MaxRefusals is how many plays of a connection, seeks and getStreamLengths included, are refused for want of an
	// authorisation before all further ones are refused unseen. 0 means 5, a negative number any.
	MaxRefusals int
	// Now is the clock; nil is time.Now.
	Now func() time.Time

	// AudioChoice tells whether viewers of a distribution may choose an audio track: ?audio=deu. nil for none may.
	AudioChoice func(*Distribution) bool

	// Log is told what happens on the connections to a distribution; nil for nobody. It must not block.
	Log func(*Distribution, rtmp.Event)
	// Logger is told of a distribution's settings that are without effect; nil for nobody. The server's own logger is told of
	// whom and what is refused, and why.
	Logger *slog.Logger

	once   sync.Once
	index  *vod.IndexCache
	served sync.Map // of *service by the ID of the distribution
}

var (
	errNoSet     = errors.New("distribution: the Edge has no Set")
	errNoOrigins = errors.New("distribution: the Edge has no Origins")
)

// service is one version of a distribution, being served.
type service struct {
	d       *Distribution
	handler *vod.Handler
}

// Connect implements rtmp.Handler. The host of the client's tcUrl tells the distribution. Refusals are those of
// CloudFront: DistributionNotFound, DistributionTypeMismatch, InvalidInstance and InvalidURI.
func (e *Edge) Connect(ctx context.Context, r *rtmp.ConnectRequest) (rtmp.App, error) {
	if e.Set == nil {
		return nil, errNoSet
	}
	d, reason := e.lookup(r)
	if reason != "" {
		host, _ := hostOf(r.TCURL)
		return nil, rejection(reason, host)
	}
	if _, err := e.service(ctx, d); err != nil {
		return nil, fmt.Errorf("distribution %s: %w", d.ID, err)
	}
	return &connection{e: e, id: d.ID, d: d, request: r}, nil
}

// lookup finds the distribution that a client wants, or else the code of its rejection (CloudFront developer guide,
// "Error codes" of streaming distributions).
func (e *Edge) lookup(r *rtmp.ConnectRequest) (d *Distribution, rejected string) {
	host, ok := hostOf(r.TCURL)
	if !ok {
		return nil, "InvalidURI"
	}
	if d = e.Set.ByHost(host); d == nil && isWebHost(host) {
		return nil, "DistributionTypeMismatch"
	}
	if d == nil && e.Default != "" {
		d = e.Set.ByID(e.Default)
	}
	if d == nil || !d.Config.Enabled {
		return nil, "DistributionNotFound"
	}
	if _, ok := vod.Split(r.App, instance); ok {
		return d, ""
	}
	if _, ok := vod.Split(r.App, application); ok {
		return nil, "InvalidInstance"
	}
	return nil, "InvalidURI"
}

// rejection is the answer to a connect, in the two places where players looked for the code. The host is for the log.
func rejection(code, host string) error {
	return &rtmp.StatusError{
		Code:        rtmp.CodeConnectRejected,
		Description: "[ Server.Reject ] : (_defaultRoot_, _defaultVHost_) : " + code + ".",
		Application: amf.Object{{Key: "message", Value: code}},
		Err:         fmt.Errorf("host %.253q", host),
	}
}

// Prepare opens the bucket of a distribution of the Set, and logs which of its settings change nothing and what it lacks.
// Otherwise that is left to its first viewer; a program that knows its distributions at start learns there what is wrong
// with them.
func (e *Edge) Prepare(ctx context.Context, d *Distribution) error {
	if e.Set == nil {
		return errNoSet
	}
	_, err := e.service(ctx, d)
	return err
}

// service is the handler of the present version of a distribution: made once and kept, until there is another version.
func (e *Edge) service(ctx context.Context, d *Distribution) (*service, error) {
	if v, ok := e.served.Load(d.ID); ok && v.(*service).d.sameVersion(d) {
		return v.(*service), nil
	}
	e.forgetDeleted()
	s, err := e.open(ctx, d)
	if err != nil {
		return nil, err
	}
	e.served.Store(d.ID, s)
	e.warn(ctx, d)
	return s, nil
}

func (e *Edge) open(ctx context.Context, d *Distribution) (*service, error) {
	if e.Origins == nil {
		return nil, errNoOrigins
	}
	e.once.Do(func() { e.index = &vod.IndexCache{Bytes: e.IndexBytes} })
	bucket, _ := d.Config.S3Origin.Bucket()
	identity := d.Config.S3Origin.Identity()
	o, err := e.Origins(ctx, bucket, identity)
	if err != nil {
		return nil, err
	}
	space := e.space(d)
	if e.Cache != nil {
		o = e.Cache.Wrap(space, o)
	}
	return &service{d: d, handler: &vod.Handler{
		App:            instance,
		Origin:         o,
		WaitForMissing: e.WaitForMissing,
		AudioChoice:    e.AudioChoice != nil && e.AudioChoice(d),
		Authorize: func(ctx context.Context, r *rtmp.PlayRequest, p vod.Path, keys []string) (vod.Grant, error) {
			return e.authorize(ctx, d, r, p, keys)
		},
		Index:  e.index,
		Space:  space,
		Logger: e.log().With("distribution", d.ID),
	}}, nil
}

// space is where the Cache keeps what a distribution reads. The caller reference tells distributions apart as their IDs do,
// and is the same after a restart where IDs are made anew.
func (e *Edge) space(d *Distribution) string {
	bucket, _ := d.Config.S3Origin.Bucket()
	space := strconv.Quote(d.Config.CallerReference) + "/" + bucket
	if e.ShareCache {
		space = bucket
	}
	if identity := d.Config.S3Origin.Identity(); identity != "" {
		space += "/" + identity
	}
	return space
}

// Purge makes this edge forget what its Cache keeps of a distribution's objects that pattern names: one key, or all keys
// with a prefix when it ends in "*". The next play looks them up again; whoever is watching goes on with the version that he
// has. It returns how many objects were known. CloudFront could not: its RTMP distributions had no invalidation. With
// ShareCache, the distributions that share with this one forget too.
func (e *Edge) Purge(id, pattern string) int {
	d := e.Set.ByID(id)
	if d == nil || e.Cache == nil {
		return 0
	}
	return e.Cache.Purge(e.space(d), pattern)
}

// forgetDeleted drops what is kept of distributions that are there no more.
func (e *Edge) forgetDeleted() {
	e.served.Range(func(id, _ any) bool {
		if e.Set.ByID(id.(string)) == nil {
			e.served.Delete(id)
		}
		return true
	})
}

// warn says which settings of a distribution are kept but change nothing, and what it lacks.
func (e *Edge) warn(ctx context.Context, d *Distribution) {
	if d.Config.TrustedSigners.Enabled && e.Authorizer == nil && !e.Keys.any(d.Config.TrustedSigners.Items) {
		e.log().WarnContext(ctx, "nothing plays: no trusted signer has a key", "distribution", d.ID, "signers", d.Config.TrustedSigners.Items)
	}
	if d.Config.Logging.Enabled && e.Log == nil {
		e.log().WarnContext(ctx, "no access logs are written", "distribution", d.ID, "bucket", d.Config.Logging.Bucket)
	}
	if d.Config.PriceClass != PriceClassAll {
		e.log().WarnContext(ctx, "the price class has no effect", "distribution", d.ID, "price_class", d.Config.PriceClass)
	}
}

func (e *Edge) log() *slog.Logger {
	if e.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return e.Logger
}

// connection is one client's connection to a distribution.
type connection struct {
	e        *Edge
	id       string
	d        *Distribution // as it was when the client connected
	request  *rtmp.ConnectRequest
	refusals atomic.Int32 // of plays, for want of an authorisation
}

// distribution is the present version: a change counts from the next play on.
func (c *connection) distribution() (*Distribution, error) {
	d := c.e.Set.ByID(c.id)
	if d == nil || !d.Config.Enabled {
		return nil, &refusedError{errGone}
	}
	return d, nil
}

func (c *connection) app(ctx context.Context) (rtmp.App, *Distribution, error) {
	d, err := c.distribution()
	if err != nil {
		return nil, nil, err
	}
	s, err := c.e.service(ctx, d)
	if err != nil {
		return nil, nil, err
	}
	app, err := s.handler.Connect(ctx, c.request)
	return app, d, err
}

// Play implements rtmp.App.
func (c *connection) Play(ctx context.Context, r *rtmp.PlayRequest) (src rtmp.Source, err error) {
	err = c.ask(r.StreamID, func() error {
		app, d, err := c.app(ctx)
		if err != nil {
			return err
		}
		if src, err = app.Play(ctx, r); err == nil {
			src = c.guard(d, src, r)
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("distribution %s: %w", c.id, err)
	}
	return src, err
}

// Length implements rtmp.Lengther.
func (c *connection) Length(ctx context.Context, name string) (length time.Duration, err error) {
	err = c.ask(0, func() error {
		app, _, err := c.app(ctx)
		if err != nil {
			return err
		}
		if l, ok := app.(rtmp.Lengther); ok {
			length, err = l.Length(ctx, name)
		}
		return err
	})
	return length, err
}

// Observe implements rtmp.Observer.
func (c *connection) Observe(event rtmp.Event) {
	if c.e.Log != nil {
		c.e.Log(c.d, event)
	}
}

// ServeHTTP implements http.Handler: players ask for crossdomain.xml before they open a tunnel, and it allows all of
// them, as CloudFront's did (Adobe, "Cross-domain policy file specification"). There is nothing else: media files are
// not given out over HTTP.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/crossdomain.xml" || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	http.ServeContent(w, r, "crossdomain.xml", time.Time{}, strings.NewReader(crossDomain))
}

const crossDomain = `<?xml version="1.0"?>
<!DOCTYPE cross-domain-policy SYSTEM "http://www.adobe.com/xml/dtds/cross-domain-policy.dtd">
<cross-domain-policy>
  <site-control permitted-cross-domain-policies="all"/>
  <allow-access-from domain="*" secure="false"/>
</cross-domain-policy>
`
