package rules_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// goFiles calls visit with each Go file of the repository, tests included.
func goFiles(t *testing.T, visit func(name string, src []byte)) {
	t.Helper()
	repo := os.DirFS(root)
	require.NoError(t, fs.WalkDir(repo, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (name != "." && strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		src, err := fs.ReadFile(repo, name)
		if err == nil {
			visit(name, src)
		}
		return err
	}))
}

// Names that say nothing of what a package is about.
var emptyNames = []string{"util", "utils", "common", "base", "helper", "helpers", "misc", "shared"}

// TestSource holds that packages are named by what they are about, that nothing runs before main, and that nothing is
// left for later.
func TestSource(t *testing.T) {
	t.Parallel()
	later := []string{"TO" + "DO", "FIX" + "ME"}
	goFiles(t, func(name string, src []byte) {
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ParseComments|parser.SkipObjectResolution)
		require.NoError(t, err)
		require.NotContains(t, emptyNames, f.Name.Name, name)
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				require.NotEqual(t, "init", fn.Name.Name, name)
			}
		}
		for _, group := range f.Comments {
			for _, word := range later {
				require.NotContains(t, group.Text(), word, name)
			}
		}
	})
}

// TestReadme holds that the program in the README is examples/embed.
func TestReadme(t *testing.T) {
	t.Parallel()
	program, err := os.ReadFile(root + "/examples/embed/main.go")
	require.NoError(t, err)
	readme, err := os.ReadFile(root + "/README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), "```go\n"+string(program)+"```\n")
}

// TestPackageDocs holds that each package says what it is, with a program, and has an Example that runs.
func TestPackageDocs(t *testing.T) {
	t.Parallel()
	for _, p := range libraries(t) {
		fset := token.NewFileSet()
		if !slices.ContainsFunc(parse(t, fset, p.Dir, p.GoFiles), saysHow) {
			t.Errorf("%s: no package documentation with a program", p.path())
		}
		tests := append(p.TestGoFiles, p.XTestGoFiles...)
		if !slices.ContainsFunc(doc.Examples(parse(t, fset, p.Dir, tests)...), runs) {
			t.Errorf("%s has no Example that runs", p.path())
		}
	}
}

// runs tells whether go test runs an example, rather than compile it alone.
func runs(e *doc.Example) bool { return e.Output != "" || e.EmptyOutput }

func saysHow(f *ast.File) bool { return strings.Contains(f.Doc.Text(), "\n\t") }

func parse(t *testing.T, fset *token.FileSet, dir string, names []string) []*ast.File {
	t.Helper()
	var files []*ast.File
	for _, name := range names {
		f, err := parser.ParseFile(fset, filepath.Join(dir, name), nil, parser.ParseComments)
		require.NoError(t, err)
		files = append(files, f)
	}
	return files
}

// TestReadmeFlags holds that the README lists the flags that the edge has, and no others.
func TestReadmeFlags(t *testing.T) {
	t.Parallel()
	options, err := os.ReadFile(root + "/examples/edge/options.go")
	require.NoError(t, err)
	readme, err := os.ReadFile(root + "/README.md")
	require.NoError(t, err)
	defined := regexp.MustCompile(`\bf\.\w+\((?:&[\w.]+, )?"([a-z-]+)"`).FindAllSubmatch(options, -1)
	listed := regexp.MustCompile("(?m)(?:^\\| |, )`-([a-z-]+)").FindAllSubmatch(readme, -1)
	require.ElementsMatch(t, names(defined), names(listed))
}

func names(matches [][][]byte) []string {
	var all []string
	for _, m := range matches {
		all = append(all, string(m[1]))
	}
	return all
}
