package strangers

import (
	"bufio"
	"compress/gzip"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Media are the paths of the real files that have one of the extensions.
func Media(t testing.TB, extensions ...string) []string {
	t.Helper()
	if os.Getenv("REELFRONT_MEDIA") == "" {
		t.Skip("REELFRONT_MEDIA is not set: it names a folder of real files with records of what is in them")
	}
	paths := MediaIfAny(t, extensions...)
	require.NotEmpty(t, paths, "REELFRONT_MEDIA has no %s", extensions)
	return paths
}

// MediaIfAny is Media for those who have files of their own too, such as fuzz tests: none where REELFRONT_MEDIA is not
// set.
func MediaIfAny(t testing.TB, extensions ...string) (paths []string) {
	t.Helper()
	dir := os.Getenv("REELFRONT_MEDIA")
	if dir == "" {
		return nil
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		if slices.Contains(extensions, filepath.Ext(e.Name())) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths
}

// Row is a line of a record, by its columns' names.
type Row map[string]string

// Record reads one of the records beside a real file: NAME.tags.tsv, of an FLV file's tags, or NAME.packets.tsv or
// NAME.packets-noelst.tsv, of a file's packets with its edit lists applied and without. It may be compressed; nil where
// there is none.
func Record(t testing.TB, path string) (rows []Row) {
	t.Helper()
	f, err := os.Open(path)
	packed := errors.Is(err, fs.ErrNotExist)
	if packed {
		f, err = os.Open(path + ".gz")
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	in := io.Reader(f)
	if packed {
		in, err = gzip.NewReader(f)
		require.NoError(t, err)
	}
	lines := bufio.NewScanner(in)
	require.True(t, lines.Scan())
	columns := strings.Split(strings.TrimPrefix(lines.Text(), "#"), "\t")
	for lines.Scan() {
		r := make(Row)
		for i, cell := range strings.Split(lines.Text(), "\t") {
			r[columns[i]] = cell
		}
		rows = append(rows, r)
	}
	require.NoError(t, lines.Err())
	return rows
}

// Number is the number in a column.
func (r Row) Number(t testing.TB, column string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(r[column], 64)
	require.NoError(t, err, column)
	return v
}

// MD5 is what MD5 makes of a packet's payload. Of long files the record only says where in the file the packet is.
func (r Row) MD5(t testing.TB, file []byte) string {
	t.Helper()
	if sum, ok := r["md5_12"]; ok {
		return sum
	}
	pos, size := int(r.Number(t, "pos")), int(r.Number(t, "size"))
	return MD5(file[pos : pos+size])
}

// MD5 is the MD5 of a packet's payload as records have it: its first twelve hexadecimal digits.
func MD5(payload []byte) string {
	sum := md5.Sum(payload)
	return hex.EncodeToString(sum[:])[:12]
}
