package amf

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// connectBody is the connect command as rtmpdump sends it.
func connectBody() []byte {
	b, err := Append(nil, "connect", 1, Object{
		{"app", "cfx/st"}, {"flashVer", "LNX 10,0,32,18"}, {"tcUrl", "rtmp://127.0.0.1:1935/cfx/st"}, {"fpad", false},
		{"capabilities", 15}, {"audioCodecs", 4071}, {"videoCodecs", 252}, {"videoFunction", 1},
	})
	if err != nil {
		panic(err)
	}
	return b
}

func statusValues() []any {
	return []any{"onStatus", 0.0, nil, Object{
		{"level", "status"}, {"code", "NetStream.Play.Start"}, {"description", "Started playing film."},
		{"details", "film"}, {"clientid", 1.0},
	}}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	values, dst := statusValues(), make([]byte, 0, 1024)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, err := Append(dst, values...); err != nil {
			t.Fatal(err)
		}
	}))
}

func BenchmarkDecodeConnect(b *testing.B) {
	body := connectBody()
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := Decode(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendStatus(b *testing.B) {
	values, dst := statusValues(), make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Append(dst, values...); err != nil {
			b.Fatal(err)
		}
	}
}
