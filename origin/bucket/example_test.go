package bucket_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	_ "gocloud.dev/blob/fileblob" // links the driver of file:// URLs

	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/origin/bucket"
)

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "films")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "one.txt"), []byte("once upon a time"), 0o666); err != nil {
		log.Fatal(err)
	}
	films, err := bucket.Open(ctx, "file://"+filepath.ToSlash(dir))
	if err != nil {
		log.Fatal(err)
	}
	defer films.Close()
	film, err := films.Open(ctx, "one.txt")
	if err != nil {
		log.Fatal(err)
	}
	defer film.Close()
	r := origin.NewReader(film)
	defer r.Close()
	window, err := r.Window(ctx, 5, 6)
	fmt.Printf("%q %v\n", window, err)
	// Output: "upon a" <nil>
}
