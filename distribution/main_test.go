package distribution

import (
	"context"
	"io/fs"
	"runtime"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/seed-3309b198/reelfront/origin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// allocated is how many bytes f allocates. It counts for all goroutines, so it is for fuzz tests.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// fakeBuckets opens empty buckets, and remembers which, as whom, and what they were asked for.
type fakeBuckets struct {
	mu     sync.Mutex
	opened []string
	asked  []string
	err    error
	refuse bool // to read objects
}

func (b *fakeBuckets) open(_ context.Context, bucket, identity string) (origin.Origin, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opened = append(b.opened, bucket+" "+identity)
	return fakeBucket{b, bucket}, b.err
}

func (b *fakeBuckets) take() (opened, asked []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	opened, asked = b.opened, b.asked
	b.opened, b.asked = nil, nil
	return opened, asked
}

type fakeBucket struct {
	b    *fakeBuckets
	name string
}

func (o fakeBucket) Open(_ context.Context, key string) (origin.Object, error) {
	o.b.mu.Lock()
	defer o.b.mu.Unlock()
	o.b.asked = append(o.b.asked, o.name+"/"+key)
	err := fs.ErrNotExist
	if o.b.refuse {
		err = fs.ErrPermission
	}
	return nil, &fs.PathError{Op: "open", Path: key, Err: err}
}
