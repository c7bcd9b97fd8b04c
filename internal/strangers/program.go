package strangers

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Path is where a program is that the test cannot do without.
func Path(t testing.TB, program string) string {
	t.Helper()
	for _, candidate := range []string{program, "/usr/sbin/" + program} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	if os.Getenv("REELFRONT_REQUIRE_TOOLS") == "1" {
		t.Fatalf("%s is not installed", program)
	}
	t.Skipf("%s is not installed", program)
	return ""
}

// Outcome is how a program ended.
type Outcome struct {
	Stdout []byte
	Stderr string
	Took   time.Duration
	Err    error // of an exit status other than 0
}

// Patience is how long a program may take for a clip, on a slow machine that tests much at once.
const Patience = 30 * time.Second

// Run runs a program, which must end by itself.
func Run(t testing.TB, program string, args ...string) Outcome {
	t.Helper()
	path := Path(t, program)
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	require.NoError(t, ctx.Err(), "%s did not end by itself: %s", program, stderr.String())
	return Outcome{Stdout: stdout.Bytes(), Stderr: stderr.String(), Took: time.Since(began), Err: err}
}
