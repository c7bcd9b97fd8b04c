package strangers_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/internal/strangers"
)

// test is one that only notes that it is to be skipped or has failed.
type test struct {
	testing.TB
	said []string
}

func (t *test) Skipf(format string, args ...any) {
	t.said = append(t.said, "skipped: "+fmt.Sprintf(format, args...))
}

func (t *test) Fatalf(format string, args ...any) {
	t.said = append(t.said, "failed: "+fmt.Sprintf(format, args...))
}

func TestPath(t *testing.T) {
	for required, want := range map[string]string{
		"":  "skipped: no-such-program is not installed",
		"1": "failed: no-such-program is not installed",
	} {
		t.Setenv("REELFRONT_REQUIRE_TOOLS", required)
		asks := &test{TB: t}
		require.Empty(t, strangers.Path(asks, "no-such-program"))
		require.Equal(t, want, asks.said[0])
	}
	require.FileExists(t, strangers.Path(t, "go"))
}

func TestRun(t *testing.T) {
	t.Parallel()
	got := strangers.Run(t, "go", "version")
	require.NoError(t, got.Err)
	require.Contains(t, string(got.Stdout), "go version")
	require.Positive(t, got.Took)
	got = strangers.Run(t, "go", "no-such-command")
	require.Error(t, got.Err)
	require.Contains(t, got.Stderr, "no-such-command")
}

func TestMedia(t *testing.T) {
	dir := t.TempDir()
	film := filepath.Join(dir, "film.flv")
	require.NoError(t, os.WriteFile(film, []byte("film"), 0o600))
	record := "#stream\ttype\tdts_ms\tpos\tsize\n0\tvideo\t-21.333\t2\t2\n"
	require.NoError(t, os.WriteFile(film+".packets.tsv", []byte(record), 0o600))

	t.Setenv("REELFRONT_MEDIA", dir)
	require.Equal(t, []string{film}, strangers.Media(t, ".mp3", ".flv"))
	require.Empty(t, strangers.MediaIfAny(t, ".mp3"))
	rows := strangers.Record(t, film+".packets.tsv")
	require.Len(t, rows, 1)
	require.Equal(t, "video", rows[0]["type"])
	require.Equal(t, -21.333, rows[0].Number(t, "dts_ms"))
	require.Equal(t, strangers.MD5([]byte("lm")), rows[0].MD5(t, []byte("film")))
	require.Nil(t, strangers.Record(t, film+".tags.tsv"))

	t.Setenv("REELFRONT_MEDIA", "")
	require.Empty(t, strangers.MediaIfAny(t, ".flv"))
}
