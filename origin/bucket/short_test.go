package bucket_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"

	"github.com/seed-3309b198/reelfront/origin/bucket"
)

// shortDriver is a bucket whose reads end before they should.
type shortDriver struct {
	driver.Bucket
	sent int
}

func (shortDriver) Close() error                       { return nil }
func (shortDriver) ErrorCode(error) gcerrors.ErrorCode { return gcerrors.Unknown }
func (shortDriver) ErrorAs(error, any) bool            { return false }

func (shortDriver) Attributes(context.Context, string) (*driver.Attributes, error) {
	return &driver.Attributes{Size: 1000, ETag: "1"}, nil
}

func (d shortDriver) NewRangeReader(context.Context, string, int64, int64, *driver.ReaderOptions) (driver.Reader, error) {
	return shortReader{bytes.NewReader(make([]byte, d.sent))}, nil
}

type shortReader struct{ *bytes.Reader }

func (shortReader) Close() error                         { return nil }
func (shortReader) Attributes() *driver.ReaderAttributes { return &driver.ReaderAttributes{Size: 1000} }
func (shortReader) As(any) bool                          { return false }

// TestShortAnswer says that an answer that is too short is not the end of the object.
func TestShortAnswer(t *testing.T) {
	t.Parallel()
	for _, sent := range []int{0, 5} {
		o := bucket.New(blob.NewBucket(shortDriver{sent: sent}), nil)
		obj, err := o.Open(t.Context(), "film")
		require.NoError(t, err)
		n, err := obj.ReadAt(t.Context(), make([]byte, 10), 10)
		require.Equal(t, sent, n)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.False(t, errors.Is(err, io.EOF), "%v", err)
		require.NoError(t, o.Close())
	}
}
