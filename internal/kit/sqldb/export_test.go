package sqldb

import "context"

// Numbered and SQLiteDDL are tested alone.
var (
	Numbered  = numbered
	SQLiteDDL = sqliteDDL
)

// Queued is how many transactions wait for the writer.
func (db *DB) Queued() int { return len(db.writer.queue) }

// Pragma asks the writing connection, and Script runs there, outside of transactions.
func (db *DB) Pragma(ctx context.Context, name string) (value string, err error) {
	err = db.writer.stmts.queryRow(ctx, "PRAGMA "+name, nil).Scan(&value)
	return value, err
}
