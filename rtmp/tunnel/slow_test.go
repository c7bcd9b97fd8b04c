package tunnel

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// pipeListener yields net.Pipes, which work in a bubble.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.done); return nil }
func (l *pipeListener) Addr() net.Addr { return addr("pipe") }

func (l *pipeListener) dial() net.Conn {
	client, server := net.Pipe()
	l.conns <- server
	return client
}

// withServer runs f in a bubble with h behind a real http.Server.
func withServer(t *testing.T, h *Handler, f func(t *testing.T, l *pipeListener)) {
	synctest.Test(t, func(t *testing.T) {
		listener := &pipeListener{make(chan net.Conn), make(chan struct{})}
		server := &http.Server{Handler: h}
		go func() { _ = server.Serve(listener) }()
		defer server.Close()
		defer closeAll(t, h)
		f(t, listener)
	})
}

func pins(c *Conn) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.pins
}

func busy(c *Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session.busy
}

// queued is how much waits in each direction.
func queued(c *Conn) (in, out int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.in.size, c.out.size
}

// A body of which only a byte comes now and then is not waited for for ever.
func TestSlowBody(t *testing.T) {
	h := new(Handler)
	withServer(t, h, func(t *testing.T, l *pipeListener) {
		id, _ := established(t, h)
		trickle(t, l, "/send/"+id+"/1", "400")
		trickle(t, l, "/send/unknown/1", "404")
		trickle(t, l, "/open/1", "400")
		trickle(t, l, "/other", "404")
	})
}

// trickle sends a body slowly, and wants the connection closed after a time.
func trickle(t *testing.T, l *pipeListener, path, code string) {
	t.Helper()
	conn := l.dial()
	defer conn.Close()
	_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", path)
	require.NoError(t, err)
	begun := time.Now()
	var writer sync.WaitGroup
	writer.Go(func() {
		for err := error(nil); err == nil; time.Sleep(9 * time.Second) {
			_, err = conn.Write([]byte{0})
		}
	})
	reply, _ := io.ReadAll(conn)
	require.True(t, bytes.HasPrefix(reply, []byte("HTTP/1.1 "+code)), string(reply))
	require.Less(t, time.Since(begun), time.Minute)
	writer.Wait()
}

// A client that does not read its reply does not keep the session's requests for ever.
func TestSlowReader(t *testing.T) {
	h := new(Handler)
	withServer(t, h, func(t *testing.T, l *pipeListener) {
		id, c := established(t, h)
		write(t, c, strings.Repeat("x", 100<<10))
		conn := l.dial()
		defer conn.Close()
		_, err := fmt.Fprintf(conn, "POST /idle/%s/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n\x00", id)
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, 1, pins(c))
		time.Sleep(requestTimeout)
		synctest.Wait()
		require.Zero(t, pins(c))
		// The reply can be had again.
		require.Equal(t, 1+100<<10, call(h, "/idle/"+id+"/1", nil).Body.Len())
	})
}

// A held request does not suffer from the deadline for its body.
func TestLongHold(t *testing.T) {
	h := &Handler{IdleHold: 100 * time.Second}
	withServer(t, h, func(t *testing.T, l *pipeListener) {
		id, _ := established(t, h)
		conn := l.dial()
		defer conn.Close()
		var held time.Duration
		for seq := 1; seq < 15; seq++ {
			_, err := fmt.Fprintf(conn, "POST /idle/%s/%d HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n\x00", id, seq)
			require.NoError(t, err)
			begun := time.Now()
			reply := make([]byte, 1000)
			n, err := conn.Read(reply)
			require.NoError(t, err)
			require.Contains(t, string(reply[:n]), " 200 ")
			held = time.Since(begun)
		}
		require.GreaterOrEqual(t, held, 99*time.Second)
	})
}

// A client that leaves ends what it was waiting for.
func TestClientLeavesWhileHeld(t *testing.T) {
	h := &Handler{IdleHold: time.Hour}
	withServer(t, h, func(t *testing.T, l *pipeListener) {
		id, c := established(t, h)
		conn := l.dial()
		for seq := 1; seq < 4; seq++ { // until holds are long
			call(h, fmt.Sprintf("/idle/%s/%d", id, seq), nil)
		}
		_, err := fmt.Fprintf(conn, "POST /idle/%s/4 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n\x00", id)
		require.NoError(t, err)
		synctest.Wait()
		require.True(t, busy(c))
		require.NoError(t, conn.Close())
		synctest.Wait()
		require.False(t, busy(c))
	})
}
