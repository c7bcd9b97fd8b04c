package flv

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/internal/strangers"
)

// eachClip runs a test for the FLV files of testdata and, where there are any, the real ones.
func eachClip(t *testing.T, test func(t *testing.T, b []byte)) {
	t.Helper()
	for _, clip := range clips(t) {
		t.Run(filepath.Base(clip), func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(clip)
			require.NoError(t, err)
			test(t, b)
		})
	}
}

func clips(tb testing.TB) []string {
	own, err := filepath.Glob("testdata/*.flv")
	require.NoError(tb, err)
	require.NotEmpty(tb, own)
	return append(own, strangers.MediaIfAny(tb, ".flv")...)
}

func input(b []byte) Input { return NewInput(bytes.NewReader(b), int64(len(b))) }

// truth is what an independent walker found of a tag.
type truth struct {
	kind   TagType
	ts     uint32
	size   int
	key    bool
	offset int64
	sum    string
}

func readTruth(t *testing.T, clip string) []truth {
	var tags []truth
	for _, r := range strangers.Record(t, clip+".tags.tsv") {
		tags = append(tags, truth{
			kind:   map[string]TagType{"audio": TagAudio, "video": TagVideo, "script": TagScript}[r["tag"]],
			ts:     uint32(r.Number(t, "ts_ms")),
			size:   int(r.Number(t, "body_size")),
			key:    r["key"] == "1" && !slices.Contains([]string{"seqhdr", "seqend", "metadata"}, r["kind"]),
			offset: int64(r.Number(t, "offset")),
			sum:    r["body_sha1_12"],
		})
	}
	return tags
}

func sum(b []byte) string {
	s := sha1.Sum(b)
	return hex.EncodeToString(s[:])[:12]
}

// TestMedia compares every tag of real files with the record of an independent walker.
func TestMedia(t *testing.T) {
	t.Parallel()
	for _, file := range strangers.Media(t, ".flv") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			want := readTruth(t, file)
			require.NotEmpty(t, want)
			in := input(b)
			x, err := Open(t.Context(), in)
			require.NoError(t, err)
			r := x.NewReader(in)
			for i, w := range want {
				if w.kind == TagScript && i == 0 {
					continue // the first onMetaData
				}
				tag, err := r.Next(t.Context())
				require.NoError(t, err)
				require.Equal(t, w, truth{tag.Type, tag.Timestamp, tag.Len(), tag.KeyFrame(), w.offset, sum(tag.Data)}, "tag %d", i)
			}
			_, err = r.Next(t.Context())
			require.ErrorIs(t, err, io.EOF)
		})
	}
}

// linear is what a reader yields from the start of a file, with the offsets of tags left out.
func linear(tb testing.TB, x *Index, in Input, tracks ...Track) []Tag {
	r := x.NewReader(in, tracks...)
	var tags []Tag
	for {
		tag, err := r.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return tags
		}
		require.NoError(tb, err)
		tags = append(tags, tag.Clone())
	}
}

// expectSeek is what a seek to ms must yield, by the linear walk: the headers in force, and where the key frame lies
// among the tags.
func expectSeek(tags []Tag, times []int64, ms int64) (headers []Tag, at int) {
	video := false
	for i := range tags {
		video = video || tags[i].Type == TagVideo
	}
	at = -1
	first := -1
	for i := range tags {
		b := tags[i].parseBody()
		seekable := tags[i].Type == TagAudio && !video && b.packet == packetFrame || tags[i].KeyFrame()
		if seekable && first < 0 {
			first = i
		}
		if seekable && times[i] <= ms {
			at = i
		}
	}
	if at < 0 {
		at = first
	}
	inForce := map[slot]int{}
	for i := range at {
		b := tags[i].parseBody()
		if b.packet == packetSequence || b.packet == packetSide {
			inForce[slot{tags[i].Type, b.packet == packetSide, b.track}] = i
		}
	}
	for i := range at {
		for _, j := range inForce {
			if i == j {
				headers = append(headers, tags[i])
			}
		}
	}
	return headers, at
}

func timesOf(x *Index, tags []Tag) []int64 {
	times, last := make([]int64, len(tags)), x.startTime
	for i := range tags {
		last = near(tags[i].Timestamp, last)
		times[i] = last
	}
	return times
}

// requireSeek seeks a reader and compares all that follows with the linear walk: headers, the key frame, what is next.
func requireSeek(t *testing.T, r Reader, tags []Tag, times []int64, ms int64) {
	t.Helper()
	headers, at := expectSeek(tags, times, ms)
	got, err := r.Seek(t.Context(), time.Duration(ms)*time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, times[at], got.Milliseconds(), "seek to %d", ms)
	for _, h := range headers {
		tag, err := r.Next(t.Context())
		require.NoError(t, err)
		require.Equal(t, Tag{Type: h.Type, Timestamp: uint32(times[at]), Data: h.Data}, tag.Clone(), "header, seek to %d", ms)
	}
	for i := at; i < min(at+20, len(tags)); i++ {
		tag, err := r.Next(t.Context())
		require.NoError(t, err)
		if tag.Type != tags[i].Type || tag.Timestamp != tags[i].Timestamp || !bytes.Equal(tag.Data, tags[i].Data) {
			require.Equal(t, tags[i], tag.Clone(), "tag %d, seek to %d", i, ms)
		}
	}
}

// TestSeekEverywhere seeks to random times in every clip, each seek in a fresh index and all of them in one, and with
// the file's own index and without.
func TestSeekEverywhere(t *testing.T) {
	t.Parallel()
	eachClip(t, func(t *testing.T, b []byte) { seekEverywhere(t, b, 10) })
}

func seekEverywhere(t *testing.T, b []byte, seeks int) {
	t.Helper()
	in := input(b)
	shared, err := Open(t.Context(), in)
	require.NoError(t, err)
	tags := linear(t, shared, in)
	times := timesOf(shared, tags)
	last := times[len(times)-1]
	targets := []int64{-1, 0, 1, shared.startTime, last, last + 1, last + 100000}
	random := rand.New(rand.NewPCG(1, 2))
	for range seeks {
		i := random.IntN(len(tags))
		targets = append(targets, times[i], times[i]-1, shared.startTime+random.Int64N(last-shared.startTime+1))
	}
	warm, err := Open(t.Context(), in)
	require.NoError(t, err)
	r := warm.NewReader(in)
	for i, ms := range targets {
		fresh, err := Open(t.Context(), in)
		require.NoError(t, err)
		if i%2 == 0 {
			fresh.frames = nil
		}
		requireSeek(t, fresh.NewReader(in), tags, times, ms)
		requireSeek(t, r, tags, times, ms)
	}
}
