// Package vod plays the files of an origin over RTMP: what http.FileServer is to HTTP.
//
//	cache := &origin.Cache{MemoryBytes: 256 << 20}
//	films := cache.Wrap("films", origin.FS(os.DirFS("/srv/films")))
//	srv := &rtmp.Server{Handler: &vod.Handler{App: "vod", Origin: films}}
//	log.Fatal(srv.ListenAndServe(":1935"))
//
// A stream name stands for a few object keys, because clients disagree about what they send: some put the directory into
// the connect command's app, some drop the extension and some add a prefix. Split and Path undo that, and Path.Keys are
// the keys, likeliest first. The first that exists is opened and its index, which all viewers of that version of the
// object share, is built once. Then the tracks are chosen that the client takes.
//
// Handler.Authorize decides who plays what, from the name and the keys.
//
// # Specifications
//
// Prefixes and extensions are those of Adobe Media Server ("Streaming media files") and of Amazon CloudFront's RTMP
// distributions.
package vod
