// Package rules_test holds the repository to the rules that the compiler does not know: who may import whom, what each
// package links and exports, and what may not be written at all.
package rules_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	root   = "../.."
	module = "github.com/seed-3309b198/reelfront"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goPackage is what go list says of a package; Imports and Deps are without its tests.
type goPackage struct {
	ImportPath, Name, Dir              string
	GoFiles, TestGoFiles, XTestGoFiles []string
	Imports, Deps                      []string
}

// path is the package's path in the module: "rtmp/vod".
func (p *goPackage) path() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// library tells whether others may import p.
func (p *goPackage) isLibrary() bool {
	return p.Name != "main" && !strings.HasPrefix(p.path(), "internal/")
}

// goList asks go list. The answer is that for Linux without C, wherever the test runs.
func goList(args ...string) ([]byte, error) {
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return cmd.Output()
}

// packages are those of this module.
var packages = sync.OnceValues(func() ([]goPackage, error) {
	out, err := goList("-json=ImportPath,Name,Dir,GoFiles,TestGoFiles,XTestGoFiles,Imports,Deps", "./...")
	if err != nil {
		return nil, err
	}
	var all []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		switch err := d.Decode(&p); err {
		case nil:
			all = append(all, p)
		case io.EOF:
			return all, nil
		default:
			return nil, err
		}
	}
})

// libraries are the packages that others may import.
func libraries(t *testing.T) []goPackage {
	t.Helper()
	all, err := packages()
	require.NoError(t, err)
	var libs []goPackage
	for _, p := range all {
		if p.isLibrary() {
			libs = append(libs, p)
		}
	}
	require.NotEmpty(t, libs)
	return libs
}

// standard tells whether a package is of Go's own library.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// golden holds lines against testdata/kind/package.txt.
func golden(t *testing.T, kind string, p *goPackage, lines []string) {
	t.Helper()
	name := filepath.Join("testdata", kind, strings.ReplaceAll(p.path(), "/", "-")+".txt")
	text := strings.Join(lines, "\n")
	if text != "" {
		text += "\n"
	}
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
		return
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, string(want), text, "If this is meant: go test ./internal/rules -update")
}

// noStrays holds that testdata/kind has no file for a package that is gone.
func noStrays(t *testing.T, kind string) {
	t.Helper()
	known := map[string]bool{}
	for _, p := range libraries(t) {
		known[strings.ReplaceAll(p.path(), "/", "-")+".txt"] = true
	}
	files, err := os.ReadDir(filepath.Join("testdata", kind))
	require.NoError(t, err)
	for _, f := range files {
		require.True(t, known[f.Name()], "testdata/%s/%s is of no package", kind, f.Name())
	}
}
