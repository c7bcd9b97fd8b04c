package amf

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzDecode(f *testing.F) {
	for _, c := range amf0Cases {
		f.Add(unhex(c.wire))
	}
	f.Add(connectBody())
	f.Add(unhex("11 09 05 01 0a 13 03 43 03 6b 04 01 0a 01 04 02"))
	f.Add(unhex("0a 00000002 03 0001 61 00 3ff0000000000000 000009 07 0001"))
	f.Add(unhex("11 0d 03 00 ffffffff 11 0e 03 01 ffffffff 11 0f 03 00 400c000000000000 11 10 03 00 01 03 11 11 03 00 06 03 6b 03"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<20 {
			return
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		values, err := Decode(b)
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20))
		if err != nil {
			var bad *DecodeError
			require.ErrorAs(t, err, &bad)
			require.LessOrEqual(t, bad.Offset, len(b))
		}
		first, err := Append(nil, values...)
		require.NoError(t, err)
		again, err := Decode(first)
		require.NoError(t, err)
		second, err := Append(nil, again...)
		require.NoError(t, err)
		require.Equal(t, first, second)
	})
}
