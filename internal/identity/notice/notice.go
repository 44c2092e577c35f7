// Package notice holds what the owner of an account was told about its safety:
// when, about what, and where to. A notice names the message that carried it, so
// that whoever shows it can ask the courier whether it arrived. The package must
// never hold what a notice said, nor a contact that is not masked and sealed. It
// owns the table notice.
package notice

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// KeepFor is how long it is known what an owner was told: longer than any change
// can be objected to.
const KeepFor = 90 * 24 * time.Hour

// Notice is one thing told to one contact.
type Notice struct {
	AccountID account.ID
	ID        string // of the message that carried it
	At        time.Time
	Purpose   string // "notice_device"; the sentence shown for it is told.<purpose>
	Channel   string // sms or email
	To        string // the masked contact
}

// Store keeps notices.
type Store struct{ ring *seal.Ring }

// New makes the store.
func New(ring *seal.Ring) *Store { return &Store{ring} }

func place(id string) seal.Place { return seal.Place{Table: "notice", Column: "contact", Row: id} }

// Write notes a notice in the transaction that sends it. One message is one row.
func (s *Store) Write(ctx context.Context, tx *sqldb.Tx, n Notice) error {
	_, err := tx.Exec(ctx, `INSERT INTO notice (account_id, id, at, purpose, channel, contact) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		int64(n.AccountID), n.ID, sqldb.Micros(n.At), n.Purpose, n.Channel, s.ring.Seal([]byte(n.To), place(n.ID)))
	return err
}

// List reads up to n notices older than before (zero: from the newest), the newest first.
func (s *Store) List(ctx context.Context, q sqldb.Querier, id account.ID, before time.Time, n int) ([]Notice, error) {
	until := sqldb.Micros(before)
	if until == 0 {
		until = 1<<63 - 1
	}
	rows, err := q.Query(ctx, `SELECT id, at, purpose, channel, contact FROM notice WHERE account_id = $1 AND at < $2 ORDER BY at DESC, id LIMIT $3`, int64(id), until, n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Notice
	for rows.Next() {
		one := Notice{AccountID: id}
		var at int64
		var sealed []byte
		if err := rows.Scan(&one.ID, &at, &one.Purpose, &one.Channel, &sealed); err != nil {
			return nil, err
		}
		plain, err := s.ring.Open(sealed, place(one.ID))
		if err != nil {
			return nil, err
		}
		one.At, one.To = sqldb.FromMicros(at), string(plain)
		out = append(out, one)
	}
	return out, rows.Err()
}

// Told tells whether the owner was told of a purpose since then.
func (s *Store) Told(ctx context.Context, q sqldb.Querier, id account.ID, purpose string, since time.Time) (bool, error) {
	var n int
	err := q.QueryRow(ctx, `SELECT COUNT(*) FROM notice WHERE account_id = $1 AND purpose = $2 AND at >= $3`, int64(id), purpose, sqldb.Micros(since)).Scan(&n)
	return n > 0, err
}

// sweepStep bounds what one transaction deletes, so that a sweep keeps nobody waiting.
const sweepStep = 500

// Sweep deletes what was told longer than KeepFor ago.
func (s *Store) Sweep(ctx context.Context, db *sqldb.DB) error {
	for {
		var n int64
		err := db.InTx(ctx, func(tx *sqldb.Tx) (err error) {
			n, err = tx.Exec(ctx, `DELETE FROM notice WHERE (account_id, id) IN (SELECT account_id, id FROM notice WHERE at < $1 LIMIT $2)`,
				sqldb.Micros(tx.Now().Add(-KeepFor)), sweepStep)
			return err
		})
		if err != nil || n < sweepStep {
			return err
		}
	}
}

// Sealed names the sealed column, for a rotation of the keys.
func Sealed() []rekey.Column {
	return []rekey.Column{{Table: "notice", Sealed: "contact", Key: []string{"account_id", "id"},
		Place: func(key []any) seal.Place { return place(key[1].(string)) }}}
}
