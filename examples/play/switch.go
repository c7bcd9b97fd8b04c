package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/rtmp"
)

// change is one switch to another stream of the same content.
type change struct {
	name string
	at   time.Duration // stream time
}

// changes are the switches that the command line asks for, in the order of their times.
type changes []change

func (c *changes) String() string { return "" }

// Set implements flag.Value: name@seconds.
func (c *changes) Set(s string) error {
	i := strings.LastIndexByte(s, '@')
	if i < 1 {
		return errors.New("is not name@seconds")
	}
	seconds, err := strconv.ParseFloat(s[i+1:], 64)
	if err != nil || !(seconds >= 0 && seconds < 1e9) {
		return errors.New("is not name@seconds")
	}
	*c = append(*c, change{name: s[:i], at: time.Duration(seconds * float64(time.Second))})
	slices.SortStableFunc(*c, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	return nil
}

// switcher makes the switches. A server that is told of a short buffer stops where the next one is due; it then switches at
// the first key frame that it has not sent yet.
type switcher struct {
	stream  *rtmp.ClientStream
	left    changes
	began   time.Time
	asked   bool
	adopted atomic.Bool // the last switch that was asked for is complete
}

// onStatus is called as the statuses come in.
func (s *switcher) onStatus(st rtmp.Status) {
	if st.Code == rtmp.CodePlayTransitionComplete {
		s.adopted.Store(true)
	}
}

// ahead states a buffer. Servers send about a second more than that ahead of real time.
func (s *switcher) ahead() error {
	if len(s.left) == 0 {
		return s.stream.SetBufferLength(wholeFilm)
	}
	return s.stream.SetBufferLength(max(0, s.left[0].at-time.Since(s.began)-time.Second))
}

// read is told of each tag that was read.
func (s *switcher) read(ctx context.Context, tag *flv.Tag) error {
	switch {
	case len(s.left) == 0:
		return nil
	case s.asked && s.adopted.Swap(false):
		s.asked, s.left = false, s.left[1:]
		return s.ahead()
	case s.asked || time.Duration(tag.Timestamp)*time.Millisecond < s.left[0].at:
		return nil
	}
	s.asked = true
	return s.stream.Play2(ctx, rtmp.TransitionSwitch, s.left[0].name, nil)
}
