package vod

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/demux"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
)

// Handler is a rtmp.Handler that plays the files of an origin. Its fields are set before the first use and not changed
// after it.
type Handler struct {
	// App is the application's name, with its instance where that belongs to it: "vod", "cfx/st". "" means "vod".
	App string
	// Origin is where the files are. Behind an origin.Cache they are read once for all viewers.
	Origin origin.Origin

	// WaitForMissing makes a play of a file that does not exist wait until there is one, as Flash servers did where the
	// client gave no start. Otherwise it is NetStream.Play.StreamNotFound at once.
	WaitForMissing bool
	// PollInterval is how often a file that is waited for is looked for. 0 means 5 s.
	PollInterval time.Duration
	// AudioChoice lets viewers choose an audio track with a parameter of the stream name: ?audio=deu, ?audio=1.
	// PlayRequest.Audio goes before it.
	AudioChoice bool

	// Authorize decides what a viewer may play, from the name alone: keys are those that the name may mean, the likeliest
	// first. The Origin is not asked before it has returned, and never for what it did not grant. An error refuses the
	// play; one that wraps fs.ErrPermission, or a *rtmp.StatusError, tells the client no more than that. nil grants all.
	// It may be called by several goroutines at once, for plays and for getStreamLength.
	Authorize func(ctx context.Context, r *rtmp.PlayRequest, p Path, keys []string) (Grant, error)

	// Index is where the indexes of files are kept; nil is one of the handler's own. Space tells the files of several
	// handlers with one Index apart: those of the same Space share what is kept, so their keys must mean the same objects.
	// With "" a handler shares with none.
	Index *IndexCache
	Space string

	// Logger is told of files opened; nil for nobody. Refusals are the server's to log.
	Logger *slog.Logger

	own   IndexCache
	demux func(ctx context.Context, in flv.Input, key string) (flv.File, error) // demux.Open but in tests
}

// Grant is what a viewer may play.
type Grant struct {
	// Keys are the objects that may be opened; the first that exists is played. None is a refusal.
	Keys []string
	// Start and End bound what is played of the file, such as a preview for guests: from the key frame at or before Start
	// until before End, wherever the viewer seeks. They are times of the file; 0 is no bound. getStreamLength answers with
	// what lies between them, while onMetaData speaks of the whole file.
	Start, End time.Duration
}

// until is where the grant ends in a file of that duration.
func (g *Grant) until(duration time.Duration) time.Duration {
	if g.End > 0 && (duration == 0 || g.End < duration) {
		return g.End
	}
	return duration
}

// Connect implements rtmp.Handler. A connect to another application is rejected.
func (h *Handler) Connect(_ context.Context, r *rtmp.ConnectRequest) (rtmp.App, error) {
	m, ok := Split(r.App, h.app())
	if !ok {
		return nil, notDefined(r.App)
	}
	return &app{h: h, connect: r, mount: m}, nil
}

func (h *Handler) app() string {
	if h.App == "" {
		return "vod"
	}
	return h.App
}

// notDefined is Flash Media Server's answer to a connect to an application that it does not have.
func notDefined(app string) error {
	name := ""
	if c := components(app); len(c) > 0 {
		name = c[0]
	}
	return &rtmp.StatusError{
		Code: rtmp.CodeConnectRejected,
		Description: fmt.Sprintf("[ Server.Reject ] : (_defaultRoot_, _defaultVHost_) : Application (%s) is not defined.",
			name[:min(len(name), maxAppInText)]),
	}
}

// app is one connection.
type app struct {
	h       *Handler
	connect *rtmp.ConnectRequest
	mount   Mount
}

// Play implements rtmp.App.
func (a *app) Play(ctx context.Context, r *rtmp.PlayRequest) (rtmp.Source, error) {
	p := a.mount.Path(r.Name)
	s, err := a.h.open(ctx, r, p, a.h.WaitForMissing && r.Kind == rtmp.PlayAny)
	if err != nil {
		return nil, err
	}
	if err := s.start(p, a.h.audio(r, p), r.Codecs); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Length implements rtmp.Lengther.
func (a *app) Length(ctx context.Context, name string) (time.Duration, error) {
	r := &rtmp.PlayRequest{Connect: a.connect, Name: name, Kind: rtmp.PlayAny, Length: -1}
	s, err := a.h.open(ctx, r, a.mount.Path(name), false)
	if err != nil {
		return 0, err
	}
	return max(s.grant.until(s.file.Info().Duration)-s.grant.Start, 0), s.Close()
}

func (h *Handler) audio(r *rtmp.PlayRequest, p Path) string {
	if r.Audio == "" && h.AudioChoice {
		return param(p.Query, "audio")
	}
	return r.Audio
}

// open opens the file that p names, for a viewer who may.
func (h *Handler) open(ctx context.Context, r *rtmp.PlayRequest, p Path, wait bool) (*source, error) {
	grant, err := h.authorize(ctx, r, p)
	if err != nil {
		return nil, err
	}
	o, key, err := h.find(ctx, grant.Keys)
	for wait && len(grant.Keys) > 0 && errors.Is(err, fs.ErrNotExist) {
		if err := sleep(ctx, h.pollInterval()); err != nil {
			return nil, err
		}
		o, key, err = h.find(ctx, grant.Keys)
	}
	if err != nil {
		return nil, fmt.Errorf("vod: %q: %w", p.Name, err)
	}
	obj := share(o)
	file, err := h.index(ctx, key, obj)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("vod: %s: %w", key, err), obj.Close())
	}
	grant.Keys = nil // of no more use, and as large as the rest of a source
	return &source{file: file, in: origin.NewReader(o), obj: obj, grant: grant}, nil
}

func (h *Handler) authorize(ctx context.Context, r *rtmp.PlayRequest, p Path) (Grant, error) {
	keys := p.Keys()
	if h.Authorize == nil {
		return Grant{Keys: keys}, nil
	}
	g, err := h.Authorize(ctx, r, p, keys)
	if err == nil && len(g.Keys) == 0 && len(keys) > 0 {
		err = fmt.Errorf("vod: no key granted: %w", fs.ErrPermission)
	}
	return g, err
}

// find opens the first of keys that exists. An object that may not be read does not hide one further on: a bucket whose
// objects may not be listed says of missing ones that they may not be read.
func (h *Handler) find(ctx context.Context, keys []string) (origin.Object, string, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	missing := error(fs.ErrNotExist)
	for _, key := range keys {
		o, err := h.Origin.Open(ctx, key)
		switch {
		case err == nil:
			return o, key, nil
		case errors.Is(err, fs.ErrPermission):
			missing = err
		case !errors.Is(err, fs.ErrNotExist):
			return nil, "", err
		}
	}
	return nil, "", missing
}

// index is the shared index of an object.
func (h *Handler) index(ctx context.Context, key string, obj *sharedObject) (flv.File, error) {
	cache, space := h.Index, indexSpace{name: h.Space}
	if cache == nil {
		cache = &h.own
	}
	if h.Space == "" {
		space.handler = h
	}
	return cache.get(ctx, space, key, obj, func(ctx context.Context, in flv.Input) (flv.File, error) {
		file, err := h.openFile(ctx, in, key)
		if err == nil {
			h.log().DebugContext(ctx, "file indexed", "key", key, "bytes", obj.Info().Size, "index_bytes", file.Bytes(), "left_out", file.Info().LeftOut)
		}
		return file, err
	})
}

func (h *Handler) openFile(ctx context.Context, in flv.Input, key string) (flv.File, error) {
	if h.demux != nil {
		return h.demux(ctx, in, key)
	}
	return demux.Open(ctx, in, formatOf(key))
}

func (h *Handler) pollInterval() time.Duration {
	if h.PollInterval <= 0 {
		return defaultPollInterval
	}
	return h.PollInterval
}

func (h *Handler) log() *slog.Logger {
	if h.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return h.Logger
}

// sleep waits for d, or until ctx ends, and then returns its error.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
