package main

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/seed-3309b198/reelfront/rtmp"
)

// options is the command line.
type options struct {
	origin         string
	listen         []string
	trustedProxies []netip.Prefix
	tlsCert        string
	tlsKey         string
	enhanced       rtmp.Enhanced
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
	f.Func("trusted-proxies", "comma-separated `CIDRs` of the proxies whose PROXY headers and X-Forwarded-For count", o.setTrustedProxies)
	f.StringVar(&o.tlsCert, "tls-cert", "", "PEM `file` of a certificate, for RTMPS and RTMPTS on every address")
	f.StringVar(&o.tlsKey, "tls-key", "", "PEM `file` of its key")
	f.Func("enhanced", "when HEVC, AV1, Opus and others are sent: negotiated, always or never (default negotiated)", o.setEnhanced)
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

func (o *options) setTrustedProxies(s string) error {
	for cidr := range strings.SplitSeq(s, ",") {
		prefix, err := netip.ParsePrefix(strings.TrimSpace(cidr))
		if err != nil {
			return err
		}
		o.trustedProxies = append(o.trustedProxies, prefix)
	}
	return nil
}

func (o *options) setEnhanced(s string) error {
	switch s {
	case "negotiated":
		o.enhanced = rtmp.EnhancedNegotiated
	case "always":
		o.enhanced = rtmp.EnhancedAlways
	case "never":
		o.enhanced = rtmp.EnhancedNever
	default:
		return errors.New("neither negotiated, always nor never")
	}
	return nil
}

// tlsConfig is nil when no certificate was given.
func (o *options) tlsConfig() (*tls.Config, error) {
	if o.tlsCert == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(o.tlsCert, o.tlsKey)
	if err != nil {
		return nil, fmt.Errorf("-tls-cert: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}}, nil
}

func (o *options) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case (o.tlsCert == "") != (o.tlsKey == ""):
		return errors.New("-tls-cert and -tls-key go together")
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
