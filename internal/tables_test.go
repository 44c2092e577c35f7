package internal_test

import (
	"go/ast"
	"go/token"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/schema"
)

// tableExceptions are statements, "folder: table", outside of the folder that
// owns the table. "*" stands for a name that is put together at run time.
var tableExceptions = map[string]string{
	"internal/identity/session: account": "checkQuery: the session check of every request is one read by the distribution key",
	"internal/identity/session: device":  "checkQuery as above",
	"internal/identity/credential: *":    "Forget empties its own two tables in a loop",
	"internal/identity/rekey: *":         "walks the columns that each owner names in its Sealed()",
	"internal/remote/courier: *":         "the sweep empties its own two tables in a loop",
}

// tableReaders are rooms that read all tables and write none.
var tableReaders = map[string]string{
	"internal/invariant": "what is true across the rooms can only be looked for across their tables",
}

var writing = regexp.MustCompile(`\b(INSERT|UPDATE|DELETE)\b`)

// naming finds the tables that a piece of SQL names, also the end of a piece
// after which the name is put in.
var naming = regexp.MustCompile(`\b(?:FROM|INTO|UPDATE|JOIN)\s+(?:(\w+)|$)`)

func TestTables_haveOneOwner(t *testing.T) {
	owners := schema.Owners()
	if len(owners) < 5 {
		t.Fatalf("only %d tables found", len(owners))
	}
	for table, owner := range owners {
		if owner == "" {
			t.Errorf("internal/schema: table %s has no \"-- owner:\" line", table)
		} else if at, err := os.Stat(path.Join(root, owner)); err != nil || !at.IsDir() {
			t.Errorf("internal/schema: the owner of %s, %s, is no folder", table, owner)
		}
	}
	used := map[string]bool{}
	for _, r := range house(t) {
		for _, f := range r.files {
			if f.test || forTests(r.path) {
				continue
			}
			eachString(f, func(at token.Pos, text string) {
				if _, reads := tableReaders[r.path]; reads && !writing.MatchString(text) {
					used[r.path] = true
					return
				}
				for _, table := range tablesIn(text) {
					owner, known := owners[table]
					place := r.path + ": " + table
					if table != "*" && (!known || owner == r.path) {
						continue
					}
					if _, excepted := tableExceptions[place]; excepted {
						used[place] = true
						continue
					}
					t.Errorf("%s:%d: names the table %s of %s", f.path, f.line(at), table, owner)
				}
			})
		}
	}
	checkUsed(t, tableExceptions, used)
	checkUsed(t, tableReaders, used)
}

// A table is made by a numbered migration only; kit/sqldb makes the one in which
// it remembers them, and bench one to measure the engine with.
func TestTables_areMadeByMigrations(t *testing.T) {
	ddl := regexp.MustCompile(`\b(CREATE|ALTER|DROP)\s+(UNIQUE\s+)?(TABLE|INDEX)\b`)
	for _, r := range house(t) {
		for _, f := range r.files {
			if f.test || forTests(r.path) || r.path == "internal/kit/sqldb" || r.path == "internal/schema" || r.path == "bench" {
				continue
			}
			eachString(f, func(at token.Pos, text string) {
				if ddl.MatchString(text) {
					t.Errorf("%s:%d: changes the schema outside of internal/schema", f.path, f.line(at))
				}
			})
		}
	}
}

func TestTablesIn(t *testing.T) {
	for text, want := range map[string][]string{
		"SELECT a FROM account WHERE id = $1":            {"account"},
		"SELECT 1 FROM session s JOIN account a ON TRUE": {"session", "account"},
		"INSERT INTO job (id) SELECT id FROM\n\tquota":   {"job", "quota"},
		"DELETE FROM ":                                        {"*"},
		"UPDATE device SET x = 1":                             {"device"},
		"a letter from account to account":                    nil,
		"INSERT INTO a VALUES (1) ON CONFLICT DO UPDATE SET ": {"a", "SET"},
	} {
		if got := tablesIn(text); !slices.Equal(got, want) {
			t.Errorf("tablesIn(%q) = %q, want %q", text, got, want)
		}
	}
}

func tablesIn(text string) []string {
	var out []string
	for _, found := range naming.FindAllStringSubmatch(text, -1) {
		if found[1] == "" && !strings.Contains(found[0], " ") {
			continue // the word alone, not the start of a statement
		}
		out = append(out, orStar(found[1]))
	}
	return out
}

func orStar(name string) string {
	if name == "" {
		return "*"
	}
	return name
}

// eachString visits every string literal of the file.
func eachString(f *source, visit func(at token.Pos, text string)) {
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil {
				visit(lit.Pos(), text)
			}
		}
		return true
	})
}
