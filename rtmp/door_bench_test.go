//go:build unix

package rtmp

import (
	"bufio"
	"context"
	"crypto/rc4"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
	"github.com/seed-3309b198/reelfront/rtmp/door"
)

// viewerVariable makes TestViewer the viewer of a benchmark, in a process of its own so that the server's CPU time can be
// told from its.
const viewerVariable = "REELFRONT_RTMP_VIEWER"

// TestViewer plays each URL that it is told, a line each with the number of bytes to read, and answers when it has them. It
// does not look into them: that would be slow, and a server's cost depends on how often it has to wait. A small number is one
// of connections instead, which are to be opened and left idle.
func TestViewer(t *testing.T) {
	if os.Getenv(viewerVariable) == "" {
		t.Skip("it is for the benchmarks: " + viewerVariable)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var url string
		var total int64
		_, err := fmt.Sscan(lines.Text(), &url, &total)
		switch {
		case err != nil:
		case strings.HasPrefix(url, "rtmpt://") && total < 10_000:
			err = idle(t, url, int(total))
		default:
			err = view(url, total)
		}
		fmt.Println("viewed", err)
	}
}

// view plays a film from one of the doors; of tls://host:port it reads what comes.
func view(url string, total int64) error {
	ctx := context.Background()
	opts := &ClientOptions{TLSConfig: &tls.Config{InsecureSkipVerify: true}}
	bare := strings.HasPrefix(url, "tls:")
	addr, err := parseAddress(strings.Replace(url, "tls:", "rtmps:", 1), "vod")
	if err != nil {
		return err
	}
	out := door.Dialer{TLSConfig: opts.TLSConfig}
	nc, err := out.Dial(ctx, addr.scheme, addr.host)
	if err != nil {
		return err
	}
	defer nc.Close()
	if !bare {
		if nc, err = opts.shakeHands(ctx, nc, &addr); err != nil {
			return err
		}
		e := encoder{128}
		b := e.command(nil, 3, 0, 0, "connect", 1.0, amf.Object{{Key: "app", Value: "vod"}})
		b = e.command(b, 3, 0, 0, "createStream", 2.0, nil)
		b = chunk.AppendUserControl(b, chunk.EventSetBufferLength, 1, uint32(time.Hour.Milliseconds()))
		b = e.command(b, 3, 1, 0, "play", 0.0, nil, "film")
		if _, err := nc.Write(b); err != nil {
			return err
		}
	}
	p := make([]byte, batchBytes)
	for total > 0 {
		n, err := nc.Read(p)
		if err != nil {
			return err
		}
		total -= int64(n)
	}
	return nil
}

// idle connects n clients that then do nothing, until the process ends.
func idle(t *testing.T, url string, n int) error {
	for range n {
		c, err := Dial(t.Context(), url, nil)
		if err != nil {
			return err
		}
		t.Cleanup(func() { c.Close() })
		if err := c.Connect(t.Context()); err != nil {
			return err
		}
	}
	return nil
}

// viewer is the process of TestViewer.
type viewer struct {
	b   *testing.B
	in  io.Writer
	out *bufio.Scanner
}

func startViewer(b *testing.B) *viewer {
	cmd := exec.Command(os.Args[0], "-test.run=^TestViewer$", "-test.timeout=0")
	cmd.Env = append(os.Environ(), viewerVariable+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(b, err)
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		require.NoError(b, in.Close())
		require.NoError(b, cmd.Wait())
	})
	return &viewer{b: b, in: in, out: bufio.NewScanner(out)}
}

func (v *viewer) view(url string, total int64) {
	_, err := fmt.Fprintln(v.in, url, total)
	require.NoError(v.b, err)
	require.True(v.b, v.out.Scan())
	require.Equal(v.b, "viewed <nil>", v.out.Text(), url)
}

// BenchmarkDoors has a viewer in another process play half a gigabyte through each door in turn, and measures the server's
// CPU time: s/GB are seconds for 10^9 bytes. The last metrics are medians of what each turn's doors cost against each other:
// rtmpe against plain RTMP and 1.15 times what RC4 alone takes, rtmpt against plain RTMP, rtmps against copying as many
// bytes over a bare crypto/tls connection. They should not exceed 1, 2 and 1.15.
func BenchmarkDoors(b *testing.B) {
	const frameBytes = 64 << 10
	app := &cinema{films: map[string]*film{"film": {length: 300 * time.Second, video: true, bytes: frameBytes}}}
	const total = 300 * 25 * frameBytes
	m := certify(&Server{Handler: app})
	addr := serveBench(b, m.Server)
	copied := serveTLS(b, m.TLSConfig, total)
	v := startViewer(b)
	cost := make(map[string][]float64)
	for b.Loop() {
		for _, scheme := range []string{"rtmp", "rtmpe", "rtmpt", "rtmpte", "rtmps", "rtmpts"} {
			cost[scheme] = append(cost[scheme], cpuPerGB(b, total, func() { v.view(scheme+"://"+addr+"/vod/film", total) }))
		}
		cost["tls"] = append(cost["tls"], cpuPerGB(b, total, func() { v.view("tls://"+copied, total) }))
		cost["rc4"] = append(cost["rc4"], cpuPerGB(b, total, func() { encipher(b, total) }))
	}
	for name, values := range cost {
		b.ReportMetric(median(values), name+"-s/GB")
	}
	ratio := func(of func(i int) float64) float64 {
		var all []float64
		for i := range cost["rtmp"] {
			all = append(all, of(i))
		}
		return median(all)
	}
	b.ReportMetric(ratio(func(i int) float64 { return cost["rtmpe"][i] / (cost["rtmp"][i] + 1.15*cost["rc4"][i]) }), "rtmpe/rtmp+1.15rc4")
	b.ReportMetric(ratio(func(i int) float64 { return cost["rtmpt"][i] / cost["rtmp"][i] }), "rtmpt/rtmp")
	b.ReportMetric(ratio(func(i int) float64 { return cost["rtmps"][i] / cost["tls"][i] }), "rtmps/tls")
}

// BenchmarkIdleTunnels has 1,000 of our clients connected by RTMPT, with nothing playing, for a second an iteration. Package
// tunnel has one with clients that poll as often as they can.
func BenchmarkIdleTunnels(b *testing.B) {
	addr := serveBench(b, &Server{Handler: newCinema(), Logger: slog.New(slog.DiscardHandler)})
	startViewer(b).view("rtmpt://"+addr+"/vod", 1000)
	time.Sleep(40 * time.Second) // by then the clients poll as seldom as they will
	before := cpuTime(b)
	for b.Loop() {
		time.Sleep(time.Second)
	}
	b.ReportMetric((cpuTime(b)-before).Seconds()*100/float64(b.N), "%core")
}

func serveBench(b *testing.B, s *Server) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	b.Cleanup(func() {
		require.NoError(b, s.Close())
		require.ErrorIs(b, <-served, ErrServerClosed)
	})
	return l.Addr().String()
}

// serveTLS copies as many bytes, of as many frames, to whoever connects, in pieces as large as a player's and to sockets
// with the same options.
func serveTLS(b *testing.B, config *tls.Config, total int64) (addr string) {
	limited := net.ListenConfig{Control: limitUnsent}
	l, err := limited.Listen(b.Context(), "tcp", "127.0.0.1:0")
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, l.Close()) })
	go func() {
		frame, p := make([]byte, 64<<10), make([]byte, batchBytes)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			secure := tls.Server(nc, config)
			for left := total; left > 0 && err == nil; left -= int64(len(p)) {
				for i := 0; i < len(p); i += len(frame) {
					copy(p[i:], frame)
				}
				_, err = secure.Write(p)
			}
			secure.Close()
		}
	}()
	return l.Addr().String()
}

// limitUnsent sets TCP_NOTSENT_LOWAT as package door does, for the sockets that a listener accepts.
func limitUnsent(_, _ string, socket syscall.RawConn) error {
	return socket.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, 25, 128<<10) })
}

func encipher(b *testing.B, total int64) {
	c, err := rc4.NewCipher(make([]byte, 16))
	require.NoError(b, err)
	p := make([]byte, 64<<10)
	for left := total; left > 0; left -= int64(len(p)) {
		c.XORKeyStream(p, p)
	}
}

func cpuPerGB(b *testing.B, total int64, f func()) float64 {
	before := cpuTime(b)
	f()
	return (cpuTime(b) - before).Seconds() * 1e9 / float64(total)
}

// cpuTime is what this process has taken of all cores, in user and kernel mode.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
