// Command sign signs a stream name as Amazon CloudFront's private RTMP distributions want it, and prints what to paste.
//
//	go run ./examples/sign -key private.pem -key-pair-id APKAEXAMPLE -expires 1h mp4:videos/film.mp4
//	go run ./examples/sign -key private.pem -key-pair-id APKAEXAMPLE -resource 'videos/*' -source 203.0.113.0/24 mp4:videos/film.mp4
//
// It exits with 0, or with 2 and one line on standard error where a flag or a file is no good.
//
// Without -resource, -source and -from the policy is a canned one, which makes the shortest names. With a wildcard in
// -resource one signature opens many files.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/seed-3309b198/reelfront/signer"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	err := sign(args, stdout, stderr)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	default:
		fmt.Fprintln(stderr, "sign:", err)
		return 2
	}
}

func sign(args []string, stdout, stderr io.Writer) error {
	var policy signer.Policy
	f := flag.NewFlagSet("sign", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	keyFile := f.String("key", "", "PEM `file` of the signer's private key")
	keyPair := f.String("key-pair-id", "", "`id` of its key pair")
	expires := f.Duration("expires", time.Hour, "how long the name is valid")
	from := f.String("from", "", "`time` from when it is valid, 2026-01-02T15:04:05Z: a custom policy")
	f.StringVar(&policy.Resource, "resource", "", "`name`, with wildcards * and ?, of what may be played: a custom policy")
	f.TextVar(&policy.Source, "source", netip.Prefix{}, "`CIDR` of the viewers who may play it: a custom policy")
	app := f.String("url", "rtmp://127.0.0.1/cfx/st", "the streaming URL, for the lines to paste")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			f.SetOutput(stderr)
			fmt.Fprintln(stderr, "Usage: sign -key FILE -key-pair-id ID [flags] NAME")
			f.PrintDefaults()
		}
		return err
	}
	if *expires <= 0 {
		return fmt.Errorf("-expires: %s is over already", *expires)
	}
	if f.NArg() != 1 || *keyFile == "" || *keyPair == "" {
		return errors.New("give -key, -key-pair-id and one stream name")
	}
	if !strings.HasPrefix(*app, "rtmp") || !strings.Contains(*app, "://") {
		return fmt.Errorf("-url: %q is not of the form rtmp://host/cfx/st", *app)
	}
	policy.Expires = time.Now().Add(*expires)
	if *from != "" {
		var err error
		if policy.NotBefore, err = time.Parse(time.RFC3339, *from); err != nil {
			return fmt.Errorf("-from: %w", err)
		}
	}
	data, err := os.ReadFile(*keyFile)
	if err != nil {
		return err
	}
	key, err := signer.ParsePrivateKey(data)
	if err != nil {
		return fmt.Errorf("%s: %w", *keyFile, err)
	}
	name, err := signer.Sign(f.Arg(0), policy, signer.Key{ID: *keyPair, Signer: key})
	if err != nil {
		return err
	}
	printLines(stdout, strings.TrimSuffix(*app, "/"), name)
	return nil
}

// printLines prints the signed name, and command lines that play it. They name the application apart from the stream, since
// clients would take the name's directories for a part of it.
func printLines(w io.Writer, url, name string) {
	_, rest, _ := strings.Cut(url, "://")
	_, app, _ := strings.Cut(rest, "/")
	url, app, quotedName := quoted(url), quoted(app), quoted(name)
	fmt.Fprintf(w, "%s\n\n", name)
	fmt.Fprintf(w, "rtmpdump -r %s -a %s -y %s -o out.flv\n", url, app, quotedName)
	fmt.Fprintf(w, "ffplay -rtmp_app %s -rtmp_playpath %s %s\n", app, quotedName, url)
}

// quoted is s as a word of a shell's command line.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
