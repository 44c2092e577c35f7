package internal_test

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// calls says what may stand where. A line is what: where; what is "import" and
// the packages, or names of packages with their path; a name with "()" means
// its call (a conversion) only; "field." any field of that name. Where are folders with all below them, "tests"
// for test files, "bubbles" for tests under testing/synctest, "-" for nowhere.
const calls = `
# One source of time: the lab and the tests move it.
time.Now time.Since time.Until                 : internal/kit/clock tests
time.Sleep                                     : bubbles
time.Tick                                      : -

# S-115: every secret comes from crypto/rand, so no other generator is at hand.
import math/rand math/rand/v2                  : tests

# One seam to the database.
import database/sql database/sql/driver        : internal/kit/sqldb
import github.com/jackc/pgx/... modernc.org/...: internal/kit/sqldb

# The environment is read at the door of the process.
os.Getenv os.LookupEnv os.Environ os.ExpandEnv : cmd bench internal/kit/sqldb/sqldbtest tests
os.Setenv os.Unsetenv os.Clearenv              : -
os.Exit                                        : cmd bench tests

# Who dials out can be made to dial anywhere: only the remote rooms do (S-135).
net.Dial net.DialTimeout net.Dialer net.DialTCP net.DialUDP net.DialIP net.DialUnix : internal/remote lab bench tests
net.Resolver net.DefaultResolver net.LookupHost net.LookupIP net.LookupAddr net.LookupMX net.LookupTXT net.LookupCNAME net.LookupSRV net.LookupNS : internal/remote lab tests
net/http.Client net/http.DefaultClient net/http.Transport net/http.DefaultTransport : internal/remote lab bench tests
net/http.Get net/http.Post net/http.PostForm net/http.Head : lab tests
net/http/httputil.ReverseProxy net/http/httputil.NewSingleHostReverseProxy : -
crypto/tls.Dial crypto/tls.DialWithDialer crypto/tls.Dialer crypto/tls.Client : internal/remote lab bench tests
import net/smtp                                : lab tests
import net/rpc net/rpc/jsonrpc                 : -

# Nobody may switch the check of certificates off (S-164).
field.InsecureSkipVerify                       : tests

# Nouns and verbs do not know that there is HTTP.
import net/http                                : cmd bench stories lab internal/crash internal/kit internal/remote internal/front

# Markup that html/template does not escape is made in few places, each named
# below; a script, a style or an address never is.
html/template.HTML() html/template.HTMLAttr()  : -
html/template.JS() html/template.JSStr() html/template.URL() html/template.CSS() html/template.Srcset() : -
import text/template                           : -

# Output belongs to the command, the log to log/slog.
fmt.Print fmt.Printf fmt.Println               : cmd bench tests
import log                                     : tests

# What the compiler and the sandbox cannot vouch for (S-165).
import unsafe C plugin                         : -
import os/exec syscall                         : cmd bench tests
import crypto/md5 crypto/sha1 crypto/des crypto/rc4 : tests
`

// callExceptions are uses, "file: what", that the table does not allow.
var callExceptions = map[string]string{
	"cmd/selfsame/wire_remote.go: net.Dialer":                        "to mend: doctor asks whether the relay answers; the sender's room should answer that",
	"cmd/selfsame/wire_remote.go: net/http.DefaultTransport":         "to mend: as above for carriers and line look-ups",
	"internal/front/api/docs.go: html/template.HTML()":               "what html/template made of our own page, on its way into the layout",
	"internal/front/help/article.go: html/template.HTML()":           "goldmark's output, which leaves out raw HTML and dangerous addresses; articles are ours",
	"internal/front/help/article.go: import text/template":           "fills numbers into Markdown before goldmark escapes it",
	"internal/front/pages/assets.go: html/template.HTML()":           "icons, from the binary",
	"internal/front/pages/frame.go: html/template.HTML()":            "the elements that words may stand in; every word in them is escaped",
	"internal/front/pages/frame.go: html/template.HTMLAttr()":        "names of describing elements, made by us",
	"internal/front/pages/refusal.go: html/template.HTML()":          "the time of a refusal as an element; the words around it are escaped",
	"internal/front/pages/samples.go: html/template.HTML()":          "sample articles of the storybook, from the catalogs",
	"internal/identity/credential/rules.go: import crypto/sha1":      "breach lists are published as SHA-1",
	"internal/remote/provider/wechat/message.go: import crypto/sha1": "WeChat signs messages with SHA-1 over a shared token; what counts is sealed with AES besides",
	"internal/remote/provider/alipay/certs.go: import crypto/md5":    "Alipay names certificates by the MD5 of issuer and serial; nothing is proved by it",
	"internal/simulate/people.go: import math/rand/v2":               "people of paper: the same seed has to tell the same story, and nothing here is a secret",
	"internal/simulate/simulate.go: import math/rand/v2":             "as above",
	"internal/kit/sqldb/postgres.go: import syscall":                 "the names of the errors that mean a lost connection",
	"lab/provider/alipay/demo.go: import crypto/md5":                 "Alipay names certificates so",
	"lab/provider/wechat/events.go: import crypto/sha1":              "WeChat signs its messages so",
}

// panics are the functions that may panic, with the reason why nobody who sends
// something can reach it.
var panics = map[string]string{
	// Mistakes of ours that show at the start of the process or in any test.
	"front/api.api.serveDocument":  "at the start: the document is made of our own types",
	"front/help.house":             "at the start: an embedded folder is missing",
	"front/httpd.Router.Handle":    "at the start: a pattern without a method",
	"front/httpd.newOriginGuard":   "at the start: the settings checked the public URL",
	"front/httpd.ourIndex":         "a cookie's name is a constant of ours",
	"front/httpd.Info.SetCookie":   "a cookie's value is made by us, of letters and digits",
	"identity/credential.NewGate":  "at the start: the settings checked the profile",
	"kit/fault.Declare":            "at the start: one code twice",
	"kit/job.Queue.add":            "at the start: one kind twice",
	"kit/settings.Settings.Public": "the settings were checked",
	"lab/page.assetPath":           "a template names an asset that is not in the binary",
	"lab/page.load":                "at the start: the binary was built without its words",
	"lab/provider.mustRead":        "at the start: the binary was built without it",
	"remote/numbers.":              "an embedded table that a test reads",
	"schema.Migrations":            "an embedded folder that every store test reads",
	"words.Book":                   "embedded catalogs that a test reads",

	// What cannot happen, where an error would only be passed on.
	"kit/job.below":             "crypto/rand.Reader never fails",
	"lab/provider/apple.Demo":   "crypto/rand.Reader never fails, and a key that it made can be written",
	"lab/provider/token.newKey": "crypto/rand.Reader never fails",
	"kit/randid.Below":          "crypto/rand.Reader never fails",
	"kit/seal.Ring.Seal":        "only for plain texts of 64 GiB",
	"kit/seal.state.keys":       "an index within its length",
	"kit/seal.state.mustDerive": "a key that was tried when the ring was read",
	"kit/sqldb.pauseBefore":     "crypto/rand.Reader never fails",

	// Panics that go on.
	"front/httpd.Router.finish":     "http.ErrAbortHandler belongs to net/http",
	"journey/proof.Steps":           "two methods that share a step take other fields: a mistake in the program, found at the start",
	"lab/provider.Spoil":            "http.ErrAbortHandler belongs to net/http",
	"front/httpd.exchange.panicked": "half an answer is out: net/http cuts the connection",
}

func TestCalls(t *testing.T) {
	rules := readCalls(t)
	used := map[string]bool{}
	for _, r := range house(t) {
		for _, f := range r.files {
			bubble := slices.ContainsFunc(f.ast.Imports, func(s *ast.ImportSpec) bool { return importPath(s) == "testing/synctest" })
			eachUse(f, func(what string, at token.Pos) {
				where, ruled := rules.of(what)
				if !ruled || f.test && slices.Contains(where, "tests") || bubble && slices.Contains(where, "bubbles") {
					return
				}
				if slices.ContainsFunc(where, func(folder string) bool { return within(r.path, folder+"/...") }) {
					return
				}
				place := f.path + ": " + what
				if _, excepted := callExceptions[place]; excepted {
					used[place] = true
					return
				}
				t.Errorf("%s:%d: %s may not stand here", f.path, f.line(at), what)
			})
		}
	}
	checkUsed(t, callExceptions, used)
}

func TestPanics(t *testing.T) {
	used := map[string]bool{}
	for _, r := range house(t) {
		for _, f := range r.files {
			if f.test || forTests(r.path) {
				continue
			}
			f.eachFunc(func(name string, node ast.Node) {
				ast.Inspect(node, func(n ast.Node) bool {
					call, ok := n.(*ast.CallExpr)
					if !ok {
						return true
					}
					if id, ok := call.Fun.(*ast.Ident); !ok || id.Name != "panic" {
						return true
					}
					place := short(r.path) + "." + name
					if _, listed := panics[place]; !listed {
						t.Errorf("%s:%d: %s panics: return an error, or list it with the reason", f.path, f.line(call.Pos()), place)
					}
					used[place] = true
					return true
				})
			})
		}
	}
	checkUsed(t, panics, used)
}

// The net has to catch: each of these is seen in a file that does it.
func TestCalls_refuse(t *testing.T) {
	rules := readCalls(t)
	for _, what := range []string{
		"time.Now", "import math/rand/v2", "import database/sql", "import github.com/jackc/pgx/v5/stdlib",
		"net/http.Client", "html/template.HTML()", "os.Getenv", "import unsafe",
	} {
		if _, ruled := rules.of(what); !ruled {
			t.Errorf("no rule for %s", what)
		}
	}
	const text = `package x
import ("time"; h "html/template"; "math/rand/v2"; . "os")
var _ = h.HTML("<b>")
var when = time.Now
var _ h.HTML
var _ = rand.Int()
var _ = tls{InsecureSkipVerify: true}`
	want := []string{"import html/template", "import math/rand/v2", "import time", "import os", "import .",
		"html/template.HTML()", "html/template.HTML", "time.Now", "html/template.HTML", "math/rand/v2.Int()", "math/rand/v2.Int",
		"field.InsecureSkipVerify"}
	var got []string
	eachUse(parsed(t, text), func(what string, _ token.Pos) { got = append(got, what) })
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("eachUse saw %q, want %q", got, want)
	}
}

type callTable map[string][]string

func readCalls(t *testing.T) callTable {
	t.Helper()
	table := callTable{"import .": nil}
	for line := range strings.Lines(calls) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cut := strings.LastIndex(line, ":")
		if cut < 0 {
			t.Fatalf("a line without a colon: %s", line)
		}
		names, isImport := strings.CutPrefix(line[:cut], "import ")
		for _, name := range strings.Fields(names) {
			if isImport {
				name = "import " + name
			}
			if _, twice := table[name]; twice {
				t.Fatalf("two rules for %s", name)
			}
			table[name] = strings.Fields(line[cut+1:])
		}
	}
	return table
}

// of finds the rule for a name; an import's may end in "/...".
func (c callTable) of(what string) (where []string, ruled bool) {
	if where, ruled = c[what]; ruled {
		return where, true
	}
	for rule, where := range c {
		if strings.HasSuffix(rule, "/...") && within(what, rule) {
			return where, true
		}
	}
	return nil, false
}

// eachUse visits what the file imports ("import path", "import ." for names
// without their package), every name it takes from a package ("path.Name", and
// "path.Name()" where it is called), and every field by its name ("field.Name").
func eachUse(f *source, visit func(what string, at token.Pos)) {
	for _, spec := range f.ast.Imports {
		visit("import "+importPath(spec), spec.Pos())
		if localName(spec) == "." {
			visit("import .", spec.Pos())
		}
	}
	named := func(x ast.Expr) string {
		if sel, ok := x.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok && f.names[id.Name] != "" {
				return f.names[id.Name] + "." + sel.Sel.Name
			}
		}
		return ""
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if name := named(call.Fun); name != "" {
				visit(name+"()", call.Pos())
			}
		}
		switch x := n.(type) {
		case *ast.SelectorExpr:
			if name := named(x); name != "" {
				visit(name, x.Pos())
			} else {
				visit("field."+x.Sel.Name, x.Pos())
			}
		case *ast.KeyValueExpr:
			if id, ok := x.Key.(*ast.Ident); ok {
				visit("field."+id.Name, x.Pos())
			}
		}
		return true
	})
}
