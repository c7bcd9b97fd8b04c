package tunnel

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// result is what a request got and how long that took.
type result struct {
	code  int
	reply string
	took  time.Duration
}

// start makes a request meanwhile.
func start(h *Handler, path, body string) <-chan result {
	return startFrom(context.Background(), h, path, body)
}

func startFrom(ctx context.Context, h *Handler, path, body string) <-chan result {
	done := make(chan result, 1)
	go func() {
		begun := time.Now()
		w := callFrom(ctx, h, path, strings.NewReader(body))
		done <- result{w.Code, w.Body.String(), time.Since(begun)}
	}()
	synctest.Wait()
	return done
}

func write(t *testing.T, c io.Writer, s string) {
	t.Helper()
	n, err := c.Write([]byte(s))
	require.NoError(t, err)
	require.Equal(t, len(s), n)
}

func readAll(t *testing.T, c *Conn) string {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Millisecond)))
	var got bytes.Buffer
	_, err := io.Copy(&got, struct{ io.Reader }{c})
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, c.SetReadDeadline(time.Time{}))
	return got.String()
}

// within runs f in a bubble with a session whose next sequence number is 1.
func within(t *testing.T, h *Handler, f func(t *testing.T, path func(verb string, seq int) string, c *Conn)) {
	synctest.Test(t, func(t *testing.T) {
		id, c := established(t, h)
		f(t, func(verb string, seq int) string { return fmt.Sprintf("/%s/%s/%d", verb, id, seq) }, c)
		closeAll(t, h)
	})
}

func TestIdleIsHeldLonger(t *testing.T) {
	h := new(Handler)
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		held := func(seq int) time.Duration { return (<-start(h, path("idle", seq), "")).took }
		for i, want := range []time.Duration{100, 200, 400, 300, 500} { // 500 down to the grid
			require.Equal(t, want*time.Millisecond, held(1+i))
		}
		write(t, c, "x")
		require.Equal(t, result{200, "\x01x", 0}, <-start(h, path("idle", 6), ""))
		require.Equal(t, 100*time.Millisecond, held(7))
		time.Sleep(time.Millisecond)
		require.Equal(t, 199*time.Millisecond, held(8), "down to the grid")
	})
}

// A client that does not wait for as long as the interval byte says is held for the rest.
func TestImpatientPoller(t *testing.T) {
	h := new(Handler)
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		seq := 0
		poll := func() result {
			seq++
			return <-start(h, path("idle", seq), "")
		}
		for poll().reply != "\x21" {
		}
		require.Equal(t, 55, seq)
		require.InDelta(t, time.Second, poll().took, float64(longIdleGrid))
		time.Sleep(pollWait(0x21))
		require.InDelta(t, time.Second/2, poll().took, float64(longIdleGrid))
		write(t, c, "x")
		require.Equal(t, result{200, "\x01x", 0}, poll())
		require.InDelta(t, time.Second/10, poll().took, float64(idleGrid))
	})
}

func TestHeldIdleGetsData(t *testing.T) {
	h := new(Handler)
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		held := start(h, path("idle", 1), "")
		time.Sleep(30 * time.Millisecond)
		write(t, c, "hello")
		require.Equal(t, result{200, "\x01hello", 30 * time.Millisecond}, <-held)

		held = start(h, path("idle", 2), "")
		time.Sleep(20 * time.Millisecond)
		require.NoError(t, c.Close())
		require.Equal(t, result{200, "\x00", 20 * time.Millisecond}, <-held)
		require.Equal(t, result{200, "\x00", 0}, <-start(h, path("idle", 2), ""), "again")
		require.Equal(t, result{404, "", 0}, <-start(h, path("idle", 3), ""))
		time.Sleep(reorderHold)
		synctest.Wait()
		require.Equal(t, result{404, "", 0}, <-start(h, path("idle", 2), ""))
	})
}

func TestIdleIsNotHeld(t *testing.T) {
	h := &Handler{IdleHold: -1}
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		require.Equal(t, result{200, "\x01", 0}, <-start(h, path("idle", 1), ""))
	})
}

func TestSendIsAnsweredAtOnce(t *testing.T) {
	h := new(Handler)
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		require.Equal(t, result{200, "\x01", 0}, <-start(h, path("send", 1), "hello"))
		write(t, c, "world")
		require.Equal(t, result{200, "\x01world", 0}, <-start(h, path("send", 2), "!"))
		require.Equal(t, "hello!", readAll(t, c))
	})
}

func TestIntervalByte(t *testing.T) {
	h := &Handler{IdleHold: -1}
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		seq := 0
		for _, want := range []byte{0x01, 0x03, 0x05, 0x09, 0x11, 0x21, 0x21} {
			for range 11 {
				seq++
				if got := call(h, path("idle", seq), nil).Body.String(); seq%11 != 0 {
					require.Equal(t, string(want), got, seq)
				}
			}
		}
		seq++
		require.Equal(t, "\x21", call(h, path("send", seq), []byte("x")).Body.String())
		write(t, c, "y")
		seq++
		require.Equal(t, "\x01y", call(h, path("send", seq), []byte("x")).Body.String())
		seq++
		require.Equal(t, "\x01", call(h, path("idle", seq), nil).Body.String())
	})
}

func TestRepeatedRequests(t *testing.T) {
	h := new(Handler)
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		write(t, c, "one")
		for range 3 {
			require.Equal(t, result{200, "\x01one", 0}, <-start(h, path("send", 1), "hello"))
			write(t, c, "+")
		}
		require.Equal(t, result{200, "\x01+++", 0}, <-start(h, path("send", 2), "!"))
		require.Equal(t, result{200, "\x01+++", 0}, <-start(h, path("send", 2), "!"))
		require.Equal(t, result{200, "\x01", 0}, <-start(h, path("send", 1), "hello"), "older than the last")
		require.Equal(t, result{200, "\x01", 0}, <-start(h, path("idle", 0), ""), "older than the last")
		require.Equal(t, "hello!", readAll(t, c))
	})
}

// A held idle request that is repeated, because the proxy lost its connection, is answered once for both.
func TestRepeatedWhileHeld(t *testing.T) {
	h := new(Handler)
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		first := start(h, path("idle", 1), "")
		second := start(h, path("idle", 1), "")
		require.Equal(t, result{200, "\x01", 0}, <-first)
		require.Equal(t, result{200, "\x01", 0}, <-second)

		ctx, cancel := context.WithCancel(t.Context())
		lost := startFrom(ctx, h, path("idle", 2), "")
		cancel()
		<-lost
		write(t, c, "x")
		require.Equal(t, result{200, "\x01", 0}, <-start(h, path("idle", 2), ""))
		require.Equal(t, result{200, "\x01x", 0}, <-start(h, path("idle", 3), ""))
	})
}

// A request that comes while an idle one is held, on another connection, ends that.
func TestSuccessorEndsHold(t *testing.T) {
	h := new(Handler)
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		held := start(h, path("idle", 1), "")
		time.Sleep(10 * time.Millisecond)
		next := start(h, path("send", 2), "hello")
		require.Equal(t, result{200, "\x01", 10 * time.Millisecond}, <-held)
		require.Equal(t, result{200, "\x01", 0}, <-next)
		require.Equal(t, "hello", readAll(t, c))
	})
}

func TestReordered(t *testing.T) {
	h := new(Handler)
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		var early []<-chan result
		for _, seq := range []int{5, 3, 4, 2} {
			early = append(early, start(h, path("send", seq), fmt.Sprint(seq)))
		}
		time.Sleep(time.Second)
		require.Equal(t, result{200, "\x01", 0}, <-start(h, path("send", 1), "1"))
		for _, r := range early {
			require.Equal(t, 200, (<-r).code)
		}
		require.Equal(t, "12345", readAll(t, c))
	})
}

func TestGap(t *testing.T) {
	h := new(Handler)
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		require.Equal(t, 200, (<-start(h, path("send", 1), "before")).code)
		require.Equal(t, result{404, "", reorderHold}, <-start(h, path("send", 3), "lost"))
		require.Equal(t, result{404, "", 0}, <-start(h, path("send", 2), "late"))
		got, err := io.ReadAll(c)
		require.ErrorIs(t, err, ErrSessionGone)
		require.Equal(t, "before", string(got))
		_, err = c.Write([]byte("x"))
		require.ErrorIs(t, err, ErrSessionGone)
	})
}

// A request that is given up while it waits for its turn is as if it had not come.
func TestGivenUp(t *testing.T) {
	h := new(Handler)
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		ctx, cancel := context.WithCancel(t.Context())
		early := startFrom(ctx, h, path("send", 2), "2")
		cancel()
		<-early
		require.Equal(t, 200, (<-start(h, path("send", 1), "1")).code)
		require.Equal(t, 200, (<-start(h, path("send", 2), "2")).code)
		require.Equal(t, "12", readAll(t, c))
	})
}

func TestTooManyAtOnce(t *testing.T) {
	h := new(Handler)
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		for i := range maxRequestsAtOnce {
			start(h, path("idle", 10+i), "")
		}
		require.Equal(t, result{503, "", 0}, <-start(h, path("idle", 1), ""))
		time.Sleep(reorderHold)
		synctest.Wait()
		require.Equal(t, result{404, "", 0}, <-start(h, path("idle", 1), ""))
	})
}

func TestExpiry(t *testing.T) {
	h := new(Handler)
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		for seq := 1; seq < 10; seq++ {
			time.Sleep(defaultExpiry - time.Second)
			require.Equal(t, 200, (<-start(h, path("idle", seq), "")).code)
		}
		begun := time.Now()
		_, err := c.Read(make([]byte, 1))
		require.ErrorIs(t, err, ErrSessionGone)
		require.Equal(t, defaultExpiry, time.Since(begun))
		require.Equal(t, result{404, "", 0}, <-start(h, path("idle", 10), ""))
	})
}

// A request that is held for longer than the expiry keeps the session alive.
func TestHeldIsNotExpired(t *testing.T) {
	h := &Handler{IdleHold: time.Hour, Expiry: time.Millisecond * 150}
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		time.Sleep(100 * time.Millisecond)
		held := start(h, path("idle", 1), "")
		time.Sleep(99 * time.Millisecond)
		write(t, c, "x")
		require.Equal(t, result{200, "\x01x", 99 * time.Millisecond}, <-held)
	})
}

func TestNoExpiry(t *testing.T) {
	h := &Handler{Expiry: -1}
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		time.Sleep(24 * time.Hour)
		require.Equal(t, 200, (<-start(h, path("idle", 1), "")).code)
		require.Equal(t, 200, (<-start(h, path("close", 2), "")).code)
		_, err := c.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		require.Len(t, h.all(), 1)
		time.Sleep(reorderHold)
		synctest.Wait()
		require.Empty(t, h.all())
	})
}

// Write blocks when nobody fetches, and goes on when somebody does.
func TestBackPressureOnWriter(t *testing.T) {
	h := new(Handler)
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		want := randomBytes(defaultMaxPending * 3 / 2)
		wrote := make(chan error, 1)
		go func() { _, err := c.Write(want); wrote <- err }()
		synctest.Wait()
		_, out := queued(c)
		require.Equal(t, defaultMaxPending, out)
		require.Empty(t, wrote)
		var got []byte
		for seq := 1; len(got) < len(want); seq++ {
			w := call(h, path("idle", seq), nil)
			require.LessOrEqual(t, w.Body.Len(), 1+defaultMaxReply)
			require.Equal(t, byte(1), w.Body.Bytes()[0])
			got = append(got, w.Body.Bytes()[1:]...)
			again := call(h, path("idle", seq), nil)
			require.Equal(t, w.Body.Bytes(), again.Body.Bytes())
			synctest.Wait()
			_, out := queued(c)
			require.LessOrEqual(t, out, defaultMaxPending)
		}
		require.NoError(t, <-wrote)
		require.True(t, bytes.Equal(want, got))
	})
}

func TestWriteDeadline(t *testing.T) {
	h := new(Handler)
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(time.Minute/4)))
		begun := time.Now()
		n, err := c.Write(make([]byte, defaultMaxPending*3/2))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, defaultMaxPending, n)
		require.Equal(t, time.Minute/4, time.Since(begun))
		// Go on from there.
		require.NoError(t, c.SetWriteDeadline(time.Time{}))
		require.Equal(t, 1+defaultMaxReply, len((<-start(h, path("idle", 1), "")).reply))
		require.Equal(t, 1+defaultMaxReply, len((<-start(h, path("idle", 2), "")).reply))
		write(t, c, "x")
	})
}

// A send request is not read while too much waits to be read.
func TestBackPressureOnSender(t *testing.T) {
	h := &Handler{MaxPending: defaultMaxRequest}
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		full := strings.Repeat("x", defaultMaxRequest)
		require.Equal(t, 200, (<-start(h, path("send", 1), full)).code)
		held := start(h, path("send", 2), full)
		time.Sleep(10 * time.Second)
		require.Empty(t, held)
		require.Equal(t, result{200, "\x01", 0}, <-start(h, path("send", 1), full), "a repetition is not held")
		_, err := c.Read(make([]byte, 1))
		require.NoError(t, err)
		require.Equal(t, result{200, "\x01", 10 * time.Second}, <-held)

		// It makes way while there is something to fetch, up to a point.
		write(t, c, "a")
		require.Equal(t, result{200, "\x01a", 0}, <-start(h, path("send", 3), full))
		write(t, c, "b")
		require.Equal(t, result{503, "", requestTimeout}, <-start(h, path("send", 4), full))

		held = start(h, path("send", 4), full)
		require.NoError(t, c.Close())
		require.Equal(t, result{200, "\x01b", 0}, <-held)
		in, _ := queued(c)
		require.Zero(t, in)
	})
}

// Writes of several goroutines are not mixed.
func TestWritesStayWhole(t *testing.T) {
	h := new(Handler)
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		const writers, size = 5, 100 << 10
		var group sync.WaitGroup
		for i := range writers {
			group.Go(func() { _, _ = c.Write(bytes.Repeat([]byte{byte(i)}, size)) })
		}
		var got []byte
		for seq := 1; len(got) < writers*size; seq++ {
			got = append(got, call(h, path("idle", seq), nil).Body.Bytes()[1:]...)
			synctest.Wait()
		}
		group.Wait()
		for i := range writers {
			part := got[i*size : (i+1)*size]
			require.True(t, bytes.Equal(bytes.Repeat(part[:1], size), part))
		}
	})
}

// slowWriter is a client that takes the reply only when told to.
type slowWriter struct {
	*httptest.ResponseRecorder
	begun, goOn chan struct{}
}

func (w *slowWriter) Write(p []byte) (int, error) {
	if len(p) > 1 {
		close(w.begun)
		<-w.goOn
	}
	return w.ResponseRecorder.Write(p)
}

// A reply that is still being written when the next request comes stays as it was.
func TestReplyOverlapsNextRequest(t *testing.T) {
	h := new(Handler)
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		slow := &slowWriter{httptest.NewRecorder(), make(chan struct{}), make(chan struct{})}
		done := make(chan struct{})
		write(t, c, strings.Repeat("a", 1000))
		go func() {
			h.ServeHTTP(slow, httptest.NewRequest(http.MethodPost, path("idle", 1), nil))
			close(done)
		}()
		<-slow.begun
		for seq := 2; seq < 20; seq++ {
			write(t, c, strings.Repeat("b", 1000))
			require.Equal(t, 1001, len((<-start(h, path("idle", seq), "")).reply))
		}
		close(slow.goOn)
		<-done
		require.Equal(t, "\x01"+strings.Repeat("a", 1000), slow.Body.String())
		require.Zero(t, pins(c))
	})
}

func TestRequestsAfterClose(t *testing.T) {
	h := new(Handler)
	within(t, h, func(t *testing.T, path func(string, int) string, c *Conn) {
		write(t, c, strings.Repeat("x", 100<<10))
		require.NoError(t, c.Close())
		require.Equal(t, 1+100<<10, len((<-start(h, path("send", 1), "ignored")).reply))
		require.Equal(t, result{200, "\x00", 0}, <-start(h, path("send", 2), "ignored"))
		in, _ := queued(c)
		require.Zero(t, in)
	})
}

// Those who wait for the same moment share a timer, and nothing is left of it.
func TestBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b beats
		begun := time.Now()
		first, same, later := b.at(begun.Add(time.Second)), b.at(begun.Add(time.Second)), b.at(begun.Add(2*time.Second))
		require.Equal(t, first, same)
		<-same
		require.Equal(t, time.Second, time.Since(begun))
		<-later
		require.Equal(t, 2*time.Second, time.Since(begun))
		<-b.at(begun)
		require.Equal(t, 2*time.Second, time.Since(begun), "it is over already")
		require.Empty(t, b.due)
	})
}
