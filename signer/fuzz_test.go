package signer

import (
	"net/netip"
	"path"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzVerify changes valid names: what still verifies means the same as before.
func FuzzVerify(f *testing.F) {
	canned := "mp4:dir/film.mp4?a=1&" + cannedParams("dir/film.mp4")
	custom := "flv:dir/film?" + customParams(`{"Statement":[{"Resource":"dir/fil?.flv","Condition":{"IpAddress":{"AWS:SourceIp":"192.0.2.0/28"},"DateLessThan":{"AWS:EpochTime":2000}}}]}`)
	for i := range 8 {
		f.Add(i%2 == 0, uint16(i*5), uint8(i%3), "x")
	}
	f.Add(true, uint16(3), uint8(1), "&Expires=9000")
	f.Add(true, uint16(9), uint8(1), "%2e%2e/")
	f.Add(false, uint16(12), uint8(0), "m.flv?x=")
	f.Fuzz(func(t *testing.T, isCanned bool, at uint16, cut uint8, insert string) {
		name := custom
		if isCanned {
			name = canned
		}
		i := min(int(at), len(name))
		name = name[:i] + insert + name[min(i+int(cut), len(name)):]
		v := verifier()
		keys := keysOf(name)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		granted, err := v.Verify(name, keys, viewer)
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
		if err != nil {
			require.Nil(t, granted)
			return
		}
		require.NotEmpty(t, granted)
		for _, key := range granted {
			if isCanned {
				require.Contains(t, []string{"dir/film.mp4", "dir/film"}, withoutMedia(key))
			} else {
				require.Regexp(t, `^dir/fil.(\.flv)?$`, withoutMedia(key))
			}
		}
		v.Now = clock(2000)
		_, err = v.Verify(name, keys, viewer)
		require.ErrorIs(t, err, ErrExpired)
		if v.Now = clock(1000); !isCanned {
			_, err = v.Verify(name, keys, netip.MustParseAddr("192.0.2.16"))
			require.ErrorIs(t, err, ErrAddress)
		}
	})
}

// withoutMedia takes one extension off where there are two: what is signed with one is granted with the other, when
// the name asks for it.
func withoutMedia(key string) string {
	if base := strings.TrimSuffix(key, path.Ext(key)); strings.Contains(base, ".") {
		return base
	}
	return key
}
