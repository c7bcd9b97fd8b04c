package strangers

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The credentials of a Versitygw's owner.
const (
	OwnerKey    = "owner"
	OwnerSecret = "ownersecret"
)

// Versitygw starts an S3 server without any buckets and returns its URL. Its owner may add buckets, and users with the
// program's admin command. It ends with the test.
func Versitygw(t testing.TB) (url string) {
	t.Helper()
	program := Path(t, "versitygw")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	cmd := exec.Command(program, "--port", address, "--access", OwnerKey, "--secret", OwnerSecret, "--iam-dir", t.TempDir(), "posix", t.TempDir())
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	drained := make(chan struct{})
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Kill())
		<-drained
		_ = cmd.Wait() // it was killed
	})
	url = "http://" + address
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), url) {
	}
	up := strings.Contains(lines.Text(), url)
	go func() { // it writes a line for each request
		defer close(drained)
		_, _ = io.Copy(io.Discard, out)
	}()
	require.True(t, up, "versitygw has not come up")
	return url
}
