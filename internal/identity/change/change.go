// Package change holds what happens or has happened to how an account is proved
// and can still be objected to: a replaced phone, a wait before a recovery, a
// dispute. Each change has one token, which stands in the links of its notices
// and can do nothing but undo (S-69): 256 random bits, hashed at rest, and the
// account's number, so that finding it is a read by the key that distributes
// (S-19). The package must never decide what an objection undoes, and it never
// has a contact in clear at rest. It owns the table change.
package change

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Kind is what changes.
type Kind string

// The kinds. "replace" is a change of a contact without the old one: it waits,
// and becomes a "change" when it happens. "claim" is the side of a dispute that
// the person sees who disputes; it has the ID of the dispute on the other side.
const (
	AddPhone     Kind = "add_phone"
	AddEmail     Kind = "add_email"
	ChangePhone  Kind = "change_phone"
	ChangeEmail  Kind = "change_email"
	ReplacePhone Kind = "replace_phone"
	ReplaceEmail Kind = "replace_email"
	RemovePhone  Kind = "remove_phone"
	RemoveEmail  Kind = "remove_email"
	DisputePhone Kind = "dispute_phone"
	DisputeEmail Kind = "dispute_email"
	ClaimPhone   Kind = "claim_phone"
	ClaimEmail   Kind = "claim_email"
	SetPassword  Kind = "set_password"
	Recover      Kind = "recover"
	Unfreeze     Kind = "unfreeze"
	SignIn       Kind = "sign_in"
)

// State is where a change stands.
type State string

// The states.
const (
	Waiting   State = "waiting"   // happens from ReadyAt on, unless somebody objects
	Done      State = "done"      // has happened; can be objected to until ObjectUntil
	Objected  State = "objected"  // was undone, or did not happen, by an objection
	Withdrawn State = "withdrawn" // the owner did without
	Used      State = "used"      // the wait is over and what waited has happened
	Lapsed    State = "lapsed"    // could not happen when it was time, or was never used
)

// Change is one change of one account.
type Change struct {
	ID        string // made by Begin if empty
	AccountID account.ID
	Kind      Kind
	State     State      // empty: Waiting with a ReadyAt, else Done
	By        string     // the methods that proved it, with spaces between
	Peer      account.ID // the account on the other side of a dispute; 0: none
	// Before and After are addresses, or whatever else its undoing needs; sealed.
	Before, After string
	BegunAt       time.Time // set by Begin
	ReadyAt       time.Time // of what waits
	ObjectUntil   time.Time // zero: ReadyAt
}

// Objectionable tells whether an objection still has an effect.
func (c Change) Objectionable(now time.Time) bool {
	return (c.State == Waiting || c.State == Done) && now.Before(c.ObjectUntil)
}

// Ripe tells whether what waited may happen.
func (c Change) Ripe(now time.Time) bool { return c.State == Waiting && !now.Before(c.ReadyAt) }

// Store keeps changes.
type Store struct{ ring *seal.Ring }

// New makes the store.
func New(ring *seal.Ring) *Store { return &Store{ring} }

// NewID makes the ID of a change, for a caller that needs it before Begin.
func NewID(now time.Time) string { return randid.ID(now) }

// prefix marks our tokens for secret scanners.
const prefix = "sso_"

func hash(token string) []byte {
	h := sha256.Sum256([]byte("change\x00" + token))
	return h[:]
}

func place(column string, id account.ID, changeID string) seal.Place {
	return seal.Place{Table: "change", Column: column, Row: id.String() + "." + changeID}
}

// Begin writes a change and answers the token of its objection link, which is
// nowhere kept.
func (s *Store) Begin(ctx context.Context, tx *sqldb.Tx, c Change) (token string, err error) {
	now := tx.Now()
	if c.ID == "" {
		c.ID = NewID(now)
	}
	if c.State == "" {
		c.State = Done
		if !c.ReadyAt.IsZero() {
			c.State = Waiting
		}
	}
	if c.ReadyAt.IsZero() {
		c.ReadyAt = now
	}
	if c.ObjectUntil.IsZero() {
		c.ObjectUntil = c.ReadyAt
	}
	token = account.NewToken(prefix, c.AccountID)
	_, err = tx.Exec(ctx, `INSERT INTO change (account_id, id, token_hash, kind, state, proved_by, peer_id, before, after, begun_at, ready_at, object_until)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		int64(c.AccountID), c.ID, hash(token), string(c.Kind), string(c.State), c.By, int64(c.Peer),
		s.sealed("before", c, c.Before), s.sealed("after", c, c.After), sqldb.Micros(now), sqldb.Micros(c.ReadyAt), sqldb.Micros(c.ObjectUntil))
	return token, err
}

func (s *Store) sealed(column string, c Change, text string) []byte {
	if text == "" {
		return []byte{}
	}
	return s.ring.Seal([]byte(text), place(column, c.AccountID, c.ID))
}

func (s *Store) opened(column string, c Change, sealed []byte) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	plain, err := s.ring.Open(sealed, place(column, c.AccountID, c.ID))
	return string(plain), err
}

const columns = `account_id, id, kind, state, proved_by, peer_id, before, after, begun_at, ready_at, object_until`

type scanner interface{ Scan(into ...any) error }

func (s *Store) scan(row scanner) (c Change, err error) {
	var id, peer, begun, ready, until int64
	var before, after []byte
	if err := row.Scan(&id, &c.ID, &c.Kind, &c.State, &c.By, &peer, &before, &after, &begun, &ready, &until); err != nil {
		return c, err
	}
	c.AccountID, c.Peer = account.ID(id), account.ID(peer)
	c.BegunAt, c.ReadyAt, c.ObjectUntil = sqldb.FromMicros(begun), sqldb.FromMicros(ready), sqldb.FromMicros(until)
	if c.Before, err = s.opened("before", c, before); err != nil {
		return c, err
	}
	c.After, err = s.opened("after", c, after)
	return c, err
}

// Find reads the change of a token, whatever its state; sqldb.ErrNone if the
// token is of none.
func (s *Store) Find(ctx context.Context, q sqldb.Querier, token string) (Change, error) {
	id, ok := account.OfToken(prefix, token)
	if !ok {
		return Change{}, sqldb.ErrNone
	}
	return s.scan(q.QueryRow(ctx, `SELECT `+columns+` FROM change WHERE account_id = $1 AND token_hash = $2`, int64(id), hash(token)))
}

// Load reads a change by owner and ID together (S-62); sqldb.ErrNone if the
// account has no such change.
func (s *Store) Load(ctx context.Context, q sqldb.Querier, id account.ID, changeID string) (Change, error) {
	if b, err := base64.RawURLEncoding.DecodeString(changeID); err != nil || len(b) != 16 {
		return Change{}, sqldb.ErrNone // a stranger's text; PostgreSQL takes no NUL
	}
	return s.scan(q.QueryRow(ctx, `SELECT `+columns+` FROM change WHERE account_id = $1 AND id = $2`, int64(id), changeID))
}

// most bounds a listing: limits on changes keep an account far below it.
const most = 200

// List reads the changes of an account that were begun since then, the newest first.
func (s *Store) List(ctx context.Context, q sqldb.Querier, id account.ID, since time.Time) ([]Change, error) {
	rows, err := q.Query(ctx, `SELECT `+columns+` FROM change WHERE account_id = $1 AND begun_at >= $2 ORDER BY begun_at DESC, id DESC LIMIT $3`,
		int64(id), sqldb.Micros(since), most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Change
	for rows.Next() {
		c, err := s.scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// Settle moves a change from one state to another, by one conditional write:
// of several that try, one has won (S-12).
func (s *Store) Settle(ctx context.Context, tx *sqldb.Tx, id account.ID, changeID string, from, to State) (won bool, err error) {
	n, err := tx.Exec(ctx, `UPDATE change SET state = $4 WHERE account_id = $1 AND id = $2 AND state = $3`, int64(id), changeID, string(from), string(to))
	return n == 1, err
}

// EndWaiting settles whatever still waits of these kinds, all kinds if none is
// named: pending changes die with a recovery, a reset and a freeze (S-70, S-78).
// It answers what it ended, for notices and for the other side of a dispute.
func (s *Store) EndWaiting(ctx context.Context, tx *sqldb.Tx, id account.ID, to State, kinds ...Kind) (ended []Change, err error) {
	list, err := s.List(ctx, tx, id, time.Unix(0, 0))
	if err != nil {
		return nil, err
	}
	for _, c := range list {
		if c.State != Waiting || len(kinds) > 0 && !slices.Contains(kinds, c.Kind) {
			continue
		}
		won, err := s.Settle(ctx, tx, id, c.ID, Waiting, to)
		if err != nil {
			return nil, err
		}
		if won {
			c.State = to
			ended = append(ended, c)
		}
	}
	return ended, nil
}

// Ref names a change.
type Ref struct {
	AccountID account.ID
	ID        string
	Kind      Kind
}

// Ripe names up to n changes of these kinds that waited and may happen now, the
// longest ready first. Kinds that a person must come back for are not asked for here.
func (s *Store) Ripe(ctx context.Context, q sqldb.Querier, n int, kinds ...Kind) ([]Ref, error) {
	args := []any{sqldb.Micros(q.Now()), n}
	for _, k := range kinds {
		args = append(args, string(k))
	}
	rows, err := q.Query(ctx, `SELECT account_id, id, kind FROM change WHERE state = 'waiting' AND ready_at <= $1 AND kind IN `+sqldb.In(3, len(kinds))+` ORDER BY ready_at LIMIT $2`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Ref
	for rows.Next() {
		var r Ref
		var id int64
		if err := rows.Scan(&id, &r.ID, &r.Kind); err != nil {
			return nil, err
		}
		r.AccountID = account.ID(id)
		out = append(out, r)
	}
	return out, rows.Err()
}

// KeepFor is how long a change is kept after it began: longer than any limit on
// changes looks back, and than any link lives.
const KeepFor = 90 * 24 * time.Hour

// Sweep deletes what was begun longer than KeepFor ago.
func (s *Store) Sweep(ctx context.Context, db *sqldb.DB) error {
	for {
		var n int64
		err := db.InTx(ctx, func(tx *sqldb.Tx) (err error) {
			n, err = tx.Exec(ctx, `DELETE FROM change WHERE (account_id, id) IN (SELECT account_id, id FROM change WHERE begun_at < $1 LIMIT 500)`,
				sqldb.Micros(tx.Now().Add(-KeepFor)))
			return err
		})
		if err != nil || n < 500 {
			return err
		}
	}
}

// Sealed names the sealed columns, for a rotation of the keys.
func Sealed() []rekey.Column {
	var out []rekey.Column
	for _, column := range []string{"before", "after"} {
		out = append(out, rekey.Column{Table: "change", Sealed: column, Key: []string{"account_id", "id"},
			Place: func(key []any) seal.Place { return place(column, account.ID(key[0].(int64)), key[1].(string)) }})
	}
	return out
}
