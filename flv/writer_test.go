package flv

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/internal/strangers"
)

// TestWriter copies every clip and reads the copy: the same tags, the same metadata.
func TestWriter(t *testing.T) {
	t.Parallel()
	eachClip(t, func(t *testing.T, b []byte) {
		x, tags, _ := open(t, b)
		var out bytes.Buffer
		w, err := NewWriter(&out, x.Info())
		require.NoError(t, err)
		for i := range tags {
			require.NoError(t, w.Write(&tags[i]))
		}
		copied, again, _ := open(t, out.Bytes())
		require.Equal(t, tags, again)
		require.Equal(t, x.Info().OnMetaData(), copied.Info().OnMetaData())
	})
}

// TestWriterFFprobe has ffprobe read what the writer wrote.
func TestWriterFFprobe(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/avc-aac.flv")
	require.NoError(t, err)
	x, tags, _ := open(t, b)
	file, err := os.Create(filepath.Join(t.TempDir(), "copy.flv"))
	require.NoError(t, err)
	defer file.Close()
	w, err := NewWriter(file, x.Info())
	require.NoError(t, err)
	for i := range tags {
		require.NoError(t, w.Write(&tags[i]))
	}
	probe := func(name string) string {
		got := strangers.Run(t, "ffprobe", "-v", "error", "-show_entries", "packet=codec_type,pts,dts,size,flags,data_hash",
			"-show_data_hash", "md5", "-of", "csv", name)
		require.NoError(t, got.Err, got.Stderr)
		return string(got.Stdout)
	}
	require.Equal(t, probe("testdata/avc-aac.flv"), probe(file.Name()))
}

func TestWriterWithoutInfo(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w, err := NewWriter(&out, nil)
	require.NoError(t, err)
	tag := Tag{Type: TagVideo, Timestamp: 0x89ABCDEF, Head: CodecAVC.VideoHead(true, 0), Data: []byte{1, 2}}
	require.NoError(t, w.Write(&tag))
	require.Equal(t, unhex("464c5601 05 00000009 00000000"+"09 000007 abcdef89 000000 1701000000 0102 00000012"), out.Bytes())
	_, again, _ := open(t, out.Bytes())
	require.Equal(t, []Tag{tag.Clone()}, again)
}

type full struct{ left int }

var errFull = errors.New("full")

func (f *full) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestWriterErrors(t *testing.T) {
	t.Parallel()
	_, err := NewWriter(&full{5}, nil)
	require.ErrorIs(t, err, errFull)
	w, err := NewWriter(&full{20}, nil)
	require.NoError(t, err)
	require.ErrorContains(t, w.Write(&Tag{Type: TagVideo, Data: make([]byte, maxTagSize+1)}), "bytes")
	require.ErrorIs(t, w.Write(&Tag{Type: TagVideo}), errFull)
	require.ErrorIs(t, w.Write(&Tag{Type: TagVideo}), errFull)
}
