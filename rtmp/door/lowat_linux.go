package door

import (
	"net"
	"syscall"
)

// tcpNotSentLowat is TCP_NOTSENT_LOWAT, which package syscall does not name on every architecture (tcp(7)).
const tcpNotSentLowat = 25

// limitUnsent keeps the kernel from taking more than unsentBytes: a stalled viewer then holds some 200 kB of kernel
// memory and not 4 MB.
func limitUnsent(nc net.Conn) {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	// A kernel that does not know the option costs memory, not correctness.
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowat, unsentBytes)
	})
}
