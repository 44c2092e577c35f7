package schema_test

import (
	"testing"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/schema"
)

// Each migrates already; what is left to say is that every table has an owner.
func TestEveryTableHasOneOwner(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, _ *clock.Clock) {
		tables := `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
		if db.Engine() == sqldb.Postgres {
			tables = `SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema()`
		}
		rows, err := db.Query(t.Context(), tables)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		owners := schema.Owners()
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				t.Fatal(err)
			}
			if owners[name] == "" {
				t.Errorf("table %s has no \"-- owner:\" line right above its CREATE TABLE", name)
			}
			delete(owners, name)
		}
		for name := range owners {
			t.Errorf("table %s is owned but not there", name)
		}
	})
}
