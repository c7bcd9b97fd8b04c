// Package door is how RTMP's connections come in and go out, below the handshake: plainly, in TLS, in the HTTP requests of
// RTMPT, and through proxies.
//
// A [Server] serves any number of listeners. The first bytes of a connection tell through which door it comes, and each on
// which RTMP is to be spoken is handed on as a [Conn]:
//
//	doors := &door.Server{TLSConfig: config, Handle: func(c *door.Conn) {
//		defer c.Close()
//		peer, err := handshake.Server(c, nil)
//		if err != nil {
//			return
//		}
//		serve(peer.Conn) // speaks RTMP with a viewer at c.RemoteAddr()
//	}}
//	log.Fatal(doors.Serve(listener))
//
// A [Dialer] is the client's side: it goes out through the door that a [Scheme] names.
//
// # Time
//
// From its acceptance on a connection has Server.Handshake for all that comes before the first message: the read deadline is
// in force when Handle is called, which lifts it once hands are shaken. Writes end when they make no progress for Server.Write,
// however long they take.
//
// # Specifications
//
//   - RFC 8446, TLS 1.3, and RFC 7301, ALPN
//   - HAProxy, The PROXY protocol, versions 1 and 2
//   - X-Forwarded-For, as MDN describes it
//   - RTMPT: package rtmp/tunnel
package door
