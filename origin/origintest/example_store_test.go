package origintest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"sync"
	"sync/atomic"

	"github.com/seed-3309b198/reelfront/origin"
)

// An origin of one's own. Its test is in the documentation of this package.
func Example() {
	s := new(store)
	s.put("films/one.flv", []byte("FLV"))
	ctx := context.Background()
	film, err := s.Open(ctx, "films/one.flv")
	if err != nil {
		log.Fatal(err)
	}
	s.put("films/one.flv", []byte("a new version"))
	_, err = film.ReadAt(ctx, make([]byte, 3), 0)
	fmt.Println(errors.Is(err, origin.ErrChanged))
	// Output: true
}

// store keeps objects in memory.
type store struct {
	objects  sync.Map // of *object, by key
	versions atomic.Int64
}

func (s *store) put(key string, data []byte) {
	version := fmt.Sprint(s.versions.Add(1))
	s.objects.Store(key, &object{store: s, key: key, version: version, data: bytes.Clone(data)})
}

func (s *store) Open(ctx context.Context, key string) (origin.Object, error) {
	o, ok := s.objects.Load(key)
	if !ok {
		return nil, fmt.Errorf("store: %q: %w", key, fs.ErrNotExist)
	}
	return o.(*object), ctx.Err()
}

// object is one version: put makes another one.
type object struct {
	store        *store
	key, version string
	data         []byte
}

// Info names the version, by which a cache tells it from others of the same size.
func (o *object) Info() origin.Info { return origin.Info{Size: int64(len(o.data)), ETag: o.version} }

func (o *object) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if now, _ := o.store.objects.Load(o.key); now != any(o) {
		return 0, fmt.Errorf("store: %q: %w", o.key, origin.ErrChanged)
	}
	return bytes.NewReader(o.data).ReadAt(p, off)
}

func (o *object) Close() error { return nil }
