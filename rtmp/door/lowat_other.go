//go:build !linux

package door

import "net"

// limitUnsent does nothing where the option is not known.
func limitUnsent(net.Conn) {}
