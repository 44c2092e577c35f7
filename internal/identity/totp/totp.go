// Package totp holds authenticator apps: the secret that an account shares with
// one (RFC 6238: SHA-1, 6 digits, 30 seconds, which is what every app speaks),
// its enrolment, and the steps that were accepted. A secret is 160 random bits,
// sealed under the key ring for its row and shown once; it is a factor only
// after a right code (S-37). A step is accepted once per account and never after
// a newer one, decided by one conditional write (S-38).
//
// It must never log a secret or a code, never ask another clock than the
// transaction's, and does not count tries: that is the journey's. It owns the
// tables totp and totp_begun.
package totp

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp/hotp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

const (
	// Length is how many digits a code has.
	Length = 6
	// Period is how long a code is shown.
	Period = 30 * time.Second
	// BegunFor is how long a secret that was shown can be confirmed.
	BegunFor = 30 * time.Minute

	secretSize = 20 // bytes; RFC 4226 section 4, R6
	drift      = 1  // steps each side (RFC 6238 section 5.2)
)

// Store keeps the secrets.
type Store struct{ ring *seal.Ring }

// New makes the store.
func New(ring *seal.Ring) *Store { return &Store{ring} }

var alphabet = base32.StdEncoding.WithPadding(base32.NoPadding)

func place(table string, id account.ID) seal.Place {
	return seal.Place{Table: table, Column: "sealed", Row: id.String()}
}

// Factor is the authenticator app of an account. The zero Factor is none; it
// judges codes as slowly as a real one, and nothing is right for it.
type Factor struct {
	id       account.ID
	secret   string // base32
	Since    time.Time
	Replaced bool // another one stood in its place before Since
	lastStep int64
}

// IsSet tells whether there is one.
func (f Factor) IsSet() bool { return f.secret != "" }

// Begin makes a secret for an account and answers it in base32, this once. It
// takes the place of one that was begun and not confirmed.
func (s *Store) Begin(ctx context.Context, tx *sqldb.Tx, id account.ID) (secret string, err error) {
	raw := make([]byte, secretSize)
	rand.Read(raw)
	_, err = tx.Exec(ctx, `INSERT INTO totp_begun (account_id, sealed, begun_at) VALUES ($1, $2, $3)
		ON CONFLICT (account_id) DO UPDATE SET sealed = excluded.sealed, begun_at = excluded.begun_at`,
		int64(id), s.ring.Seal(raw, place("totp_begun", id)), sqldb.Micros(tx.Now()))
	return alphabet.EncodeToString(raw), err
}

// Begun answers the secret that waits to be confirmed; sqldb.ErrNone if there is
// none or it is too old.
func (s *Store) Begun(ctx context.Context, q sqldb.Querier, id account.ID) (secret string, err error) {
	return s.begun(ctx, q, id, "")
}

func (s *Store) begun(ctx context.Context, q sqldb.Querier, id account.ID, lock string) (string, error) {
	var sealed []byte
	var at int64
	err := q.QueryRow(ctx, `SELECT sealed, begun_at FROM totp_begun WHERE account_id = $1`+lock, int64(id)).Scan(&sealed, &at)
	if err != nil {
		return "", err
	}
	if q.Now().Sub(sqldb.FromMicros(at)) >= BegunFor {
		return "", sqldb.ErrNone
	}
	raw, err := s.ring.Open(sealed, place("totp_begun", id))
	if err != nil {
		return "", fmt.Errorf("totp: opening a secret: %w", err)
	}
	return alphabet.EncodeToString(raw), nil
}

// Confirm makes the secret that was begun the account's factor if code is one of
// it: right is false if it is not. The step of the code is used up. The error is
// sqldb.ErrNone if nothing waits to be confirmed.
func (s *Store) Confirm(ctx context.Context, tx *sqldb.Tx, id account.ID, code string) (right bool, err error) {
	secret, err := s.begun(ctx, tx, id, tx.ForUpdate())
	if err != nil {
		return false, err
	}
	step, right := Factor{secret: secret}.Match(code, tx.Now())
	if !right {
		return false, nil
	}
	// Of several at once the one that takes the row away wins.
	n, err := tx.Exec(ctx, `DELETE FROM totp_begun WHERE account_id = $1`, int64(id))
	if err != nil {
		return false, err
	}
	if n == 0 {
		return false, sqldb.ErrNone
	}
	raw, err := alphabet.DecodeString(secret)
	if err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO totp (account_id, sealed, since, replaced, last_step) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (account_id) DO UPDATE SET sealed = excluded.sealed, since = excluded.since, replaced = $6, last_step = excluded.last_step`,
		int64(id), s.ring.Seal(raw, place("totp", id)), sqldb.Micros(tx.Now()), false, step, true)
	return err == nil, err
}

// Load reads the factor of an account. None is not an error.
func (s *Store) Load(ctx context.Context, q sqldb.Querier, id account.ID) (Factor, error) {
	f := Factor{id: id}
	var sealed []byte
	var since int64
	err := q.QueryRow(ctx, `SELECT sealed, since, replaced, last_step FROM totp WHERE account_id = $1`, int64(id)).
		Scan(&sealed, &since, &f.Replaced, &f.lastStep)
	if errors.Is(err, sqldb.ErrNone) {
		return Factor{id: id}, nil
	}
	if err != nil {
		return f, err
	}
	raw, err := s.ring.Open(sealed, place("totp", id))
	if err != nil {
		return f, fmt.Errorf("totp: opening a secret: %w", err)
	}
	f.secret, f.Since = alphabet.EncodeToString(raw), sqldb.FromMicros(since)
	return f, nil
}

// nobody's secret stands in where there is none.
var nobody = strings.Repeat("A", alphabet.EncodedLen(secretSize))

// Match tells whether code is that of a step around now, and of which. Whether
// the step still counts is for Use to say. It takes the same work for every code.
func (f Factor) Match(code string, now time.Time) (step int64, right bool) {
	secret := f.secret
	if secret == "" {
		secret = nobody
	}
	present := now.Unix() / int64(Period/time.Second)
	for at := present - drift; at <= present+drift; at++ {
		want, err := hotp.GenerateCode(secret, uint64(at))
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && f.secret != "" {
			step, right = at, true
		}
	}
	return step, right
}

// Use uses a step up. won is false if it, or a newer one, was used before, or the
// factor is no longer the one that was loaded: then the code opens nothing.
func (s *Store) Use(ctx context.Context, tx *sqldb.Tx, f Factor, step int64) (won bool, err error) {
	n, err := tx.Exec(ctx, `UPDATE totp SET last_step = $1 WHERE account_id = $2 AND since = $3 AND last_step < $1`,
		step, int64(f.id), sqldb.Micros(f.Since))
	return n == 1, err
}

// Remove takes the factor of an account away, and one that was only begun; found
// is false if there was no factor.
func (s *Store) Remove(ctx context.Context, tx *sqldb.Tx, id account.ID) (found bool, err error) {
	if _, err := tx.Exec(ctx, `DELETE FROM totp_begun WHERE account_id = $1`, int64(id)); err != nil {
		return false, err
	}
	n, err := tx.Exec(ctx, `DELETE FROM totp WHERE account_id = $1`, int64(id))
	return n > 0, err
}

// Sealed names the sealed columns, for a rotation of the keys.
func Sealed() []rekey.Column {
	var out []rekey.Column
	for _, table := range []string{"totp", "totp_begun"} {
		out = append(out, rekey.Column{Table: table, Sealed: "sealed", Key: []string{"account_id"},
			Place: func(key []any) seal.Place { return place(table, account.ID(key[0].(int64))) }})
	}
	return out
}
