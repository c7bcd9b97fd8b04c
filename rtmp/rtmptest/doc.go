// Package rtmptest is an RTMP server in a test: what net/http/httptest is to HTTP.
//
//	func TestPlayer(t *testing.T) {
//		srv := rtmptest.NewServer(t, rtmptest.Clips())
//		film, err := player.Open(srv.URL + "/clip") // your own player
//		...
//		srv.Fail(&rtmptest.Fault{Err: fs.ErrPermission}) // and what does it make of that?
//		_, err = player.Open(srv.URL + "/clip")
//		...
//	}
//
// A Server listens on a port of the loopback interface and ends with the test. NewServer plays the files of any fs.FS, at
// Server.URL + "/name"; Clips are three short files of one film, clip.flv, clip.mp4 and clip.mp3. NewHandlerServer plays what a
// rtmp.Handler of the test's own does. Server.Config, before Start, is the place for TLS and for limits.
//
// A Fault is what can go wrong with a server, on demand. Give the player under test a deadline of its own: some wait for ever for
// a server that has told them of a failure, ffmpeg 5.1 among them when a film breaks off.
//
// # Specifications
//
// What goes over the wire is package rtmp's, and so are the specifications. How faults are told follows Flash Media Server:
// rtmp.StatusOf.
package rtmptest
