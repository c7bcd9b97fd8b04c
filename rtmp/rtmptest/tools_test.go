package rtmptest_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a client may take for a clip, on a slow machine that tests much at once.
const patience = 30 * time.Second

// needs skips a test where a program is not installed, or fails it if REELFRONT_REQUIRE_TOOLS says so.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if os.Getenv("REELFRONT_REQUIRE_TOOLS") == "1" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed", name)
	}
}

// outcome is how a program ended.
type outcome struct {
	stdout []byte
	stderr string
	took   time.Duration
	err    error // of an exit status other than 0
}

// run runs a program, which must end by itself.
func run(t *testing.T, program string, args ...string) outcome {
	t.Helper()
	needs(t, program)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	require.NoError(t, ctx.Err(), "%s did not end by itself: %s", program, stderr.String())
	return outcome{stdout: stdout.Bytes(), stderr: stderr.String(), took: time.Since(began), err: err}
}
