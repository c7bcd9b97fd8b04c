package door_test

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/seed-3309b198/reelfront/rtmp/door"
)

// A server that says how a client came, and a client that comes through a tunnel.
func Example() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	doors := &door.Server{Handle: func(c *door.Conn) {
		defer c.Close()
		fmt.Fprintf(c, "You came by %s.", c.Scheme())
	}}
	go func() { _ = doors.Serve(l) }()
	defer doors.End(0)

	conn, err := new(door.Dialer).Dial(context.Background(), door.Scheme{Tunnelled: true}, l.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte{3}) // the version of RTMP, with which a handshake begins
	reply, _ := io.ReadAll(conn)
	fmt.Printf("%s\n", reply)
	// Output: You came by rtmpt.
}
