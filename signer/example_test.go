package signer_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"log"
	"net/netip"
	"time"

	"github.com/seed-3309b198/reelfront/signer"
)

func Example() {
	private, err := rsa.GenerateKey(rand.Reader, 2048) // or signer.ParsePrivateKey(pem)
	if err != nil {
		log.Fatal(err)
	}
	name, err := signer.Sign("mp4:videos/film.mp4",
		signer.Policy{Expires: time.Now().Add(time.Hour)},
		signer.Key{ID: "APKAEXAMPLE", Signer: private})
	if err != nil {
		log.Fatal(err)
	}

	v := signer.Verifier{Key: func(id string) crypto.PublicKey {
		if id == "APKAEXAMPLE" {
			return private.Public()
		}
		return nil
	}}
	granted, err := v.Verify(name, []string{"videos/film.mp4"}, netip.MustParseAddr("192.0.2.7"))
	fmt.Println(granted, err)
	_, err = v.Verify("mp4:videos/film.mp4", []string{"videos/film.mp4"}, netip.MustParseAddr("192.0.2.7"))
	fmt.Println(err)
	// Output:
	// [videos/film.mp4] <nil>
	// not signed
}
