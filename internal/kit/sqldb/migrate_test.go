package sqldb_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

// engines runs f with the URL of an empty database on each engine.
func engines(t *testing.T, f func(t *testing.T, url string)) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": sqldbtest.SQLiteURL, "postgres": sqldbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) { f(t, url(t)) })
	}
}

func open(t *testing.T, url string) *sqldb.DB {
	t.Helper()
	return sqldbtest.Open(t, url, clock.At(sqldbtest.Start))
}

var (
	first  = sqldb.Migration{Number: 1, Name: "first", SQL: "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, b BYTEA NOT NULL, t TEXT NOT NULL, f BOOLEAN NOT NULL); -- it's a table; of ours\n"}
	second = sqldb.Migration{Number: 2, Name: "second", SQL: "CREATE TABLE b (id TEXT NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (id, n)); INSERT INTO b (id, n) VALUES ('BIGINT; BYTEA', 1);"}
	broken = sqldb.Migration{Number: 3, Name: "broken", SQL: "CREATE TABLE c (id BIGINT NOT NULL PRIMARY KEY); INSERT INTO nowhere (id) VALUES (1);"}
	third  = sqldb.Migration{Number: 3, Name: "third", SQL: "CREATE TABLE c (id BIGINT NOT NULL PRIMARY KEY); CREATE INDEX b_n ON b (n) WHERE n > 0;"}
)

func TestMigrateAppliesWhatIsMissing(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		db := open(t, url)
		for _, step := range []struct {
			list []sqldb.Migration
			want []string
		}{
			{[]sqldb.Migration{first}, []string{"0001_first"}},
			{[]sqldb.Migration{first}, nil},
			{[]sqldb.Migration{first, second, third}, []string{"0002_second", "0003_third"}},
			{[]sqldb.Migration{first, second, third}, nil},
		} {
			got, err := db.Migrate(t.Context(), step.list)
			if diff := cmp.Diff(step.want, got); err != nil || diff != "" {
				t.Fatalf("Migrate: %v\n%s", err, diff)
			}
		}
		var text string
		if err := db.QueryRow(t.Context(), `SELECT id FROM b`).Scan(&text); err != nil || text != "BIGINT; BYTEA" {
			t.Errorf("quoted text became %q (%v)", text, err)
		}
		status, err := db.MigrationStatus(t.Context(), []sqldb.Migration{first, second, third, {Number: 4, Name: "fourth"}})
		want := []sqldb.MigrationState{{1, "first", sqldbtest.Start}, {2, "second", sqldbtest.Start}, {3, "third", sqldbtest.Start}, {Number: 4, Name: "fourth"}}
		if diff := cmp.Diff(want, status); err != nil || diff != "" {
			t.Errorf("MigrationStatus: %v\n%s", err, diff)
		}
	})
}

func TestR05_AnInterruptedMigrationLeavesNothingAndIsTakenUp(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		db := open(t, url)
		got, err := db.Migrate(t.Context(), []sqldb.Migration{first, second, broken})
		if err == nil || len(got) != 2 {
			t.Fatalf("Migrate = %v, %v; want two applied and an error", got, err)
		}
		if err := db.QueryRow(t.Context(), `SELECT COUNT(*) FROM c`).Scan(new(int)); err == nil {
			t.Error("the failed migration left its table")
		}
		got, err = db.Migrate(t.Context(), []sqldb.Migration{first, second, third})
		if diff := cmp.Diff([]string{"0003_third"}, got); err != nil || diff != "" {
			t.Errorf("Migrate: %v\n%s", err, diff)
		}
	})
}

func TestR05_ANewerSchemaIsRefused(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		db := open(t, url)
		if _, err := db.Migrate(t.Context(), []sqldb.Migration{first, second}); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Migrate(t.Context(), []sqldb.Migration{first}); !errors.Is(err, sqldb.ErrNewerSchema) {
			t.Errorf("Migrate by an older program: %v", err)
		}
		if _, err := db.MigrationStatus(t.Context(), []sqldb.Migration{first}); !errors.Is(err, sqldb.ErrNewerSchema) {
			t.Errorf("MigrationStatus of an older program: %v", err)
		}
		changed := first
		changed.SQL += " "
		if _, err := db.Migrate(t.Context(), []sqldb.Migration{changed, second}); !errors.Is(err, sqldb.ErrChangedMigration) {
			t.Errorf("Migrate with a changed text: %v", err)
		}
		if _, err := db.Migrate(t.Context(), []sqldb.Migration{second, first}); err == nil {
			t.Error("a list out of order was taken")
		}
	})
}

func TestR05_ManyNodesMigrateAtOnce(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		var mu sync.Mutex
		var all []string
		var nodes sync.WaitGroup
		for range 5 {
			db := open(t, url)
			nodes.Go(func() {
				got, err := db.Migrate(t.Context(), []sqldb.Migration{first, second, third})
				if err != nil {
					t.Errorf("Migrate: %v", err)
				}
				mu.Lock()
				defer mu.Unlock()
				all = append(all, got...)
			})
		}
		nodes.Wait()
		if len(all) != 3 {
			t.Errorf("applied %v, want each once", all)
		}
	})
}

func TestStrictTablesRefuseTheWrongType(t *testing.T) {
	db := open(t, sqldbtest.SQLiteURL(t))
	if _, err := db.Migrate(t.Context(), []sqldb.Migration{first}); err != nil {
		t.Fatal(err)
	}
	err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO a (id, b, t, f) VALUES (1, 'text into bytes', '', TRUE)`)
		return err
	})
	if err == nil {
		t.Error("a text was taken into a column of bytes")
	}
}
