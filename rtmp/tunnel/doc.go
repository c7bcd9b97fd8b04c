// Package tunnel carries a byte stream through HTTP: RTMPT, and with TLS below or RTMPE inside RTMPTS and RTMPTE.
//
// A [Handler] is an http.Handler for the requests of the tunnels and a net.Listener that yields each of them as a
// net.Conn. [Dial] is the client's side.
//
//	tunnels := new(tunnel.Handler)
//	go http.ListenAndServe(":80", tunnels)
//	for {
//		conn, err := tunnels.Accept()
//		if err != nil {
//			return err
//		}
//		go serve(conn) // reads C0 and C1, as from a TCP connection
//	}
//
// # Requests
//
// Adobe never published RTMPT; this is what Flash Media Server, Red5, librtmp and FFmpeg have in common. All requests are
// POST, with Content-Type application/x-fcs:
//
//	path               request body   reply
//	/fcs/ident2        one byte       404: there is no other host to go to
//	/open/1            one byte       the session's id and a newline
//	/send/<id>/<seq>   bytes          the interval byte, then bytes
//	/idle/<id>/<seq>   one byte       the interval byte, then bytes
//	/close/<id>/<seq>  one byte       one byte, 0
//
// The sequence number starts at 0 and rises by one with each request of a session. The interval byte asks the client to wait
// before it polls again, in steps of about 1/64 s: 1, for at once, after data, more when there was none for long, 0 when the
// server has closed the stream.
//
// # Proxies
//
// A session is tied neither to a TCP connection nor to a source address, only to its id of 128 random bits. A request that a
// proxy repeats gets the same reply again and its body is not read twice; requests that overtake each other are put back in
// order. Every reply has a Content-Length, and HTTP/1.0 will do.
package tunnel
