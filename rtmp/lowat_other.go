//go:build !linux

package rtmp

import "net"

// limitUnsent does nothing where the option is not known.
func limitUnsent(net.Conn, int) {}
