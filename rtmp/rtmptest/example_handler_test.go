package rtmptest_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/rtmp"
	"github.com/seed-3309b198/reelfront/rtmp/rtmptest"
)

// A handler of one's own plays what no file holds: here, melodies of beeps.
func ExampleNewHandlerServer() {
	t := new(exampleT)
	defer t.end()
	srv := rtmptest.NewHandlerServer(t, rtmp.HandlerFunc(
		func(_ context.Context, r *rtmp.ConnectRequest) (rtmp.App, error) {
			if r.App == "vod" {
				return beeps{}, nil
			}
			return nil, &rtmp.StatusError{Code: rtmp.CodeConnectRejected, Description: "There are only beeps here."}
		}))
	tags, err := download(context.Background(), srv.URL+"/three")
	fmt.Println(len(tags), tags[2].Timestamp, err)

	_, err = download(context.Background(), srv.URL+"/ninety")
	fmt.Println(err)
	// Output:
	// 3 40 <nil>
	// NetStream.Play.StreamNotFound: Failed to play ninety; stream not found.
}

// beeps is an application whose streams are melodies of beeps.
type beeps struct{}

func (beeps) Play(_ context.Context, r *rtmp.PlayRequest) (rtmp.Source, error) {
	n, known := map[string]uint32{"three": 3, "five": 5}[r.Name]
	if !known {
		return nil, fmt.Errorf("beeps: %q: %w", r.Name, fs.ErrNotExist)
	}
	return &melody{beeps: n}, nil
}

// melody is a Source of tags of sound, one each 20 ms.
type melody struct{ beeps, next uint32 }

const beepEvery = 20 // ms

func (r *melody) Info() *flv.Info {
	return &flv.Info{Duration: time.Duration(r.beeps) * beepEvery * time.Millisecond}
}

func (r *melody) Next(context.Context) (*flv.Tag, error) {
	if r.next == r.beeps {
		return nil, io.EOF
	}
	r.next++
	// The head says PCM of 16 bits, 44.1 kHz, mono.
	return &flv.Tag{
		Type: flv.TagAudio, Timestamp: (r.next - 1) * beepEvery,
		Head: flv.MakeHead(0x3e), Data: make([]byte, 2*44100*beepEvery/1000),
	}, nil
}

func (r *melody) Seek(_ context.Context, t time.Duration) (time.Duration, error) {
	r.next = min(uint32(max(t, 0).Milliseconds()/beepEvery), r.beeps-1)
	return time.Duration(r.next) * beepEvery * time.Millisecond, nil
}

func (r *melody) Close() error { return nil }
