package sqldb

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Migration is one numbered step of the schema in the portable text: statements
// with PostgreSQL's type words (BIGINT, BOOLEAN, BYTEA, TEXT), each ended by a
// semicolon. Its checksum is kept, so its text never changes once it was applied.
type Migration struct {
	Number int
	Name   string
	SQL    string
}

// MigrationState is what MigrationStatus tells about one migration.
type MigrationState struct {
	Number    int
	Name      string
	AppliedAt time.Time // zero: not yet
}

// ErrNewerSchema means that the database was migrated by a newer version of the
// program than this one, which therefore must not touch it.
var ErrNewerSchema = errors.New("sqldb: the database was migrated by a newer version of this program; upgrade the program")

// ErrChangedMigration means that a migration was changed after it was applied.
var ErrChangedMigration = errors.New("sqldb: an applied migration has another text in this program")

// ledger is the bookkeeping. Row 0 is only there to be locked, so that one node
// at a time migrates: a row lock ends with its transaction, whatever happens to
// the node, and works behind connection poolers and on distributed engines,
// which advisory locks do not.
const ledger = `CREATE TABLE IF NOT EXISTS schema_migration (
  number     BIGINT NOT NULL PRIMARY KEY,
  name       TEXT   NOT NULL,
  checksum   TEXT   NOT NULL,
  applied_at BIGINT NOT NULL
)`

type applied struct {
	checksum string
	at       time.Time
}

func (m Migration) checksum() string {
	sum := sha256.Sum256([]byte(strings.ReplaceAll(m.SQL, "\r\n", "\n")))
	return hex.EncodeToString(sum[:])
}

func (m Migration) title() string { return fmt.Sprintf("%04d_%s", m.Number, m.Name) }

// Migrate applies what is not applied yet, in order, each migration in one
// transaction with its bookkeeping, and answers the titles ("0001_kit") of those
// that this call applied. It may run on many nodes at once. An interrupted run
// is taken up where it stood. It waits for other nodes until ctx ends. When
// nothing is missing it only reads, so that a node's database role needs no
// right to change the schema.
func (db *DB) Migrate(ctx context.Context, list []Migration) (titles []string, err error) {
	if err := inOrder(list); err != nil {
		return nil, err
	}
	missing, err := db.pending(ctx, list)
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	if err := db.makeLedger(ctx); err != nil {
		return nil, err
	}
	for _, m := range missing {
		did, err := db.migrateOne(ctx, list, m)
		if err != nil {
			return titles, fmt.Errorf("sqldb: migration %s: %w", m.title(), err)
		}
		if did {
			titles = append(titles, m.title())
		}
	}
	return titles, nil
}

// MigrationStatus tells of each migration when it was applied. It only reads.
func (db *DB) MigrationStatus(ctx context.Context, list []Migration) ([]MigrationState, error) {
	there, err := db.readLedger(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]MigrationState, 0, len(list))
	for _, m := range list {
		out = append(out, MigrationState{m.Number, m.Name, there[m.Number].at})
	}
	return out, compare(list, there)
}

func inOrder(list []Migration) error {
	last := 0
	for _, m := range list {
		if m.Number <= last {
			return fmt.Errorf("sqldb: migration %s stands after number %d", m.title(), last)
		}
		last = m.Number
	}
	return nil
}

// compare finds what this program does not know or knows otherwise.
func compare(list []Migration, there map[int]applied) error {
	known := map[int]bool{}
	for _, m := range list {
		known[m.Number] = true
		if a, ok := there[m.Number]; ok && a.checksum != m.checksum() {
			return fmt.Errorf("%w: %s", ErrChangedMigration, m.title())
		}
	}
	for number := range there {
		if !known[number] {
			return fmt.Errorf("%w (it holds migration %d)", ErrNewerSchema, number)
		}
	}
	return nil
}

func (db *DB) pending(ctx context.Context, list []Migration) ([]Migration, error) {
	there, err := db.readLedger(ctx)
	if err != nil {
		return nil, err
	}
	if err := compare(list, there); err != nil {
		return nil, err
	}
	var missing []Migration
	for _, m := range list {
		if _, ok := there[m.Number]; !ok {
			missing = append(missing, m)
		}
	}
	return missing, nil
}

// readLedger answers nothing on a database that was never migrated.
func (db *DB) readLedger(ctx context.Context) (map[int]applied, error) {
	exists := `SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migration'`
	if db.engine == Postgres {
		exists = `SELECT COUNT(*) FROM pg_catalog.pg_tables WHERE tablename = 'schema_migration' AND schemaname = ANY (current_schemas(FALSE))`
	}
	var n int
	if err := db.QueryRow(ctx, exists).Scan(&n); err != nil || n == 0 {
		return nil, err
	}
	rows, err := db.Query(ctx, `SELECT number, checksum, applied_at FROM schema_migration WHERE number > 0`)
	return scanLedger(rows, err)
}

func scanLedger(rows *sql.Rows, err error) (map[int]applied, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	there := map[int]applied{}
	for rows.Next() {
		var number int
		var sum string
		var at int64
		if err := rows.Scan(&number, &sum, &at); err != nil {
			return nil, err
		}
		there[number] = applied{sum, FromMicros(at)}
	}
	return there, rows.Err()
}

// makeLedger creates the bookkeeping and its row to lock. Two nodes that create
// one table at once can fail on PostgreSQL in spite of IF NOT EXISTS (its
// catalog says 23505 or 42P07); the one that lost then finds the table.
func (db *DB) makeLedger(ctx context.Context) error {
	text := ledger
	if db.engine == SQLite {
		text = sqliteDDL(ledger)
	}
	var err error
	for range 3 {
		if err = db.patiently(ctx, func(tx *Tx) error { return tx.script(ctx, text) }); err == nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("sqldb: the migrations' bookkeeping: %w", err)
	}
	return db.patiently(ctx, func(tx *Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO schema_migration (number, name, checksum, applied_at) VALUES (0, 'lock', '', 0) ON CONFLICT DO NOTHING`)
		return err
	})
}

// migrateOne applies m unless another node has done so meanwhile.
func (db *DB) migrateOne(ctx context.Context, list []Migration, m Migration) (did bool, err error) {
	text := m.SQL
	if db.engine == SQLite {
		text = sqliteDDL(m.SQL)
	}
	err = db.patiently(ctx, func(tx *Tx) error {
		did = false
		var lock int
		if err := tx.QueryRow(ctx, `SELECT number FROM schema_migration WHERE number = 0`+tx.ForUpdate()).Scan(&lock); err != nil {
			return err
		}
		there, err := scanLedger(tx.Query(ctx, `SELECT number, checksum, applied_at FROM schema_migration WHERE number > 0`))
		if err != nil {
			return err
		}
		if err := compare(list, there); err != nil {
			return err
		}
		if _, done := there[m.Number]; done {
			return nil
		}
		if err := tx.script(ctx, text); err != nil {
			return err
		}
		did = true
		_, err = tx.Exec(ctx, `INSERT INTO schema_migration (number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)`,
			m.Number, m.Name, m.checksum(), Micros(tx.Now()))
		return err
	})
	return did && err == nil, err
}

// patiently is InTx that waits for its turn as long as ctx lasts: another
// node's migration may take minutes.
func (db *DB) patiently(ctx context.Context, f func(tx *Tx) error) error {
	for {
		err := db.inTx(ctx, 0, func(tx *Tx) error {
			if db.engine == Postgres {
				// The statements may rewrite a table; but a lock that does not come must not
				// make everybody queue behind this one.
				if err := tx.script(ctx, `SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '3s'`); err != nil {
					return err
				}
			}
			return f(tx)
		})
		if !errors.Is(err, ErrBusy) || ctx.Err() != nil {
			return err
		}
	}
}
