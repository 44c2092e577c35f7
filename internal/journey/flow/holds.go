package flow

import (
	"context"
	"crypto/subtle"
	"errors"

	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Holds tells whether a handle opens a journey that is under way: not_found if it
// does not, journey_expired if its time is over. It reads no more than that.
func Holds(ctx context.Context, q sqldb.Querier, h Handle) error {
	if !isID(h.ID) || len(h.Key) > 64 {
		return fault.NotFound
	}
	var hash []byte
	var expires int64
	err := q.QueryRow(ctx, `SELECT key_hash, expires_at FROM journey WHERE id = $1`, h.ID).Scan(&hash, &expires)
	switch {
	case errors.Is(err, sqldb.ErrNone):
		return fault.NotFound
	case err != nil:
		return err
	case subtle.ConstantTimeCompare(hash, keyHash(h.Key)) != 1:
		return fault.NotFound
	case !q.Now().Before(sqldb.FromMicros(expires)):
		return JourneyExpired
	}
	return nil
}
