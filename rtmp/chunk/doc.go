// Package chunk is RTMP's chunk stream: messages cut into chunks and put together again.
package chunk
