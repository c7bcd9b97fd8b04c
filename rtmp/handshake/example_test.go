package handshake_test

import (
	"fmt"
	"io"
	"net"
	"time"

	"github.com/seed-3309b198/reelfront/rtmp/handshake"
)

func Example() {
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		result, err := handshake.Client(far, &handshake.ClientOptions{Protocol: handshake.RTMPE})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Fprint(result.Conn, "connect")
	}()

	near.SetDeadline(time.Now().Add(10 * time.Second))
	result, err := handshake.Server(near, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	near.SetDeadline(time.Time{})
	command, err := io.ReadAll(result.Conn)
	fmt.Println(result.Protocol == handshake.RTMPE, string(command), err)
	// Output: true connect <nil>
}
