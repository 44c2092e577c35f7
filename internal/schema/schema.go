// Package schema holds every migration of the store, numbered, in one portable
// text (see kit/sqldb), and says which package owns which table. It must never
// hold a rule: what the columns mean stands in the package that owns the table.
//
// A released migration never changes (its checksum is stored). A change of the
// schema is a new file, NNNN_name.sql: expand first, contract a release later,
// because nodes of the previous version work beside the new one.
package schema

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

//go:embed *.sql
var files embed.FS

// bookkeeping is the table in which kit/sqldb remembers what was applied.
const bookkeeping = "schema_migration"

// Migrations lists the embedded files in order. A file name that is not
// NNNN_name.sql is a fault of the build, and panics.
func Migrations() []sqldb.Migration {
	names, err := fs.Glob(files, "*.sql") // sorted by name
	if err != nil {
		panic(err)
	}
	out := make([]sqldb.Migration, 0, len(names))
	for _, file := range names {
		number, name, found := strings.Cut(strings.TrimSuffix(file, ".sql"), "_")
		n, err := strconv.Atoi(number)
		if err != nil || !found || len(number) != 4 {
			panic(fmt.Sprintf("schema: %s is not called NNNN_name.sql", file))
		}
		text, err := files.ReadFile(file)
		if err != nil {
			panic(err)
		}
		out = append(out, sqldb.Migration{Number: n, Name: name, SQL: string(text)})
	}
	return out
}

// owned finds "-- owner: PACKAGE" right above a CREATE TABLE.
var owned = regexp.MustCompile(`(?m)^(?:-- owner: (\S+)\n)?CREATE TABLE (\w+)`)

// Owners answers, for each table, the package that alone may name it. A table
// without an owner has "".
func Owners() map[string]string {
	out := map[string]string{bookkeeping: "internal/kit/sqldb"}
	for _, m := range Migrations() {
		for _, found := range owned.FindAllStringSubmatch(m.SQL, -1) {
			out[found[2]] = found[1]
		}
	}
	return out
}
