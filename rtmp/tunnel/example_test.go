package tunnel_test

import (
	"context"
	"fmt"
	"io"
	"net/http/httptest"

	"github.com/seed-3309b198/reelfront/rtmp/tunnel"
)

// A server that repeats what a client says, and the client.
func Example() {
	tunnels := new(tunnel.Handler)
	server := httptest.NewServer(tunnels)
	defer server.Close()
	go func() {
		for {
			conn, err := tunnels.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	defer tunnels.Close()

	conn, err := tunnel.Dial(context.Background(), server.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "Hello through HTTP")
	reply := make([]byte, len("Hello through HTTP"))
	_, _ = io.ReadFull(conn, reply)
	fmt.Println(string(reply))
	// Output: Hello through HTTP
}
