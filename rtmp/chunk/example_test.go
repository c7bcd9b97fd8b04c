package chunk_test

import (
	"bytes"
	"fmt"
	"io"

	"github.com/seed-3309b198/reelfront/rtmp/chunk"
)

func Example() {
	wire := chunk.AppendSetChunkSize(nil, 4096)
	wire = chunk.Append(wire, &chunk.Message{
		ChunkStream: 7, Type: chunk.TypeVideo, Stream: 1, Timestamp: 40,
		Head: []byte{0x27, 1, 0, 0, 0}, Payload: make([]byte, 10000),
	}, 4096)
	wire = chunk.AppendUserControl(wire, chunk.EventStreamEOF, 1)

	r := chunk.NewReader(bytes.NewReader(wire), chunk.Limits{})
	for {
		m, err := r.ReadMessage()
		if err == io.EOF {
			break
		} else if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println("type", m.Type, "at", m.Timestamp, "ms:", len(m.Payload), "bytes")
	}
	fmt.Println(r.BytesRead(), "bytes read")
	// Output:
	// type 9 at 40 ms: 10005 bytes
	// type 4 at 0 ms: 6 bytes
	// 10053 bytes read
}
