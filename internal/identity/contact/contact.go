// Package contact holds the recovery phone and the recovery e-mail: at most one
// of each per account, each held by at most one account. A contact is here only
// once its possession was proved; an unproved one is text in a journey (S-08).
// What an account's contact was before is kept for a while, to undo a takeover
// (former.go); it is nobody's claim. It owns the tables contact and
// contact_former (by account), contact_holder and contact_former_holder (by
// blind index).
package contact

import (
	"context"
	"errors"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Kind is phone or email.
type Kind string

// The kinds.
const (
	Phone Kind = "phone"
	Email Kind = "email"
)

// Contact is a verified phone (E.164) or e-mail (canonical form).
type Contact struct {
	Kind       Kind
	Address    string
	VerifiedAt time.Time // when it came to this account
	ProvedAt   time.Time // when a code to it was last right
	Replaced   bool      // it took the place of another one
}

// Store keeps contacts.
type Store struct{ ring *seal.Ring }

// New makes the store.
func New(ring *seal.Ring) *Store { return &Store{ring} }

func index(kind Kind) string { return "contact." + string(kind) }

func place(id account.ID, kind Kind) seal.Place {
	return seal.Place{Table: "contact", Column: "address", Row: id.String() + "." + string(kind)}
}

// Holder finds the account that holds a canonical address; 0 if none does.
func (s *Store) Holder(ctx context.Context, q sqldb.Querier, kind Kind, address string) (account.ID, error) {
	hashes := s.ring.Indexes(index(kind), address)
	args := make([]any, len(hashes))
	for i, h := range hashes {
		args[i] = h
	}
	var id int64
	err := q.QueryRow(ctx, `SELECT account_id FROM contact_holder WHERE hash IN `+sqldb.In(1, len(args))+` LIMIT 1`, args...).Scan(&id)
	if errors.Is(err, sqldb.ErrNone) {
		return 0, nil
	}
	return account.ID(id), err
}

// Claim reserves the address for an account. won is false if another account
// holds it. A row is written under every key of the index in force, so that
// two nodes in the middle of a key rotation still collide (S-05).
func (s *Store) Claim(ctx context.Context, tx *sqldb.Tx, kind Kind, address string, id account.ID) (won bool, err error) {
	hashes := s.ring.Indexes(index(kind), address)
	args := make([]any, 0, 3*len(hashes))
	for _, h := range hashes {
		args = append(args, h, string(kind), int64(id))
	}
	n, err := tx.Exec(ctx, `INSERT INTO contact_holder (hash, kind, account_id) VALUES `+sqldb.Values(len(hashes), 3)+` ON CONFLICT DO NOTHING`, args...)
	if err != nil || n == int64(len(hashes)) {
		return err == nil, err
	}
	if n > 0 { // held under one key only: take back what was written under the others
		_, err = tx.Exec(ctx, `DELETE FROM contact_holder WHERE account_id = $1 AND hash IN `+sqldb.In(2, len(hashes)), append([]any{int64(id)}, anys(hashes)...)...)
	}
	return false, err
}

func anys(hashes [][]byte) []any {
	out := make([]any, len(hashes))
	for i, h := range hashes {
		out[i] = h
	}
	return out
}

// Add writes a claimed and proved contact.
func (s *Store) Add(ctx context.Context, tx *sqldb.Tx, id account.ID, kind Kind, address string) error {
	now := sqldb.Micros(tx.Now())
	_, err := tx.Exec(ctx, `INSERT INTO contact (account_id, kind, address, verified_at, proved_at) VALUES ($1, $2, $3, $4, $4)`,
		int64(id), string(kind), s.ring.Seal([]byte(address), place(id, kind)), now)
	return err
}

// Proved notes that a code to the contact was right.
func (s *Store) Proved(ctx context.Context, tx *sqldb.Tx, id account.ID, kind Kind) error {
	_, err := tx.Exec(ctx, `UPDATE contact SET proved_at = $3 WHERE account_id = $1 AND kind = $2`, int64(id), string(kind), sqldb.Micros(tx.Now()))
	return err
}

// List reads an account's contacts, the phone before the e-mail.
func (s *Store) List(ctx context.Context, q sqldb.Querier, id account.ID) ([]Contact, error) {
	rows, err := q.Query(ctx, `SELECT kind, address, verified_at, proved_at, replaced FROM contact WHERE account_id = $1 ORDER BY kind DESC`, int64(id))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Contact
	for rows.Next() {
		var c Contact
		var sealed []byte
		var verified, proved int64
		if err := rows.Scan(&c.Kind, &sealed, &verified, &proved, &c.Replaced); err != nil {
			return nil, err
		}
		plain, err := s.ring.Open(sealed, place(id, c.Kind))
		if err != nil {
			return nil, err
		}
		c.Address, c.VerifiedAt, c.ProvedAt = string(plain), sqldb.FromMicros(verified), sqldb.FromMicros(proved)
		out = append(out, c)
	}
	return out, rows.Err()
}

// Of picks the contact of a kind from a list.
func Of(list []Contact, kind Kind) (Contact, bool) {
	for _, c := range list {
		if c.Kind == kind {
			return c, true
		}
	}
	return Contact{}, false
}

// Sealed names the sealed columns, for a rotation of the keys.
func Sealed() []rekey.Column {
	return []rekey.Column{
		{Table: "contact", Sealed: "address", Key: []string{"account_id", "kind"},
			Place: func(key []any) seal.Place { return place(account.ID(key[0].(int64)), Kind(key[1].(string))) }},
		{Table: "contact_former", Sealed: "address", Key: []string{"account_id", "id"},
			Place: func(key []any) seal.Place { return formerPlace(account.ID(key[0].(int64)), key[1].(string)) }},
	}
}

// Reindex writes the holder rows of the next n contacts after an account under
// every key of the index in force, and answers the last account seen (0: all
// were) and how many rows were missing. Once a walk finds none missing, the old
// key can be disabled; its rows find nobody any more.
func (s *Store) Reindex(ctx context.Context, db *sqldb.DB, after account.ID, n int) (next account.ID, added int, err error) {
	const query = `SELECT account_id FROM contact WHERE account_id > $1
		UNION SELECT account_id FROM contact_former WHERE account_id > $1 ORDER BY account_id LIMIT $2`
	return rekey.Reindex(ctx, db, query, after, n, func(tx *sqldb.Tx, id account.ID) (missing int, err error) {
		list, err := s.List(ctx, tx, id)
		if err != nil {
			return 0, err
		}
		for _, c := range list {
			for _, hash := range s.ring.Indexes(index(c.Kind), c.Address) {
				wrote, err := tx.Exec(ctx, `INSERT INTO contact_holder (hash, kind, account_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, hash, string(c.Kind), int64(id))
				if err != nil {
					return 0, err
				}
				missing += int(wrote)
			}
		}
		wrote, err := s.reindexFormer(ctx, tx, id)
		return missing + wrote, err
	})
}
