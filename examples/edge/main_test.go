package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/demux"
	"github.com/seed-3309b198/reelfront/internal/strangers"
	"github.com/seed-3309b198/reelfront/rtmp"
)

// The demo, as a fresh checkout plays it: all of each file, and the lines to try.
func TestDemo(t *testing.T) {
	t.Parallel()
	p := start(t)
	s := stream(t, p.dial(t))
	for name, file := range map[string]string{"mp4:demo.mp4": "demo.mp4", "flv:demo": "demo.flv", "mp3:demo": "demo.mp3"} {
		tags, err := play(t.Context(), s, name)
		require.NoError(t, err, name)
		require.Equal(t, demoTags(t, file), len(tags), name)
		require.InDelta(t, 10_000, tags[len(tags)-1].Timestamp, 200, name)
		p.stderr.await(t, "^  rtmp://"+p.addr+"/cfx/st/"+name+"$")
	}
	p.stderr.await(t, "^  ffplay rtmp://"+p.addr+"/cfx/st/mp4:demo.mp4$")
}

// What to paste is where the edge listens, as a client on the same machine reaches it.
func TestDemoAddress(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"0.0.0.0:1935": "127.0.0.1", "[::]:1936": "127.0.0.1:1936", "127.0.0.1:8080": "127.0.0.1:8080",
		"192.0.2.1:1935": "192.0.2.1", "[2001:db8::1]:1935": "[2001:db8::1]", "[2001:db8::1]:80": "[2001:db8::1]:80",
	} {
		var text bytes.Buffer
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		require.NoError(t, err)
		printDemo(&text, tcp)
		require.Contains(t, text.String(), "  ffplay rtmp://"+want+"/cfx/st/mp4:demo.mp4\n")
	}
}

// demoTags counts the audio and video tags of a file.
func demoTags(t *testing.T, name string) (n int) {
	data, err := demoFiles.ReadFile("demo/" + name)
	require.NoError(t, err)
	in := flv.NewInput(bytes.NewReader(data), int64(len(data)))
	file, err := demux.Open(t.Context(), in, "")
	require.NoError(t, err)
	for r := file.NewReader(in); ; {
		tag, err := r.Next(t.Context())
		if err != nil {
			return n
		}
		if tag.Type != flv.TagScript {
			n++
		}
	}
}

// What the demo says to try works.
func TestDemoInFFprobe(t *testing.T) {
	t.Parallel()
	p := start(t)
	got := strangers.Run(t, "ffprobe", "-v", "error", "-count_packets", "-rtmp_buffer", "3600000",
		"-show_entries", "stream=codec_name,nb_read_packets", "-of", "csv=p=0", "rtmp://"+p.addr+"/cfx/st/mp4:demo.mp4")
	require.NoError(t, got.Err, got.Stderr)
	require.Regexp(t, `(?m)^h264,300$`, string(got.Stdout))
	require.Regexp(t, `(?m)^aac,4\d\d$`, string(got.Stdout))
}

func TestListening(t *testing.T) {
	t.Parallel()
	_, url := folder(t)
	p := start(t, "-origin", url, "-listen", "127.0.0.1:0, 127.0.0.1:0")
	second := p.stderr.await(t, `msg=listening.*\n.*msg=listening addr=(\S+)$`)
	require.Regexp(t, `^time=\S+ level=INFO msg=listening addr=127\.0\.0\.1:\d+\n`, p.stderr.String())
	require.NotEqual(t, p.addr, second)
	for _, addr := range []string{p.addr, second} {
		p := &program{addr: addr}
		tags, err := play(t.Context(), stream(t, p.dial(t)), "demo")
		require.NoError(t, err)
		require.NotEmpty(t, tags)
	}
	require.NotContains(t, p.stderr.String(), "demo clip")
}

func TestLogIsJSON(t *testing.T) {
	t.Parallel()
	p := start(t, "-log-format", "json", "-log-level", "debug")
	_, err := play(t.Context(), stream(t, p.dial(t)), "missing")
	require.Error(t, err)
	p.stop()
	require.Zero(t, p.wait(t))
	messages := make(map[string]bool)
	for line := range strings.Lines(p.stderr.String()) {
		var entry struct{ Time, Level, Msg, Addr string }
		require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
		require.NotEmpty(t, entry.Time, line)
		require.NotEmpty(t, entry.Level, line)
		messages[entry.Msg] = true
		if entry.Msg == "listening" {
			require.Equal(t, p.addr, entry.Addr)
		}
	}
	require.True(t, messages["listening"] && messages["play refused"] && messages["draining"], messages)
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	require.Zero(t, run(t.Context(), func() {}, []string{"-h"}, &stderr))
	for _, flag := range []string{"-origin", "-listen", "-wait-for-missing", "-drain", "-log-format", "-log-level"} {
		require.Contains(t, stderr.String(), flag)
	}
}

// What is wrong with the command line is said in one line, and the exit code is 2.
func TestBadCommandLines(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, taken.Close()) })
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	for args, want := range map[string]string{
		"-orign file:///srv":                      "-orign",
		"file:///srv":                             `unexpected argument "file:///srv"`,
		"-log-format xml":                         "-log-format",
		"-log-level loud":                         "-log-level",
		"-drain soon":                             "-drain",
		"-drain -1s":                              "-drain",
		"-listen nonsense":                        "-listen",
		"-listen 127.0.0.1:0,127.0.0.1:xx":        "-listen",
		"-listen " + taken.Addr().String():        taken.Addr().String(),
		"-origin file://" + nowhere:               "edge: -origin: bucket: open file://" + nowhere,
		"-origin nonsense":                        "-origin",
		"-origin ftp://films":                     "ftp",
		"-origin file:///srv/{bucket}":            "there is none",
		"-wait-for-missing=perhaps":               "-wait-for-missing",
		"-enhanced sometimes":                     "-enhanced",
		"-trusted-proxies 10.0.0.0":               "-trusted-proxies",
		"-tls-cert cert.pem":                      "-tls-key",
		"-tls-cert x.pem -tls-key y.pem":          "x.pem",
		"-cache-memory lots":                      "-cache-memory",
		"-cache-size 1XB":                         "-cache-size",
		"-identity E1":                            "-identity",
		"-public-key E1":                          "-public-key",
		"-public-key self:K=" + nowhere:           "there is no -distribution",
		"-origin mem:// -identity E1=mem://":      "there is no -distribution",
		"-listen 127.0.0.1:0,":                    "-listen",
		"-default-distribution E1":                "-default-distribution",
		"-distribution config.json":               "-origin",
		"-origin mem:// -distribution " + nowhere: nowhere,
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			requireRefused(t, args, want)
		})
	}
}

// Nothing else is written before what is wrong, even where there is a distribution to tell of.
func TestBadCertificateBesideGoodFlags(t *testing.T) {
	t.Parallel()
	_, url := folder(t)
	requireRefused(t, "-tls-cert x.pem -tls-key y.pem -origin "+url+" -distribution "+writeConfig(t, films(nil)), "x.pem")
}

func requireRefused(t *testing.T, args, want string) {
	t.Helper()
	var stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // a run that is not refused ends
	defer cancel()
	command := strings.Fields(args)
	if !strings.Contains(args, "-listen") {
		command = append([]string{"-listen", "127.0.0.1:0"}, command...)
	}
	require.Equal(t, 2, run(ctx, func() {}, command, &stderr))
	require.Contains(t, stderr.String(), want)
	require.Regexp(t, `^edge: [^\n]+\n$`, stderr.String())
}

func TestWaitForMissing(t *testing.T) {
	t.Parallel()
	_, url := folder(t)
	for waits, code := range map[bool]string{false: rtmp.CodePlayStreamNotFound, true: ""} {
		p := start(t, "-origin", url, fmt.Sprintf("-wait-for-missing=%t", waits))
		s := stream(t, p.dial(t))
		requireCode(t, rtmp.CodePlayStreamNotFound, s.Play(t.Context(), "missing", nil))

		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		err := s.Play(ctx, "missing", &rtmp.PlayOptions{Kind: rtmp.PlayAny})
		cancel()
		if code == "" {
			require.ErrorIs(t, err, context.DeadlineExceeded)
		} else {
			requireCode(t, code, err)
		}
		tags, err := play(t.Context(), s, "demo") // in the place of one that waits
		require.NoError(t, err)
		require.NotEmpty(t, tags)
	}
}

// A viewer may see the end of his film after the signal to end.
func TestDrain(t *testing.T) {
	t.Parallel()
	p := start(t, "-drain", "1m")
	c := p.dial(t)
	s, err := c.CreateStream(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.Play(t.Context(), "demo", nil))
	p.stop()
	<-p.released
	p.stderr.await(t, `msg=draining patience=1m0s$`)
	require.NoError(t, s.SetBufferLength(time.Hour))
	tags, err := rest(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, demoTags(t, "demo.flv"), len(tags))
	_, err = rtmp.Dial(t.Context(), "rtmp://"+p.addr+"/cfx/st/demo", nil)
	require.Error(t, err, "it accepts nobody any more")
	require.NoError(t, c.Close())
	require.Zero(t, p.wait(t))
	require.NotContains(t, p.stderr.String(), "cut off")
}

// Who is still there when the patience is over is told so.
func TestDrainEnds(t *testing.T) {
	t.Parallel()
	p := start(t, "-drain", "100ms")
	told := make(chan rtmp.Status, 100)
	c, err := rtmp.Dial(t.Context(), "rtmp://"+p.addr+"/cfx/st/demo", &rtmp.ClientOptions{OnStatus: func(s rtmp.Status) { told <- s }})
	require.NoError(t, err)
	require.NoError(t, c.Connect(t.Context()))
	s, err := c.CreateStream(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.Play(t.Context(), "demo", nil))
	p.stop()
	_, err = rest(t.Context(), s)
	require.Error(t, err)
	require.Zero(t, p.wait(t))
	require.Contains(t, p.stderr.String(), "cut off")
	require.NoError(t, c.Close())
	close(told)
	var codes []string
	for status := range told {
		codes = append(codes, status.Code)
	}
	require.Contains(t, codes, rtmp.CodeConnectAppShutdown)
}
