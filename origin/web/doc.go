// Package web makes an origin of a web server: what CloudFront called a custom origin, and never had for RTMP.
//
//	films, err := web.New("https://media.example.com/films", nil)
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer films.Close()
//	cache := &origin.Cache{MemoryBytes: 256 << 20}
//	handler := &vod.Handler{App: "vod", Origin: cache.Wrap("films", films)}
//
// The server must answer range requests (RFC 9110, section 14) with a length. A version is pinned by If-Range (section
// 13.1.5) with its ETag, or else its Last-Modified; without either, by its length alone.
package web
