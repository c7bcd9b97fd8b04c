package rtmptest_test

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/rtmptest"
)

func TestServerPlaysClips(t *testing.T) {
	t.Parallel()
	srv := rtmptest.NewServer(t, rtmptest.Clips())
	require.Regexp(t, `^rtmp://127\.0\.0\.1:\d+/vod$`, srv.URL)
	for _, name := range []string{"clip", "clip.flv", "mp4:clip", "mp4:clip.mp4", "mp3:clip"} {
		tags, err := download(t.Context(), srv.URL+"/"+name)
		require.NoError(t, err, name)
		require.InDelta(t, 2000, tags[len(tags)-1].Timestamp, 100, name)
	}
	_, err := download(t.Context(), srv.URL+"/missing")
	requireCode(t, rtmp.CodePlayStreamNotFound, err)
}

func TestServerClosedTwice(t *testing.T) {
	t.Parallel()
	srv := rtmptest.NewServer(t, rtmptest.Clips())
	srv.Close()
	srv.Close()
	_, err := download(t.Context(), srv.URL+"/clip")
	require.Error(t, err)
	rtmptest.NewUnstartedServer(t, nil).Close()
}

// What the test's own App can do reaches the client, and its refusal of a connect.
func TestHandlerServer(t *testing.T) {
	t.Parallel()
	app := &actor{closed: make(chan struct{})}
	srv := rtmptest.NewHandlerServer(t, rtmp.HandlerFunc(func(_ context.Context, r *rtmp.ConnectRequest) (rtmp.App, error) {
		if r.App != "vod" {
			return nil, &rtmp.StatusError{Code: rtmp.CodeConnectRejected, Description: "no such stage"}
		}
		return app, nil
	}))
	_, err := download(t.Context(), "rtmp://"+srv.Listener.Addr().String()+"/other/clip")
	requireCode(t, rtmp.CodeConnectRejected, err)

	c, err := rtmp.Dial(t.Context(), srv.URL+"/clip", nil)
	require.NoError(t, err)
	require.NoError(t, c.Connect(t.Context()))
	v, err := c.Call(t.Context(), "bow", "low")
	require.NoError(t, err)
	require.Equal(t, "bow [<nil> low]", v, "the command object comes first")
	length, err := c.Length(t.Context(), "clip")
	require.NoError(t, err)
	require.Equal(t, time.Minute, length)
	require.NoError(t, c.Close())
	<-app.closed
	require.Equal(t, []rtmp.EventKind{rtmp.EventConnect, rtmp.EventDisconnect}, app.events)
}

// actor is an App with all of the optional interfaces.
type actor struct {
	events []rtmp.EventKind
	closed chan struct{}
}

func (a *actor) Play(context.Context, *rtmp.PlayRequest) (rtmp.Source, error) {
	return nil, fs.ErrNotExist
}

func (a *actor) Observe(e rtmp.Event) {
	a.events = append(a.events, e.Kind)
	if e.Kind == rtmp.EventDisconnect {
		close(a.closed)
	}
}

func (a *actor) Length(context.Context, string) (time.Duration, error) { return time.Minute, nil }

func (a *actor) Call(_ context.Context, command string, args []any) (any, error) {
	return fmt.Sprint(command, " ", args), nil
}

func (a *actor) Close() error { return nil }

func TestFaults(t *testing.T) {
	t.Parallel()
	srv := rtmptest.NewServer(t, rtmptest.Clips())
	whole, err := download(t.Context(), srv.URL+"/clip")
	require.NoError(t, err)

	srv.Fail(&rtmptest.Fault{Err: fs.ErrPermission})
	tags, err := download(t.Context(), srv.URL+"/clip")
	requireCode(t, rtmp.CodeStreamFailed, err)
	require.Empty(t, tags)

	srv.Fail(&rtmptest.Fault{Err: &rtmp.StatusError{Code: rtmp.CodePlayFailed, Description: "The reel tore."}, Tags: 7})
	tags, err = download(t.Context(), srv.URL+"/clip")
	requireCode(t, rtmp.CodePlayFailed, err)
	require.ErrorContains(t, err, "The reel tore.")
	require.Equal(t, whole[:7], tags)

	srv.Fail(&rtmptest.Fault{Bytes: 9000})
	tags, err = download(t.Context(), srv.URL+"/clip")
	require.Error(t, err)
	require.NotEmpty(t, tags)
	require.Less(t, len(tags), len(whole))
	require.Equal(t, whole[:len(tags)], tags)

	for _, f := range []rtmptest.Fault{{Hang: true}, {Hang: true, Bytes: 9000}, {Hang: true, Bytes: 1}} {
		srv.Fail(&f)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, err = download(ctx, srv.URL+"/clip")
		require.ErrorIs(t, err, context.DeadlineExceeded, "%+v", f)
		cancel()
	}

	srv.Fail(nil)
	tags, err = download(t.Context(), srv.URL+"/clip")
	require.NoError(t, err)
	require.Equal(t, whole, tags)
}

// A handler that does not return holds up Close, which says so.
func TestCloseNamesWhoHangs(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	log := &testLog{TB: t, hangs: func() { close(release) }}
	srv := rtmptest.NewHandlerServer(log, rtmp.HandlerFunc(func(context.Context, *rtmp.ConnectRequest) (rtmp.App, error) {
		<-release
		return nil, fs.ErrNotExist
	}))
	rtmptest.SetPatience(srv, 10*time.Millisecond)
	nc, err := net.Dial("tcp", srv.Listener.Addr().String())
	require.NoError(t, err)
	require.NoError(t, nc.Close())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = download(ctx, srv.URL+"/clip")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	srv.Close()
	require.Regexp(t, `waiting for 10ms for 127\.0\.0\.1:\d+ in Connect of "vod"`, log.text())
}

// The server's own log is the test's.
func TestLog(t *testing.T) {
	t.Parallel()
	log := &testLog{TB: t}
	srv := rtmptest.NewServer(log, rtmptest.Clips())
	_, err := download(t.Context(), srv.URL+"/missing")
	require.Error(t, err)
	srv.Close()
	require.Regexp(t, `rtmptest: level=INFO msg="play refused" .*name=missing`, log.text())
}

// testLog is a test whose log can be read.
type testLog struct {
	testing.TB
	hangs func() // called when Close logs who hangs

	mu    sync.Mutex
	lines []string
}

func (l *testLog) Log(args ...any) { l.add(fmt.Sprint(args...)) }

func (l *testLog) Logf(format string, args ...any) {
	l.add(fmt.Sprintf(format, args...))
	if l.hangs != nil {
		l.hangs()
	}
}

func (l *testLog) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func (l *testLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

func requireCode(t *testing.T, code string, err error) {
	t.Helper()
	var status *rtmp.StatusError
	require.ErrorAs(t, err, &status)
	require.Equal(t, code, status.Code)
}
