package distribution

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

// Authorization is the question whether a viewer may play something, and CloudFront's answer to it.
type Authorization struct {
	Distribution *Distribution
	Play         *rtmp.PlayRequest
	Path         vod.Path
	// Keys are the objects that the name may mean. Whether they exist is not known yet.
	Keys []string
	// Grant and Err are what the distribution's trusted signers lead to: all of Keys where it has none.
	Grant vod.Grant
	Err   error
}

var (
	errTooManyRefusals = errors.New("too many refusals on this connection")
	errGone            = errors.New("the distribution was deleted or disabled")
	errNothingGranted  = errors.New("no key was granted")
)

// refusedError is a refusal of the authorisation, not of the origin.
type refusedError struct{ cause error }

func (e *refusedError) Error() string { return "not authorized: " + e.cause.Error() }

func (e *refusedError) Unwrap() []error { return []error{fs.ErrPermission, e.cause} }

// authorize decides what a viewer of a distribution may play.
func (e *Edge) authorize(ctx context.Context, d *Distribution, r *rtmp.PlayRequest, p vod.Path, keys []string) (vod.Grant, error) {
	a := &Authorization{Distribution: d, Play: r, Path: p, Keys: keys, Grant: vod.Grant{Keys: keys}}
	if d.Config.TrustedSigners.Enabled {
		a.Grant.Keys, a.Err = e.verify(d, r, p, keys)
	}
	grant, err := a.Grant, a.Err
	if e.Authorizer != nil {
		grant, err = e.Authorizer(ctx, a)
	}
	if err == nil && len(grant.Keys) == 0 && len(keys) > 0 {
		err = errNothingGranted
	}
	if err != nil {
		return vod.Grant{}, &refusedError{err}
	}
	return grant, nil
}

// refusal is what a viewer is told who may not play, whatever the cause: the text that CloudFront's viewers have
// reported. It does not name the stream.
func refusal(streamID uint32, err error) error {
	return &rtmp.StatusError{
		Code:        rtmp.CodeStreamFailed,
		Description: fmt.Sprintf("Failed to play  (stream ID: %d).", streamID),
		Err:         err,
	}
}

// ask does what needs an authorisation. A connection that has been refused too often is refused again without being
// asked for its signature. An Authorizer that was interrupted, by the next of many seeks for instance, has not refused.
func (c *connection) ask(streamID uint32, do func() error) error {
	if most := c.e.maxRefusals(); most >= 0 && c.refusals.Load() >= most {
		return refusal(streamID, &refusedError{errTooManyRefusals})
	}
	err := do()
	if refused := new(refusedError); errors.As(err, &refused) && !errors.Is(err, context.Canceled) {
		c.refusals.Add(1)
	}
	if errors.Is(err, fs.ErrPermission) {
		return refusal(streamID, err)
	}
	return err
}

func (e *Edge) maxRefusals() int32 {
	switch {
	case e.MaxRefusals == 0:
		return defaultMaxRefusals
	case e.MaxRefusals < 0:
		return -1
	}
	return int32(min(e.MaxRefusals, 1<<30))
}

// guard lets a viewer seek in src only while he may still play it, if not everybody may.
func (c *connection) guard(d *Distribution, src rtmp.Source, r *rtmp.PlayRequest) rtmp.Source {
	if c.e.SeekUnchecked || (!d.Config.TrustedSigners.Enabled && c.e.Authorizer == nil) {
		return src
	}
	return &checkedSource{Source: src, check: func(ctx context.Context) error { return c.recheck(ctx, r) }}
}

// checkedSource asks again at each seek whether the viewer may still play. A stream that just plays on is not cut.
type checkedSource struct {
	rtmp.Source
	check func(ctx context.Context) error
}

// Seek implements flv.Reader.
func (s *checkedSource) Seek(ctx context.Context, t time.Duration) (time.Duration, error) {
	if err := s.check(ctx); err != nil {
		return 0, err
	}
	return s.Source.Seek(ctx, t)
}

// recheck is the authorisation of a play that has begun, again.
func (c *connection) recheck(ctx context.Context, r *rtmp.PlayRequest) error {
	err := c.ask(r.StreamID, func() error {
		d, err := c.distribution()
		if err != nil {
			return err
		}
		m, _ := vod.Split(c.request.App, instance)
		p := m.Path(r.Name)
		_, err = c.e.authorize(ctx, d, r, p, p.Keys())
		return err
	})
	if err != nil {
		err = fmt.Errorf("distribution %s: %w", c.id, err)
	}
	return err
}
