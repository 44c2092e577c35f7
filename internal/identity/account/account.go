// Package account holds the account itself: its number, its state, its region
// and its profile. It decides what a state permits (Gate) and nothing about how
// anybody proves anything. It owns the tables account and account_avatar.
package account

import (
	"context"
	"errors"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// State is where an account is in its life.
type State string

// The states.
const (
	Active    State = "active"
	IsFrozen  State = "frozen"
	IsBlocked State = "blocked"
	IsLeaving State = "leaving"
	Gone      State = "gone"
)

// Account is one person's account.
type Account struct {
	ID       ID
	State    State
	Region   string // policy set, fixed at creation
	Locale   string // BCP 47 tag of the language of notices
	Nickname string
	Avatar   string // id of the picture; empty: none
	Epoch    int64  // sessions of an earlier epoch are dead
	TwoStep  bool   // 2-step verification is on
	// TwoStepSince is when it was last turned on; zero: it is off.
	TwoStepSince time.Time
	Protected    bool // a text message alone is never enough (S-81)
	CreatedAt    time.Time

	StateReason string    // what an operator says of why; empty: nothing
	StateSince  time.Time // zero: since its creation
	StateUntil  time.Time // when the state ends by itself; zero: it does not
	FrozenBy    string    // owner, operator, rule:<name>; kept through a block
	RecoveredAt time.Time // when the owner last got it back; zero: never
}

// Gate is the one place that says whether a state lets its owner in (S-86).
// A state that is not known means no.
func Gate(s State) error {
	switch s {
	case Active:
		return nil
	case IsFrozen:
		return Frozen
	case IsBlocked:
		return Blocked
	case IsLeaving:
		return Leaving
	}
	return fault.NotFound
}

// Store keeps accounts.
type Store struct{ ring *seal.Ring }

// New makes the store.
func New(ring *seal.Ring) *Store { return &Store{ring} }

// ErrTaken means that the random ID is in use; the caller draws another.
var ErrTaken = errors.New("account: the ID is taken")

func nicknamePlace(id ID) seal.Place {
	return seal.Place{Table: "account", Column: "nickname", Row: id.String()}
}

func avatarPlace(id string) seal.Place {
	return seal.Place{Table: "account_avatar", Column: "png", Row: id}
}

// Create writes a new active account.
func (s *Store) Create(ctx context.Context, tx *sqldb.Tx, a Account) error {
	n, err := tx.Exec(ctx, `INSERT INTO account (id, state, region, locale, nickname, avatar, epoch, created_at)
		VALUES ($1, $2, $3, $4, $5, '', 1, $6) ON CONFLICT DO NOTHING`,
		int64(a.ID), string(Active), a.Region, a.Locale, s.sealed(a.ID, a.Nickname), sqldb.Micros(tx.Now()))
	if err == nil && n == 0 {
		return ErrTaken
	}
	return err
}

func (s *Store) sealed(id ID, nickname string) []byte {
	if nickname == "" {
		return []byte{}
	}
	return s.ring.Seal([]byte(nickname), nicknamePlace(id))
}

// Load reads an account; sqldb.ErrNone if there is none.
func (s *Store) Load(ctx context.Context, q sqldb.Querier, id ID) (Account, error) {
	a := Account{ID: id}
	var nickname []byte
	var created, twoStep, since, until, recovered int64
	err := q.QueryRow(ctx, `SELECT state, region, locale, nickname, avatar, epoch, two_step, two_step_since, sms_protected, created_at,
		state_reason, state_since, state_until, frozen_by, recovered_at FROM account WHERE id = $1`+q.ForUpdate(), int64(id)).
		Scan(&a.State, &a.Region, &a.Locale, &nickname, &a.Avatar, &a.Epoch, &a.TwoStep, &twoStep, &a.Protected, &created,
			&a.StateReason, &since, &until, &a.FrozenBy, &recovered)
	if err != nil {
		return a, err
	}
	a.CreatedAt, a.StateSince, a.StateUntil, a.RecoveredAt = sqldb.FromMicros(created), sqldb.FromMicros(since), sqldb.FromMicros(until), sqldb.FromMicros(recovered)
	a.TwoStepSince = sqldb.FromMicros(twoStep)
	a.Nickname, err = s.OpenNickname(id, nickname)
	return a, err
}

// OpenNickname opens a sealed nickname that another store read with its rows.
func (s *Store) OpenNickname(id ID, sealed []byte) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	plain, err := s.ring.Open(sealed, nicknamePlace(id))
	return string(plain), err
}

// SetNickname changes the name; it must have passed ReadNickname.
func (s *Store) SetNickname(ctx context.Context, tx *sqldb.Tx, id ID, nickname string) error {
	_, err := tx.Exec(ctx, `UPDATE account SET nickname = $2 WHERE id = $1`, int64(id), s.sealed(id, nickname))
	return err
}

// SetLocale changes the language of notices.
func (s *Store) SetLocale(ctx context.Context, tx *sqldb.Tx, id ID, locale string) error {
	_, err := tx.Exec(ctx, `UPDATE account SET locale = $2 WHERE id = $1`, int64(id), locale)
	return err
}

// SetTwoStep turns 2-step verification on or off; changed is false if it was so
// already. The state before decides, in one conditional write.
func (s *Store) SetTwoStep(ctx context.Context, tx *sqldb.Tx, id ID, on bool) (changed bool, err error) {
	since := int64(0)
	if on {
		since = sqldb.Micros(tx.Now())
	}
	n, err := tx.Exec(ctx, `UPDATE account SET two_step = $2, two_step_since = $3 WHERE id = $1 AND two_step <> $2`, int64(id), on, since)
	return n > 0, err
}

// SetProtected says whether a text message alone may ever be enough (S-81);
// changed is false if it was so already.
func (s *Store) SetProtected(ctx context.Context, tx *sqldb.Tx, id ID, on bool) (changed bool, err error) {
	n, err := tx.Exec(ctx, `UPDATE account SET sms_protected = $2 WHERE id = $1 AND sms_protected <> $2`, int64(id), on)
	return n > 0, err
}

// SetAvatar replaces the picture; empty png removes it. newID names the picture.
func (s *Store) SetAvatar(ctx context.Context, tx *sqldb.Tx, id ID, newID string, png []byte) error {
	if _, err := tx.Exec(ctx, `DELETE FROM account_avatar WHERE account_id = $1`, int64(id)); err != nil {
		return err
	}
	if len(png) == 0 {
		newID = ""
	} else if _, err := tx.Exec(ctx, `INSERT INTO account_avatar (account_id, id, png) VALUES ($1, $2, $3)`,
		int64(id), newID, s.ring.Seal(png, avatarPlace(newID))); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE account SET avatar = $2 WHERE id = $1`, int64(id), newID)
	return err
}

// Avatar reads the picture by owner and id together (S-62).
func (s *Store) Avatar(ctx context.Context, q sqldb.Querier, id ID, avatar string) ([]byte, error) {
	var sealed []byte
	err := q.QueryRow(ctx, `SELECT png FROM account_avatar WHERE account_id = $1 AND id = $2`, int64(id), avatar).Scan(&sealed)
	if err != nil {
		return nil, err
	}
	return s.ring.Open(sealed, avatarPlace(avatar))
}

// Sealed names the sealed columns, for a rotation of the keys.
func Sealed() []rekey.Column {
	return []rekey.Column{
		{Table: "account", Sealed: "nickname", Key: []string{"id"}, Place: func(key []any) seal.Place { return nicknamePlace(ID(key[0].(int64))) }},
		{Table: "account_avatar", Sealed: "png", Key: []string{"account_id", "id"}, Place: func(key []any) seal.Place { return avatarPlace(key[1].(string)) }},
	}
}
