package credential

import (
	"context"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Resealed is what one call of Reseal did.
type Resealed struct {
	Next    account.ID // where to go on; 0: all rows were seen
	Changed int        // rows that are now under the primary key
	Lost    int        // rows that no enabled key opens
}

// Reseal puts the hashes of the next n accounts after an ID under the primary
// key of the ring, one short transaction for each account that needs it. It may
// be stopped anywhere and begun again. After it has seen all rows twice without
// a change or a loss, the old key can be disabled.
func (p *Passwords) Reseal(ctx context.Context, db *sqldb.DB, after account.ID, n int) (Resealed, error) {
	// The first table is enough: an earlier password is there only where there is one.
	const query = `SELECT account_id FROM credential_password WHERE account_id > $1 ORDER BY account_id LIMIT $2`
	var done Resealed
	var err error
	done.Next, done.Changed, err = rekey.Accounts(ctx, db, query, after, n, func(ctx context.Context, id account.ID) (int, error) {
		changed, lost, err := p.resealOne(ctx, db, id)
		done.Lost += lost
		return changed, err
	})
	if err != nil {
		return done, fmt.Errorf("credential: resealing: %w", err)
	}
	return done, nil
}

// sealedRow is one hash that is not under the primary key.
type sealedRow struct {
	nth    int64 // 0: the present password
	sealed []byte
	at     seal.Place
}

func (p *Passwords) resealOne(ctx context.Context, db *sqldb.DB, id account.ID) (changed, lost int, err error) {
	if stale, err := p.staleRows(ctx, db, id); err != nil || len(stale) == 0 {
		return 0, 0, err
	}
	err = db.InTx(ctx, func(tx *sqldb.Tx) error {
		changed, lost = 0, 0
		stale, err := p.staleRows(ctx, tx, id)
		if err != nil {
			return err
		}
		for _, row := range stale {
			phc, err := p.ring.Open(row.sealed, row.at)
			if err != nil {
				lost++
				continue
			}
			again := p.ring.Seal(phc, row.at)
			var n int64
			if row.nth == 0 {
				n, err = tx.Exec(ctx, `UPDATE credential_password SET sealed = $1 WHERE account_id = $2 AND sealed = $3`, again, int64(id), row.sealed)
			} else {
				n, err = tx.Exec(ctx, `UPDATE credential_earlier SET sealed = $1 WHERE account_id = $2 AND nth = $3 AND sealed = $4`, again, int64(id), row.nth, row.sealed)
			}
			if err != nil {
				return err
			}
			changed += int(n)
		}
		return nil
	})
	return changed, lost, err
}

func (p *Passwords) staleRows(ctx context.Context, q sqldb.Querier, id account.ID) ([]sealedRow, error) {
	rows, err := q.Query(ctx, `
		SELECT 0 AS nth, sealed FROM credential_password WHERE account_id = $1
		UNION ALL
		SELECT nth, sealed FROM credential_earlier WHERE account_id = $1`, int64(id))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var stale []sealedRow
	for rows.Next() {
		r := sealedRow{at: currentPlace(id)}
		if err := rows.Scan(&r.nth, &r.sealed); err != nil {
			return nil, err
		}
		if r.nth > 0 {
			r.at = earlierPlace(id, r.nth)
		}
		if p.ring.Stale(r.sealed) {
			stale = append(stale, r)
		}
	}
	return stale, rows.Err()
}
