package link

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Bounds of what is taken for a subject. An adapter's are far below.
const (
	subjectsMost = 8
	partMost     = 255 // bytes
)

// check refuses what cannot be the subjects of one person: that is a mistake of ours.
func check(provider string, subjects []Subject) error {
	if provider == "" || len(subjects) == 0 || len(subjects) > subjectsMost {
		return fmt.Errorf("link: %d subjects of %q", len(subjects), provider)
	}
	for _, s := range subjects {
		if s.Scope == "" || s.Value == "" || len(s.Scope) > partMost || len(s.Value) > partMost {
			return fmt.Errorf("link: a subject of %s with %d bytes in a scope with %d", provider, len(s.Value), len(s.Scope))
		}
	}
	return nil
}

// hashes are where a subject may stand, under every key of the index in force.
func (s *Store) hashes(provider string, subjects []Subject) [][]byte {
	var out [][]byte
	for _, x := range subjects {
		// The lengths keep two triples from reading alike.
		text := fmt.Sprintf("%d %d %s %s %s", len(provider), len(x.Scope), provider, x.Scope, x.Value)
		out = append(out, s.ring.Indexes("link", text)...)
	}
	return out
}

// holders reads who holds hashes.
func (s *Store) holders(ctx context.Context, q sqldb.Querier, hashes [][]byte) (map[string]account.ID, error) {
	rows, err := q.Query(ctx, `SELECT hash, account_id FROM link_holder WHERE hash IN `+sqldb.In(1, len(hashes)), anys(hashes)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]account.ID{}
	for rows.Next() {
		var hash []byte
		var id int64
		if err := rows.Scan(&hash, &id); err != nil {
			return nil, err
		}
		out[string(hash)] = account.ID(id)
	}
	return out, rows.Err()
}

// Holder finds the account that a person at a provider opens: that of the first of
// the subjects, in their order, that any account holds; 0 if none does. many tells
// that the subjects lead to different accounts, which are never merged by that.
func (s *Store) Holder(ctx context.Context, q sqldb.Querier, provider string, subjects []Subject) (id account.ID, many bool, err error) {
	if err := check(provider, subjects); err != nil {
		return 0, false, err
	}
	held, err := s.holders(ctx, q, s.hashes(provider, subjects))
	if err != nil {
		return 0, false, err
	}
	for _, subject := range subjects {
		for _, hash := range s.hashes(provider, []Subject{subject}) {
			found := held[string(hash)]
			switch {
			case found == 0:
			case id == 0:
				id = found
			case id != found:
				many = true
			}
		}
	}
	return id, many, nil
}

// Claim reserves the subjects of one person at a provider for an account. won is
// false, and nothing is written, if another account holds one of them. A row is
// written under every key of the index in force, so that two nodes in the middle of a
// key rotation still collide (S-05).
func (s *Store) Claim(ctx context.Context, tx *sqldb.Tx, provider string, subjects []Subject, id account.ID) (won bool, err error) {
	if err := check(provider, subjects); err != nil {
		return false, err
	}
	hashes := s.hashes(provider, subjects)
	slices.SortFunc(hashes, bytes.Compare) // two that claim the same wait for each other in one order
	hashes = slices.CompactFunc(hashes, bytes.Equal)
	had, err := s.holders(ctx, tx, hashes)
	if err != nil {
		return false, err
	}
	hashes = slices.DeleteFunc(hashes, func(h []byte) bool { return had[string(h)] == id })
	if others := len(had) - mine(had, id); others > 0 || len(hashes) == 0 {
		return others == 0, nil
	}
	args := make([]any, 0, 3*len(hashes))
	for _, h := range hashes {
		args = append(args, h, int64(id), provider)
	}
	n, err := tx.Exec(ctx, `INSERT INTO link_holder (hash, account_id, provider) VALUES `+sqldb.Values(len(hashes), 3)+` ON CONFLICT DO NOTHING`, args...)
	if err == nil && n != int64(len(hashes)) { // somebody was quicker with one of them
		err = sqldb.ErrAgain
	}
	return err == nil, err
}

func mine(held map[string]account.ID, id account.ID) (n int) {
	for _, holder := range held {
		if holder == id {
			n++
		}
	}
	return n
}

// unclaim frees what an account holds of hashes.
func (s *Store) unclaim(ctx context.Context, tx *sqldb.Tx, id account.ID, hashes [][]byte) error {
	_, err := tx.Exec(ctx, `DELETE FROM link_holder WHERE account_id = $1 AND hash IN `+sqldb.In(2, len(hashes)), append([]any{int64(id)}, anys(hashes)...)...)
	return err
}

func anys(hashes [][]byte) []any {
	out := make([]any, len(hashes))
	for i, h := range hashes {
		out[i] = h
	}
	return out
}

// Reindex writes the holder rows of the links of the next n accounts after one under
// every key of the index in force, and answers the last account seen (0: all were)
// and how many rows were missing. Once a walk finds none missing, the old key can be
// disabled; its rows find nobody any more.
func (s *Store) Reindex(ctx context.Context, db *sqldb.DB, after account.ID, n int) (next account.ID, added int, err error) {
	const query = `SELECT DISTINCT account_id FROM link WHERE account_id > $1 ORDER BY account_id LIMIT $2`
	return rekey.Reindex(ctx, db, query, after, n, func(tx *sqldb.Tx, id account.ID) (missing int, err error) {
		list, err := s.List(ctx, tx, id)
		if err != nil {
			return 0, err
		}
		for _, l := range list {
			for _, hash := range s.hashes(l.Provider, l.Subjects) {
				wrote, err := tx.Exec(ctx, `INSERT INTO link_holder (hash, account_id, provider) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, hash, int64(id), l.Provider)
				if err != nil {
					return 0, err
				}
				missing += int(wrote)
			}
		}
		return missing, nil
	})
}
