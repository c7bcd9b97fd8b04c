package mp3

import (
	"encoding/binary"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg1audio"
	"github.com/stretchr/testify/require"
)

// TestHeaderAgainstMediacommon compares every header of layers II and III that mediacommon knows.
func TestHeaderAgainstMediacommon(t *testing.T) {
	t.Parallel()
	known := 0
	for low := range uint32(1 << 20) {
		b := binary.BigEndian.AppendUint32(nil, 0xFFF0_0000|low)
		var want mpeg1audio.FrameHeader
		if want.Unmarshal(append(b, 0)) != nil || b[3]&3 == 2 {
			continue
		}
		h, ok := parseHeader(b)
		known++
		same := ok && h.layer == want.Layer && h.bitrate == want.Bitrate && h.rate == want.SampleRate &&
			h.mono == (want.ChannelMode == mpeg1audio.ChannelModeMono) && h.size <= maxFrame*2 &&
			h.ticks()*int64(h.rate)/ticksPerSecond == int64(want.SampleCount())
		if h.layer == 3 && !want.MPEG2 { // of MPEG-2 it has the length of layer II
			same = same && h.size == want.FrameLen() && h.size <= maxFrame
		}
		if !same {
			t.Fatalf("%x: %+v, want %+v", b, h, want)
		}
	}
	require.Greater(t, known, 100_000)
}

func TestHeader(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		head  uint32
		size  int
		sound byte
	}{
		{"MPEG-1 44.1 kHz stereo", 0xFFFB_9044, 417, 0x2F},
		{"MPEG-1 44.1 kHz stereo, padded", 0xFFFB_9244, 418, 0x2F},
		{"MPEG-1 44.1 kHz mono", 0xFFFB_90C4, 417, 0x2E},
		{"MPEG-1 48 kHz", 0xFFFB_9404, 384, 0x2F},
		{"MPEG-1 32 kHz, longest", 0xFFFB_EA04, maxFrame, 0x2F},
		{"MPEG-2 22.05 kHz", 0xFFF3_8044, 208, 0x2B},
		{"MPEG-2 24 kHz", 0xFFF3_8444, 192, 0x2B},
		{"MPEG-2 16 kHz mono", 0xFFF3_88C4, 288, 0x2A},
		{"MPEG-2.5 11.025 kHz", 0xFFE3_8044, 417, 0x27},
		{"MPEG-2.5 12 kHz mono", 0xFFE3_84C4, 384, 0x26},
		{"MPEG-2.5 8 kHz mono", 0xFFE3_88C4, 576, 0x26},
		{"MPEG-2.5 8 kHz stereo", 0xFFE3_8844, 576, 0x27},
		{"with CRC", 0xFFFA_9044, 417, 0x2F},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h, ok := parseHeader(binary.BigEndian.AppendUint32(nil, c.head))
			require.True(t, ok)
			require.True(t, h.plays())
			require.Equal(t, c.size, h.size)
			require.Equal(t, c.sound, h.soundByte())
		})
	}
	for name, head := range map[string]uint32{
		"no sync": 0xFEFB_9044, "reserved version": 0xFFEB_9044, "reserved layer": 0xFFF9_9044,
		"bad bit rate": 0xFFFB_F044, "reserved rate": 0xFFFB_9C44, "reserved emphasis": 0xFFFB_9046,
	} {
		_, ok := parseHeader(binary.BigEndian.AppendUint32(nil, head))
		require.False(t, ok, name)
	}
	free, ok := parseHeader([]byte{0xFF, 0xFB, 0x00, 0x44})
	require.True(t, ok)
	require.False(t, free.plays())
}

func TestTicks(t *testing.T) {
	t.Parallel()
	for _, base := range rates {
		for _, rate := range []int{base, base / 2, base / 4} {
			require.Zero(t, ticksPerSecond%rate, rate)
		}
	}
	require.EqualValues(t, 26, milliseconds(1152*ticksPerSecond/44100))
	require.EqualValues(t, 1e9, duration(ticksPerSecond))
	require.EqualValues(t, 1<<63-1, scale(1<<62, 1<<62, 1))
}
