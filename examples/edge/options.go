package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

// options is the command line.
type options struct {
	origin         string
	listen         []string
	waitForMissing bool
	drain          time.Duration
	logFormat      string
	logLevel       slog.Level
}

var errHelp = flag.ErrHelp

// parse reads the command line. What flag has to say of a mistake comes back as the error; the usage goes to w only when
// asked for.
func parse(args []string, w io.Writer) (*options, error) {
	o := &options{listen: []string{":1935", ":8080"}}
	f := flag.NewFlagSet("edge", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.origin, "origin", "", "URL of the bucket, `file:///srv/media` or 's3://{bucket}?region=eu-west-1'; a demo clip without it")
	f.Func("listen", "addresses to listen on, comma-separated (default :1935,:8080)", func(s string) error {
		o.listen = strings.Split(s, ",")
		return nil
	})
	f.BoolVar(&o.waitForMissing, "wait-for-missing", false, "let a play without a start wait for a file that does not exist, as Flash servers did")
	f.DurationVar(&o.drain, "drain", 10*time.Second, "how long viewers may go on at shutdown; a second signal ends it at once")
	f.StringVar(&o.logFormat, "log-format", "text", "text or json")
	f.TextVar(&o.logLevel, "log-level", slog.LevelInfo, "debug, info, warn or error")
	err := f.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		f.SetOutput(w)
		fmt.Fprintln(w, "Usage of edge:")
		f.PrintDefaults()
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	return o, o.check(f.Args())
}

func (o *options) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case o.logFormat != "text" && o.logFormat != "json":
		return fmt.Errorf("-log-format: %q is neither text nor json", o.logFormat)
	case o.drain < 0:
		return fmt.Errorf("-drain: %s is negative", o.drain)
	}
	return nil
}

func (o *options) logger(w io.Writer) *slog.Logger {
	h := &slog.HandlerOptions{Level: o.logLevel}
	if o.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, h))
	}
	return slog.New(slog.NewTextHandler(w, h))
}
