package chunk_test

import (
	"bytes"
	"testing"

	"github.com/seed-3309b198/reelfront/rtmp/chunk"
	"github.com/stretchr/testify/require"
)

func TestAppendControl(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		got  []byte
		want string // behind the timestamp
	}{
		{"chunk size", chunk.AppendSetChunkSize(nil, 65536), "000004 01 00000000 00010000"},
		{"chunk size without its top bit", chunk.AppendSetChunkSize(nil, 0xffffffff), "000004 01 00000000 7fffffff"},
		{"ack", chunk.AppendAck(nil, 0xfffffffe), "000004 03 00000000 fffffffe"},
		{"window", chunk.AppendWindowAckSize(nil, 2500000), "000004 05 00000000 002625a0"},
		{"bandwidth", chunk.AppendSetPeerBandwidth(nil, 2500000, chunk.LimitDynamic), "000005 06 00000000 002625a0 02"},
		{"stream begin", chunk.AppendUserControl(nil, chunk.EventStreamBegin, 1), "000006 04 00000000 0000 00000001"},
		{"buffer length", chunk.AppendUserControl(nil, chunk.EventSetBufferLength, 1, 3000),
			"00000a 04 00000000 0003 00000001 00000bb8"},
		{"pong", chunk.AppendUserControl(nil, chunk.EventPong, 0x01020304), "000006 04 00000000 0007 01020304"},
		{"SWF verification", chunk.AppendUserControl(nil, chunk.EventSWFVerifyRequest), "000003 04 00000000 001a 01"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, unhex(t, "02 000000 "+c.want), c.got)
		})
	}
}

func TestParseUserControl(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		want       chunk.UserControl // without Data, which is what follows the event
		bad        bool
	}{
		{name: "stream EOF", body: "0001 00000001", want: chunk.UserControl{Event: chunk.EventStreamEOF, Value: 1}},
		{name: "buffer length", body: "0003 00000001 00000bb8",
			want: chunk.UserControl{Event: chunk.EventSetBufferLength, Value: 1, Buffer: 3000}},
		{name: "ping", body: "0006 01020304", want: chunk.UserControl{Event: chunk.EventPing, Value: 0x01020304}},
		{name: "buffer ready", body: "0020 00000001", want: chunk.UserControl{Event: chunk.EventBufferReady, Value: 1}},
		{name: "SWF verification", body: "001a 01", want: chunk.UserControl{Event: chunk.EventSWFVerifyRequest}},
		{name: "unknown and empty", body: "0063", want: chunk.UserControl{Event: 99}},
		{name: "trailing bytes", body: "0000 00000001 ff", want: chunk.UserControl{Value: 1}},
		{name: "nothing", body: "", bad: true},
		{name: "half an event", body: "00", bad: true},
		{name: "short stream id", body: "0000 000000", bad: true},
		{name: "buffer length without ms", body: "0003 00000001 0000", bad: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			body := unhex(t, c.body)
			got, err := chunk.ParseUserControl(body)
			if c.bad {
				var violation *chunk.Error
				require.ErrorAs(t, err, &violation)
				return
			}
			require.NoError(t, err)
			c.want.Data = body[2:]
			require.Equal(t, c.want, got)
		})
	}
}

func TestParseNumber(t *testing.T) {
	t.Parallel()
	n, err := chunk.ParseNumber([]byte{0, 0x26, 0x25, 0xa0, 2})
	require.NoError(t, err)
	require.EqualValues(t, 2500000, n)
	_, err = chunk.ParseNumber([]byte{0, 0, 1})
	require.EqualError(t, err, "chunk: control message length 3: less than 4 bytes")
}

// The messages that the caller acts on reach it; the two that concern the chunk stream alone do not.
func TestControlReachesCaller(t *testing.T) {
	t.Parallel()
	var wire []byte
	wire = chunk.AppendSetChunkSize(wire, 4096)
	wire = chunk.AppendAck(wire, 1)
	wire = chunk.AppendWindowAckSize(wire, 2)
	wire = chunk.AppendSetPeerBandwidth(wire, 3, chunk.LimitHard)
	wire = chunk.AppendUserControl(wire, chunk.EventStreamBegin, 4)
	messages, _ := readAll(chunk.NewReader(bytes.NewReader(wire), chunk.Limits{}))
	var types []chunk.Type
	for _, m := range messages {
		types = append(types, m.Type)
		require.EqualValues(t, chunk.ControlStream, m.ChunkStream)
	}
	require.Equal(t, []chunk.Type{chunk.TypeAck, chunk.TypeWindowAckSize, chunk.TypeSetPeerBandwidth,
		chunk.TypeUserControl}, types)
}
