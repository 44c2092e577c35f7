package settings

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
)

// Told reads what the owner was told about the account's safety, the newest first,
// older than before (zero: all), and whether it arrived.
func (h *House) Told(ctx context.Context, l *session.Live, before time.Time, n int) ([]proof.Told, error) {
	return h.Notices.List(ctx, h.DB, l.AccountID, before, n)
}
