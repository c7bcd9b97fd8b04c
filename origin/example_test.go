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
