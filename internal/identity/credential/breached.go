package credential

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// BreachedAt is when the password was found in a list of stolen ones; zero: it was
// not.
func (s Stored) BreachedAt() time.Time { return s.breachedAt }

// IsBreached tells whether a password that is right stands in a list of stolen ones:
// in ours, or in the one that is asked. It asks outside any transaction, and an
// answer that does not come within 1.5 s is none.
func (p *Passwords) IsBreached(ctx context.Context, s Stored, password string) bool {
	if !s.breachedAt.IsZero() {
		return true
	}
	password, err := read(password)
	return err == nil && (isCommon(strings.ToLower(password)) || p.isBreached(ctx, password))
}

// MarkBreached remembers that the present password was found in such a list; first
// is false if that was known.
func (p *Passwords) MarkBreached(ctx context.Context, tx *sqldb.Tx, id account.ID) (first bool, err error) {
	n, err := tx.Exec(ctx, `UPDATE credential_password SET breached_at = $2 WHERE account_id = $1 AND breached_at = 0`, int64(id), sqldb.Micros(tx.Now()))
	if err != nil {
		return false, fmt.Errorf("credential: marking: %w", err)
	}
	return n == 1, nil
}
