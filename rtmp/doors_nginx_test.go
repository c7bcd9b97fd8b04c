package rtmp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/rtmp"
)

const nginxMain = `
daemon off;
%s
worker_processes 1;
error_log stderr;
pid %s/pid;
events {}
`

// nginxHTTP is a reverse proxy with its defaults, HTTP/1.0 and a connection for each request, that says for whom it asks.
const nginxHTTP = `
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	server {
		listen %[2]s;
		location / {
			proxy_pass http://%[3]s;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
		}
	}
}
`

// nginxStream is a TCP proxy that sends PROXY headers.
const nginxStream = `
stream {
	server {
		listen %[2]s;
		proxy_pass %[3]s;
		proxy_protocol on;
	}
}
`

// startNginx starts a proxy in front of a server, with a part of its configuration that gets a folder, the address to
// listen at and the server's. It inherits a socket that is open already, so nobody has to wait for it.
func startNginx(t *testing.T, head, part, upstream string) (addr string) {
	t.Helper()
	program := tool(t, "nginx")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	socket, err := listener.(*net.TCPListener).File()
	require.NoError(t, err)
	addr = listener.Addr().String()
	require.NoError(t, listener.Close())
	if os.Geteuid() == 0 {
		head += "user root;" // else root's workers do not stay root, and then they cannot use dir
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(config, []byte(fmt.Sprintf(nginxMain, head, dir)+fmt.Sprintf(part, dir, addr, upstream)), 0o600))
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
	return addr
}

// fromElsewhere has a client connect from another address of this machine than proxies do.
func fromElsewhere(t *testing.T) *rtmp.ClientOptions {
	t.Helper()
	elsewhere := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}
	l, err := net.ListenTCP("tcp", elsewhere)
	if err != nil {
		t.Skipf("this machine has no %s", elsewhere.IP)
	}
	require.NoError(t, l.Close())
	return &rtmp.ClientOptions{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		d := net.Dialer{LocalAddr: elsewhere}
		return d.DialContext(ctx, network, addr)
	}}
}

// playAll plays a stream with our client, to its end.
func playAll(t *testing.T, url string, opts *rtmp.ClientOptions) (tags int) {
	t.Helper()
	c, err := rtmp.Dial(t.Context(), url, opts)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Connect(t.Context()))
	s, err := c.CreateStream(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.SetBufferLength(3600e9))
	require.NoError(t, s.Play(t.Context(), c.StreamName(), nil))
	for {
		_, err := s.ReadTag(t.Context())
		if err == io.EOF {
			return tags
		}
		require.NoError(t, err)
		tags++
	}
}

// requireViewer checks for whom a proxy made the one connection on which something was played.
func requireViewer(t *testing.T, s *station, want string) {
	t.Helper()
	plays := s.played()
	require.Len(t, plays, 1)
	host, _, err := net.SplitHostPort(plays[0].RemoteAddr.String())
	require.NoError(t, err)
	require.Equal(t, want, host)
}

func TestBehindNginx(t *testing.T) {
	t.Parallel()
	for _, trusted := range []bool{true, false} {
		t.Run(fmt.Sprintf("trusted %v", trusted), func(t *testing.T) {
			t.Parallel()
			config, viewer := &rtmp.Server{}, "127.0.0.1"
			if trusted {
				config.TrustedProxies, viewer = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, "127.0.0.2"
			}
			s := newStation(t, config)
			addr := startNginx(t, "", nginxHTTP, s.addr)
			url := "rtmpt://" + addr + "/vod"
			require.Greater(t, playAll(t, url+"/mp4:flv/mp4/testdata/faststart.mp4", fromElsewhere(t)), 50)
			requireViewer(t, s, viewer)
			for _, clip := range clips {
				t.Run("rtmpdump "+clip.name, func(t *testing.T) {
					want := record(t, "rtmp://"+s.addr+"/vod", clip.name)
					require.True(t, bytes.Equal(want, record(t, url, clip.name)))
				})
				t.Run("ffmpeg "+clip.name, func(t *testing.T) {
					require.Equal(t, framecrc(t, "rtmp://"+s.addr+"/vod", clip.name), framecrc(t, url, clip.name))
				})
			}
		})
	}
}

// nginx's module for TCP may be built in, be a file, or be missing.
func TestBehindNginxStream(t *testing.T) {
	t.Parallel()
	const module = "/usr/lib/nginx/modules/ngx_stream_module.so"
	tool(t, "nginx")
	if _, err := os.Stat(module); err != nil {
		t.Skipf("nginx has no %s", module)
	}
	s := newStation(t, &rtmp.Server{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	addr := startNginx(t, "load_module "+module+";", nginxStream, s.addr)
	for _, scheme := range []string{"rtmp", "rtmpe", "rtmpt"} {
		t.Run(scheme, func(t *testing.T) {
			require.Greater(t, playAll(t, scheme+"://"+addr+"/vod/mp4:flv/mp4/testdata/faststart.mp4", fromElsewhere(t)), 50)
			requireViewer(t, s, "127.0.0.2")
		})
	}
	for _, scheme := range []string{"rtmp", "rtmpe", "rtmpt", "rtmpte", "rtmps"} {
		t.Run("rtmpdump "+scheme, func(t *testing.T) {
			require.NotEmpty(t, record(t, scheme+"://"+addr+"/vod", clips[0].name))
			requireViewer(t, s, "127.0.0.1")
		})
	}
}
