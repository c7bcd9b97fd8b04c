package vod

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/origin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeOrigin has objects of the sizes given, and remembers what it was asked for.
type fakeOrigin struct {
	mu      sync.Mutex
	objects map[string]origin.Info
	fail    map[string]error
	asked   []string
	open    atomic.Int32 // objects not yet closed
}

func (o *fakeOrigin) Open(ctx context.Context, key string) (origin.Object, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, key)
	if err := o.fail[key]; err != nil {
		return nil, err
	}
	info, ok := o.objects[key]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: key, Err: fs.ErrNotExist}
	}
	o.open.Add(1)
	return &fakeObject{o: o, info: info}, ctx.Err()
}

func (o *fakeOrigin) put(key, etag string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.objects == nil {
		o.objects = make(map[string]origin.Info)
	}
	o.objects[key] = origin.Info{Size: 100, ETag: etag}
}

func (o *fakeOrigin) keysAsked() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.asked...)
}

type fakeObject struct {
	o      *fakeOrigin
	info   origin.Info
	closed atomic.Bool
}

func (o *fakeObject) Info() origin.Info { return o.info }

func (o *fakeObject) ReadAt(_ context.Context, p []byte, off int64) (int, error) {
	if o.closed.Load() {
		return 0, fs.ErrClosed
	}
	clear(p)
	if int64(len(p)) > o.info.Size-off {
		return int(o.info.Size - off), io.EOF
	}
	return len(p), nil
}

func (o *fakeObject) Close() error {
	if o.closed.Swap(true) {
		return errors.New("closed twice")
	}
	o.o.open.Add(-1)
	return nil
}

// fakeFile is ten seconds of audio tags, one each 100 ms, and a key frame each second.
type fakeFile struct {
	info   flv.Info
	bytes  int
	base   uint32
	chosen atomic.Pointer[[]flv.Track] // by the last NewReader
}

func (f *fakeFile) Info() *flv.Info { return &f.info }
func (f *fakeFile) Bytes() int      { return f.bytes }

func (f *fakeFile) NewReader(in flv.Input, tracks ...flv.Track) flv.Reader {
	f.chosen.Store(&tracks)
	return &fakeReader{in: in, base: f.base}
}

type fakeReader struct {
	in   flv.Input
	base uint32
	at   int // in tenths of a second
}

func (r *fakeReader) Next(ctx context.Context) (*flv.Tag, error) {
	if r.at >= 100 {
		return nil, io.EOF
	}
	if _, err := r.in.Window(ctx, int64(r.at), 1); err != nil {
		return nil, err
	}
	tag := &flv.Tag{Type: flv.TagAudio, Timestamp: r.base + uint32(r.at)*100, Data: binary.BigEndian.AppendUint16(nil, uint16(r.at))}
	r.at++
	return tag, nil
}

func (r *fakeReader) Seek(_ context.Context, t time.Duration) (time.Duration, error) {
	second := min(max(t-time.Duration(r.base)*time.Millisecond, 0)/time.Second, 9)
	r.at = int(second) * 10
	return time.Duration(r.base)*time.Millisecond + second*time.Second, nil
}

var avcAndAAC = []flv.Track{{ID: 1, Type: flv.TrackVideo, Codec: flv.CodecAVC}, {ID: 2, Type: flv.TrackAudio, Codec: flv.CodecAAC}}

// demuxTo is a demuxer that makes every object the same file, and counts its calls.
func demuxTo(f flv.File, calls *atomic.Int32) func(context.Context, flv.Input, string) (flv.File, error) {
	return func(ctx context.Context, in flv.Input, _ string) (flv.File, error) {
		calls.Add(1)
		_, err := in.Window(ctx, 0, 1)
		return f, err
	}
}
