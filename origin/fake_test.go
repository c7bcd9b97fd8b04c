package origin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/seed-3309b198/reelfront/origin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fault is what a fake origin does instead of answering.
type fault int

const (
	none fault = iota
	fails
	hangs     // until its context ends
	falls     // short, without an error
	drips     // slowly, a part, then an error
	ends      // short, as if that were all
	changes   // the object is another one from then on
	throttles // asks for fewer requests
	forbids
	deaf // as hangs, but does not heed its context; until the fake is released
)

var errFake = errors.New("fake fault")

type throttled struct{ after time.Duration }

func (t throttled) Error() string             { return "slow down" }
func (t throttled) Unwrap() error             { return origin.ErrThrottled }
func (t throttled) RetryAfter() time.Duration { return t.after }

// fake is an origin that counts, takes its time and fails on demand.
type fake struct {
	latency time.Duration
	fault   func(call int) fault // by the number of the call, from 0; nil means none

	released chan struct{} // ends what is deaf

	mu      sync.Mutex
	objects map[string]fakeVersion
	calls   int
	opens   int
	reads   map[[2]int64]int // by range
	bytes   int64
	most    int // calls at once
	now     int
	order   []int64 // offsets as they were read
	closed  int
}

type fakeVersion struct {
	data []byte
	info origin.Info
}

func newFake(key string, data []byte) *fake {
	f := &fake{objects: map[string]fakeVersion{}, reads: map[[2]int64]int{}, released: make(chan struct{})}
	f.put(key, data, "v1")
	return f
}

func (f *fake) put(key string, data []byte, etag string) {
	f.set(key, data, origin.Info{ETag: etag, ModTime: time.Unix(1, 0)})
}

func (f *fake) set(key string, data []byte, info origin.Info) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info.Size = int64(len(data))
	f.objects[key] = fakeVersion{data, info}
}

func (f *fake) remove(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.objects, key)
}

func (f *fake) breaks(by func(call int) fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = by
}

func always(what fault) func(int) fault { return func(int) fault { return what } }

func (f *fake) counts() (opens, reads int, bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.reads {
		reads += n
	}
	return f.opens, reads, f.bytes
}

// begin counts a call and takes its time.
func (f *fake) begin(ctx context.Context) (fault, error) {
	f.mu.Lock()
	what := none
	if f.fault != nil {
		what = f.fault(f.calls)
	}
	f.calls++
	f.now++
	f.most = max(f.most, f.now)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.now--
		f.mu.Unlock()
	}()
	if f.latency > 0 {
		select {
		case <-time.After(f.latency):
		case <-ctx.Done():
			return what, ctx.Err()
		}
	}
	switch what {
	case fails:
		return what, errFake
	case throttles:
		return what, throttled{3 * time.Second}
	case forbids:
		return what, fs.ErrPermission
	case deaf:
		<-f.released
		return what, errFake
	case hangs:
		<-ctx.Done()
		return what, ctx.Err()
	}
	return what, ctx.Err()
}

func (f *fake) Open(ctx context.Context, key string) (origin.Object, error) {
	what, err := f.begin(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opens++
	if err != nil {
		return nil, err
	}
	if what == changes {
		f.replace(key)
	}
	v, ok := f.objects[key]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return &fakeObject{f: f, key: key, v: v}, nil
}

// replace puts other bytes of the same length in the place of an object. f.mu is held.
func (f *fake) replace(key string) {
	v, ok := f.objects[key]
	if !ok {
		return
	}
	data := make([]byte, len(v.data))
	for i := range data {
		data[i] = ^v.data[i]
	}
	v.data, v.info.ETag = data, v.info.ETag+"'"
	f.objects[key] = v
}

type fakeObject struct {
	f   *fake
	key string
	v   fakeVersion
}

func (o *fakeObject) Info() origin.Info { return o.v.info }

func (o *fakeObject) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	what, err := o.f.begin(ctx)
	o.f.mu.Lock()
	o.f.reads[[2]int64{off, int64(len(p))}]++
	o.f.order = append(o.f.order, off)
	if what == changes {
		o.f.replace(o.key)
	}
	now, ok := o.f.objects[o.key]
	if err == nil && (!ok || now.info.ETag != o.v.info.ETag) {
		err = origin.ErrChanged
	}
	o.f.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n := copy(p, o.v.data[min(off, int64(len(o.v.data))):])
	switch what {
	case falls:
		n = n / 2
	case ends:
		n, err = n/2, fmt.Errorf("fake: %w", io.EOF)
	case drips:
		n, err = n/3, errFake
		select {
		case <-time.After(5 * time.Second):
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	o.f.mu.Lock()
	o.f.bytes += int64(n)
	o.f.mu.Unlock()
	if what == falls {
		clear(p[n:])
		return n, nil
	}
	if n < len(p) && err == nil {
		err = io.EOF
	}
	return n, err
}

func (o *fakeObject) Close() error {
	o.f.mu.Lock()
	defer o.f.mu.Unlock()
	o.f.closed++
	return nil
}

// readAll reads an object as a viewer does, in windows of n bytes.
func readAll(ctx context.Context, o origin.Origin, key string, n int) ([]byte, error) {
	obj, err := o.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer obj.Close()
	r := origin.NewReader(obj)
	defer r.Close()
	var all []byte
	for off := int64(0); off < r.Size(); off += int64(n) {
		w, err := r.Window(ctx, off, int(min(int64(n), r.Size()-off)))
		if err != nil {
			return all, err
		}
		all = append(all, w...)
	}
	return all, nil
}

func mustReadAll(t *testing.T, o origin.Origin, key string) []byte {
	t.Helper()
	b, err := readAll(t.Context(), o, key, 1000)
	require.NoError(t, err)
	return b
}

// openFilm opens "film" of an origin through a cache. Both are closed with the test, or its bubble.
func openFilm(t *testing.T, cache *origin.Cache, o origin.Origin) origin.Object {
	t.Helper()
	t.Cleanup(func() { closeCache(t, cache) })
	obj, err := cache.Wrap("s", o).Open(t.Context(), "film")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, obj.Close()) })
	return obj
}

// readFilm is openFilm with a reader, which is closed too.
func readFilm(t *testing.T, cache *origin.Cache, o origin.Origin) *origin.Reader {
	t.Helper()
	r := origin.NewReader(openFilm(t, cache, o))
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

func mustWindow(t *testing.T, r *origin.Reader, off int64, n int) []byte {
	t.Helper()
	w, err := r.Window(t.Context(), off, n)
	require.NoError(t, err)
	return w
}

// closeCache closes a cache within the test's bubble of time.
func closeCache(t *testing.T, c *origin.Cache) {
	t.Helper()
	require.NoError(t, c.Close())
}

// collect frees what nobody holds any more, all of which one collection does not always find.
func collect() {
	runtime.GC()
	runtime.GC()
}
