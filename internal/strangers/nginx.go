package strangers

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// nginxMain is followed by what kind of proxy it is. Relative paths are in the folder that -p names.
const nginxMain = `
daemon off;
worker_processes 1;
error_log stderr;
pid pid;
events {}
`

const nginxHTTP = `
http {
	access_log off;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	server {
		listen %s;
		location / {
			proxy_pass http://%s;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
		}
	}
}
`

const nginxStream = `
load_module %s;
stream {
	server {
		listen %s;
		proxy_pass %s;
		proxy_protocol on;
	}
}
`

// Nginx starts a reverse proxy in front of an upstream's address and returns its own. It has nginx's defaults, HTTP/1.0
// and a connection for each request, and says for whom it asks. It ends with the test.
func Nginx(t testing.TB, upstream string) (address string) {
	t.Helper()
	return startNginx(t, func(address string) string { return fmt.Sprintf(nginxHTTP, address, upstream) })
}

// NginxStream starts a TCP proxy that sends PROXY headers, as Nginx does. nginx's module for that may be built in, be a
// file, or be missing: the test is skipped where it is not a file.
func NginxStream(t testing.TB, upstream string) (address string) {
	t.Helper()
	const module = "/usr/lib/nginx/modules/ngx_stream_module.so"
	Path(t, "nginx")
	if _, err := os.Stat(module); err != nil {
		t.Skipf("nginx has no %s", module)
	}
	return startNginx(t, func(address string) string { return fmt.Sprintf(nginxStream, module, address, upstream) })
}

// startNginx starts nginx with what proxy, given the address to listen at, adds to its configuration. It inherits a
// socket that is open already, so nobody has to wait for it.
func startNginx(t testing.TB, proxy func(address string) string) (address string) {
	t.Helper()
	program := Path(t, "nginx")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	socket, err := listener.(*net.TCPListener).File()
	require.NoError(t, err)
	address = listener.Addr().String()
	require.NoError(t, listener.Close())
	config := proxy(address) + nginxMain
	if os.Geteuid() == 0 {
		config = "user root;" + config // else root's workers do not stay root, and then they cannot use dir
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(name, []byte(config), 0o600))
	var log bytes.Buffer
	cmd := exec.Command(program, "-p", dir, "-e", "stderr", "-c", name)
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
