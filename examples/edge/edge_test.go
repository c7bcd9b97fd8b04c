package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/rtmp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// program is a run of the edge.
type program struct {
	addr     string // of its first listener
	stop     context.CancelFunc
	released chan struct{} // closed when a second signal would end the program
	ended    chan int      // the exit code
	stderr   *output
}

// output is what a program has written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // holds a token when there is something new
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// await waits until a pattern has been written, and returns its first group.
func (o *output) await(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile("(?m)" + pattern)
	late := time.After(30 * time.Second)
	for {
		if m := re.FindStringSubmatch(o.String()); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-o.more:
		case <-late:
			t.Fatalf("%q was not written, but: %s", pattern, o)
		}
	}
}

// start runs the edge on a port of its own until the end of the test, when it must end well.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	p := &program{
		stop:     stop,
		released: make(chan struct{}),
		ended:    make(chan int, 1),
		stderr:   &output{more: make(chan struct{}, 1)},
	}
	args = append([]string{"-listen", "127.0.0.1:0", "-drain", "100ms"}, args...)
	go func() { p.ended <- run(ctx, func() { close(p.released) }, args, p.stderr) }()
	p.addr = p.stderr.await(t, `listening"?.*addr"?[=:]"?([0-9.:]+)`)
	t.Cleanup(func() {
		stop()
		require.Zero(t, p.wait(t), p.stderr)
	})
	return p
}

// wait returns the exit code. It may be called again.
func (p *program) wait(t *testing.T) int {
	t.Helper()
	select {
	case code := <-p.ended:
		p.ended <- code
		return code
	case <-time.After(30 * time.Second):
		t.Fatalf("the edge does not end: %s", p.stderr)
		return -1
	}
}

// dial connects to an application, by default that of all distributions.
func (p *program) dial(t *testing.T, app ...string) *rtmp.Client {
	t.Helper()
	url := "rtmp://" + p.addr + "/" + strings.Join(append(app, "cfx/st")[:1], "") + "/"
	c, err := rtmp.Dial(t.Context(), url, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() }) // which the test may have done already
	require.NoError(t, c.Connect(t.Context()))
	return c
}

// stream makes a stream that is sent all at once.
func stream(t *testing.T, c *rtmp.Client) *rtmp.ClientStream {
	t.Helper()
	s, err := c.CreateStream(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.SetBufferLength(time.Hour))
	return s
}

// play plays a stream to its end.
func play(ctx context.Context, s *rtmp.ClientStream, name string) ([]flv.Tag, error) {
	if err := s.Play(ctx, name, nil); err != nil {
		return nil, err
	}
	return rest(ctx, s)
}

// rest is what is left of a stream that plays, script tags left out.
func rest(ctx context.Context, s *rtmp.ClientStream) (tags []flv.Tag, err error) {
	for {
		tag, err := s.ReadTag(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return tags, nil
		case err != nil:
			return tags, err
		case tag.Type != flv.TagScript:
			tags = append(tags, tag.Clone())
		}
	}
}

func requireCode(t *testing.T, code string, err error) {
	t.Helper()
	var status *rtmp.StatusError
	require.ErrorAs(t, err, &status)
	require.Equal(t, code, status.Code)
}

// folder is a new folder with the demo clips, and its URL.
func folder(t *testing.T) (dir, url string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{"demo.flv", "demo.mp4", "demo.mp3"} {
		data, err := demoFiles.ReadFile("demo/" + name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	return dir, "file://" + filepath.ToSlash(dir)
}
