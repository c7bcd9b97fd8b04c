// Package rtmp is an RTMP server and client for video on demand. It paces, seeks, pauses and says what happens, as Flash
// Media Server did; where the media comes from is a Handler's matter. Package rtmp/vod has one that plays files.
//
// A server:
//
//	films := origin.FS(os.DirFS("/srv/films"))
//	srv := &rtmp.Server{Handler: &vod.Handler{App: "vod", Origin: films}}
//	log.Fatal(srv.ListenAndServe(":1935")) // rtmp://127.0.0.1/vod/mp4:trailers/one.mp4
//
// A client:
//
//	c, err := rtmp.Dial(ctx, "rtmp://127.0.0.1/vod/mp4:trailers/one.mp4", nil)
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer c.Close()
//	if err := c.Connect(ctx); err != nil {
//		log.Fatal(err)
//	}
//	stream, err := c.CreateStream(ctx) // and then stream.Play, stream.ReadTag: see the example of Dial
//
// # A handler of your own
//
// Handler.Connect answers a client with an App, App.Play answers a stream name with a Source, and a Source yields FLV tags:
//
//	h := rtmp.HandlerFunc(func(ctx context.Context, r *rtmp.ConnectRequest) (rtmp.App, error) {
//		if r.App != "radio" {
//			return nil, &rtmp.StatusError{Code: rtmp.CodeConnectRejected, Description: "There is only radio."}
//		}
//		return radio, nil
//	})
//
// Errors are told to the client by StatusOf: one that wraps fs.ErrNotExist or fs.ErrPermission as what it is, a *StatusError
// word for word. To decide who plays what among files, wrap a vod.Handler or set its Authorize instead. An example with a Source
// is that of rtmptest.NewHandlerServer.
//
// # Who runs what
//
// Each connection has a goroutine that reads and answers commands, and each NetStream that plays has a player, which runs on
// another one while there is something to be done, and on none in between. Handler.Connect runs on the reading goroutine.
// App.Play and the methods of a Source run on the player's, never two at once for one NetStream, but not always on the same
// one; the player closes each Source that it was given, once. The context of Play ends at
// closeStream, at disconnect and at the end of the server. Those of Next and Seek also end when the viewer seeks, pauses,
// plays something else or closes the stream; Seek may be called again after that.
//
// A player pulls: it asks its Source for what is due, copies it into one buffer and writes that at once, twice a second
// or less. A viewer who does not keep up blocks the write and so the Source; nothing is queued or dropped. The reading
// goroutine does not wait for the player's writes.
//
// # Doors
//
// RTMP is spoken in six ways, on every listener at once, and the first bytes of a connection tell which: rtmp; rtmpe,
// enciphered; rtmpt and rtmpte, the two of them in HTTP requests; and where Server.TLSConfig is set, rtmps and rtmpts, in
// TLS. ConnectRequest.Protocol says what a viewer chose. HTTP requests that are no tunnel's go to Server.HTTP. The client
// dials all six.
//
// # Specifications
//
//   - Adobe, Real-Time Messaging Protocol (RTMP) specification 1.0, 2012
//   - Veovera, Enhanced RTMP v2
//   - Adobe, ActionScript 3.0 Reference, NetConnection and NetStream; Flash Media Server 3.5 where it did otherwise
//   - What lies below: rtmp/door, rtmp/handshake, rtmp/chunk, rtmp/tunnel, flv/amf
package rtmp
