package origin_test

import (
	"context"
	"fmt"
	"log"
	"testing/fstest"

	"github.com/seed-3309b198/reelfront/origin"
)

func Example() {
	ctx := context.Background()
	files := fstest.MapFS{"trailers/one.txt": {Data: []byte("once upon a time")}}
	cache := &origin.Cache{MemoryBytes: 64 << 20}
	defer cache.Close()
	film, err := cache.Wrap("films", origin.FS(files)).Open(ctx, "trailers/one.txt")
	if err != nil {
		log.Fatal(err)
	}
	defer film.Close()
	viewer := origin.NewReader(film)
	defer viewer.Close()
	window, err := viewer.Window(ctx, 5, 6)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q of %d bytes\n", window, viewer.Size())
	// Output: "upon a" of 16 bytes
}

// A file was replaced before its time in the cache was over: whoever plays it from now on gets the new one.
func ExampleCache_Purge() {
	ctx := context.Background()
	files := fstest.MapFS{"news/today.txt": {Data: []byte("old")}, "news/weather.txt": {Data: []byte("rain")}}
	cache := &origin.Cache{}
	defer cache.Close()
	films := cache.Wrap("films", origin.FS(files))
	show := func() {
		film, err := films.Open(ctx, "news/today.txt")
		if err != nil {
			log.Fatal(err)
		}
		defer film.Close()
		text := make([]byte, film.Info().Size)
		if _, err := film.ReadAt(ctx, text, 0); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", text)
	}
	show()
	files["news/today.txt"] = &fstest.MapFile{Data: []byte("new one")}
	show()
	fmt.Println(cache.Purge("films", "news/today.txt"), "object") // or "news/*", or "*" for the whole space
	show()
	// Output:
	// old
	// old
	// 1 object
	// new one
}
