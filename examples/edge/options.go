package main

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/seed-3309b198/reelfront/rtmp"
)

// options is the command line.
type options struct {
	origin              string
	identities          map[string]string // bucket URLs by origin access identity
	distributions       []string          // files
	defaultDistribution string
	publicKeys          []publicKey
	listen              []string
	trustedProxies      []netip.Prefix
	tlsCert             string
	tlsKey              string
	enhanced            rtmp.Enhanced
	waitForMissing      bool
	cacheMemory         int64 // bytes, as are all sizes
	cacheDir            string
	cacheSize           int64
	drain               time.Duration
	logFormat           string
	logLevel            slog.Level
}

// publicKey is a key of a trusted signer.
type publicKey struct{ account, id, file string }

var errHelp = flag.ErrHelp

// parse reads the command line. What flag has to say of a mistake comes back as the error; the usage goes to w only when
// asked for.
func parse(args []string, w io.Writer) (*options, error) {
	o := &options{listen: []string{":1935", ":8080"}, identities: make(map[string]string), cacheMemory: 256 << 20, cacheSize: 10 << 30}
	f := flag.NewFlagSet("edge", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.origin, "origin", "", "URL of the bucket, `file:///srv/media` or 's3://{bucket}?region=eu-west-1'; a demo clip without it")
	f.Func("identity", "`ID=URL`: the bucket URL used as an origin access identity (repeatable)", o.addIdentity)
	f.Func("distribution", "`file` with a CloudFront streaming distribution's configuration, as the AWS command line prints it (repeatable)", func(s string) error {
		o.distributions = append(o.distributions, s)
		return nil
	})
	f.StringVar(&o.defaultDistribution, "default-distribution", "", "`ID` of the distribution that answers to unknown hosts, or first")
	f.Func("public-key", "`ACCOUNT:KEYID=FILE.pem`: a trusted signer's key; the account is 12 digits or self (repeatable)", o.addPublicKey)
	f.Func("listen", "addresses to listen on, comma-separated (default :1935,:8080)", func(s string) error {
		o.listen = nil
		for addr := range strings.SplitSeq(s, ",") {
			if addr = strings.TrimSpace(addr); addr == "" {
				return errors.New("an address is empty")
			}
			o.listen = append(o.listen, addr)
		}
		return nil
	})
	f.Func("trusted-proxies", "comma-separated `CIDRs` of the proxies whose PROXY headers and X-Forwarded-For count", o.setTrustedProxies)
	f.StringVar(&o.tlsCert, "tls-cert", "", "PEM `file` of a certificate, for RTMPS and RTMPTS on every address")
	f.StringVar(&o.tlsKey, "tls-key", "", "PEM `file` of its key")
	f.Func("enhanced", "when HEVC, AV1, Opus and others are sent: negotiated, always or never (default negotiated)", o.setEnhanced)
	f.BoolVar(&o.waitForMissing, "wait-for-missing", false, "let a play without a start wait for a file that does not exist, as Flash servers did")
	f.Func("cache-memory", "`size` of the cache in memory (default 256MiB)", sizeFlag(&o.cacheMemory))
	f.StringVar(&o.cacheDir, "cache-dir", "", "`directory` of a cache on disk, which outlasts restarts; none without it")
	f.Func("cache-size", "`size` of the cache on disk (default 10GiB)", sizeFlag(&o.cacheSize))
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

func (o *options) addIdentity(s string) error {
	id, bucketURL, ok := strings.Cut(s, "=")
	if !ok || id == "" || bucketURL == "" {
		return errors.New("not of the form ID=URL")
	}
	o.identities[id] = bucketURL
	return nil
}

func (o *options) addPublicKey(s string) error {
	key, file, ok := strings.Cut(s, "=")
	account, id, ok2 := strings.Cut(key, ":")
	if !ok || !ok2 || account == "" || id == "" || file == "" {
		return errors.New("not of the form ACCOUNT:KEYID=FILE")
	}
	o.publicKeys = append(o.publicKeys, publicKey{account: account, id: id, file: file})
	return nil
}

// sizeFlag reads a number of bytes with a unit: 256MiB, 10GiB, 500MB, 1000000.
func sizeFlag(to *int64) func(string) error {
	return func(s string) error {
		number := strings.TrimRight(s, "KMGTiB")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n <= 0 {
			return errors.New("not a size such as 256MiB")
		}
		units := map[string]int64{
			"": 1, "B": 1,
			"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
			"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
		}
		unit, ok := units[s[len(number):]]
		if !ok || n > math.MaxInt64/unit {
			return errors.New("not a size such as 256MiB")
		}
		*to = n * unit
		return nil
	}
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
	case o.defaultDistribution != "" && len(o.distributions) == 0:
		return errors.New("-default-distribution: there is no -distribution")
	case len(o.publicKeys) > 0 && len(o.distributions) == 0: // else all would play unsigned, unawares
		return errors.New("-public-key: there is no -distribution whose signer it could be")
	case len(o.identities) > 0 && len(o.distributions) == 0:
		return errors.New("-identity: there is no -distribution that could have it")
	case len(o.distributions) > 0 && o.origin == "":
		return errors.New("-distribution: it needs -origin")
	case strings.Contains(o.origin, "{bucket}") && len(o.distributions) == 0:
		return errors.New("-origin: {bucket} is that of a -distribution, and there is none")
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
