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
// A Server listens on a port of the loopback interface and ends with the test. It plays the files of any fs.FS, or what a
// rtmp.Handler of the test's own plays. Clips are short files of each kind for tests that have none, and a Fault is what
// can go wrong with a server, on demand.
package rtmptest
