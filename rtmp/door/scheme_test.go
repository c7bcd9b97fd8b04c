package door

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScheme(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, port string
		want       Scheme
	}{
		{"rtmp", "1935", Scheme{}},
		{"rtmpe", "1935", Scheme{Enciphered: true}},
		{"rtmps", "443", Scheme{Secure: true}},
		{"rtmpt", "80", Scheme{Tunnelled: true}},
		{"rtmpte", "80", Scheme{Tunnelled: true, Enciphered: true}},
		{"rtmpts", "443", Scheme{Tunnelled: true, Secure: true}},
	}
	for _, tt := range tests {
		got, ok := ParseScheme(tt.name)
		require.True(t, ok, tt.name)
		require.Equal(t, tt.want, got, tt.name)
		require.Equal(t, tt.name, got.String())
		require.Equal(t, tt.port, got.Port(), tt.name)
	}
	upper, ok := ParseScheme("RTMPTE")
	require.True(t, ok)
	require.Equal(t, "rtmpte", upper.String())
	require.Equal(t, "rtmps", Scheme{Secure: true, Enciphered: true}.String())
	for _, name := range []string{"", "http", "rtmpx", "rtmpet", "rtmpse", "rtmptt", "rtm", " rtmp", "rtmfp"} {
		_, ok := ParseScheme(name)
		require.False(t, ok, name)
	}
}
