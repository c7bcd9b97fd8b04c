package tunnel

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		playRole(role) // in a process of its own, so that benchmarks can tell the server's CPU time from its clients'
		return
	}
	goleak.VerifyTestMain(m)
}
