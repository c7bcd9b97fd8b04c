package demux_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/demux"
)

func ExampleOpen() {
	ctx := context.Background()
	file, err := os.Open("../mp3/testdata/art.mp3")
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	stat, err := file.Stat()
	if err != nil {
		log.Fatal(err)
	}
	in := flv.NewInput(file, stat.Size())
	f, err := demux.Open(ctx, in, "")
	if err != nil {
		log.Fatal(err)
	}
	tag, err := f.NewReader(in).Next(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(f.Info().Format, f.Info().Tracks[0].Codec, tag.Type, tag.Len())
	// Output: mp3 .mp3 8 145
}
