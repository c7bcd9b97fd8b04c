//go:build unix

package tunnel

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// batch is what the RTMP server writes at once.
const batch = 256 << 10

// BenchmarkPull has one client pull from a server that writes in batches, through plain TCP and through a tunnel. The client is
// another process: cpu-s/GB is the server's alone.
func BenchmarkPull(b *testing.B) {
	b.Run("plain", func(b *testing.B) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(b, err)
		defer listener.Close()
		client := startRole(b, "plain", listener.Addr().String())
		conn, err := listener.Accept()
		require.NoError(b, err)
		measurePull(b, conn)
		require.NoError(b, client.Wait())
	})
	b.Run("tunnel", func(b *testing.B) {
		h := new(Handler)
		client := startRole(b, "pull", strings.TrimPrefix(serve(b, h).URL, "http://"))
		conn, err := h.Accept()
		require.NoError(b, err)
		measurePull(b, conn)
		require.NoError(b, client.Wait())
	})
}

func measurePull(b *testing.B, conn net.Conn) {
	p := randomBytes(batch)
	b.SetBytes(batch)
	b.ReportAllocs()
	before := cpuTime(b)
	for b.Loop() {
		_, err := conn.Write(p)
		require.NoError(b, err)
	}
	b.ReportMetric((cpuTime(b)-before).Seconds()*1e9/float64(b.N*batch), "cpu-s/GB")
	require.NoError(b, conn.Close())
}

// BenchmarkIdlePollers has 1,000 clients poll a server that has nothing for them, for a second an iteration: greedy ones,
// like librtmp, which poll again at once, and polite ones, like Flash Player, which do what the interval byte says.
func BenchmarkIdlePollers(b *testing.B) {
	const pollers = 1000
	for _, role := range []string{"greedy", "polite"} {
		b.Run(role, func(b *testing.B) {
			h := new(Handler)
			client := startRole(b, role, strings.TrimPrefix(serve(b, h).URL, "http://"))
			conns := make([]net.Conn, pollers)
			for i := range conns {
				var err error
				conns[i], err = h.Accept()
				require.NoError(b, err)
			}
			time.Sleep(40 * time.Second) // by then holds and intervals are at their longest
			b.ReportAllocs()
			before := cpuTime(b)
			for b.Loop() {
				time.Sleep(time.Second)
			}
			b.ReportMetric((cpuTime(b)-before).Seconds()*100/float64(b.N), "%core")
			for _, c := range conns {
				require.NoError(b, c.Close())
			}
			require.NoError(b, client.Wait())
		})
	}
}

// BenchmarkIdleRequest is one poll that finds nothing, without the network and net/http's part.
func BenchmarkIdleRequest(b *testing.B) {
	h := &Handler{IdleHold: -1}
	id, _ := established(b, h)
	defer closeAll(b, h)
	benchmarkRequests(b, h, id, "idle", "\x00", nil)
}

// BenchmarkSendRequest brings 1 KiB and fetches 1 KiB.
func BenchmarkSendRequest(b *testing.B) {
	h := new(Handler)
	id, c := established(b, h)
	defer closeAll(b, h)
	p := make([]byte, 1<<10)
	benchmarkRequests(b, h, id, "send", string(p), func() {
		_, err := io.ReadFull(c, p)
		require.NoError(b, err)
		_, err = c.Write(p)
		require.NoError(b, err)
	})
}

// discard is an http.ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

func benchmarkRequests(b *testing.B, h *Handler, id, verb, body string, after func()) {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	content := strings.NewReader(body)
	r.Body, r.ContentLength = io.NopCloser(content), int64(len(body))
	w := &discard{make(http.Header)}
	b.ReportAllocs()
	seq := 0
	for b.Loop() {
		seq++
		content.Reset(body)
		r.URL.Path = "/" + verb + "/" + id + "/" + strconv.Itoa(seq)
		h.ServeHTTP(w, r)
		if after != nil {
			after()
		}
	}
}

func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

const roleVariable = "REELFRONT_TUNNEL_ROLE"

// startRole runs this test program as a client.
func startRole(b *testing.B, role, address string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+role+" "+address)
	cmd.Stderr = os.Stderr
	require.NoError(b, cmd.Start())
	return cmd
}

func playRole(role string) {
	role, address, _ := strings.Cut(role, " ")
	var err error
	switch role {
	case "plain":
		err = pullPlain(address)
	case "pull":
		err = poll(address, false)
	default:
		var group sync.WaitGroup
		for i := range 1000 {
			group.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				if e := poll(address, role == "polite"); e != nil {
					err = e
				}
			})
		}
		group.Wait()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, role, err)
		os.Exit(1)
	}
}

func pullPlain(address string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{conn}, make([]byte, batch))
	return err
}

// poll opens a session and polls it until the server closes it.
func poll(address string, polite bool) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	post := func(path, body string) (string, error) {
		_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
		if err != nil {
			return "", err
		}
		return firstOfReply(in)
	}
	id, err := post("/open/1", "\x00")
	if err != nil {
		return err
	}
	if _, err := post("/send/"+id+"/0", "\x03"); err != nil {
		return err
	}
	for seq := 1; ; seq++ {
		interval, err := post("/idle/"+id+"/"+strconv.Itoa(seq), "\x00")
		if err != nil || interval == "\x00" {
			return err
		}
		if polite {
			time.Sleep(pollWait(interval[0]))
		}
	}
}

// firstOfReply reads a reply and returns the first bytes of its body.
func firstOfReply(in *bufio.Reader) (string, error) {
	length := 0
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return "", err
		}
		if value, ok := strings.CutPrefix(string(line), "Content-Length: "); ok {
			length, _ = strconv.Atoi(strings.TrimSpace(value))
		}
		if len(line) == 2 {
			break
		}
	}
	first, err := in.Peek(min(length, 32))
	if err != nil {
		return "", err
	}
	kept := string(first)
	_, err = in.Discard(length)
	return kept, err
}
