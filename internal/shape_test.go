package internal_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// The most lines that a function, a file and a package may have outside of
// tests and generated code. What readers feel is the longest.
const (
	funcLines    = 60
	fileLines    = 500
	packageLines = 2500
)

// long are functions ("file: name"), files and packages that may be longer.
var long = map[string]string{
	"internal/front/pages":   "to mend: the storybook with its samples could be a room of its own, and so could the account pages",
	"internal/journey/proof": "to mend: the methods (by*.go) lean on the core and could be a room above it, codes and notices rooms below it",
	"internal/front/api":     "one file a group of calls; the page that reads the document could be a room of its own",
	"cmd/selfsame":           "to mend: the wiring (wire*.go) could be a room of its own below the commands",
}

func TestLengths(t *testing.T) {
	used := map[string]bool{}
	check := func(place string, lines, most int) {
		if lines <= most {
			return
		}
		if _, excepted := long[place]; !excepted {
			t.Errorf("%s has %d lines, more than %d", place, lines, most)
		}
		used[place] = true
	}
	for _, r := range house(t) {
		sum := 0
		for _, f := range r.files {
			if f.test || f.generated {
				continue
			}
			sum += f.lines
			check(f.path, f.lines, fileLines)
			f.eachFunc(func(name string, node ast.Node) {
				if name != "" {
					check(f.path+": "+name, f.line(node.End())-f.line(node.Pos())+1, funcLines)
				}
			})
		}
		check(r.path, sum, packageLines)
	}
	checkUsed(t, long, used)
}

// plateExceptions are packages whose comment begins otherwise.
var plateExceptions = map[string]string{}

var sentenceEnd = regexp.MustCompile(`[.!?](\s|$)`)

// Every room has one door plate: what it holds, what it must never do, and what
// it owns.
func TestDoorPlates(t *testing.T) {
	used := map[string]bool{}
	for _, r := range house(t) {
		var plates []string
		name := ""
		for _, f := range r.files {
			if f.ast.Doc != nil && (!f.test || r.testsOnly()) {
				plates = append(plates, f.ast.Doc.Text())
			} else if f.ast.Doc != nil {
				t.Errorf("%s: a test file has a package comment", f.path)
			}
			if !f.test || name == "" {
				name = f.ast.Name.Name
			}
		}
		if len(plates) != 1 {
			t.Errorf("%s: %d package comments, want one", r.path, len(plates))
			continue
		}
		begins := strings.HasPrefix(plates[0], "Package "+name+" holds ")
		if name == "main" {
			begins = strings.HasPrefix(plates[0], "Selfsame ") || strings.HasPrefix(plates[0], "Command ")
		}
		if _, excepted := plateExceptions[r.path]; !begins && excepted {
			used[r.path], begins = true, true
		}
		if !begins {
			t.Errorf("%s: the package comment has to begin with %q: %.60q", r.path, "Package "+name+" holds", plates[0])
		}
		if len(sentenceEnd.FindAllString(plates[0], -1)) < 2 {
			t.Errorf("%s: the package comment has only one sentence; say also what the package must never do", r.path)
		}
	}
	checkUsed(t, plateExceptions, used)
}

// vague are the ends of names that say nothing.
var vague = regexp.MustCompile(`(Manager|Service|Helpers?|Impl|Utils?|Common|Base)$`)

func TestNames(t *testing.T) {
	for _, r := range house(t) {
		if base := path.Base(r.path); vague.MatchString(strings.ToUpper(base[:1]) + base[1:]) {
			t.Errorf("%s: a package is a noun that says what it holds", r.path)
		}
		for _, f := range r.files {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if spec, ok := n.(*ast.TypeSpec); ok && vague.MatchString(spec.Name.Name) {
					t.Errorf("%s:%d: the type %s says nothing by its name's end", f.path, f.line(spec.Pos()), spec.Name.Name)
				}
				return true
			})
		}
	}
}

// strange are things that no file may hold: unfinished work, and places that
// exist on one machine only. They are put together here because this file is
// read as well.
var strange = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME)\b|(^|[^\w.])/wo` + `rk/|\.\./sha` + `red\b|/tm` + `p/w/`)

// The repository stands alone.
func TestFiles_standAlone(t *testing.T) {
	err := walk(func(name string) error {
		text, err := os.ReadFile(path.Join(root, name))
		if err != nil || bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0 {
			return err // a picture, a sound, a binary
		}
		for i, line := range bytes.Split(text, []byte("\n")) {
			if found := strange.Find(line); found != nil && len(line) < 2000 { // not packed scripts of others
				t.Errorf("%s:%d: holds %q", name, i+1, bytes.TrimSpace(found))
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// fuzzed are the rooms that read what strangers send in formats of their own:
// the risky parts of S-165. Each has a fuzz target, and is mended first when a
// library under it has an advisory.
var fuzzed = map[string]string{
	"internal/front/help":               "search words",
	"internal/front/httpd":              "JSON bodies, forms, cookies, return paths",
	"internal/identity/account":         "account IDs",
	"internal/identity/credential":      "passwords; stored hashes",
	"internal/identity/question":        "answers to security questions",
	"internal/identity/recoverycode":    "recovery codes",
	"internal/identity/totp":            "codes of authenticator apps",
	"internal/kit/captcha":              "solutions",
	"internal/kit/email":                "e-mail addresses",
	"internal/kit/locale":               "the languages a browser asks for",
	"internal/kit/picture":              "pictures",
	"internal/remote/numbers":           "phone numbers",
	"internal/remote/provider/alipay":   "signed answers and messages of Alipay",
	"internal/remote/provider/apple":    "notifications, first-time names",
	"internal/remote/provider/facebook": "signed requests",
	"internal/remote/provider/google":   "security events",
	"internal/remote/provider/idtoken":  "ID tokens and key sets",
	"internal/remote/provider/qq":       "the three kinds of bodies of QQ",
	"internal/remote/provider/wechat":   "messages of WeChat, sealed and open",
	"internal/remote/provider/weibo":    "requests of Weibo",
	"internal/remote/sms/httpgw":        "receipts and texts of carriers",
}

// unfuzzed are risky rooms without a fuzz target.
var unfuzzed = map[string]string{}

func TestS165_RiskyPartsAreFuzzed(t *testing.T) {
	left, used := maps.Clone(fuzzed), map[string]bool{}
	for _, r := range house(t) {
		for _, f := range r.files {
			f.eachFunc(func(name string, _ ast.Node) {
				if f.test && strings.HasPrefix(name, "Fuzz") {
					delete(left, r.path)
				}
			})
		}
	}
	for place, reads := range left {
		if _, excepted := unfuzzed[place]; !excepted {
			t.Errorf("%s reads %s and has no fuzz target", place, reads)
		}
		used[place] = true
	}
	checkUsed(t, unfuzzed, used)
}

// Dependencies are what go.mod and go.sum say, nothing beside them.
func TestS165_DependenciesArePinned(t *testing.T) {
	text, err := os.ReadFile(path.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if bad := regexp.MustCompile(`(?m)^\s*(replace|exclude)\b.*`).Find(text); bad != nil {
		t.Errorf("go.mod: %s", bad)
	}
	if !regexp.MustCompile(`(?m)^go 1\.\d+\.\d+$`).Match(text) {
		t.Error("go.mod does not name a Go release to the patch")
	}
}

// parsed is a file of text, for tests of the tests.
func parsed(t *testing.T, text string) *source {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "x.go", text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	f := &source{path: "x.go", ast: file, fset: fset, names: map[string]string{}}
	for _, spec := range file.Imports {
		f.names[localName(spec)] = importPath(spec)
	}
	return f
}
