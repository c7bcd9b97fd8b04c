package mp4_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/mp4"
)

func Example() {
	file, err := os.Open("testdata/faststart.mp4")
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	stat, err := file.Stat()
	if err != nil {
		log.Fatal(err)
	}
	in := flv.NewInput(file, stat.Size())
	f, err := mp4.Open(context.Background(), in)
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range f.Info().Tracks {
		fmt.Printf("%d %s %q\n", t.ID, t.Codec, t.Language)
	}
	r := f.NewReader(in)
	at, err := r.Seek(context.Background(), 1500*time.Millisecond)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the key frame before 1.5 s is at", at)
	for range 3 {
		tag, err := r.Next(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d ms: type %d, % x\n", tag.Timestamp, tag.Type, tag.Head.Bytes())
	}
	// Output:
	// 1 avc1 ""
	// 2 mp4a "eng"
	// the key frame before 1.5 s is at 1s
	// 1000 ms: type 9, 17 00 00 00 00
	// 1000 ms: type 8, af 00
	// 1000 ms: type 9, 17 01 00 00 50
}
