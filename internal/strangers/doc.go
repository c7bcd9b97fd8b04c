// Package strangers is what tests have of the world outside: programs that others wrote, which play from a server, stand
// in front of it or hold its films, and real files with records of what is in them. Tests alone import it.
//
//	func TestFFprobe(t *testing.T) {
//		for _, file := range strangers.Media(t, ".flv", ".mp4") {
//			got := strangers.Run(t, "ffprobe", "-v", "error", file)
//			require.NoError(t, got.Err, got.Stderr)
//		}
//	}
//
// A test whose program is not installed is skipped, with the program's name, or fails if REELFRONT_REQUIRE_TOOLS is 1.
// REELFRONT_MEDIA names the folder of real files, and the tests that play them are skipped where it is not set.
package strangers
