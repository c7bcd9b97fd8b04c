package flv_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
)

func Example() {
	if err := play(context.Background(), "testdata/avc-aac-index.flv", 5*time.Second); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 6.191s [avc1 mp4a]
	// from 4s
	// 9 4000 49 avc1 false
	// 8 4000 7 mp4a false
	// 9 4000 597 avc1 true
}

func play(ctx context.Context, name string, from time.Duration) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	stat, err := file.Stat()
	if err != nil {
		return err
	}
	in := flv.NewInput(file, stat.Size())
	film, err := flv.Open(ctx, in)
	if err != nil {
		return err
	}
	var codecs []flv.Codec
	for _, t := range film.Info().Tracks {
		codecs = append(codecs, t.Codec)
	}
	fmt.Println(film.Info().Duration, codecs)
	r := film.NewReader(in)
	at, err := r.Seek(ctx, from)
	if err != nil {
		return err
	}
	fmt.Println("from", at)
	for range 3 {
		tag, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Println(tag.Type, tag.Timestamp, tag.Len(), tag.Codec(), tag.KeyFrame())
	}
	return nil
}
