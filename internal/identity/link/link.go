// Package link holds linked accounts: which account at a third-party provider opens
// which account here. One account has at most one of a provider, one foreign identity
// belongs to at most one account. A foreign identity is found by provider, scope and
// subject and by nothing else: names and e-mail addresses of a provider are text
// (S-42). It owns the tables link (by account) and link_holder (by blind index). It
// must never decide whether a link may be made.
package link

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// ErrTaken says that the account has another account of that provider already.
var ErrTaken = errors.New("link: the account has one of that provider")

// Subject names a person at a provider, within a scope such as "unionid:<platform>".
type Subject struct {
	Scope string `json:"scope"`
	Value string `json:"value"`
}

// Link is a linked account.
type Link struct {
	Provider string
	Subjects []Subject // the first is the one that it was found by
	Name     string    // as the provider calls the person; may be empty
	Email    string    // a hint, never a key
	// Grant is what the provider wants to see again at unlinking, as the adapter wrote
	// it (JSON); empty: nothing.
	Grant       []byte
	LinkedAt    time.Time
	UsedAt      time.Time
	SuspendedAt time.Time // when the provider said that it is disabled; zero: it is not
}

// Works tells whether it can be used now.
func (l Link) Works() bool { return l.SuspendedAt.IsZero() }

// Is tells whether the link is of a person with one of these subjects.
func (l Link) Is(subjects []Subject) bool {
	return slices.ContainsFunc(l.Subjects, func(s Subject) bool { return slices.Contains(subjects, s) })
}

// Of picks the link of a provider from a list.
func Of(list []Link, provider string) (Link, bool) {
	for _, l := range list {
		if l.Provider == provider {
			return l, true
		}
	}
	return Link{}, false
}

// Store keeps links.
type Store struct{ ring *seal.Ring }

// New makes the store.
func New(ring *seal.Ring) *Store { return &Store{ring} }

// profile is what stands sealed in a row.
type profile struct {
	Subjects []Subject `json:"subjects"`
	Name     string    `json:"name,omitempty"`
	Email    string    `json:"email,omitempty"`
	Grant    []byte    `json:"grant,omitempty"`
}

func place(id account.ID, provider string) seal.Place {
	return seal.Place{Table: "link", Column: "profile", Row: id.String() + "." + provider}
}

func (s *Store) sealed(id account.ID, l Link) ([]byte, error) {
	plain, err := json.Marshal(profile{l.Subjects, l.Name, l.Email, l.Grant})
	return s.ring.Seal(plain, place(id, l.Provider)), err
}

// Add writes a link whose subjects were claimed. ErrTaken, and nothing is written, if
// the account has one of that provider; LinkedAt and UsedAt are now.
func (s *Store) Add(ctx context.Context, tx *sqldb.Tx, id account.ID, l Link) error {
	sealed, err := s.sealed(id, l)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `INSERT INTO link (account_id, provider, profile, linked_at, used_at, suspended_at) VALUES ($1, $2, $3, $4, $4, 0) ON CONFLICT DO NOTHING`,
		int64(id), l.Provider, sealed, sqldb.Micros(tx.Now()))
	if err == nil && n == 0 {
		err = ErrTaken
	}
	return err
}

// Used notes a sign-in or a proof by a link and what its provider said of the person
// then: a name, an e-mail hint and a grant replace the old ones where they are given,
// and subjects of a scope that the link has none of are attached, unless another
// account holds them. won is false, and nothing is written, if the link is gone or
// suspended.
func (s *Store) Used(ctx context.Context, tx *sqldb.Tx, id account.ID, l Link) (won bool, err error) {
	had, err := s.scan(id, tx.QueryRow(ctx, `SELECT `+columns+` FROM link WHERE account_id = $1 AND provider = $2`+tx.ForUpdate(), int64(id), l.Provider))
	if errors.Is(err, sqldb.ErrNone) || err == nil && !had.Works() {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	now := had
	if l.Name != "" {
		now.Name = l.Name
	}
	if l.Email != "" {
		now.Email = l.Email
	}
	if len(l.Grant) > 0 {
		now.Grant = l.Grant
	}
	if now.Subjects, err = s.attach(ctx, tx, id, had, l.Subjects); err != nil {
		return false, err
	}
	sealed, err := s.sealed(id, now)
	if err != nil {
		return false, err
	}
	n, err := tx.Exec(ctx, `UPDATE link SET profile = $3, used_at = $4 WHERE account_id = $1 AND provider = $2 AND suspended_at = 0`,
		int64(id), l.Provider, sealed, sqldb.Micros(tx.Now()))
	return n == 1, err
}

// attach claims the subjects that a link does not have yet. One person has one name
// in a scope, so another value there is nobody's that we know.
func (s *Store) attach(ctx context.Context, tx *sqldb.Tx, id account.ID, had Link, seen []Subject) ([]Subject, error) {
	out := slices.Clone(had.Subjects)
	for _, subject := range seen {
		if slices.ContainsFunc(out, func(x Subject) bool { return x.Scope == subject.Scope }) {
			continue
		}
		won, err := s.Claim(ctx, tx, had.Provider, []Subject{subject}, id)
		if err != nil {
			return nil, err
		}
		if won {
			out = append(out, subject)
		}
	}
	return out, nil
}

// Forget drops what the provider said of the person beside the subjects and the
// grant; found is false if the account has no such link.
func (s *Store) Forget(ctx context.Context, tx *sqldb.Tx, id account.ID, provider string) (found bool, err error) {
	return s.drop(ctx, tx, id, provider, false)
}

// Strip drops everything but the subjects.
func (s *Store) Strip(ctx context.Context, tx *sqldb.Tx, id account.ID, provider string) (found bool, err error) {
	return s.drop(ctx, tx, id, provider, true)
}

func (s *Store) drop(ctx context.Context, tx *sqldb.Tx, id account.ID, provider string, grant bool) (found bool, err error) {
	l, err := s.Load(ctx, tx, id, provider)
	if errors.Is(err, sqldb.ErrNone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	l.Name, l.Email = "", ""
	if grant {
		l.Grant = nil
	}
	sealed, err := s.sealed(id, l)
	if err != nil {
		return false, err
	}
	n, err := tx.Exec(ctx, `UPDATE link SET profile = $3 WHERE account_id = $1 AND provider = $2`, int64(id), provider, sealed)
	return n == 1, err
}

const columns = `provider, profile, linked_at, used_at, suspended_at`

type scanner interface{ Scan(into ...any) error }

func (s *Store) scan(id account.ID, row scanner) (l Link, err error) {
	var sealed []byte
	var linked, used, suspended int64
	if err := row.Scan(&l.Provider, &sealed, &linked, &used, &suspended); err != nil {
		return l, err
	}
	plain, err := s.ring.Open(sealed, place(id, l.Provider))
	if err != nil {
		return l, err
	}
	var p profile
	if err := json.Unmarshal(plain, &p); err != nil {
		return l, err
	}
	l.Subjects, l.Name, l.Email, l.Grant = p.Subjects, p.Name, p.Email, p.Grant
	l.LinkedAt, l.UsedAt, l.SuspendedAt = sqldb.FromMicros(linked), sqldb.FromMicros(used), sqldb.FromMicros(suspended)
	return l, nil
}

// List reads the links of an account, the oldest first.
func (s *Store) List(ctx context.Context, q sqldb.Querier, id account.ID) ([]Link, error) {
	rows, err := q.Query(ctx, `SELECT `+columns+` FROM link WHERE account_id = $1 ORDER BY linked_at, provider`, int64(id))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Link
	for rows.Next() {
		l, err := s.scan(id, rows)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, rows.Err()
}

// Load reads the link of an account to a provider, suspended or not; sqldb.ErrNone if
// there is none. provider is a name from the book, not a stranger's text.
func (s *Store) Load(ctx context.Context, q sqldb.Querier, id account.ID, provider string) (Link, error) {
	return s.scan(id, q.QueryRow(ctx, `SELECT `+columns+` FROM link WHERE account_id = $1 AND provider = $2`, int64(id), provider))
}

// Remove takes a link off an account, and answers what it was: its subjects are free
// for anybody. sqldb.ErrNone if there is none. That another way in remains is the
// caller's to see to, with the account locked (S-73).
func (s *Store) Remove(ctx context.Context, tx *sqldb.Tx, id account.ID, provider string) (Link, error) {
	l, err := s.Load(ctx, tx, id, provider)
	if err != nil {
		return l, err
	}
	n, err := tx.Exec(ctx, `DELETE FROM link WHERE account_id = $1 AND provider = $2`, int64(id), provider)
	if err == nil && n == 0 {
		err = sqldb.ErrNone // somebody else removed it first
	}
	if err != nil {
		return l, err
	}
	return l, s.unclaim(ctx, tx, id, s.hashes(provider, l.Subjects))
}

// Suspend makes a link useless until Resume: its provider said that the account there
// is disabled. changed is false if it was that already, or there is no such link.
func (s *Store) Suspend(ctx context.Context, tx *sqldb.Tx, id account.ID, provider string) (changed bool, err error) {
	n, err := tx.Exec(ctx, `UPDATE link SET suspended_at = $3 WHERE account_id = $1 AND provider = $2 AND suspended_at = 0`, int64(id), provider, sqldb.Micros(tx.Now()))
	return n == 1, err
}

// Resume takes a suspension back; changed is false if there was none.
func (s *Store) Resume(ctx context.Context, tx *sqldb.Tx, id account.ID, provider string) (changed bool, err error) {
	n, err := tx.Exec(ctx, `UPDATE link SET suspended_at = 0 WHERE account_id = $1 AND provider = $2 AND suspended_at <> 0`, int64(id), provider)
	return n == 1, err
}

// Sealed names the sealed column, for a rotation of the keys.
func Sealed() []rekey.Column {
	return []rekey.Column{{Table: "link", Sealed: "profile", Key: []string{"account_id", "provider"},
		Place: func(key []any) seal.Place { return place(account.ID(key[0].(int64)), key[1].(string)) }}}
}
