package rekey

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Accounts does do to the next n accounts after one, and answers the last account
// seen (0: all were) and the sum of what do answered. query names the accounts in the
// order of their IDs: its $1 is the ID after which, its $2 how many.
func Accounts[ID ~int64](ctx context.Context, db *sqldb.DB, query string, after ID, n int, do func(context.Context, ID) (int, error)) (next ID, sum int, err error) {
	ids, err := accounts[ID](ctx, db, query, after, n)
	if err != nil {
		return 0, 0, err
	}
	for _, id := range ids {
		done, err := do(ctx, id)
		if err != nil {
			return 0, sum, err
		}
		sum, next = sum+done, id
	}
	if len(ids) < n {
		next = 0
	}
	return next, sum, nil
}

// Reindex is Accounts with a transaction for each account. write answers how many
// rows of an index were missing and are there now; it may be called again from the
// start, as InTx does.
func Reindex[ID ~int64](ctx context.Context, db *sqldb.DB, query string, after ID, n int, write func(*sqldb.Tx, ID) (int, error)) (next ID, added int, err error) {
	return Accounts(ctx, db, query, after, n, func(ctx context.Context, id ID) (missing int, err error) {
		err = db.InTx(ctx, func(tx *sqldb.Tx) (err error) {
			missing, err = write(tx, id)
			return err
		})
		return missing, err
	})
}

func accounts[ID ~int64](ctx context.Context, q sqldb.Querier, query string, after ID, n int) ([]ID, error) {
	rows, err := q.Query(ctx, query, int64(after), n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []ID
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, ID(id))
	}
	return ids, rows.Err()
}
