// Package chunk is RTMP's chunk stream: messages cut into chunks and put together again (RTMP 1.0, sections 5.3 and 5.4).
//
// Writing needs no object. [Append] adds a message to a buffer, cut for the chunk size that was last announced to the
// peer; [Cut] does the same piecewise, for a message that is larger than the buffer. Each message starts with a full
// header and an absolute timestamp, so there is no state between messages:
//
//	buf = chunk.AppendSetChunkSize(buf, 65536)
//	buf = chunk.Append(buf, &chunk.Message{ChunkStream: 6, Type: chunk.TypeAudio, Stream: 1, Payload: body}, 65536)
//	conn.Write(buf)
//
//	r := chunk.NewReader(conn, chunk.Limits{})
//	for {
//		m, err := r.ReadMessage() // m.Payload is valid until the next call
//		if err != nil {
//			return err
//		}
//		handle(&m)
//	}
//
// A [Reader] takes every header form that the specification has, and the deviations of living clients: a timestamp that
// is not repeated where it should be, and a chunk stream that starts with a header of type 1. While it waits between
// messages it holds no buffer.
//
// Specifications: Adobe's Real Time Messaging Protocol Chunk Stream and RTMP Commands Messages, version 1.0, 2012.
package chunk
