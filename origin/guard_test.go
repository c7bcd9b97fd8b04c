package origin_test

import (
	"context"
	"io/fs"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/origin"
)

// script answers the first calls as told, and all later ones properly.
func script(faults ...fault) func(int) fault {
	return func(call int) fault {
		if call < len(faults) {
			return faults[call]
		}
		return none
	}
}

func readRange(ctx context.Context, o origin.Origin, off int64, n int) ([]byte, error) {
	obj, err := o.Open(ctx, "film")
	if err != nil {
		return nil, err
	}
	defer obj.Close()
	p := make([]byte, n)
	n, err = obj.ReadAt(ctx, p, off)
	return p[:n], err
}

func TestGuardTriesAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		faults []fault
		want   error
		within time.Duration
	}{
		"sound":             {nil, nil, 0},
		"one error":         {[]fault{fails}, nil, 150 * time.Millisecond},
		"open and read":     {[]fault{fails, none, fails}, nil, 300 * time.Millisecond},
		"three errors":      {[]fault{fails, fails, fails}, nil, 1050 * time.Millisecond},
		"four errors":       {[]fault{fails, fails, fails, fails}, errFake, 1050 * time.Millisecond},
		"hangs":             {[]fault{hangs, none, hangs}, nil, 20*time.Second + 300*time.Millisecond},
		"hangs for long":    {[]fault{hangs, hangs, hangs, hangs}, context.DeadlineExceeded, 30 * time.Second},
		"short":             {[]fault{none, falls, falls, falls, falls, falls, falls}, nil, 2 * time.Second},
		"drips":             {[]fault{none, drips, drips}, nil, 10*time.Second + 300*time.Millisecond},
		"throttled":         {[]fault{throttles}, nil, 3150 * time.Millisecond},
		"changed":           {[]fault{none, changes}, origin.ErrChanged, 0},
		"not to be read":    {[]fault{forbids}, fs.ErrPermission, 0},
		"short to the last": {[]fault{none, falls, fails, fails, fails}, nil, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				data := randomBytes(100_000)
				f := newFake("film", data)
				f.fault = script(c.faults...)
				begin := time.Now()
				got, err := readRange(t.Context(), origin.Guard{}.Wrap(f), 5, 90_000)
				require.ErrorIs(t, err, c.want)
				if c.want == nil {
					require.Equal(t, data[5:90_005], got)
				}
				require.LessOrEqual(t, time.Since(begin), c.within)
			})
		})
	}
}

func TestGuardLeavesAFailingOriginAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("film", []byte("data"))
		f.fault = always(fails)
		o := origin.Guard{Attempts: 1, BreakFor: 10 * time.Second}.Wrap(f)
		for range 20 {
			_, err := o.Open(t.Context(), "film")
			require.ErrorIs(t, err, errFake)
		}
		opens, _, _ := f.counts()
		require.Equal(t, 5, opens)
		time.Sleep(15 * time.Second)
		_, err := o.Open(t.Context(), "film")
		require.ErrorIs(t, err, errFake)
		for range 3 {
			_, err := o.Open(t.Context(), "film")
			require.ErrorContains(t, err, "left alone")
		}
		opens, _, _ = f.counts()
		require.Equal(t, 6, opens, "one tries")
		f.breaks(nil)
		time.Sleep(15 * time.Second)
		for range 3 {
			got, err := readRange(t.Context(), o, 0, 4)
			require.NoError(t, err)
			require.Equal(t, "data", string(got))
		}
		_, err = o.Open(t.Context(), "none")
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
}

func TestGuardRespectsThrottling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("film", []byte("data"))
		f.latency = 10 * time.Millisecond
		f.fault = script(throttles)
		o := origin.Guard{Parallel: 8}.Wrap(f)
		begin := time.Now()
		_, err := o.Open(t.Context(), "film")
		require.NoError(t, err)
		require.GreaterOrEqual(t, time.Since(begin), 3*time.Second, "the origin asked for 3 s")
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { _, _ = o.Open(context.Background(), "film") })
		}
		wg.Wait()
		require.LessOrEqual(t, f.most, 8)
		require.GreaterOrEqual(t, f.most, 7, "it recovers")
	})
}

func TestGuardBoundsCallsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("film", []byte("data"))
		f.latency = time.Second
		o := origin.Guard{Parallel: 3}.Wrap(f)
		begin := time.Now()
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				if i%4 == 3 {
					time.AfterFunc(1500*time.Millisecond, cancel)
				}
				_, _ = o.Open(ctx, "film")
			})
		}
		wg.Wait()
		require.Equal(t, 3, f.most)
		require.LessOrEqual(t, time.Since(begin), 4*time.Second)
	})
}

func TestGuardHedges(t *testing.T) {
	t.Parallel()
	for name, what := range map[string]fault{"hang": hangs, "drip": drips} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				data := randomBytes(1000)
				f := newFake("film", data)
				f.latency = 100 * time.Millisecond
				o := origin.Guard{Hedge: true}.Wrap(f)
				for range 30 {
					_, err := readRange(t.Context(), o, 0, 1000)
					require.NoError(t, err)
				}
				obj, err := o.Open(t.Context(), "film")
				require.NoError(t, err)
				f.breaks(func(call int) fault {
					if call == 61 {
						return what
					}
					return none
				})
				p := make([]byte, 1000)
				begin := time.Now()
				_, err = obj.ReadAt(t.Context(), p, 0)
				require.NoError(t, err)
				require.Equal(t, data, p)
				require.LessOrEqual(t, time.Since(begin), 250*time.Millisecond)
				require.NoError(t, obj.Close())
			})
		})
	}
}
