package internal_test

import (
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// module is the module's path; root is where it lies from here.
const (
	module = "github.com/selfsame-id/selfsame"
	root   = ".."
)

// source is one Go file.
type source struct {
	path      string // from the root, with slashes
	test      bool
	generated bool
	lines     int
	ast       *ast.File
	fset      *token.FileSet
	names     map[string]string // the name that the file uses -> import path
}

// room is one folder with Go files.
type room struct {
	path  string
	files []*source
}

func (r *room) testsOnly() bool {
	return !slices.ContainsFunc(r.files, func(f *source) bool { return !f.test })
}

// ownImports are the folders of the module that the file imports.
func (f *source) ownImports() []string {
	var out []string
	for _, spec := range f.ast.Imports {
		if p, ours := strings.CutPrefix(importPath(spec), module+"/"); ours {
			out = append(out, p)
		}
	}
	return out
}

func (f *source) line(p token.Pos) int { return f.fset.Position(p).Line }

func importPath(spec *ast.ImportSpec) string {
	p, _ := strconv.Unquote(spec.Path.Value) // the parser took it for a string
	return p
}

// readHouse parses every Go file of the module once.
var readHouse = sync.OnceValues(func() ([]*room, error) {
	rooms := map[string]*room{}
	var order []*room
	fset := token.NewFileSet()
	err := walk(func(name string) error {
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := readSource(fset, name)
		if err != nil || f == nil {
			return err
		}
		folder := path.Dir(name)
		if rooms[folder] == nil {
			rooms[folder] = &room{path: folder}
			order = append(order, rooms[folder])
		}
		rooms[folder].files = append(rooms[folder].files, f)
		return nil
	})
	return order, err
})

func house(t *testing.T) []*room {
	t.Helper()
	rooms, err := readHouse()
	if err != nil {
		t.Fatal(err)
	}
	if len(rooms) < 20 {
		t.Fatalf("only %d packages found: the walk is wrong", len(rooms))
	}
	return rooms
}

// walk visits every file of the module in order, but for what belongs to git,
// what an editor or a build left, and vendored tools' folders.
func walk(visit func(name string) error) error {
	return fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case entry.IsDir() && (base == ".git" || base == ".tmp" || base == "bin" || base == "node_modules"):
			return fs.SkipDir
		case entry.Type().IsRegular():
			return visit(name)
		}
		return nil
	})
}

var generatedMark = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// readSource answers nil for a file that is not part of the house: one behind a
// build tag that no build of ours sets (a generator).
func readSource(fset *token.FileSet, name string) (*source, error) {
	text, err := os.ReadFile(path.Join(root, name))
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	if !built(file) {
		return nil, nil
	}
	f := &source{
		path: name, test: strings.HasSuffix(name, "_test.go"), generated: generatedMark.Match(text),
		lines: strings.Count(string(text), "\n"), ast: file, fset: fset, names: map[string]string{},
	}
	for _, spec := range file.Imports {
		f.names[localName(spec)] = importPath(spec)
	}
	return f, nil
}

var ourTags = regexp.MustCompile(`^(linux|darwin|windows|freebsd|unix|amd64|arm64|race|cgo|go1\.\d+)$`)

// built tells whether the file's build constraint knows only tags of ours.
func built(file *ast.File) bool {
	for _, group := range file.Comments {
		for _, c := range group.List {
			if c.Pos() > file.Package || !constraint.IsGoBuild(c.Text) {
				continue
			}
			strange := false
			if x, err := constraint.Parse(c.Text); err == nil {
				x.Eval(func(tag string) bool { strange = strange || !ourTags.MatchString(tag); return true })
			}
			return !strange
		}
	}
	return true
}

var version = regexp.MustCompile(`^v\d+$`)

// localName is the name by which the file calls what it imports. For packages
// whose name is not the last part of their path it may be wrong; none of the
// forbidden ones is.
func localName(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	p := importPath(spec)
	if version.MatchString(path.Base(p)) {
		p = path.Dir(p)
	}
	return path.Base(p)
}

// eachFunc visits every function of the file by its name, "Type.Method" for a
// method, and what stands outside of functions as "".
func (f *source) eachFunc(visit func(name string, node ast.Node)) {
	for _, decl := range f.ast.Decls {
		fn, isFunc := decl.(*ast.FuncDecl)
		if !isFunc {
			visit("", decl)
			continue
		}
		name := fn.Name.Name
		if fn.Recv != nil && len(fn.Recv.List) == 1 {
			name = receiver(fn.Recv.List[0].Type) + "." + name
		}
		visit(name, fn)
	}
}

func receiver(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.StarExpr:
		return receiver(x.X)
	case *ast.IndexExpr:
		return receiver(x.X)
	case *ast.IndexListExpr:
		return receiver(x.X)
	case *ast.Ident:
		return x.Name
	}
	return "?"
}
