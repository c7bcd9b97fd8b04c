package tunnel

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tool is the path of a program that a test needs, which is skipped without it, or fails if REELFRONT_REQUIRE_TOOLS says so.
func tool(t *testing.T, name string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	if os.Getenv("REELFRONT_REQUIRE_TOOLS") == "1" {
		t.Fatalf("%s is not installed", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

const nginxConfig = `
daemon off;
%[4]s
worker_processes 1;
error_log stderr;
pid %[1]s/pid;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	server {
		listen %[2]s;
		location / { proxy_pass %[3]s; }
	}
}
`

// nginx starts a reverse proxy in front of a server, with its defaults: HTTP/1.0 and a connection for each request. It
// inherits a socket that is open already, so nobody has to wait for it.
func nginx(t *testing.T, upstream string) (address string) {
	t.Helper()
	program := tool(t, "nginx")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	socket, err := listener.(*net.TCPListener).File()
	require.NoError(t, err)
	address = listener.Addr().String()
	require.NoError(t, listener.Close())
	dir := t.TempDir()
	config := filepath.Join(dir, "nginx.conf")
	user := "" // nginx does not let root's workers stay root unless told so, and then they cannot use dir
	if os.Geteuid() == 0 {
		user = "user root;"
	}
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, nginxConfig, dir, address, upstream, user), 0o600))
	var log bytes.Buffer
	cmd := exec.Command(program, "-p", dir, "-e", "stderr", "-c", config)
	cmd.Env = append(os.Environ(), "NGINX=3;")
	cmd.ExtraFiles = []*os.File{socket}
	cmd.Stderr = &log
	require.NoError(t, cmd.Start())
	require.NoError(t, socket.Close())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return address
}

func TestBehindNginx(t *testing.T) {
	t.Parallel()
	h := new(Handler)
	address := nginx(t, serve(t, h).URL)
	t.Run("librtmp", func(t *testing.T) { playOverSocket(t, h, address) })
	t.Run("Dial", func(t *testing.T) {
		client, accepted := pair(t, h, "http://"+address, nil)
		exchangeAtOnce(t, client, accepted, randomBytes(1<<20))
		require.NoError(t, client.Close())
		_, err := accepted.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
	})
}

// Real clients get as far as the connect command, with C2 repeating S1, and read replies of the largest size.
func TestRealClientsConnect(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, program string
		proxied       bool
		args          []string
	}{
		{"rtmpdump", "rtmpdump", false, []string{"-q", "-o", "/dev/null", "-r"}},
		{"ffmpeg", "ffmpeg", false, []string{"-v", "quiet", "-f", "null", "/dev/null", "-i"}},
		{"rtmpdump behind nginx", "rtmpdump", true, []string{"-q", "-o", "/dev/null", "-r"}},
		{"ffmpeg behind nginx", "ffmpeg", true, []string{"-v", "quiet", "-f", "null", "/dev/null", "-i"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			program := tool(t, tc.program)
			h := new(Handler)
			base := serve(t, h).URL
			if tc.proxied {
				base = "http://" + nginx(t, base)
			}
			name := strings.Replace(base, "http://", "rtmpt://", 1) + "/app/name"
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, program, append(tc.args, name)...)
			require.NoError(t, cmd.Start())
			c, err := h.Accept()
			require.NoError(t, err)
			require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))

			c0c1 := make([]byte, 1537)
			_, err = io.ReadFull(c, c0c1)
			require.NoError(t, err)
			s1 := append(make([]byte, 8), randomBytes(1528)...)
			_, err = c.Write(bytes.Join([][]byte{{3}, s1, c0c1[1:]}, nil))
			require.NoError(t, err)
			c2 := make([]byte, 1536)
			_, err = io.ReadFull(c, c2)
			require.NoError(t, err)
			require.True(t, bytes.Equal(s1[8:], c2[8:]))
			connect := make([]byte, 64)
			_, err = io.ReadFull(c, connect)
			require.NoError(t, err)
			require.Contains(t, string(connect), "connect")

			// More than a reply holds, then a ping request: whoever answers it has read all before.
			_, err = c.Write(pingAfterLargeMessages())
			require.NoError(t, err)
			require.True(t, awaitBytes(c, []byte{0, 7, 'p', 'i', 'n', 'g'}), "the ping is answered")

			require.NoError(t, c.Close())
			require.Error(t, cmd.Wait(), "it notices that the stream has ended")
			require.NoError(t, ctx.Err())
		})
	}
}

// pingAfterLargeMessages is RTMP: a chunk size, acknowledgements with long tails, and a ping request.
func pingAfterLargeMessages() []byte {
	message := func(kind byte, body []byte) []byte {
		n := len(body)
		return append([]byte{2, 0, 0, 0, byte(n >> 16), byte(n >> 8), byte(n), kind, 0, 0, 0, 0}, body...)
	}
	wire := message(1, []byte{0, 1, 0, 0})
	for range 9 {
		wire = append(wire, message(3, make([]byte, 60_000))...)
	}
	return append(wire, message(4, []byte{0, 6, 'p', 'i', 'n', 'g'})...)
}

// awaitBytes reads until what it has read contains want.
func awaitBytes(r io.Reader, want []byte) bool {
	var got []byte
	p := make([]byte, 4096)
	for {
		n, err := r.Read(p)
		got = append(got, p[:n]...)
		if bytes.Contains(got, want) {
			return true
		}
		if err != nil {
			return false
		}
	}
}
