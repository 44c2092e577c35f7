package contact

import (
	"context"
	"errors"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// FormerFor is how long it is remembered what a contact was before.
const FormerFor = 14 * 24 * time.Hour

// Former is a contact that an account had a short while ago.
type Former struct {
	Contact
	ReplacedAt time.Time // or removed
}

func formerPlace(id account.ID, row string) seal.Place {
	return seal.Place{Table: "contact_former", Column: "address", Row: id.String() + "." + row}
}

func formerIndex(kind Kind) string { return "contact.former." + string(kind) }

// Replace gives an account, which must have a contact of the kind, another one
// in its place, and answers the old one. won is false, and nothing is written, if
// somebody holds the new address; sqldb.ErrNone says that there was no old one.
func (s *Store) Replace(ctx context.Context, tx *sqldb.Tx, id account.ID, kind Kind, address string) (old Contact, won bool, err error) {
	if old, err = s.one(ctx, tx, id, kind); err != nil {
		return old, false, err
	}
	if won, err = s.Claim(ctx, tx, kind, address, id); err != nil || !won {
		return old, false, err
	}
	if err := s.unclaim(ctx, tx, id, kind, old.Address); err != nil {
		return old, false, err
	}
	if err := s.keep(ctx, tx, id, old); err != nil {
		return old, false, err
	}
	_, err = tx.Exec(ctx, `UPDATE contact SET address = $3, verified_at = $4, proved_at = $4, replaced = $5 WHERE account_id = $1 AND kind = $2`,
		int64(id), string(kind), s.ring.Seal([]byte(address), place(id, kind)), sqldb.Micros(tx.Now()), true)
	return old, err == nil, err
}

// Release takes a contact off an account: the address is free for anybody. It
// answers what it was; sqldb.ErrNone if there was none.
func (s *Store) Release(ctx context.Context, tx *sqldb.Tx, id account.ID, kind Kind) (old Contact, err error) {
	if old, err = s.one(ctx, tx, id, kind); err != nil {
		return old, err
	}
	if err := s.keep(ctx, tx, id, old); err != nil {
		return old, err
	}
	return old, s.take(ctx, tx, id, old)
}

// Restore gives an account the contact back that it had until since, with its
// age, in the place of whatever is there now. What came to be its contact
// meanwhile is not remembered: it was an intruder's. won is false if another
// account holds the address by now: then the account has none of this kind.
func (s *Store) Restore(ctx context.Context, tx *sqldb.Tx, id account.ID, had Contact, since time.Time) (won bool, err error) {
	now, err := s.one(ctx, tx, id, had.Kind)
	switch {
	case err == nil && now.Address == had.Address:
		return true, nil
	case err == nil:
		err = s.take(ctx, tx, id, now)
	case errors.Is(err, sqldb.ErrNone):
		err = nil
	}
	if err != nil {
		return false, err
	}
	if err := s.forget(ctx, tx, id, had.Kind, since); err != nil {
		return false, err
	}
	if won, err = s.Claim(ctx, tx, had.Kind, had.Address, id); err != nil || !won {
		return false, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO contact (account_id, kind, address, verified_at, proved_at, replaced) VALUES ($1, $2, $3, $4, $5, $6)`,
		int64(id), string(had.Kind), s.ring.Seal([]byte(had.Address), place(id, had.Kind)), sqldb.Micros(had.VerifiedAt), sqldb.Micros(had.VerifiedAt), false)
	return err == nil, err
}

// Drop takes a contact off an account without a memory of it, as if it had never
// been there: an objection or a dispute said that it was not the owner's.
// sqldb.ErrNone says that there was none.
func (s *Store) Drop(ctx context.Context, tx *sqldb.Tx, id account.ID, kind Kind) (old Contact, err error) {
	if old, err = s.one(ctx, tx, id, kind); err != nil {
		return old, err
	}
	return old, s.take(ctx, tx, id, old)
}

// Former lists what an account's contacts were before, replaced or removed since
// then, the latest first. Only the one that was replaced first is surely the
// owner's: a thief who changes a contact twice leaves one of his own here.
func (s *Store) Former(ctx context.Context, q sqldb.Querier, id account.ID, since time.Time) ([]Former, error) {
	rows, err := q.Query(ctx, `SELECT id, kind, address, verified_at, replaced_at FROM contact_former WHERE account_id = $1 AND replaced_at >= $2 ORDER BY replaced_at DESC, id DESC`,
		int64(id), sqldb.Micros(since))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Former
	for rows.Next() {
		var f Former
		var row string
		var sealed []byte
		var verified, replaced int64
		if err := rows.Scan(&row, &f.Kind, &sealed, &verified, &replaced); err != nil {
			return nil, err
		}
		plain, err := s.ring.Open(sealed, formerPlace(id, row))
		if err != nil {
			return nil, err
		}
		f.Address, f.VerifiedAt, f.ReplacedAt = string(plain), sqldb.FromMicros(verified), sqldb.FromMicros(replaced)
		out = append(out, f)
	}
	return out, rows.Err()
}

// FormerHolders finds the accounts that had an address within FormerFor and have
// it no more, the latest first. Whoever has it now is found by Holder.
func (s *Store) FormerHolders(ctx context.Context, q sqldb.Querier, kind Kind, address string) ([]account.ID, error) {
	hashes := anys(s.ring.Indexes(formerIndex(kind), address))
	rows, err := q.Query(ctx, `SELECT account_id, MAX(replaced_at) AS latest FROM contact_former_holder WHERE replaced_at > $1 AND hash IN `+
		sqldb.In(2, len(hashes))+` GROUP BY account_id ORDER BY latest DESC, account_id LIMIT 20`, append([]any{sqldb.Micros(q.Now().Add(-FormerFor))}, hashes...)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []account.ID
	for rows.Next() {
		var id, at int64
		if err := rows.Scan(&id, &at); err != nil {
			return nil, err
		}
		out = append(out, account.ID(id))
	}
	return out, rows.Err()
}

// SweepFormer forgets what was replaced longer than FormerFor ago.
func (s *Store) SweepFormer(ctx context.Context, db *sqldb.DB) error {
	for _, statement := range []string{
		`DELETE FROM contact_former WHERE (account_id, id) IN (SELECT account_id, id FROM contact_former WHERE replaced_at < $1 LIMIT 500)`,
		`DELETE FROM contact_former_holder WHERE (hash, account_id, id) IN (SELECT hash, account_id, id FROM contact_former_holder WHERE replaced_at < $1 LIMIT 500)`,
	} {
		for n := int64(500); n == 500; {
			err := db.InTx(ctx, func(tx *sqldb.Tx) (err error) {
				n, err = tx.Exec(ctx, statement, sqldb.Micros(tx.Now().Add(-FormerFor)))
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// one reads the contact of a kind; sqldb.ErrNone if there is none.
func (s *Store) one(ctx context.Context, q sqldb.Querier, id account.ID, kind Kind) (Contact, error) {
	list, err := s.List(ctx, q, id)
	if err != nil {
		return Contact{}, err
	}
	if c, ok := Of(list, kind); ok {
		return c, nil
	}
	return Contact{Kind: kind}, sqldb.ErrNone
}

// take deletes a contact and its claim.
func (s *Store) take(ctx context.Context, tx *sqldb.Tx, id account.ID, c Contact) error {
	if err := s.unclaim(ctx, tx, id, c.Kind, c.Address); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM contact WHERE account_id = $1 AND kind = $2`, int64(id), string(c.Kind))
	return err
}

// unclaim frees an address under every key of the index that it may stand under.
func (s *Store) unclaim(ctx context.Context, tx *sqldb.Tx, id account.ID, kind Kind, address string) error {
	hashes := anys(s.ring.Indexes(index(kind), address))
	_, err := tx.Exec(ctx, `DELETE FROM contact_holder WHERE account_id = $1 AND hash IN `+sqldb.In(2, len(hashes)), append([]any{int64(id)}, hashes...)...)
	return err
}

// keep remembers what a contact was.
func (s *Store) keep(ctx context.Context, tx *sqldb.Tx, id account.ID, old Contact) error {
	now := tx.Now()
	row := randid.ID(now)
	_, err := tx.Exec(ctx, `INSERT INTO contact_former (account_id, id, kind, address, verified_at, replaced_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		int64(id), row, string(old.Kind), s.ring.Seal([]byte(old.Address), formerPlace(id, row)), sqldb.Micros(old.VerifiedAt), sqldb.Micros(now))
	if err != nil {
		return err
	}
	_, err = s.indexFormer(ctx, tx, id, row, old.Kind, old.Address, sqldb.Micros(now))
	return err
}

func (s *Store) indexFormer(ctx context.Context, tx *sqldb.Tx, id account.ID, row string, kind Kind, address string, replaced int64) (wrote int, err error) {
	hashes := s.ring.Indexes(formerIndex(kind), address)
	args := make([]any, 0, 4*len(hashes))
	for _, h := range hashes {
		args = append(args, h, int64(id), row, replaced)
	}
	n, err := tx.Exec(ctx, `INSERT INTO contact_former_holder (hash, account_id, id, replaced_at) VALUES `+sqldb.Values(len(hashes), 4)+` ON CONFLICT DO NOTHING`, args...)
	return int(n), err
}

// reindexFormer is the part of Reindex for former contacts of one account.
func (s *Store) reindexFormer(ctx context.Context, tx *sqldb.Tx, id account.ID) (wrote int, err error) {
	rows, err := tx.Query(ctx, `SELECT id, kind, address, replaced_at FROM contact_former WHERE account_id = $1`, int64(id))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	type former struct {
		row      string
		kind     Kind
		sealed   []byte
		replaced int64
	}
	var list []former
	for rows.Next() {
		var f former
		if err := rows.Scan(&f.row, &f.kind, &f.sealed, &f.replaced); err != nil {
			return 0, err
		}
		list = append(list, f)
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	for _, f := range list {
		plain, err := s.ring.Open(f.sealed, formerPlace(id, f.row))
		if err != nil {
			return wrote, err
		}
		n, err := s.indexFormer(ctx, tx, id, f.row, f.kind, string(plain), f.replaced)
		wrote += n
		if err != nil {
			return wrote, err
		}
	}
	return wrote, nil
}

// forget drops the memory of contacts of a kind that were replaced since then.
func (s *Store) forget(ctx context.Context, tx *sqldb.Tx, id account.ID, kind Kind, since time.Time) error {
	_, err := tx.Exec(ctx, `DELETE FROM contact_former_holder WHERE account_id = $1 AND replaced_at >= $2 AND id IN (SELECT id FROM contact_former WHERE account_id = $1 AND kind = $3 AND replaced_at >= $2)`,
		int64(id), sqldb.Micros(since), string(kind))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM contact_former WHERE account_id = $1 AND kind = $2 AND replaced_at >= $3`, int64(id), string(kind), sqldb.Micros(since))
	return err
}
