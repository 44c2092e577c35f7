// Package device holds the browsers and devices on which somebody signed in to
// an account. A device is known by a secret that it keeps (a cookie, or the
// token an app stores); being known lowers friction and is never a proof
// (S-64). It owns the table device.
package device

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Device is a device of one account.
type Device struct {
	ID        string
	Kind      string // phone, tablet, computer, browser, tv, other
	Name      string // "Pixel 9", "Firefox on Windows"
	Place     string // where it was last seen, coarse; empty: not known
	CreatedAt time.Time
	UsedAt    time.Time
	// TrustedUntil is until when the device skips the second step; zero: it does not.
	TrustedUntil time.Time
}

// Trusted tells whether the device skips the second step at now.
func (d Device) Trusted(now time.Time) bool { return now.Before(d.TrustedUntil) }

// Store keeps devices.
type Store struct{ ring *seal.Ring }

// New makes the store.
func New(ring *seal.Ring) *Store { return &Store{ring} }

// idOf derives a device's ID from the secret it keeps: 128 bits of SHA-256 over
// account and secret. It opens nothing, names the device for this account only,
// and finding a device by its secret is finding it by its key.
func idOf(id account.ID, secret string) string {
	h := sha256.Sum256([]byte("device\x00" + id.String() + "\x00" + secret))
	return base64.RawURLEncoding.EncodeToString(h[:16])
}

func place(column, id string) seal.Place { return seal.Place{Table: "device", Column: column, Row: id} }

// Known finds the device of this account that keeps secret: its kind, since when
// it is known, and whether it is trusted. The account 0 knows none.
func (s *Store) Known(ctx context.Context, q sqldb.Querier, id account.ID, secret string) (d Device, known bool, err error) {
	d.ID = idOf(id, secret)
	var created, trusted int64
	err = q.QueryRow(ctx, `SELECT kind, created_at, trusted_until FROM device WHERE account_id = $1 AND id = $2`, int64(id), d.ID).Scan(&d.Kind, &created, &trusted)
	if errors.Is(err, sqldb.ErrNone) {
		return d, false, nil
	}
	d.CreatedAt, d.TrustedUntil = sqldb.FromMicros(created), sqldb.FromMicros(trusted)
	return d, err == nil, err
}

// LastUse is when any device of the account was last used; zero: it has none.
func (s *Store) LastUse(ctx context.Context, q sqldb.Querier, id account.ID) (time.Time, error) {
	var at int64
	err := q.QueryRow(ctx, `SELECT COALESCE(MAX(used_at), 0) FROM device WHERE account_id = $1`, int64(id)).Scan(&at)
	return sqldb.FromMicros(at), err
}

// Remember makes the device known to the account and notes its use.
func (s *Store) Remember(ctx context.Context, tx *sqldb.Tx, id account.ID, secret string, d Device) (Device, error) {
	d.ID = idOf(id, secret)
	_, err := tx.Exec(ctx, `INSERT INTO device (account_id, id, kind, name, place, created_at, used_at) VALUES ($1, $2, $3, $4, $5, $6, $6)
		ON CONFLICT (account_id, id) DO UPDATE SET name = excluded.name, place = excluded.place, used_at = excluded.used_at`,
		int64(id), d.ID, d.Kind, s.sealed("name", d.ID, d.Name), s.sealed("place", d.ID, d.Place), sqldb.Micros(tx.Now()))
	return d, err
}

func (s *Store) sealed(column, id, text string) []byte {
	if text == "" {
		return []byte{}
	}
	return s.ring.Seal([]byte(text), place(column, id))
}

// OpenText opens a name or place that another store read with its rows.
func (s *Store) OpenText(column, id string, sealed []byte) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	plain, err := s.ring.Open(sealed, place(column, id))
	return string(plain), err
}

// List reads the devices of an account, the latest used first.
func (s *Store) List(ctx context.Context, q sqldb.Querier, id account.ID) ([]Device, error) {
	rows, err := q.Query(ctx, `SELECT id, kind, name, place, created_at, used_at, trusted_until FROM device WHERE account_id = $1 ORDER BY used_at DESC, id`, int64(id))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Device
	for rows.Next() {
		var d Device
		var name, where []byte
		var created, used, trusted int64
		if err := rows.Scan(&d.ID, &d.Kind, &name, &where, &created, &used, &trusted); err != nil {
			return nil, err
		}
		if d.Name, err = s.OpenText("name", d.ID, name); err != nil {
			return nil, err
		}
		if d.Place, err = s.OpenText("place", d.ID, where); err != nil {
			return nil, err
		}
		d.CreatedAt, d.UsedAt, d.TrustedUntil = sqldb.FromMicros(created), sqldb.FromMicros(used), sqldb.FromMicros(trusted)
		out = append(out, d)
	}
	return out, rows.Err()
}

// Load reads a device by owner and id together (S-62); sqldb.ErrNone if the
// account has no such device.
func (s *Store) Load(ctx context.Context, q sqldb.Querier, id account.ID, deviceID string) (Device, error) {
	d := Device{ID: deviceID}
	if b, err := base64.RawURLEncoding.DecodeString(deviceID); err != nil || len(b) != 16 {
		return d, sqldb.ErrNone // a stranger's text; PostgreSQL takes no NUL
	}
	var name, where []byte
	var created, used, trusted int64
	err := q.QueryRow(ctx, `SELECT kind, name, place, created_at, used_at, trusted_until FROM device WHERE account_id = $1 AND id = $2`, int64(id), deviceID).
		Scan(&d.Kind, &name, &where, &created, &used, &trusted)
	if err != nil {
		return d, err
	}
	d.CreatedAt, d.UsedAt, d.TrustedUntil = sqldb.FromMicros(created), sqldb.FromMicros(used), sqldb.FromMicros(trusted)
	if d.Name, err = s.OpenText("name", d.ID, name); err != nil {
		return d, err
	}
	d.Place, err = s.OpenText("place", d.ID, where)
	return d, err
}

// most is how many devices an account remembers.
const most = 100

// Beyond lists the least used devices beyond the most that an account remembers.
func (s *Store) Beyond(ctx context.Context, q sqldb.Querier, id account.ID) (ids []string, err error) {
	rows, err := q.Query(ctx, `SELECT id FROM device WHERE account_id = $1 ORDER BY used_at DESC, id LIMIT 1000 OFFSET $2`, int64(id), most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var d string
		if err := rows.Scan(&d); err != nil {
			return nil, err
		}
		ids = append(ids, d)
	}
	return ids, rows.Err()
}

// Touch notes the use of a device.
func (s *Store) Touch(ctx context.Context, tx *sqldb.Tx, id account.ID, deviceID string) error {
	_, err := tx.Exec(ctx, `UPDATE device SET used_at = $3 WHERE account_id = $1 AND id = $2`, int64(id), deviceID, sqldb.Micros(tx.Now()))
	return err
}

// Forget makes a device unknown to the account; found is false if it has no such device.
func (s *Store) Forget(ctx context.Context, tx *sqldb.Tx, id account.ID, deviceID string) (found bool, err error) {
	n, err := tx.Exec(ctx, `DELETE FROM device WHERE account_id = $1 AND id = $2`, int64(id), deviceID)
	return n > 0, err
}

// ForgetOthers makes every device but one unknown.
func (s *Store) ForgetOthers(ctx context.Context, tx *sqldb.Tx, id account.ID, keep string) error {
	_, err := tx.Exec(ctx, `DELETE FROM device WHERE account_id = $1 AND id <> $2`, int64(id), keep)
	return err
}

// Sealed names the sealed columns, for a rotation of the keys.
func Sealed() []rekey.Column {
	var out []rekey.Column
	for _, column := range []string{"name", "place"} {
		out = append(out, rekey.Column{Table: "device", Sealed: column, Key: []string{"account_id", "id"},
			Place: func(key []any) seal.Place { return place(column, key[1].(string)) }})
	}
	return out
}
