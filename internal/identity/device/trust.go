package device

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// TrustFor is how long a person may trust a device: it skips the second step of
// 2-step verification until then, and proves nothing (S-64).
const TrustFor = 90 * 24 * time.Hour

// Trust makes a device skip the second step until a time; found is false if the
// account has no such device. Trust that is longer already is cut to until.
func (s *Store) Trust(ctx context.Context, tx *sqldb.Tx, id account.ID, deviceID string, until time.Time) (found bool, err error) {
	n, err := tx.Exec(ctx, `UPDATE device SET trusted_until = $3 WHERE account_id = $1 AND id = $2`, int64(id), deviceID, sqldb.Micros(until))
	return n > 0, err
}

// Distrust ends the trust in every device but keep (empty: in all): after a new
// password, a recovery, a freeze, or when 2-step verification is turned on (S-28).
// It answers in how many devices it ended.
func (s *Store) Distrust(ctx context.Context, tx *sqldb.Tx, id account.ID, keep string) (int64, error) {
	return tx.Exec(ctx, `UPDATE device SET trusted_until = 0 WHERE account_id = $1 AND id <> $2 AND trusted_until <> 0`, int64(id), keep)
}
