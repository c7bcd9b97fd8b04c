// Package rtmp is an RTMP server and client for video on demand.
package rtmp
