package demux

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/flv"
	"github.com/seed-3309b198/reelfront/internal/strangers"
)

func inputOf(data []byte) flv.Input { return flv.NewInput(bytes.NewReader(data), int64(len(data))) }

func TestSniff(t *testing.T) {
	t.Parallel()
	ts := bytes.Repeat(append([]byte{0x47}, make([]byte, 187)...), 4)
	m2ts := bytes.Repeat(append([]byte{0, 0, 0, 9, 0x47}, make([]byte, 187)...), 4)
	cases := []struct {
		name, head string
		format     flv.Format
		other      string
	}{
		{"FLV", "FLV\x01\x05\x00\x00\x00\x09", flv.FormatFLV, ""},
		{"MP4", "\x00\x00\x00\x18ftypisom", flv.FormatMP4, ""},
		{"old QuickTime", "\x00\x00\x00\x08wide\x00\x01\x00\x00mdat", flv.FormatMP4, ""},
		{"large mdat", "\x00\x00\x00\x01mdat\x00\x00\x00\x01\x00\x00\x00\x00", flv.FormatMP4, ""},
		{"a fragment", "\x00\x00\x00\x20moof\x00\x00\x00\x10mfhd", flv.FormatMP4, ""},
		{"a box that is too short", "\x00\x00\x00\x07ftypisom", "", ""},
		{"MP3 with ID3", "ID3\x04\x00\x00\x00\x00\x00\x00", flv.FormatMP3, ""},
		{"MP3 frame", "\xFF\xFB\x90\x44", flv.FormatMP3, ""},
		{"MPEG-2.5 frame", "\xFF\xE3\x88\xC4", flv.FormatMP3, ""},
		{"MP3 behind zeros", strings.Repeat("\x00", 240) + "\xFF\xFB\x90\x44", flv.FormatMP3, ""},
		{"APE tag first", "APETAGEX", flv.FormatMP3, ""},
		{"AAC", "\xFF\xF1\x50\x80", "", "AAC (ADTS)"},
		{"Matroska", "\x1A\x45\xDF\xA3\x01", "", "Matroska or WebM"},
		{"transport stream", string(ts), "", "an MPEG transport stream"},
		{"transport stream of a disc", string(m2ts), "", "an MPEG transport stream"},
		{"AVI", "RIFF\x00\x00\x00\x00AVI LIST", "", "RIFF AVI"},
		{"HTML", "\xEF\xBB\xBF\r\n <!DOCTYPE html><html>", "", "HTML"},
		{"S3 error", "<?xml version=\"1.0\"?><Error>", "", "XML"},
		{"JSON", `{"error":1}`, "", "JSON"},
		{"LFS", "version https://git-lfs.github.com/spec/v1", "", "a Git LFS pointer, not the file itself"},
		{"text", "just some words", "", "text"},
		{"JPEG", "\xFF\xD8\xFF\xE0", "", "a JPEG picture"},
		{"empty", "", "", "an empty file"},
		{"zeros", strings.Repeat("\x00", 100), "", ""},
		{"noise", "\x80\x81\x02\x03", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			format, other := sniff([]byte(c.head))
			require.Equal(t, c.format, format)
			require.Equal(t, c.other, other)
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for head, reason := range map[string]string{
		"":                     "it looks like an empty file",
		"\x1A\x45\xDF\xA3\x01": "it looks like Matroska or WebM",
		"\x80\x81\x02\x03":     "it looks like nothing known",
	} {
		f, err := Open(t.Context(), inputOf([]byte(head)), "")
		require.Nil(t, f)
		require.ErrorIs(t, err, flv.ErrFormat)
		require.ErrorContains(t, err, "neither FLV nor MP4 nor MP3: "+reason)
	}
	for _, hint := range []flv.Format{flv.FormatFLV, flv.FormatMP4, flv.FormatMP3} {
		f, err := Open(t.Context(), inputOf([]byte("\x80\x81\x02\x03")), hint)
		require.Nil(t, f, hint)
		require.ErrorIs(t, err, flv.ErrFormat, hint)
		require.NotContains(t, err.Error(), "nothing known", "the hint decides who says what is wrong")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Open(ctx, inputOf(nil), "")
	require.ErrorIs(t, err, context.Canceled)
}

// TestHint says that the hint decides where the content does not, and only there.
func TestHint(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../mp3/testdata/cbr.mp3")
	require.NoError(t, err)
	f, err := Open(t.Context(), inputOf(data), flv.FormatFLV)
	require.NoError(t, err)
	require.Equal(t, flv.FormatMP3, f.Info().Format)
	noise := append(bytes.Repeat([]byte{0x81, 0x02}, 500), data...)
	_, err = Open(t.Context(), inputOf(noise), "")
	require.ErrorIs(t, err, flv.ErrFormat)
	f, err = Open(t.Context(), inputOf(noise), flv.FormatMP3)
	require.NoError(t, err)
	require.Equal(t, flv.FormatMP3, f.Info().Format)
}

// formatOf is the format that the name of a file promises.
func formatOf(path string) flv.Format {
	switch filepath.Ext(path) {
	case ".flv":
		return flv.FormatFLV
	case ".mp3", ".mp2":
		return flv.FormatMP3
	}
	return flv.FormatMP4
}

var extensions = []string{".flv", ".mp3", ".mp2", ".mp4", ".mov", ".f4v", ".m4a"}

// clips are the paths of the clips of all packages, and of the demo.
func clips(t testing.TB) (paths []string) {
	t.Helper()
	for _, folder := range []string{"../testdata", "../mp3/testdata", "../mp4/testdata", "../../examples/edge/demo"} {
		all, err := filepath.Glob(folder + "/*")
		require.NoError(t, err)
		for _, path := range all {
			if slices.Contains(extensions, filepath.Ext(path)) {
				paths = append(paths, path)
			}
		}
	}
	require.NotEmpty(t, paths)
	return paths
}

// TestOwnClips opens all clips by their content.
func TestOwnClips(t *testing.T) {
	t.Parallel()
	for _, path := range clips(t) {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		f, err := Open(t.Context(), inputOf(data), "")
		if filepath.Ext(path) == ".mp2" {
			require.ErrorIs(t, err, flv.ErrNoTrack)
			continue
		}
		require.NoError(t, err, path)
		require.Equal(t, formatOf(path), f.Info().Format, path)
	}
}

// TestMedia plays real files to their ends, without a hint.
func TestMedia(t *testing.T) {
	t.Parallel()
	for _, path := range strangers.Media(t, extensions...) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			f, err := Open(t.Context(), inputOf(data), "")
			switch {
			case strings.Contains(path, "-cenc-"), strings.Contains(path, "-malformed-") && err != nil:
				require.Error(t, err)
				require.True(t, errors.Is(err, flv.ErrFormat) || errors.Is(err, flv.ErrNoTrack), err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, formatOf(path), f.Info().Format)
			r := f.NewReader(inputOf(data))
			n := 0
			for ; ; n++ {
				if _, err = r.Next(t.Context()); err != nil {
					break
				}
			}
			require.Equal(t, io.EOF, err)
			require.Positive(t, n)
			_, err = r.Seek(t.Context(), time.Second)
			require.NoError(t, err)
		})
	}
}
