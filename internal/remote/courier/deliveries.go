package courier

import (
	"context"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Deliveries tells how far several messages came, in one read. One that is not
// known any more (Options.KeepFor) is missing in the answer.
func (k *Courier) Deliveries(ctx context.Context, q sqldb.Querier, ids ...string) (map[string]Delivery, error) {
	out := make(map[string]Delivery, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	rows, err := q.Query(ctx, `SELECT id, state, reason, changed_at FROM courier_message WHERE id IN `+sqldb.In(1, len(ids)), args...)
	if err != nil {
		return nil, fmt.Errorf("courier: deliveries: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var d Delivery
		var at int64
		if err := rows.Scan(&id, &d.State, &d.Reason, &at); err != nil {
			return nil, fmt.Errorf("courier: deliveries: %w", err)
		}
		d.At = sqldb.FromMicros(at)
		out[id] = d
	}
	return out, rows.Err()
}
