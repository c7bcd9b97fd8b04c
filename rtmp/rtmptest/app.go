package rtmptest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/rtmp"
)

// errNoCaller is what the app answers to calls where the test's App takes none.
var errNoCaller = errors.New("rtmptest: the App is no rtmp.Caller")

// app is an App of the test's handler, with the server's faults.
type app struct {
	rtmp.App
	s      *Server
	viewer *viewer
}

func (a *app) Play(ctx context.Context, r *rtmp.PlayRequest) (rtmp.Source, error) {
	a.s.note(a.viewer, fmt.Sprintf("Play of %q", r.Name))
	f := a.s.failing()
	switch {
	case f.Bytes > 0:
	case f.Hang:
		<-ctx.Done()
		return nil, ctx.Err()
	case f.Err != nil && f.Tags == 0:
		return nil, f.Err
	}
	src, err := a.App.Play(ctx, r)
	if err != nil || src == nil {
		a.s.note(a.viewer, "no play")
		return nil, err
	}
	a.s.note(a.viewer, fmt.Sprintf("the Source of %q", r.Name))
	if f.Err != nil {
		return &failingSource{Source: src, err: f.Err, left: f.Tags}, nil
	}
	return src, nil
}

func (a *app) Observe(e rtmp.Event) {
	if o, ok := a.App.(rtmp.Observer); ok {
		o.Observe(e)
	}
}

func (a *app) Length(ctx context.Context, name string) (time.Duration, error) {
	if l, ok := a.App.(rtmp.Lengther); ok {
		return l.Length(ctx, name)
	}
	return 0, nil
}

func (a *app) Call(ctx context.Context, command string, args []any) (any, error) {
	if c, ok := a.App.(rtmp.Caller); ok {
		return c.Call(ctx, command, args)
	}
	return nil, errNoCaller
}

func (a *app) Close() error {
	defer a.s.leave(a.viewer)
	if c, ok := a.App.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// failingSource gives out after some tags.
type failingSource struct {
	rtmp.Source
	err  error
	left int
}

func (s *failingSource) Next(ctx context.Context) (*flv.Tag, error) {
	if s.left == 0 {
		return nil, s.err
	}
	s.left--
	return s.Source.Next(ctx)
}
