// Package rekey holds the walks that put sealed columns and keyed indexes under the
// primary key of the ring after a rotation. Each store names its sealed columns
// and the accounts that stand in its indexes; a walk goes through them in the order of
// their keys, a few rows at a time, and can be stopped anywhere and begun again. It
// must never hold a value longer than one row, and it owns no table.
package rekey

import (
	"context"
	"fmt"
	"strings"

	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Column is one sealed column of a table, by constants of the program.
type Column struct {
	Table  string
	Sealed string   // the column; an empty value is not sealed
	Key    []string // the primary key; its first column distributes
	// Place is where a row's value is sealed, of the row's key in the order of Key:
	// integers as int64, texts as string.
	Place func(key []any) seal.Place
}

// Done is what a walk did.
type Done struct {
	Seen    int // sealed values
	Changed int // now under the primary key
	Lost    int // values that no enabled key opens
}

// step is how many rows one statement reads.
const step = 200

// Walk puts every value of a column under the primary key.
func Walk(ctx context.Context, db *sqldb.DB, ring *seal.Ring, c Column) (Done, error) {
	var done Done
	var after []any
	for {
		rows, err := c.next(ctx, db, after)
		if err != nil {
			return done, fmt.Errorf("rekey: %s.%s: %w", c.Table, c.Sealed, err)
		}
		for _, r := range rows {
			if len(r.sealed) == 0 {
				continue
			}
			done.Seen++
			if !ring.Stale(r.sealed) {
				continue
			}
			plain, err := ring.Open(r.sealed, c.Place(r.key))
			if err != nil {
				done.Lost++
				continue
			}
			n, err := c.replace(ctx, db, r, ring.Seal(plain, c.Place(r.key)))
			if err != nil {
				return done, fmt.Errorf("rekey: %s.%s: %w", c.Table, c.Sealed, err)
			}
			done.Changed += n
		}
		if len(rows) < step {
			return done, nil
		}
		after = rows[len(rows)-1].key
	}
}

type row struct {
	key    []any
	sealed []byte
}

// next reads the rows after a key, in the order of the key.
func (c Column) next(ctx context.Context, q sqldb.Querier, after []any) ([]row, error) {
	keys := strings.Join(c.Key, ", ")
	where, args := "", []any{}
	if after != nil {
		where, args = " WHERE ("+keys+") > "+sqldb.In(1, len(c.Key)), after
	}
	found, err := q.Query(ctx, "SELECT "+keys+", "+c.Sealed+" FROM "+c.Table+where+" ORDER BY "+keys+fmt.Sprintf(" LIMIT %d", step), args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var out []row
	for found.Next() {
		r := row{key: make([]any, len(c.Key))}
		to := make([]any, 0, len(c.Key)+1)
		for i := range r.key {
			to = append(to, &r.key[i])
		}
		if err := found.Scan(append(to, &r.sealed)...); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, found.Err()
}

// replace writes the new value only over the one that was read.
func (c Column) replace(ctx context.Context, db *sqldb.DB, r row, sealed []byte) (n int, err error) {
	var where strings.Builder
	args := []any{sealed, r.sealed}
	for i, key := range c.Key {
		fmt.Fprintf(&where, " AND %s = $%d", key, i+3)
		args = append(args, r.key[i])
	}
	err = db.InTx(ctx, func(tx *sqldb.Tx) error {
		changed, err := tx.Exec(ctx, "UPDATE "+c.Table+" SET "+c.Sealed+" = $1 WHERE "+c.Sealed+" = $2"+where.String(), args...)
		n = int(changed)
		return err
	})
	return n, err
}
