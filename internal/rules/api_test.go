package rules_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAPI holds what each package exports, a line for each identifier.
func TestAPI(t *testing.T) {
	t.Parallel()
	for _, p := range libraries(t) {
		t.Run(p.path(), func(t *testing.T) {
			golden(t, "api", &p, exported(t, &p))
		})
	}
	noStrays(t, "api")
}

func exported(t *testing.T, p *goPackage) []string {
	t.Helper()
	var a api
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(&a.files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				a.function(d)
			case *ast.GenDecl:
				for _, s := range d.Specs {
					a.spec(d.Tok, s)
				}
			}
		}
	}
	slices.Sort(a.lines)
	return a.lines
}

// api collects what a package exports.
type api struct {
	files token.FileSet
	lines []string
}

func (a *api) add(format string, args ...any) {
	a.lines = append(a.lines, fmt.Sprintf(format, args...))
}

// text is a piece of Go in one line.
func (a *api) text(node any) string {
	var b strings.Builder
	if err := printer.Fprint(&b, &a.files, node); err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func (a *api) function(d *ast.FuncDecl) {
	if !d.Name.IsExported() {
		return
	}
	signature := strings.TrimPrefix(a.text(d.Type), "func")
	if d.Recv == nil {
		a.add("func %s%s", d.Name, signature)
		return
	}
	if of := a.text(d.Recv.List[0].Type); ast.IsExported(strings.TrimPrefix(of, "*")) {
		a.add("method (%s) %s%s", of, d.Name, signature)
	}
}

func (a *api) spec(tok token.Token, s ast.Spec) {
	switch s := s.(type) {
	case *ast.ValueSpec:
		for _, name := range s.Names {
			if name.IsExported() {
				a.add("%s %s", tok, name)
			}
		}
	case *ast.TypeSpec:
		if s.Name.IsExported() {
			a.typeSpec(s)
		}
	}
}

func (a *api) typeSpec(s *ast.TypeSpec) {
	switch body := s.Type.(type) {
	case *ast.StructType:
		a.add("type %s struct", s.Name)
		a.members(s.Name, body.Fields)
	case *ast.InterfaceType:
		a.add("type %s interface", s.Name)
		a.members(s.Name, body.Methods)
	default:
		a.add("type %s %s", s.Name, a.text(body))
	}
}

// members are the fields of a struct or the methods of an interface.
func (a *api) members(of *ast.Ident, list *ast.FieldList) {
	for _, f := range list.List {
		kind := a.text(f.Type)
		if len(f.Names) == 0 && ast.IsExported(kind[strings.LastIndexAny(kind, ".*")+1:]) {
			a.add("type %s, embeds %s", of, kind)
		}
		for _, name := range f.Names {
			if name.IsExported() {
				a.add("type %s, %s %s", of, name, kind)
			}
		}
	}
}
