package tunnel

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// librtmpSocket posts and reads replies as librtmp does (HTTP_Post and HTTP_read in rtmp.c).
type librtmpSocket struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
	id   string
	seq  int
}

func newLibrtmpSocket(t testing.TB, address string) *librtmpSocket {
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	return &librtmpSocket{t: t, conn: conn, in: bufio.NewReader(conn)}
}

// post sends a request, its header and its body apart, and does not wait for the reply.
func (s *librtmpSocket) post(path, body string) {
	_, err := fmt.Fprintf(s.conn, "POST %s HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\nUser-Agent: Shockwave Flash\r\n"+
		"Connection: Keep-Alive\r\nCache-Control: no-cache\r\nContent-type: application/x-fcs\r\nContent-length: %d\r\n\r\n",
		path, s.conn.RemoteAddr(), len(body))
	require.NoError(s.t, err)
	_, err = io.WriteString(s.conn, body)
	require.NoError(s.t, err)
}

func (s *librtmpSocket) command(verb, body string) {
	s.post(fmt.Sprintf("/%s/%s/%d", verb, s.id, s.seq), body)
	s.seq++
}

// reply reads one, with librtmp's narrow idea of HTTP.
func (s *librtmpSocket) reply() string {
	status, err := s.in.ReadString('\n')
	require.NoError(s.t, err)
	require.True(s.t, strings.HasPrefix(status, "HTTP/1.1 200 "), status)
	length, size := -1, len(status)
	for {
		line, err := s.in.ReadString('\n')
		require.NoError(s.t, err)
		size += len(line)
		if line == "\r\n" {
			break
		}
		require.NotContains(s.t, line, "chunked")
		require.NotContains(s.t, line, "close")
		if value, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			length, err = strconv.Atoi(strings.TrimSuffix(value, "\r\n"))
			require.NoError(s.t, err)
		}
	}
	require.Less(s.t, size, 1024)
	require.GreaterOrEqual(s.t, length, 0)
	body := make([]byte, length)
	_, err = io.ReadFull(s.in, body)
	require.NoError(s.t, err)
	return string(body)
}

func (s *librtmpSocket) open() {
	s.post("/open/1", "\x00")
	id := s.reply()
	s.id = id[:len(id)-1] // whatever the last byte is
}

// playOverSocket has a session as librtmp leads it: several requests under way at once on one connection.
func playOverSocket(t *testing.T, h *Handler, address string) {
	s := newLibrtmpSocket(t, address)
	s.open()
	parts := []string{strings.Repeat("a", 1537), strings.Repeat("b", 1536), "connect", "", "createStream", "play"}
	for _, part := range parts {
		s.command("send", part)
	}
	accepted, err := h.Accept()
	require.NoError(t, err)
	defer accepted.Close()
	want := strings.Join(parts, "")
	got := make([]byte, len(want))
	_, err = io.ReadFull(accepted, got)
	require.NoError(t, err)
	require.Equal(t, want, string(got))
	for range parts {
		require.Equal(t, "\x01", s.reply())
	}

	media := string(randomBytes(1 << 20))
	go func() { _, _ = io.WriteString(accepted, media) }()
	var received strings.Builder
	for received.Len() < len(media) {
		s.command("idle", "\x00")
		s.command("send", "acknowledgement")
		for range 2 {
			reply := s.reply()
			received.WriteString(reply[1:])
		}
	}
	require.True(t, media == received.String())
	require.NoError(t, accepted.Close())
	s.command("idle", "\x00")
	require.Equal(t, "\x00", s.reply())
}

func TestPipelined(t *testing.T) {
	t.Parallel()
	h := new(Handler)
	playOverSocket(t, h, strings.TrimPrefix(serve(t, h).URL, "http://"))
}

// A whole session written before anything is read.
func TestPipelinedToTheEnd(t *testing.T) {
	t.Parallel()
	h := new(Handler)
	s := newLibrtmpSocket(t, strings.TrimPrefix(serve(t, h).URL, "http://"))
	s.open()
	s.command("send", "hello")
	s.command("idle", "\x00")
	s.command("send", "world")
	s.command("close", "\x00")
	accepted, err := h.Accept()
	require.NoError(t, err)
	got, err := io.ReadAll(accepted)
	require.NoError(t, err)
	require.Equal(t, "helloworld", string(got))
	for _, want := range []string{"\x01", "\x01", "\x01", "\x00"} {
		require.Equal(t, want, s.reply())
	}
}

// Without keep-alive, as HTTP/1.0 has it, each request comes on a connection of its own.
func TestHTTP10(t *testing.T) {
	t.Parallel()
	h := new(Handler)
	address := strings.TrimPrefix(serve(t, h).URL, "http://")
	post := func(path, body string) string {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.0\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
		require.NoError(t, err)
		reply, err := io.ReadAll(conn)
		require.NoError(t, err)
		head, content, ok := strings.Cut(string(reply), "\r\n\r\n")
		require.True(t, ok)
		require.Contains(t, head, " 200 ")
		require.Contains(t, head, fmt.Sprintf("\r\nContent-Length: %d", len(content)))
		require.NotContains(t, head, "chunked")
		return content
	}
	id := strings.TrimSpace(post("/open/1", "\x00"))
	require.Equal(t, "\x01", post("/send/"+id+"/0", "hello"))
	accepted, err := h.Accept()
	require.NoError(t, err)
	write(t, accepted, "world")
	require.Equal(t, "\x01world", post("/idle/"+id+"/1", "\x00"))
	require.Equal(t, "\x00", post("/close/"+id+"/2", "\x00"))
	got, err := io.ReadAll(accepted)
	require.NoError(t, err)
	require.Equal(t, "hello", string(got))
}

// HTTP/1.0 with keep-alive is answered in kind.
func TestHTTP10KeepAlive(t *testing.T) {
	t.Parallel()
	h := new(Handler)
	conn, err := net.Dial("tcp", strings.TrimPrefix(serve(t, h).URL, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	in := bufio.NewReader(conn)
	for range 2 {
		_, err = io.WriteString(conn, "POST /fcs/ident2 HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n\x00")
		require.NoError(t, err)
		var head string
		for !strings.HasSuffix(head, "\r\n\r\n") {
			line, err := in.ReadString('\n')
			require.NoError(t, err)
			head += line
		}
		require.Contains(t, head, " 404 ")
		require.Contains(t, head, "\r\nConnection: keep-alive\r\n")
	}
}

// A POST that announces a gigabyte is refused before any of it is sent.
func TestGigabyteAnnounced(t *testing.T) {
	t.Parallel()
	h := new(Handler)
	conn, err := net.Dial("tcp", strings.TrimPrefix(serve(t, h).URL, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST /open/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n")
	require.NoError(t, err)
	reply, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(reply), "HTTP/1.1 413 "), string(reply))
}
