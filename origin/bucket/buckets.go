package bucket

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"sync"

	"github.com/seed-3309b198/reelfront/origin"
)

// Map returns the Origin method of Buckets{URL: template}, for a program that keeps its buckets open until it ends. All read
// as the template says, whatever their identity.
func Map(template string) func(ctx context.Context, bucket, identity string) (origin.Origin, error) {
	return (&Buckets{URL: template}).Origin
}

// Buckets opens buckets by name, each once, as an origin access identity or as nobody. It is safe for concurrent use; its
// fields are set before.
//
// With Anonymous set, who has no identity reads what everybody may, as on CloudFront. S3 and Google Cloud Storage are asked
// without credentials, and know themselves what that is. Directories, memory and Azure, whose driver always has credentials,
// know no such thing: there Public says which buckets everybody may read. What may not be read is an Origin whose Open fails
// with fs.ErrPermission, as when a service refuses.
type Buckets struct {
	// URL is a bucket URL in which {bucket} stands for the bucket's name. Without {bucket} every name means this bucket.
	URL string
	// Identities are the URLs used instead for those who read as an origin access identity, by its id. Where there are any,
	// an id that is not among them is an error; where there are none, all identities read as URL says.
	Identities map[string]string
	// Anonymous makes those who have no identity read without credentials; otherwise they read as URL says.
	Anonymous bool
	// Public tells of a bucket whether everybody may read it, where its service cannot tell; nil means that all may be read.
	// It is asked with Anonymous alone.
	Public func(bucket string) bool
	// Options are those of each bucket; nil means none.
	Options *Options

	mu     sync.Mutex
	opened map[string]*opening // by URL
	closed bool
}

type opening struct {
	done chan struct{} // closed when o and err are set
	o    *Origin
	err  error
}

var errClosed = errors.New("bucket: buckets are closed")

// Origin returns the bucket of that name, as identity reads it; "" means that there is no identity. The Origin stays open
// until b is closed, and is the same one for all who ask.
func (b *Buckets) Origin(ctx context.Context, bucket, identity string) (origin.Origin, error) {
	if err := checkName(bucket); err != nil {
		return nil, err
	}
	template, err := b.template(bucket, identity)
	if err != nil {
		return nil, err
	}
	if template == "" {
		return closedOrigin{}, nil
	}
	url := strings.ReplaceAll(template, "{bucket}", bucket)
	for {
		op, mine, err := b.claim(url)
		if err != nil {
			return nil, err
		}
		if mine {
			b.open(ctx, url, op)
		}
		select {
		case <-op.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if op.err == nil {
			return op.o, nil
		}
		if mine || ctx.Err() != nil {
			return nil, op.err
		}
	}
}

// template is the URL by which an identity reads a bucket; "" where it may not.
func (b *Buckets) template(bucket, identity string) (string, error) {
	if identity != "" {
		if t, ok := b.Identities[identity]; ok || len(b.Identities) == 0 {
			return cmp.Or(t, b.URL), nil
		}
		return "", fmt.Errorf("bucket: the origin access identity %q is not known", identity)
	}
	if !b.Anonymous {
		return b.URL, nil
	}
	template, ok := anonymous(b.URL)
	if !ok && b.Public != nil && !b.Public(bucket) {
		return "", nil
	}
	return template, nil
}

// claim returns the opening of url, and whether it is the caller who has to open it.
func (b *Buckets) claim(url string) (op *opening, mine bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, false, errClosed
	}
	if op := b.opened[url]; op != nil {
		return op, false, nil
	}
	if b.opened == nil {
		b.opened = make(map[string]*opening)
	}
	op = &opening{done: make(chan struct{})}
	b.opened[url] = op
	return op, true, nil
}

// open opens url. A failure is not kept: it is for its caller alone, since it may be due to its ctx.
func (b *Buckets) open(ctx context.Context, url string, op *opening) {
	op.o, op.err = open(ctx, url, b.Options)
	b.mu.Lock()
	if op.err != nil {
		delete(b.opened, url)
	}
	b.mu.Unlock()
	close(op.done)
}

// Close closes the buckets that were opened; no more are opened after it.
func (b *Buckets) Close() error {
	b.mu.Lock()
	b.closed = true
	opened := b.opened
	b.opened = nil
	b.mu.Unlock()
	var errs []error
	for _, op := range opened {
		<-op.done
		if op.err == nil {
			errs = append(errs, op.o.Close())
		}
	}
	return errors.Join(errs...)
}

// nameShape is what S3's naming rules let stand in a bucket's name: nothing that means something in a URL or a path.
var nameShape = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// checkName holds a name against S3's rules for general purpose buckets.
func checkName(name string) error {
	_, notIP := netip.ParseAddr(name)
	if !nameShape.MatchString(name) || strings.Contains(name, "..") || notIP == nil {
		return fmt.Errorf("bucket: %q is not a bucket name as S3's naming rules have it", name)
	}
	return nil
}
