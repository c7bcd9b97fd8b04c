// Package origintest is the conformance suite for implementations of origin.Origin.
//
//	func TestConformance(t *testing.T) {
//		origintest.Run(t, func(t *testing.T) origintest.Fixture {
//			s := newStore(t)
//			return origintest.Fixture{Origin: s, Put: s.put, Remove: s.remove}
//		})
//	}
//
// It holds an origin to what the comments of Origin, Object and Info in package origin say, and needs nothing but testing.
// The example is a whole origin.
//
// # Specifications
//
// Keys are those of origin.ValidKey: what S3 takes and io/fs as well. Reads are those of io.ReaderAt, with a context.
package origintest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/seed-3309b198/reelfront/origin"
)

// Fixture is an origin that starts empty, and what changes it from outside.
type Fixture struct {
	Origin origin.Origin
	// Put makes key an object with these bytes, or replaces it. The origin must be able to tell the new version from the old
	// one, also when their sizes are equal: where it tells them by time, Put sees to it that the times differ.
	Put func(t *testing.T, key string, data []byte)
	// Remove removes the object.
	Remove func(t *testing.T, key string)
	// OneVersion says that no version can be told from another, as in read-only file systems: objects are not replaced then.
	OneVersion bool
}

// Run runs the suite. make is called once for each test and registers its clean-up with t.
func Run(t *testing.T, make func(t *testing.T) Fixture) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, f Fixture)
	}{
		{"Ranges", ranges},
		{"Empty", empty},
		{"Keys", keys},
		{"Missing", missing},
		{"Concurrent", concurrent},
		{"Cancelled", cancelled},
		{"Reader", reader},
		{"Replaced", replaced},
		{"Removed", removed},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, make(t)) })
	}
}

const key = "films/one.mp4"

// filmBytes is a length that is no multiple of anything.
const filmBytes = 1_234_567

func film(seed byte) []byte {
	b := make([]byte, filmBytes)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func open(t *testing.T, f Fixture, key string) origin.Object {
	t.Helper()
	o, err := f.Origin.Open(t.Context(), key)
	if err != nil {
		t.Fatalf("Open(%q): %v", key, err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Errorf("Close of %q: %v", key, err)
		}
	})
	return o
}

func ranges(t *testing.T, f Fixture) {
	data := film(1)
	f.Put(t, key, data)
	o := open(t, f, key)
	if got := o.Info().Size; got != filmBytes {
		t.Fatalf("Info().Size is %d, want %d", got, filmBytes)
	}
	for _, c := range []struct {
		off, n int
		eof    bool
	}{
		{0, filmBytes, false}, {0, 1, false}, {1, 100, false}, {filmBytes - 1, 1, false}, {700_000, 534_567, false},
		{filmBytes - 10, 11, true}, {0, filmBytes + 1, true}, {filmBytes, 1, true}, {filmBytes + 1, 10, true}, {1 << 30, 10, true},
		{0, 0, false}, {500, 0, false},
	} {
		p := bytes.Repeat([]byte{0xAA}, c.n)
		n, err := o.ReadAt(t.Context(), p, int64(c.off))
		want := data[min(c.off, filmBytes):min(c.off+c.n, filmBytes)]
		if n != len(want) || !bytes.Equal(p[:n], want) {
			t.Errorf("ReadAt of %d bytes at %d: got %d bytes, want %d, or they differ", c.n, c.off, n, len(want))
		}
		switch {
		case c.eof && err != io.EOF:
			t.Errorf("ReadAt of %d bytes at %d: error is %v, want io.EOF itself", c.n, c.off, err)
		case !c.eof && err != nil && (err != io.EOF || c.n == 0 || c.off+c.n < filmBytes):
			t.Errorf("ReadAt of %d bytes at %d: %v", c.n, c.off, err)
		}
	}
	if _, err := o.ReadAt(t.Context(), make([]byte, 1), -1); err == nil {
		t.Error("ReadAt at -1 succeeds")
	}
}

func empty(t *testing.T, f Fixture) {
	f.Put(t, "empty", nil)
	o := open(t, f, "empty")
	if o.Info().Size != 0 {
		t.Errorf("size of an empty object is %d", o.Info().Size)
	}
	if n, err := o.ReadAt(t.Context(), make([]byte, 10), 0); n != 0 || err != io.EOF {
		t.Errorf("ReadAt of an empty object: %d, %v; want 0, io.EOF", n, err)
	}
}

// keys checks that all that a key may hold arrives.
func keys(t *testing.T, f Fixture) {
	for _, key := range []string{
		"a", "b/b/c/d.mp4", "with space.flv", "plus+and&.mp3", "per%20cent.mp4", "hash#and?.mp4", "Grüße/映画.mp4", "a=b;c,d", "~tilde_-.",
		"colon: or not", strings.Repeat("long/", 40) + "name",
	} {
		f.Put(t, key, []byte(key))
		o := open(t, f, key)
		p := make([]byte, o.Info().Size)
		if n, err := o.ReadAt(t.Context(), p, 0); string(p[:n]) != key {
			t.Errorf("object %q holds %q, %v", key, p[:n], err)
		}
	}
}

func missing(t *testing.T, f Fixture) {
	f.Put(t, key, film(1))
	for _, key := range []string{
		"none", "films", "films/one.mp", "films/one.mp4x", "Films/one.mp4/x", "", ".", "..", "/", "/films/one.mp4", "films//one.mp4",
		"films/one.mp4/", "./films/one.mp4", "films/../films/one.mp4", "../films/one.mp4", "films\\one.mp4", "films/one.mp4\x00",
		"films/\xff", strings.Repeat("x", 1025),
	} {
		o, err := f.Origin.Open(t.Context(), key)
		if err == nil {
			t.Errorf("Open(%q) succeeds", key)
			_ = o.Close()
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open(%q): %v, want fs.ErrNotExist", key, err)
		}
	}
}

func concurrent(t *testing.T, f Fixture) {
	data := film(2)
	f.Put(t, key, data)
	o := open(t, f, key)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 1))
			p := make([]byte, 50_000)
			for range 20 {
				off := rnd.IntN(filmBytes - len(p))
				n, err := o.ReadAt(context.Background(), p, int64(off))
				if err != nil || !bytes.Equal(p[:n], data[off:off+len(p)]) {
					t.Errorf("one of many reads at %d: %d bytes, %v, or they differ", off, n, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func cancelled(t *testing.T, f Fixture) {
	f.Put(t, key, film(3))
	ctx, cancel := context.WithCancel(t.Context())
	o := open(t, f, key)
	cancel()
	if _, err := f.Origin.Open(ctx, key); !errors.Is(err, context.Canceled) {
		t.Errorf("Open with a context that has ended: %v, want context.Canceled", err)
	}
	if _, err := o.ReadAt(ctx, make([]byte, 100), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("ReadAt with a context that has ended: %v, want context.Canceled", err)
	}
	if _, err := o.ReadAt(t.Context(), make([]byte, 100), 0); err != nil {
		t.Errorf("ReadAt after one that was cancelled: %v", err)
	}
}

// reader reads as a viewer does.
func reader(t *testing.T, f Fixture) {
	data := film(4)
	f.Put(t, key, data)
	r := origin.NewReader(open(t, f, key))
	defer r.Close()
	if r.Size() != filmBytes {
		t.Errorf("Size is %d", r.Size())
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for off := 0; off < filmBytes; {
		n := min(rnd.IntN(20_000), filmBytes-off)
		w, err := r.Window(t.Context(), int64(off), n)
		if err != nil || !bytes.Equal(w, data[off:off+n]) {
			t.Fatalf("window of %d bytes at %d: %v, or it differs", n, off, err)
		}
		off += n
		if rnd.IntN(50) == 0 {
			off = rnd.IntN(filmBytes)
		}
	}
	if _, err := r.Window(t.Context(), filmBytes-5, 6); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("window past the end: %v, want io.ErrUnexpectedEOF", err)
	}
}

func replaced(t *testing.T, f Fixture) {
	if f.OneVersion {
		t.Skip("objects of this origin are not replaced")
	}
	for name, size := range map[string]int{"of the same size": filmBytes, "shorter": 1000, "longer": filmBytes} {
		old, new := film(5), film(6)[:size]
		if name == "longer" {
			new = append(new, "more"...)
		}
		f.Put(t, key, old)
		o := open(t, f, key)
		oldOrChanged(t, o, old, 0)
		f.Put(t, key, new)
		oldOrChanged(t, o, old, 0)
		oldOrChanged(t, o, old, filmBytes/2)
		oldOrChanged(t, o, old, filmBytes-1000)
		if o.Info().Size != filmBytes {
			t.Errorf("the object's Info changes when it is replaced by one %s", name)
		}
		now := open(t, f, key)
		p := make([]byte, now.Info().Size)
		if n, err := now.ReadAt(t.Context(), p, 0); !bytes.Equal(p[:n], new) {
			t.Errorf("opened after it was replaced by one %s: %d bytes, %v, or they differ", name, n, err)
		}
		if a, b := o.Info(), now.Info(); a.Size == b.Size && a.ETag == b.ETag && a.ModTime.Equal(b.ModTime) {
			t.Errorf("Info does not tell the versions apart: %+v", a)
		}
	}
}

// oldOrChanged reads of an object that may have been replaced.
func oldOrChanged(t *testing.T, o origin.Object, old []byte, off int) {
	t.Helper()
	p := make([]byte, 1000)
	n, err := o.ReadAt(t.Context(), p, int64(off))
	if errors.Is(err, origin.ErrChanged) {
		return
	}
	if err != nil && err != io.EOF {
		t.Errorf("read of a replaced object: %v, want its old bytes or ErrChanged", err)
	}
	if !bytes.Equal(p[:n], old[off:off+n]) || n != len(p) {
		t.Error("read of a replaced object gives other bytes than its own")
	}
}

func removed(t *testing.T, f Fixture) {
	data := film(7)
	f.Put(t, key, data)
	o := open(t, f, key)
	oldOrChanged(t, o, data, 0)
	f.Remove(t, key)
	oldOrChanged(t, o, data, 0)
	oldOrChanged(t, o, data, filmBytes-1000)
	if _, err := f.Origin.Open(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of what was removed: %v, want fs.ErrNotExist", err)
	}
}
