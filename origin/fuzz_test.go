package origin

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// requireFrugal fails when f allocates more than limit bytes. Nothing else runs in a fuzzing process.
func requireFrugal(t *testing.T, limit uint64, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > limit {
		t.Errorf("%d bytes are allocated, of %d at most", n, limit)
	}
}

func FuzzMaxAge(f *testing.F) {
	for _, s := range []string{"", "max-age=60", `public, MAX-AGE="7200", x`, "no-store", "max-age=99999999999999999999", "max-age=-1", ",,=,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		var age time.Duration
		var ok bool
		requireFrugal(t, uint64(64<<10+4*len(header)), func() { age, ok = maxAge(header) })
		if age < 0 || age > defaultMaxTTL || !ok && age != 0 {
			t.Errorf("%q is fresh for %v, %v", header, age, ok)
		}
	})
}

func FuzzDiskFile(f *testing.F) {
	c := &Cache{}
	v := c.newVersion(entryKey{"space", "film.mp4"}, Info{Size: 10, ETag: "v", ModTime: time.Unix(1, 0)})
	k := blockKey{v.id, 0}
	whole := diskImage(k, &block{data: []byte("0123456789"), of: v})
	for _, b := range [][]byte{whole, whole[:len(whole)-1], whole[:diskNamesAt], whole[:3], nil, append([]byte("x"), whole...)} {
		f.Add(b)
	}
	path := filepath.Join(f.TempDir(), "file")
	f.Fuzz(func(t *testing.T, file []byte) {
		var data []byte
		var err error
		requireFrugal(t, uint64(64<<10+len(file)), func() { data, err = parseBlock(file, k, v) })
		if err == nil && (len(data) > len(file) || string(file) != string(diskImage(k, &block{data: data, of: v}))) {
			t.Errorf("%q passes for a block's file", file)
		}
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		var space, key string
		requireFrugal(t, 64<<10, func() { space, key, err = readNames(path) })
		if err == nil && len(space)+len(key) > len(file) {
			t.Error("names longer than their file")
		}
	})
}

func FuzzValidKey(f *testing.F) {
	for _, s := range []string{"a/b", "", "..", "a/../b", "a//b", "/a", "a\\b", "a\x00", "\xff", strings.Repeat("a", 1025)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, key string) {
		valid := false
		requireFrugal(t, 64<<10, func() { valid = ValidKey(key) })
		if !valid {
			return
		}
		if filepath.IsAbs(key) || strings.HasPrefix(key, "/") || filepath.ToSlash(filepath.Clean(key)) != key || key == "." || len(key) > 1024 {
			t.Errorf("%q is no clean key", key)
		}
		for part := range strings.SplitSeq(key, "/") {
			if part == ".." || part == "" || part == "." {
				t.Errorf("%q is no clean key", key)
			}
		}
	})
}
