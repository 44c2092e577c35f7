package quota

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Check answers what Spend would refuse, and charges nothing. The rows stay
// locked until the end of the transaction, so that a Spend after it in the same
// transaction is not refused: a cheap guess is judged in between, and only a
// wrong one is charged. A row that is not there yet cannot be locked; if two
// transactions charge it at once, the loser runs again and is checked anew.
func (b *Book) Check(ctx context.Context, tx *sqldb.Tx, s ...Spend) (*Refusal, error) {
	rows, err := b.accounts(s)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	if err := load(ctx, tx, tx.ForUpdate(), rows); err != nil {
		return nil, err
	}
	return refuse(rows, sqldb.Micros(tx.Now())), nil
}

// Look answers what Spend would refuse at present, and neither charges nor locks
// anything: it is for telling people what will be. What must not be overtaken is a
// Spend or a Check.
func (b *Book) Look(ctx context.Context, q sqldb.Querier, s ...Spend) (*Refusal, error) {
	rows, err := b.accounts(s)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	if err := load(ctx, q, "", rows); err != nil {
		return nil, err
	}
	return refuse(rows, sqldb.Micros(q.Now())), nil
}

// refuse finds the limit that is longest in the way; nil if none is.
func refuse(rows []*account, now int64) *Refusal {
	var refusal *Refusal
	for _, a := range rows {
		if a.limit.allows(a.marks, now, a.n) {
			continue
		}
		at := sqldb.FromMicros(a.limit.retryAt(a.marks, now, a.n))
		if refusal == nil || at.IsZero() || !refusal.RetryAt.IsZero() && at.After(refusal.RetryAt) {
			refusal = &Refusal{Limit: a.limit.Name, RetryAt: at}
		}
	}
	return refusal
}
