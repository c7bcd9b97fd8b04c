package handshake

import (
	"bytes"
	"context"
	"flag"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var record = flag.Bool("record", false, "record testdata anew with the installed rtmpdump and ffmpeg")

// recording is the handshake of a real client, and what it sent next.
type recording struct {
	name    string
	command string // ADDR stands for the server's address
	upgrade Protocol
	want    Result // Conn and SWFKey aside
}

var recordings = []recording{
	{name: "rtmpdump", command: "rtmpdump -V -r rtmp://ADDR/vod -y film -o /dev/null",
		want: Result{Protocol: RTMP}},
	{name: "rtmpdump-swf", command: "rtmpdump -V -r rtmp://ADDR/vod -y film -o /dev/null -x 1000 -w " +
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		want: Result{Protocol: RTMP, Digest: Scheme0}},
	{name: "rtmpdump-rtmpe", command: "rtmpdump -V -r rtmpe://ADDR/vod -y film -o /dev/null",
		want: Result{Protocol: RTMPE, Digest: Scheme1}},
	{name: "rtmpdump-xtea", command: "rtmpdump -V -r rtmpe://ADDR/vod -y film -o /dev/null", upgrade: RTMPEXTEA,
		want: Result{Protocol: RTMPEXTEA, Digest: Scheme1}},
	{name: "rtmpdump-blowfish", command: "rtmpdump -V -r rtmpe://ADDR/vod -y film -o /dev/null", upgrade: RTMPEBlowfish,
		want: Result{Protocol: RTMPEBlowfish, Digest: Scheme1}},
	{name: "ffmpeg", command: "ffmpeg -loglevel debug -i rtmp://ADDR/vod/film -f null -",
		want: Result{Protocol: RTMP, Digest: Scheme0}},
}

// firstCommand is how much of what follows the handshake is kept: enough to see the connect command.
const firstCommand = 64

// deterministic is the server's randomness in the recordings.
func deterministic() io.Reader { return rand.NewChaCha8([32]byte{1}) }

// TestRecorded replays what real clients sent, and expects the very bytes that made them go on.
func TestRecorded(t *testing.T) {
	for _, rec := range recordings {
		t.Run(rec.name, func(t *testing.T) {
			if *record {
				rec.record(t)
			}
			expected, err := os.ReadFile(rec.path(".server"))
			require.NoError(t, err)
			conn := &scriptConn{in: bytes.NewReader(rec.sent(t))}
			result, err := Server(conn, &ServerOptions{Rand: deterministic(), upgrade: rec.upgrade})
			require.NoError(t, err)
			require.Equal(t, expected, conn.out.Bytes())
			require.Equal(t, 1, conn.writes)
			require.Equal(t, rec.want.Protocol, result.Protocol)
			require.Equal(t, rec.want.Digest, result.Digest)
			require.Equal(t, expected[1505:1537], result.SWFKey[:])
			next := make([]byte, firstCommand)
			_, err = io.ReadFull(result.Conn, next)
			require.NoError(t, err)
			require.Equal(t, []byte("\x02\x00\x07connect"), next[12:22])
		})
	}
}

func findRecording(t testing.TB, name string) *recording {
	i := slices.IndexFunc(recordings, func(r recording) bool { return r.name == name })
	require.GreaterOrEqual(t, i, 0, name)
	return &recordings[i]
}

func (rec *recording) path(side string) string { return filepath.Join("testdata", rec.name+side) }

// sent is what the client sent: C0, C1, C2 and firstCommand bytes.
func (rec *recording) sent(t testing.TB) []byte {
	b, err := os.ReadFile(rec.path(".client"))
	require.NoError(t, err)
	return b
}

// record runs the client against the server, and keeps what went both ways until its first command has come.
func (rec *recording) record(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	args := strings.Fields(strings.ReplaceAll(rec.command, "ADDR", l.Addr().String()))
	var output bytes.Buffer
	client := exec.CommandContext(ctx, args[0], args[1:]...)
	client.Stdout, client.Stderr = &output, &output
	require.NoError(t, client.Start())

	accepted, err := l.Accept()
	require.NoError(t, err)
	tap := &tapConn{Conn: accepted}
	result, err := Server(tap, &ServerOptions{Rand: deterministic(), upgrade: rec.upgrade})
	if err == nil {
		_, err = io.ReadFull(result.Conn, make([]byte, firstCommand))
	}
	accepted.Close()
	_ = client.Wait() // it fails for want of an answer to its command
	t.Logf("%s:\n%s", strings.Join(args, " "), output.String())
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll("testdata", 0o755))
	require.NoError(t, os.WriteFile(rec.path(".client"), tap.in.Bytes(), 0o644))
	require.NoError(t, os.WriteFile(rec.path(".server"), tap.out.Bytes(), 0o644))
}

// tapConn keeps what goes both ways.
type tapConn struct {
	net.Conn
	in, out bytes.Buffer
}

func (c *tapConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.in.Write(p[:n])
	return n, err
}

func (c *tapConn) Write(p []byte) (int, error) {
	c.out.Write(p)
	return c.Conn.Write(p)
}

// scriptConn is a peer whose part is written down.
type scriptConn struct {
	net.Conn // nil: only reads and writes happen
	in       io.Reader
	out      bytes.Buffer
	writes   int
}

func (c *scriptConn) Read(p []byte) (int, error) { return c.in.Read(p) }

func (c *scriptConn) Write(p []byte) (int, error) {
	c.writes++
	return c.out.Write(p)
}
