//go:build unix

package vod_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
	"github.com/seed-3309b198/reelfront/rtmp/handshake"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

// What the viewers of a show do, all of them the same.
const (
	playing   = "playing"
	paused    = "paused"    // after they have begun to play
	connected = "connected" // with a stream on which nothing was played
	stalled   = "stalled"   // do not read, and would buffer an hour
)

// viewersVariable has what the viewers do, how many they are and, for TestAudience, the server's address.
const viewersVariable = "REELFRONT_VOD_VIEWERS"

// BenchmarkViewers has a server with a cache and many viewers of one film of 500 kbit/s, in real time, for ten seconds an
// iteration. It measures the server's CPU time for a second of one viewer, the memory of the Go heap and stacks that a
// viewer takes, without what the cache keeps of the film, and how many viewers had nothing left to play at any time.
func BenchmarkViewers(b *testing.B) {
	for _, c := range []struct {
		state  string
		number int
	}{
		{playing, 1000}, {paused, 1000}, {connected, 1000}, {stalled, 100}, {playing, 5000}, {playing, 15_000},
	} {
		b.Run(fmt.Sprintf("%s/%d", c.state, c.number), func(b *testing.B) {
			skipTooMany(b, c.number)
			var cpu, memory, late float64
			for b.Loop() {
				var cores, bytes, viewers float64
				startProcess(b, "TestShow", c.state, c.number).end("%g cores, %g bytes, %g late", &cores, &bytes, &viewers)
				cpu, memory, late = cpu+cores, memory+bytes, late+viewers
			}
			viewers := float64(b.N * c.number)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(cpu*1e6/viewers, "cpu-us/viewer-s")
			b.ReportMetric(memory/viewers, "stack+heap-B/viewer")
			b.ReportMetric(late/float64(b.N), "late-viewers")
		})
	}
}

// skipTooMany skips what takes long, and what needs more descriptors than a process may have: one for each viewer. Package
// os has raised the soft limit to the hard one.
func skipTooMany(b *testing.B, number int) {
	if testing.Short() && number > 1000 {
		b.Skip("not with -short")
	}
	var files syscall.Rlimit
	require.NoError(b, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files))
	if need := uint64(number + 100); uint64(files.Max) < need {
		b.Skipf("it needs %d open files, and the hard limit is %d (ulimit -Hn)", need, files.Max)
	}
}

// TestShow is one measurement, in a process of its own: what viewers leave behind that are gone would spoil the next one. With
// viewersVariable set to "playing 1000", say, it can be run for a profile.
func TestShow(t *testing.T) {
	state, number := "", 0
	if _, err := fmt.Sscan(os.Getenv(viewersVariable), &state, &number); err != nil {
		t.Skip("it is for BenchmarkViewers: " + viewersVariable)
	}
	cache := &origin.Cache{}
	films := cache.Wrap("films", origin.FS(fstest.MapFS{"film.flv": {Data: realTimeFilm(t)}}))
	srv := &rtmp.Server{Handler: &vod.Handler{Origin: films}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()

	empty := memoryInUse(cache)
	viewers := startProcess(t, "TestAudience", state, number, l.Addr())
	viewers.scan("come")
	time.Sleep(5 * time.Second) // until what is done at the start is over
	begin, cpu := time.Now(), cpuTime(t)
	time.Sleep(10 * time.Second)
	cpu, took := cpuTime(t)-cpu, time.Since(begin)
	memory := memoryInUse(cache) - empty
	var late int
	viewers.end("left, %d late", &late)
	fmt.Printf("%g cores, %g bytes, %d late\n", cpu.Seconds()/took.Seconds(), memory, late)

	require.NoError(t, errors.Join(srv.Close(), cache.Close()))
	require.ErrorIs(t, <-served, rtmp.ErrServerClosed)
}

// memoryInUse is that of the Go heap and stacks, in bytes, without the cache's. A second collection empties the pools that
// the first has only marked.
func memoryInUse(cache *origin.Cache) float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.StackInuse) + float64(m.HeapInuse) - float64(cache.Stats().MemoryUsed)
}

// cpuTime is what this process has taken of all cores, in user and kernel mode.
func cpuTime(tb testing.TB) time.Duration {
	var usage syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// realTimeFilm is an FLV file of five minutes and 500 kbit/s: 25 pictures a second, with a key frame each two seconds, and
// two frames of sound a picture. Nobody decodes what is in them.
func realTimeFilm(tb testing.TB) []byte {
	const length = 5 * 60 * 1000
	var out bytes.Buffer
	w, err := flv.NewWriter(&out, &flv.Info{
		Duration: length * time.Millisecond,
		Tracks:   []flv.Track{{Type: flv.TrackVideo, Codec: flv.CodecAVC}, {Type: flv.TrackAudio, Codec: flv.CodecAAC}},
	})
	require.NoError(tb, err)
	put := func(kind flv.TagType, at, size int, head ...byte) {
		tag := flv.Tag{Type: kind, Timestamp: uint32(at), Head: flv.MakeHead(head...), Data: make([]byte, size)}
		require.NoError(tb, w.Write(&tag))
	}
	put(flv.TagVideo, 0, 40, 0x17, 0, 0, 0, 0)
	put(flv.TagAudio, 0, 2, 0xAF, 0)
	for at := 0; at < length; at += 40 {
		if at%2000 == 0 {
			put(flv.TagVideo, at, 15_000, 0x17, 1, 0, 0, 0)
		} else {
			put(flv.TagVideo, at, 1900, 0x27, 1, 0, 0, 0)
		}
		put(flv.TagAudio, at, 160, 0xAF, 1)
		put(flv.TagAudio, at+20, 160, 0xAF, 1)
	}
	return out.Bytes()
}

// TestAudience has a viewer come every two milliseconds, and says when all have. At the end of its input they leave, and it
// says how many were late. It is a process of its own, so that the server's CPU time and memory can be told from the viewers'.
func TestAudience(t *testing.T) {
	state, number, addr := "", 0, ""
	if _, err := fmt.Sscan(os.Getenv(viewersVariable), &state, &number, &addr); err != nil {
		t.Skip("it is for BenchmarkViewers: " + viewersVariable)
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	s := scriptOf(t, state)
	viewers := make([]viewer, number)
	reports := make(chan error, 2*number) // of each viewer, nil when it has come, and how it has left
	next := time.Tick(2 * time.Millisecond)
	for i := range viewers {
		<-next
		come := func() {
			reports <- nil
			if state == stalled {
				<-ctx.Done()
			}
		}
		go func() { reports <- viewers[i].visit(ctx, addr, s, come) }()
	}
	for range viewers {
		require.NoError(t, <-reports)
	}
	fmt.Println("come")
	_, err := io.Copy(io.Discard, os.Stdin)
	require.NoError(t, err)
	leave()
	for range viewers {
		require.NoError(t, <-reports)
	}
	late := 0
	for _, v := range viewers {
		if state == playing && (v.late || v.begin.IsZero()) {
			late++
		}
	}
	fmt.Printf("left, %d late\n", late)
}

// script is what a viewer sends, and what is in the command by which it learns that it has come to do what it is to do.
type script struct {
	opening, pause []byte
	come           string
}

const playStart = "NetStream.Play.Start"

func scriptOf(t *testing.T, state string) script {
	command := func(dst []byte, stream uint32, values ...any) []byte {
		body, err := amf.Append(nil, values...)
		require.NoError(t, err)
		m := chunk.Message{ChunkStream: 3, Type: chunk.TypeCommandAMF0, Stream: stream, Payload: body}
		return chunk.Append(dst, &m, chunk.DefaultChunkSize)
	}
	opening := command(nil, 0, "connect", 1.0, amf.Object{{Key: "app", Value: "vod"}})
	opening = command(opening, 0, "createStream", 2.0, nil)
	buffer := 3 * time.Second
	switch state {
	case connected:
		return script{opening, nil, "NetConnection.Connect.Success"}
	case stalled:
		buffer = time.Hour
	}
	opening = chunk.AppendUserControl(opening, chunk.EventSetBufferLength, 1, uint32(buffer.Milliseconds()))
	opening = command(opening, 1, "play", 0.0, nil, "film")
	if state == paused {
		return script{opening, command(nil, 1, "pause", 0.0, nil, true, 0.0), "NetStream.Pause.Notify"}
	}
	return script{opening, nil, playStart}
}

// viewer plays from when it has a second of the film, however long its buffer.
type viewer struct {
	begin time.Time     // of that; zero before
	last  time.Duration // timestamp of the last media that came
	late  bool          // it wanted to play what had not come
}

// visit calls come when the viewer has come to its state, and reads until ctx ends.
func (v *viewer) visit(ctx context.Context, addr string, s script, come func()) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err = handshake.Client(conn, nil); err == nil {
		_, err = conn.Write(s.opening)
	}
	in := chunk.NewReader(conn, chunk.Limits{})
	for err == nil {
		var m chunk.Message
		m, err = in.ReadMessage()
		v.watch(&m, time.Now())
		switch {
		case m.Type != chunk.TypeCommandAMF0:
		case bytes.Contains(m.Payload, []byte(s.come)):
			come()
		case bytes.Contains(m.Payload, []byte(playStart)):
			_, err = conn.Write(s.pause)
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// watch looks whether the media lasted until a message came, which may be a zero one at the end, and takes that.
func (v *viewer) watch(m *chunk.Message, now time.Time) {
	if !v.begin.IsZero() && now.Sub(v.begin) > v.last {
		v.late = true
	}
	if m.Type == chunk.TypeVideo || m.Type == chunk.TypeAudio {
		v.last = time.Duration(m.Timestamp) * time.Millisecond
		if v.begin.IsZero() && v.last >= time.Second {
			v.begin = now
		}
	}
}

// process is a test of this program in a process of its own.
type process struct {
	tb  testing.TB
	cmd *exec.Cmd
	in  io.Closer
	out *bufio.Reader
}

// startProcess starts a test with the values of viewersVariable.
func startProcess(tb testing.TB, test string, values ...any) *process {
	cmd := exec.CommandContext(tb.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.timeout=0")
	cmd.Env = append(os.Environ(), viewersVariable+"="+fmt.Sprintln(values...))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(tb, err)
	out, err := cmd.StdoutPipe()
	require.NoError(tb, errors.Join(err, cmd.Start()))
	return &process{tb, cmd, in, bufio.NewReader(out)}
}

// scan reads a line of the test's output.
func (p *process) scan(format string, values ...any) {
	line, _ := p.out.ReadString('\n')
	if _, err := fmt.Sscanf(line, format+"\n", values...); err != nil {
		rest, _ := io.ReadAll(p.out)
		p.tb.Fatalf("%s: %s%s", p.cmd, line, rest)
	}
}

// end has the test end, and reads what it says last.
func (p *process) end(format string, values ...any) {
	require.NoError(p.tb, p.in.Close())
	p.scan(format, values...)
	require.NoError(p.tb, p.cmd.Wait())
}
