package web

import (
	"runtime"
	"testing"
)

func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"bytes 0-0/10", "bytes 5-9/10", "bytes */10", "bytes 0-0/*", "bytes 9-1/10", "", "bytes -1-2/9223372036854775808"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := parseContentRange(header)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > uint64(64<<10+10*len(header)) {
			t.Errorf("%d bytes are allocated for a header of %d", n, len(header))
		}
		if err == nil && (r.first < 0 || r.last < r.first || r.size <= r.last) {
			t.Errorf("%q is %+v", header, r)
		}
	})
}
