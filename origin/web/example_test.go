package web_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"testing/fstest"

	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/origin/web"
)

func Example() {
	ctx := context.Background()
	srv := httptest.NewServer(http.FileServerFS(fstest.MapFS{"films/one.txt": {Data: []byte("once upon a time")}}))
	defer srv.Close()
	films, err := web.New(srv.URL+"/films", nil)
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
