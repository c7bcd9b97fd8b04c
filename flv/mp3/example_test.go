package mp3_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/mp3"
)

func ExampleOpen() {
	ctx := context.Background()
	file, err := os.Open("testdata/cbr.mp3")
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	stat, err := file.Stat()
	if err != nil {
		log.Fatal(err)
	}
	in := flv.NewInput(file, stat.Size())
	f, err := mp3.Open(ctx, in)
	if err != nil {
		log.Fatal(err)
	}
	r := f.NewReader(in)
	at, err := r.Seek(ctx, time.Second)
	if err != nil {
		log.Fatal(err)
	}
	n := 0
	for {
		if _, err := r.Next(ctx); err == io.EOF {
			break
		} else if err != nil {
			log.Fatal(err)
		}
		n++
	}
	fmt.Println(f.Info().Duration.Round(time.Millisecond), "long;", n, "frames from", at)
	// Output: 1.541s long; 21 frames from 993ms
}
