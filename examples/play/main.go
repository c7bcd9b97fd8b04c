// Play saves an RTMP stream as an FLV file, as fast as the server sends it:
//
//	go run ./examples/play rtmp://127.0.0.1/cfx/st/mp4:demo.mp4 > demo.flv
//	go run ./examples/play -start 5s -duration 3s -o part.flv rtmps://example.com/vod/film
//	go run ./examples/play -switch mp4:film-1500.mp4@10 rtmp://example.com/vod/mp4:film-300.mp4 > film.flv
//
// The last goes on with another rendition of the film at the first key frame behind second 10, as players do whose viewer's
// bandwidth has changed. -switch may be given several times.
//
// The URL's scheme is rtmp, rtmpe, rtmpt, rtmpte, rtmps or rtmpts. Where the split into application and stream name that
// rtmp.Dial documents is wrong, -app says what the application is. Progress goes to standard error where that is a
// terminal, or with -v, which also tells the server's statuses.
//
// It exits with 0 when the server has sent all that was asked for, with 2 on a bad command line, and with 1 on anything
// else: then the file has what had come.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/rtmp"
)

// The codecs that an FLV file can carry only in the form of Enhanced RTMP. All are asked for, as nothing is decoded here.
var enhanced = []flv.Codec{
	flv.CodecHEVC, flv.CodecVVC, flv.CodecAV1, flv.CodecVP9, flv.CodecVP8,
	flv.CodecOpus, flv.CodecFLAC, flv.CodecAC3, flv.CodecEAC3,
}

// wholeFilm is the buffer that is stated to the server: longer than any stream, so that it does not wait.
const wholeFilm = 10 * time.Hour

func main() {
	j, err := parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := j.run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "play: %v\n", err)
		os.Exit(1)
	}
}

// job is what the command line asks for.
type job struct {
	url, out string
	opts     rtmp.ClientOptions
	play     rtmp.PlayOptions
	changes  changes
	progress bool
}

func parse(args []string) (*job, error) {
	j := &job{opts: rtmp.ClientOptions{Codecs: enhanced}}
	set := flag.NewFlagSet("play", flag.ContinueOnError)
	set.DurationVar(&j.play.Start, "start", 0, "where to start: at the key frame at or before it")
	set.DurationVar(&j.play.Length, "duration", 0, "how much to save; 0 for all")
	set.Var(&j.changes, "switch", "`name@seconds`: go on with that stream of the same content from then on")
	set.StringVar(&j.out, "o", "", "file to write; standard output by default")
	set.StringVar(&j.opts.App, "app", "", "the application in the URL, where that is not plain")
	insecure := set.Bool("insecure", false, "do not verify the server's certificate")
	verbose := set.Bool("v", false, "tell statuses and progress")
	set.Usage = func() {
		fmt.Fprintln(set.Output(), "usage: play [flags] rtmp://host/app/name")
		set.PrintDefaults()
	}
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	if set.NArg() != 1 || j.play.Start < 0 || j.play.Length < 0 {
		fmt.Fprintln(set.Output(), "play: one URL is needed, and times that are not negative")
		set.Usage()
		return nil, errors.New("bad command line")
	}
	j.url = set.Arg(0)
	j.progress = *verbose || terminal(os.Stderr)
	j.opts.TLSConfig = &tls.Config{InsecureSkipVerify: *insecure}
	if *verbose {
		j.opts.OnStatus = func(s rtmp.Status) { fmt.Fprintf(os.Stderr, "%s: %s\n", s.Code, s.Description) }
	}
	return j, nil
}

func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (j *job) run(ctx context.Context) (err error) {
	s := &switcher{left: j.changes, began: time.Now()}
	opts, told := j.opts, j.opts.OnStatus
	opts.OnStatus = func(st rtmp.Status) {
		s.onStatus(st)
		if told != nil {
			told(st)
		}
	}
	client, err := rtmp.Dial(ctx, j.url, &opts)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Connect(ctx); err != nil {
		return err
	}
	if s.stream, err = client.CreateStream(ctx); err != nil {
		return err
	}
	if err := s.ahead(); err != nil {
		return err
	}
	if err := s.stream.Play(ctx, client.StreamName(), &j.play); err != nil {
		return err
	}
	out := os.Stdout
	if j.out != "" {
		if out, err = os.Create(j.out); err != nil {
			return err
		}
	}
	buffered := bufio.NewWriterSize(out, 256<<10)
	return errors.Join(j.save(ctx, s, buffered), buffered.Flush(), out.Close())
}

// save writes the stream to its end.
func (j *job) save(ctx context.Context, s *switcher, w io.Writer) error {
	tag, err := s.stream.ReadTag(ctx)
	info := describe(&tag)
	file, failed := flv.NewWriter(w, info)
	if failed != nil {
		return failed
	}
	if info != nil { // which is onMetaData, written already
		tag, err = s.stream.ReadTag(ctx)
	}
	p := progress{on: j.progress}
	defer p.end()
	for ; err == nil; tag, err = s.stream.ReadTag(ctx) {
		if err := file.Write(&tag); err != nil {
			return err
		}
		if err := s.read(ctx, &tag); err != nil {
			return err
		}
		p.tell(&tag)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// describe is what the head of the file needs, from the onMetaData that a stream begins with; nil where tag is none.
func describe(tag *flv.Tag) *flv.Info {
	values, err := amf.Decode(tag.Data)
	if tag.Type != flv.TagScript || err != nil || len(values) != 2 || values[0] != "onMetaData" {
		return nil
	}
	pairs, _ := amf.Properties(values[1])
	info := &flv.Info{Metadata: amf.ECMAArray(pairs)}
	if _, ok := pairs.Lookup("videocodecid"); ok {
		info.Tracks = append(info.Tracks, flv.Track{Type: flv.TrackVideo})
	}
	if _, ok := pairs.Lookup("audiocodecid"); ok {
		info.Tracks = append(info.Tracks, flv.Track{Type: flv.TrackAudio})
	}
	if info.Tracks == nil {
		return nil
	}
	return info
}

// progress is the line on standard error that says how far it is.
type progress struct {
	on    bool
	told  time.Time
	at    time.Duration
	bytes int
}

func (p *progress) tell(tag *flv.Tag) {
	p.at, p.bytes = time.Duration(tag.Timestamp)*time.Millisecond, p.bytes+tag.Len()
	if p.on && time.Since(p.told) > 200*time.Millisecond {
		p.told = time.Now()
		p.print("")
	}
}

func (p *progress) print(end string) {
	fmt.Fprintf(os.Stderr, "\r%s, %.1f MB%s", p.at, float64(p.bytes)/1e6, end)
}

func (p *progress) end() {
	if p.on {
		p.print("\n")
	}
}
