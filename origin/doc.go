// Package origin is where media files come from: anything that opens an object by its key and reads ranges of one version of
// it. Buckets are in origin/bucket, web servers in origin/web, files here (FS); origin/origintest tests one of your own.
//
// A Cache stands before any number of them:
//
//	cache := &origin.Cache{MemoryBytes: 256 << 20}
//	films := cache.Wrap("films", origin.FS(os.DirFS("/srv/films")))
//	film, err := films.Open(ctx, "trailers/one.mp4")
//	if err != nil {
//		log.Fatal(err) // errors.Is(err, fs.ErrNotExist)
//	}
//	defer film.Close()
//	r := origin.NewReader(film) // one for each viewer; their blocks are shared
//	defer r.Close()
//	window, err := r.Window(ctx, 0, 4096)
//
// An object is cut into blocks of 1 MiB. A block is read once for all who want it, together with the next one for whoever
// reads on; it is handed out without a copy, kept in memory as long as it is among the most wanted, and on disk where the
// Cache has a directory. A Guard, which every Cache has, keeps an origin's faults from its viewers as far as that can be.
//
// # An origin of your own
//
// It has Open, and its objects Info, ReadAt and Close; the example of origintest is a whole one. Three things are easily
// missed, and origintest.Run looks for each: an error for what does not exist wraps fs.ErrNotExist; Info tells two versions of
// one size apart, by ETag or ModTime; and ReadAt of a version that is gone fails with ErrChanged.
//
// # Specification
//
// Cache.Purge forgets what is kept of a key, a prefix or a whole space before its time; Cache.Stats tells at any time what
// was found where, and what origins were asked.
//
// How long an object is taken to be what it was follows RFC 9111 (Cache-Control, Expires) within the bounds that Amazon
// CloudFront set for RTMP distributions.
package origin
