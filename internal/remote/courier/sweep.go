package courier

import (
	"context"
	"fmt"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

const (
	// sweepStep bounds what one transaction deletes, so that a sweep keeps nobody waiting.
	sweepStep = 200
	// inboundFor is how long a person's text is known again: carriers repeat for hours, not days.
	inboundFor = 7 * 24 * time.Hour
)

// Sweep forgets messages that are older than Options.KeepFor, receipts that never
// found a message, and texts from people that cannot come again.
func (k *Courier) Sweep(ctx context.Context) error {
	now := k.db.Now()
	for _, f := range []func(context.Context, *sqldb.Tx) (int, error){
		func(ctx context.Context, tx *sqldb.Tx) (int, error) {
			return sweepMessages(ctx, tx, now.Add(-k.o.KeepFor))
		},
		func(ctx context.Context, tx *sqldb.Tx) (int, error) {
			n, err := tx.Exec(ctx, `DELETE FROM courier_handover WHERE id IN (SELECT id FROM courier_handover WHERE message_id = '' AND at < $1 LIMIT $2)`,
				sqldb.Micros(now.Add(-latest)), sweepStep)
			return int(n), err
		},
		func(ctx context.Context, tx *sqldb.Tx) (int, error) {
			n, err := tx.Exec(ctx, `DELETE FROM courier_inbound WHERE id IN (SELECT id FROM courier_inbound WHERE at < $1 LIMIT $2)`,
				sqldb.Micros(now.Add(-inboundFor)), sweepStep)
			return int(n), err
		},
	} {
		if err := k.sweep(ctx, f); err != nil {
			return fmt.Errorf("courier: sweeping: %w", err)
		}
	}
	return nil
}

// sweep repeats a step until it finds less than a step.
func (k *Courier) sweep(ctx context.Context, step func(context.Context, *sqldb.Tx) (int, error)) error {
	for {
		var n int
		err := k.db.InTx(ctx, func(tx *sqldb.Tx) (err error) {
			n, err = step(ctx, tx)
			return err
		})
		if err != nil || n < sweepStep {
			return err
		}
	}
}

// sweepMessages deletes messages and the handovers by which receipts found them.
func sweepMessages(ctx context.Context, tx *sqldb.Tx, before time.Time) (int, error) {
	rows, err := tx.Query(ctx, `SELECT id, handover FROM courier_message WHERE posted_at < $1 LIMIT $2`, sqldb.Micros(before), sweepStep)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var ids, handovers []any
	for rows.Next() {
		var id string
		var handover []byte
		if err := rows.Scan(&id, &handover); err != nil {
			return 0, err
		}
		ids = append(ids, id)
		if len(handover) > 0 {
			handovers = append(handovers, handover)
		}
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	rows.Close()
	for table, list := range map[string][]any{"courier_message": ids, "courier_handover": handovers} {
		if len(list) == 0 {
			continue
		}
		if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE id IN `+sqldb.In(1, len(list)), list...); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}
