package credential

import (
	"context"
	"fmt"
	"strconv"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Remembered is how many earlier passwords are kept, as hashes (S-178).
const Remembered = 5

func currentPlace(id account.ID) seal.Place {
	return seal.Place{Table: "credential_password", Column: "sealed", Row: strconv.FormatInt(int64(id), 10)}
}

func earlierPlace(id account.ID, nth int64) seal.Place {
	return seal.Place{Table: "credential_earlier", Column: "sealed", Row: fmt.Sprintf("%d/%d", id, nth)}
}

func (p *Passwords) seal(phc string, at seal.Place) []byte { return p.ring.Seal([]byte(phc), at) }

func (p *Passwords) open(sealed []byte, at seal.Place) (hashed, error) {
	phc, err := p.ring.Open(sealed, at)
	if err != nil {
		return hashed{}, fmt.Errorf("credential: opening a hash: %w", err)
	}
	return parsePHC(string(phc))
}

// Load reads the password of an account. No password is not an error, a hash
// that no key opens is.
func (p *Passwords) Load(ctx context.Context, q sqldb.Querier, id account.ID) (Stored, error) {
	rows, err := q.Query(ctx, `
		SELECT 0 AS nth, sealed, set_at, breached_at FROM credential_password WHERE account_id = $1
		UNION ALL
		SELECT nth, sealed, replaced_at, 0 FROM credential_earlier WHERE account_id = $1
		ORDER BY nth DESC`, int64(id))
	if err != nil {
		return Stored{}, fmt.Errorf("credential: loading: %w", err)
	}
	defer rows.Close()
	s := Stored{id: id}
	for rows.Next() {
		var nth, at, breached int64
		var sealed []byte
		if err := rows.Scan(&nth, &sealed, &at, &breached); err != nil {
			return Stored{}, fmt.Errorf("credential: loading: %w", err)
		}
		if nth > 0 {
			s.earlier = append(s.earlier, earlier{nth, sealed, sqldb.FromMicros(at)})
			continue
		}
		s.isSet, s.sealed, s.setAt, s.breachedAt = true, sealed, sqldb.FromMicros(at), sqldb.FromMicros(breached)
		if s.hash, err = p.open(sealed, currentPlace(id)); err != nil {
			return Stored{}, err
		}
	}
	if err := rows.Err(); err != nil {
		return Stored{}, fmt.Errorf("credential: loading: %w", err)
	}
	return s, nil
}

// Set makes h the password of an account and remembers the one it replaces. What
// a new password ends (sessions, trust, S-28) is the journey's.
func (p *Passwords) Set(ctx context.Context, tx *sqldb.Tx, id account.ID, h Hashed) error {
	if err := p.remember(ctx, tx, id); err != nil {
		return fmt.Errorf("credential: remembering: %w", err)
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO credential_password (account_id, sealed, set_at) VALUES ($1, $2, $3)
		ON CONFLICT (account_id) DO UPDATE SET sealed = excluded.sealed, set_at = excluded.set_at, breached_at = 0`,
		int64(id), p.seal(h.phc, currentPlace(id)), sqldb.Micros(tx.Now()))
	if err != nil {
		return fmt.Errorf("credential: setting: %w", err)
	}
	return nil
}

// remember moves the present password into the history and cuts the history.
func (p *Passwords) remember(ctx context.Context, tx *sqldb.Tx, id account.ID) error {
	var sealed []byte
	err := tx.QueryRow(ctx, `SELECT sealed FROM credential_password WHERE account_id = $1`+tx.ForUpdate(), int64(id)).Scan(&sealed)
	if err == sqldb.ErrNone {
		return nil
	}
	if err != nil {
		return err
	}
	phc, err := p.ring.Open(sealed, currentPlace(id))
	if err != nil {
		// A new password is the remedy for a hash whose key was lost; it must not
		// fail for the sake of the history.
		return nil
	}
	var nth int64
	if err := tx.QueryRow(ctx, `SELECT COALESCE(MAX(nth), 0) + 1 FROM credential_earlier WHERE account_id = $1`, int64(id)).Scan(&nth); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO credential_earlier (account_id, nth, sealed, replaced_at) VALUES ($1, $2, $3, $4)`,
		int64(id), nth, p.seal(string(phc), earlierPlace(id, nth)), sqldb.Micros(tx.Now())); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM credential_earlier WHERE account_id = $1 AND nth <= $2`, int64(id), nth-Remembered)
	return err
}

// Upgrade stores what a Verdict asked for: the same password in a newer form. It
// changes nothing if the password was replaced since it was checked.
func (p *Passwords) Upgrade(ctx context.Context, tx *sqldb.Tx, id account.ID, h Hashed) error {
	_, err := tx.Exec(ctx, `UPDATE credential_password SET sealed = $1 WHERE account_id = $2 AND sealed = $3`,
		p.seal(h.phc, currentPlace(id)), int64(id), h.instead)
	if err != nil {
		return fmt.Errorf("credential: upgrading: %w", err)
	}
	return nil
}

// Erase removes the password of an account and the earlier ones.
func (p *Passwords) Erase(ctx context.Context, tx *sqldb.Tx, id account.ID) error {
	for _, table := range []string{"credential_password", "credential_earlier"} {
		if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE account_id = $1`, int64(id)); err != nil {
			return fmt.Errorf("credential: erasing: %w", err)
		}
	}
	return nil
}
