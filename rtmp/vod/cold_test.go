package vod_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io/fs"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/vod"
)

// roundTrip is how long each request of a farOrigin takes.
const roundTrip = 50 * time.Millisecond

// farOrigin has objects in memory, a round trip away.
type farOrigin struct {
	objects map[string][]byte

	mu     sync.Mutex
	bytes  int                  // that were read
	blocks []weak.Pointer[byte] // what was read, as far as somebody still has it
}

func (o *farOrigin) Open(ctx context.Context, key string) (origin.Object, error) {
	if err := travel(ctx); err != nil {
		return nil, err
	}
	data, ok := o.objects[key]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return &farObject{o, data}, nil
}

// taken is how many bytes were read since it was asked last.
func (o *farOrigin) taken() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.bytes
	o.bytes = 0
	return n
}

// held is how many of the blocks that were read are still in memory.
func (o *farOrigin) held() (n int) {
	runtime.GC()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, b := range o.blocks {
		if b.Value() != nil {
			n++
		}
	}
	return n
}

func travel(ctx context.Context) error {
	select {
	case <-time.After(roundTrip):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type farObject struct {
	o    *farOrigin
	data []byte
}

func (o *farObject) Info() origin.Info { return origin.Info{Size: int64(len(o.data)), ETag: "1"} }
func (o *farObject) Close() error      { return nil }

func (o *farObject) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if err := travel(ctx); err != nil {
		return 0, err
	}
	o.o.mu.Lock()
	o.o.bytes += len(p)
	o.o.blocks = append(o.o.blocks, weak.Make(&p[0]))
	o.o.mu.Unlock()
	return bytes.NewReader(o.data).ReadAt(p, off)
}

// pipes is a listener of net.Pipes, which a bubble of time can wait for.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (l *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	l.conns <- theirs
	return ours, nil
}

// openStream is a stream of a new connection to a server with a handler. Both end with the test.
func openStream(t *testing.T, h rtmp.Handler) *rtmp.ClientStream {
	t.Helper()
	l := &pipes{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
	srv := &rtmp.Server{Handler: h}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, srv.Close())
		require.ErrorIs(t, <-served, rtmp.ErrServerClosed)
	})
	c, err := rtmp.Dial(t.Context(), "rtmp://host/vod/", &rtmp.ClientOptions{DialContext: l.dial})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.Connect(t.Context()))
	s, err := c.CreateStream(t.Context())
	require.NoError(t, err)
	return s
}

// firstFrame reads up to the first sample: a picture, or a sound where there are no pictures.
func firstFrame(t *testing.T, s *rtmp.ClientStream, pictures bool) flv.Tag {
	t.Helper()
	for {
		tag, err := s.ReadTag(t.Context())
		require.NoError(t, err)
		if tag.Type != flv.TagScript && !tag.SequenceHeader() && (tag.Type == flv.TagVideo || !pictures) {
			return tag.Clone()
		}
	}
}

// TestColdFirstFrame counts the round trips to an origin until a viewer has the first frame of a film that nobody has seen
// before, and after a seek to where nobody has been; and what that seek reads, until the viewer has what it wants to buffer.
func TestColdFirstFrame(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		play, key   string
		film        func(t *testing.T) []byte
		first, seek int // round trips
		most        int // MiB that the seek reads
		to          time.Duration
	}{
		"FLV with an index":    {"film.flv", "film.flv", indexedFLV, 2, 1, 2, 90 * time.Second},
		"FLV without an index": {"film.flv", "film.flv", plainFLV, 2, 2, 3, 90 * time.Second},
		"FLV without a suffix": {"film", "film.flv", plainFLV, 2, 2, 3, 90 * time.Second},
		"MP4, moov first":      {"mp4:film.mp4", "film.mp4", fastStartMP4, 2, 1, 1, 51 * time.Second},
		"MP4, moov last":       {"mp4:film.mp4", "film.mp4", moovLastMP4, 2, 1, 1, 51 * time.Second},
		"MP3":                  {"mp3:film.mp3", "film.mp3", longMP3, 2, 1, 1, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			film := c.film(t)
			synctest.Test(t, func(t *testing.T) {
				far := &farOrigin{objects: map[string][]byte{c.key: film}}
				cache := &origin.Cache{}
				t.Cleanup(func() { require.NoError(t, cache.Close()) })
				s := openStream(t, &vod.Handler{App: "vod", Origin: cache.Wrap("films", far)})
				pictures := c.key != "film.mp3"

				begin := time.Now()
				require.NoError(t, s.Play(t.Context(), c.play, nil))
				firstFrame(t, s, pictures)
				require.LessOrEqual(t, time.Since(begin), time.Duration(c.first)*roundTrip, "to the first frame")

				synctest.Wait()
				far.taken()
				begin = time.Now()
				require.NoError(t, s.Seek(c.to))
				tag := firstFrame(t, s, pictures)
				require.LessOrEqual(t, time.Since(begin), time.Duration(c.seek)*roundTrip, "after a seek")
				require.InDelta(t, c.to.Milliseconds(), tag.Timestamp, 1500)
				synctest.Wait()
				require.LessOrEqual(t, far.taken(), c.most<<20, "bytes read by the seek")
			})
		})
	}
}

func indexedFLV(t *testing.T) []byte { return longFLV(t, true) }
func plainFLV(t *testing.T) []byte   { return longFLV(t, false) }

func fastStartMP4(t *testing.T) []byte { return longMP4(t, "faststart.mp4") }
func moovLastMP4(t *testing.T) []byte  { return longMP4(t, "moovlast.mp4") }

// longFLV is a film of two minutes with a key frame each second, with or without the index of them that encoders write.
func longFLV(t *testing.T, index bool) []byte {
	t.Helper()
	tags := tagsOf(t, "../../flv/testdata/avc-aac.flv")
	var headers []flv.Tag
	for _, tag := range tags {
		if tag.SequenceHeader() {
			headers = append(headers, tag)
		}
	}
	require.Len(t, headers, 2)
	film, times, positions := writeFLV(t, headers, nil)
	if !index {
		return film
	}
	// The index is as long as it will be, whatever it says.
	_, times, positions = writeFLV(t, headers, keyframes(times, positions))
	film, _, _ = writeFLV(t, headers, keyframes(times, positions))
	return film
}

func keyframes(times, positions amf.StrictArray) amf.Object {
	return amf.Object{{Key: "times", Value: times}, {Key: "filepositions", Value: positions}}
}

func writeFLV(t *testing.T, headers []flv.Tag, index amf.Object) (film []byte, times, positions amf.StrictArray) {
	t.Helper()
	var out bytes.Buffer
	w, err := flv.NewWriter(&out, nil)
	require.NoError(t, err)
	put := func(tag flv.Tag) { require.NoError(t, w.Write(&tag)) }
	metadata := amf.ECMAArray{{Key: "duration", Value: 120.0}}
	if index != nil {
		metadata = append(metadata, amf.Pair{Key: "keyframes", Value: index})
	}
	body, err := amf.Append(nil, "onMetaData", metadata)
	require.NoError(t, err)
	put(flv.Tag{Type: flv.TagScript, Data: body})
	for _, h := range headers {
		put(h)
	}
	for i := range 1200 {
		picture := append([]byte{0x27, 1, 0, 0, 0}, make([]byte, 20_000)...)
		binary.BigEndian.PutUint32(picture[5:], uint32(len(picture)-9))
		if i%10 == 0 {
			picture[0] = 0x17
			times, positions = append(times, float64(i)/10), append(positions, float64(out.Len()))
		}
		put(flv.Tag{Type: flv.TagVideo, Timestamp: uint32(i) * 100, Data: picture})
		put(flv.Tag{Type: flv.TagAudio, Timestamp: uint32(i) * 100, Data: append([]byte{0xAF, 1}, make([]byte, 1500)...)})
	}
	return out.Bytes(), times, positions
}

// longMP3 is a quarter of an hour at a constant bit rate.
func longMP3(*testing.T) []byte {
	frame := append([]byte{0xFF, 0xFB, 0x54, 0x64}, make([]byte, 188)...) // 64 kbit/s, 48 kHz, 24 ms
	return bytes.Repeat(frame, 15*60*1000/24)
}

// longMP4 is a clip fifty times as slow, with emptiness between its chunks.
func longMP4(t *testing.T, name string) []byte {
	t.Helper()
	clip, err := os.ReadFile("../../flv/mp4/testdata/" + name)
	require.NoError(t, err)
	const gap = 256 << 10
	var chunks []uint32
	walkBoxes(clip, func(kind string, body []byte) {
		if kind == "stco" {
			for b := body[8:]; len(b) > 0; b = b[4:] {
				chunks = append(chunks, binary.BigEndian.Uint32(b))
			}
		}
	})
	slices.Sort(chunks)
	walkBoxes(clip, func(kind string, body []byte) {
		switch kind {
		case "stco":
			for b := body[8:]; len(b) > 0; b = b[4:] {
				at := binary.BigEndian.Uint32(b)
				binary.BigEndian.PutUint32(b, at+uint32(slices.Index(chunks, at)+1)*gap)
			}
		case "mvhd", "mdhd":
			scale := body[12:16]
			binary.BigEndian.PutUint32(scale, binary.BigEndian.Uint32(scale)/50)
		case "mdat":
			size := clip[cap(clip)-cap(body)-8:]
			binary.BigEndian.PutUint32(size, uint32(8+len(body)+len(chunks)*gap))
		}
	})
	var film []byte
	from := 0
	for _, at := range chunks {
		film = append(append(film, clip[from:at]...), make([]byte, gap)...)
		from = int(at)
	}
	return append(film, clip[from:]...)
}

// walkBoxes calls f with each box of a file (ISO/IEC 14496-12, section 4.2).
func walkBoxes(b []byte, f func(kind string, body []byte)) {
	for len(b) >= 8 {
		n := binary.BigEndian.Uint32(b)
		kind, body := string(b[4:8]), b[8:n]
		f(kind, body)
		switch kind {
		case "moov", "trak", "mdia", "minf", "stbl":
			walkBoxes(body, f)
		}
		b = b[n:]
	}
}
