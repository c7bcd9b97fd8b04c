package flv

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clips returns the FLV files of testdata and, where REELFRONT_MEDIA is set, those of that folder.
func clips(tb testing.TB) []string {
	own, err := filepath.Glob("testdata/*.flv")
	require.NoError(tb, err)
	if dir := os.Getenv("REELFRONT_MEDIA"); dir != "" {
		real, err := filepath.Glob(filepath.Join(dir, "*.flv"))
		require.NoError(tb, err)
		own = append(own, real...)
	}
	require.NotEmpty(tb, own)
	return own
}

func input(b []byte) Input { return NewInput(bytes.NewReader(b), int64(len(b))) }

// truth is one line of a .tags.tsv record.
type truth struct {
	kind   TagType
	ts     uint32
	size   int
	key    bool
	offset int64
	sum    string
}

// readTruth reads what an independent walker found in a file.
func readTruth(t *testing.T, clip string) []truth {
	var r io.Reader
	f, err := os.Open(clip + ".tags.tsv")
	if errors.Is(err, os.ErrNotExist) {
		f, err = os.Open(clip + ".tags.tsv.gz")
		require.NoError(t, err)
		r, err = gzip.NewReader(f)
	} else {
		r = f
	}
	require.NoError(t, err)
	defer f.Close()
	var tags []truth
	for s := bufio.NewScanner(r); s.Scan(); {
		v := strings.Split(s.Text(), "\t")
		if strings.HasPrefix(v[0], "#") {
			continue
		}
		kind := map[string]TagType{"audio": TagAudio, "video": TagVideo, "script": TagScript}[v[1]]
		ts, err := strconv.ParseUint(v[2], 10, 32)
		require.NoError(t, err)
		size, err := strconv.Atoi(v[4])
		require.NoError(t, err)
		offset, err := strconv.ParseInt(v[8], 10, 64)
		require.NoError(t, err)
		frame := v[7] != "seqhdr" && v[7] != "seqend" && v[7] != "metadata"
		tags = append(tags, truth{kind, uint32(ts), size, v[5] == "1" && frame, offset, v[9]})
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
	dir := os.Getenv("REELFRONT_MEDIA")
	if dir == "" {
		t.Skip("REELFRONT_MEDIA names no folder of real files")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.flv"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			want := readTruth(t, file)
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
	for _, clip := range clips(t) {
		t.Run(filepath.Base(clip), func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(clip)
			require.NoError(t, err)
			seekEverywhere(t, b, 10)
		})
	}
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
