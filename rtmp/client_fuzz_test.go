package rtmp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
)

// playback is a connection that a server has filled and closed, and that takes what the client says.
type playback struct {
	bytes.Reader
}

func (*playback) Write(p []byte) (int, error)      { return len(p), nil }
func (*playback) Close() error                     { return nil }
func (*playback) LocalAddr() net.Addr              { return nil }
func (*playback) RemoteAddr() net.Addr             { return nil }
func (*playback) SetDeadline(time.Time) error      { return nil }
func (*playback) SetReadDeadline(time.Time) error  { return nil }
func (*playback) SetWriteDeadline(time.Time) error { return nil }

// newPlayback returns a client that reads what a server said, with a stream that starts.
func newPlayback(b []byte, opts *ClientOptions) (*Client, *ClientStream) {
	conn := new(playback)
	conn.Reset(b)
	c := newClient(conn, &address{}, opts)
	s := newClientStream(c, 1)
	c.streams[1] = s
	s.start(false)
	return c, s
}

// FuzzClient has a client read whatever a server might send: it ends, and takes no more memory than it should.
func FuzzClient(f *testing.F) {
	e := encoder{128}
	start := e.status(nil, 1, 0, statusInfo(levelStatus, CodePlayStart, "", "", 0))
	aggregate := aggregateTag(aggregateTag(nil, 8, 5, "audio"), 9, 7, "video")
	for _, b := range [][]byte{
		start,
		chunk.Append(start, &chunk.Message{ChunkStream: 6, Type: chunk.TypeVideo, Stream: 1, Payload: make([]byte, 500)}, 128),
		chunk.Append(start, &chunk.Message{ChunkStream: 6, Type: chunk.TypeAggregate, Stream: 1, Payload: aggregate}, 128),
		e.data(start, 1, 0, "onMetaData", amf.ECMAArray{{Key: "duration", Value: 1}}),
		e.data(start, 1, 0, "onPlayStatus", amf.Object{{Key: "code", Value: CodePlayComplete}}),
		e.status(start, 1, 0, statusInfo(levelError, CodePlayFailed, "Seeking 5", "", 0)),
		e.status(start, 1, 0, statusInfo(levelStatus, CodeSeekNotify, "Seeking 5", "", 0)),
		e.status(start, 1, 0, statusInfo(levelStatus, CodePlayStop, "", "", 0)),
		e.result(nil, 1, nil, 1),
		e.failure(nil, 1, statusInfo(levelError, CodeConnectRejected, "", "", 0)),
		e.command(nil, csConnect, 0, 0, "close", 0, nil),
		chunk.AppendUserControl(chunk.AppendWindowAckSize(start, 1), chunk.EventPing, 1),
		chunk.AppendSetPeerBandwidth(chunk.AppendSetChunkSize(start, 1), 1, chunk.LimitHard),
	} {
		f.Add(bytes.Clone(b))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		c, s := newPlayback(b, &ClientOptions{ReadAhead: 1000, MessageBytes: 1 << 20, OnStatus: func(Status) {}})
		go c.read()
		held := 0
		for {
			tag, err := s.ReadTag(t.Context())
			if err != nil && (errors.Is(err, io.EOF) || c.isDone()) {
				break
			}
			held = max(held, len(tag.Data))
		}
		require.NoError(t, c.Close())
		require.LessOrEqual(t, held, len(b))
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20+200*len(b)))
	})
}

// BenchmarkClientReadTag reads tags of 1 kB as fast as they can be taken apart.
func BenchmarkClientReadTag(b *testing.B) {
	body := strings.Repeat("v", 1000)
	row := encoder{128}.status(nil, 1, 0, statusInfo(levelStatus, CodePlayStart, "", "", 0))
	row = chunk.AppendSetChunkSize(row, DefaultChunkSize)
	m := chunk.Message{ChunkStream: 6, Type: chunk.TypeVideo, Stream: 1, Payload: []byte(body)}
	for range b.N {
		row = chunk.Append(row, &m, DefaultChunkSize)
	}
	c, s := newPlayback(row, &ClientOptions{})
	ctx := context.Background()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	b.ResetTimer()
	go c.read()
	for range b.N {
		if _, err := s.ReadTag(ctx); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	require.NoError(b, c.Close())
}

// TestClientReadTagAllocates nothing, from the first tags on.
func TestClientReadTagAllocates(t *testing.T) {
	row := encoder{128}.status(nil, 1, 0, statusInfo(levelStatus, CodePlayStart, "", "", 0))
	row = chunk.AppendSetChunkSize(row, DefaultChunkSize)
	m := chunk.Message{ChunkStream: 6, Type: chunk.TypeVideo, Stream: 1, Payload: make([]byte, 1000)}
	const tags = 20_000
	for range tags {
		row = chunk.Append(row, &m, DefaultChunkSize)
	}
	c, s := newPlayback(row, &ClientOptions{})
	go c.read()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range tags {
		_, err := s.ReadTag(context.Background())
		if err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	require.NoError(t, c.Close())
	require.Less(t, after.Mallocs-before.Mallocs, uint64(tags/20))
}
