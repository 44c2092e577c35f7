// Package recoverycode holds recovery codes: ten random secrets that a person
// prints or keeps for the day on which nothing else is left. Each is 80 random
// bits, shown once, used once, and stored as an argon2id hash that is sealed
// under the key ring (S-39). A set has one salt, so that a try takes one hash
// and not ten; the codes are random, so that one salt for ten of them gives
// nothing away.
//
// It must never log or return a code but from Make, never hash inside a
// transaction, and does not count tries: that is the journey's. It owns the
// tables recovery_set and recovery_code.
package recoverycode

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"strconv"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Count is how many codes a set has.
const Count = 10

const (
	saltSize = 16
	hashSize = 32
)

// Hasher is the slow function of passwords behind its gate: credential.Passwords.
type Hasher interface {
	// Cost is the present cost, which is kept with a hash.
	Cost() string
	// Stretch makes 32 bytes of text at a cost.
	Stretch(ctx context.Context, cost string, salt []byte, text string) ([]byte, error)
}

// Store makes, keeps and checks recovery codes. It is safe for concurrent use.
type Store struct {
	ring   *seal.Ring
	hasher Hasher
}

// New makes the store.
func New(ring *seal.Ring, h Hasher) *Store { return &Store{ring, h} }

// Fresh is a set that is not kept yet.
type Fresh struct {
	// Codes are what the person is shown, this once: "ABCD-EFGH-JKMN-PQRS".
	Codes  []string
	cost   string
	salt   []byte
	hashes [][]byte
}

// Make makes a set of codes. It takes ten hashes, so it belongs outside any
// transaction; errors are those of the gate.
func (s *Store) Make(ctx context.Context) (Fresh, error) {
	f := Fresh{cost: s.hasher.Cost(), salt: make([]byte, saltSize)}
	rand.Read(f.salt)
	for range Count {
		raw := make([]byte, secretSize)
		rand.Read(raw)
		code := alphabet.EncodeToString(raw)
		hash, err := s.hasher.Stretch(ctx, f.cost, f.salt, code)
		if err != nil {
			return Fresh{}, err
		}
		f.Codes, f.hashes = append(f.Codes, group(code)), append(f.hashes, hash)
	}
	return f, nil
}

func place(id account.ID, set string, nth int64) seal.Place {
	return seal.Place{Table: "recovery_code", Column: "sealed", Row: id.String() + "/" + set + "/" + strconv.FormatInt(nth, 10)}
}

// Keep makes f the codes of an account. The codes of before are over at once,
// those too that somebody is just using.
func (s *Store) Keep(ctx context.Context, tx *sqldb.Tx, id account.ID, f Fresh) error {
	set := randid.ID(tx.Now())
	// The row of the set is locked first, so that two renewals come one after the other.
	_, err := tx.Exec(ctx, `INSERT INTO recovery_set (account_id, id, cost, salt, made_at, replaced) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account_id) DO UPDATE SET id = excluded.id, cost = excluded.cost, salt = excluded.salt, made_at = excluded.made_at, replaced = $7`,
		int64(id), set, f.cost, f.salt, sqldb.Micros(tx.Now()), false, true)
	if err != nil {
		return fmt.Errorf("recoverycode: keeping: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM recovery_code WHERE account_id = $1`, int64(id)); err != nil {
		return fmt.Errorf("recoverycode: keeping: %w", err)
	}
	var args []any
	for i, hash := range f.hashes {
		nth := int64(i + 1)
		args = append(args, int64(id), set, nth, s.ring.Seal(hash, place(id, set, nth)), int64(0))
	}
	_, err = tx.Exec(ctx, `INSERT INTO recovery_code (account_id, set_id, nth, sealed, used_at) VALUES `+sqldb.Values(len(f.hashes), 5), args...)
	if err != nil {
		return fmt.Errorf("recoverycode: keeping: %w", err)
	}
	return nil
}

// Set is the codes of an account. The zero Set is none; it is checked as slowly
// as a real one, and nothing is right for it.
type Set struct {
	account  account.ID
	id       string
	cost     string
	salt     []byte
	MadeAt   time.Time
	Replaced bool // another one stood in its place before
	Left     int  // codes that are not used yet
	codes    []code
}

type code struct {
	nth    int64
	sealed []byte
	used   bool
}

// IsSet tells whether there are codes, used ones among them.
func (s Set) IsSet() bool { return len(s.codes) > 0 }

// Load reads the codes of an account. None is not an error.
func (s *Store) Load(ctx context.Context, q sqldb.Querier, id account.ID) (Set, error) {
	set := Set{account: id}
	rows, err := q.Query(ctx, `SELECT s.id, s.cost, s.salt, s.made_at, s.replaced, c.nth, c.sealed, c.used_at
		FROM recovery_set s JOIN recovery_code c ON c.account_id = s.account_id AND c.set_id = s.id
		WHERE s.account_id = $1 ORDER BY c.nth`, int64(id))
	if err != nil {
		return set, fmt.Errorf("recoverycode: loading: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var made, used int64
		var c code
		if err := rows.Scan(&set.id, &set.cost, &set.salt, &made, &set.Replaced, &c.nth, &c.sealed, &used); err != nil {
			return set, fmt.Errorf("recoverycode: loading: %w", err)
		}
		set.MadeAt, c.used = sqldb.FromMicros(made), used != 0
		if !c.used {
			set.Left++
		}
		set.codes = append(set.codes, c)
	}
	return set, rows.Err()
}

// Verdict is the outcome of a check.
type Verdict struct {
	Right bool
	Used  bool // it was right, and used before
	nth   int64
}

// Check tells whether code, as Read gives it, is one of the set. It takes one
// hash in the gate whether there are codes or not. Whether it can still be used
// is for Use to say. It belongs outside any transaction.
func (s *Store) Check(ctx context.Context, set Set, typed string) (Verdict, error) {
	cost, salt := set.cost, set.salt
	if !set.IsSet() {
		cost, salt = s.hasher.Cost(), make([]byte, saltSize)
	}
	got, err := s.hasher.Stretch(ctx, cost, salt, typed)
	if err != nil {
		return Verdict{}, err
	}
	var v Verdict
	for _, c := range set.codes {
		want, err := s.ring.Open(c.sealed, place(set.account, set.id, c.nth))
		if err != nil {
			return Verdict{}, fmt.Errorf("recoverycode: opening a hash: %w", err)
		}
		if subtle.ConstantTimeCompare(got, want) == 1 {
			v = Verdict{Right: true, Used: c.used, nth: c.nth}
		}
	}
	return v, nil
}

// Use uses the code of a verdict up. won is false if it was used before, or
// another set has taken its place: then it opens nothing.
func (s *Store) Use(ctx context.Context, tx *sqldb.Tx, set Set, v Verdict) (won bool, err error) {
	if !v.Right {
		return false, nil
	}
	n, err := tx.Exec(ctx, `UPDATE recovery_code SET used_at = $1 WHERE account_id = $2 AND set_id = $3 AND nth = $4 AND used_at = 0`,
		sqldb.Micros(tx.Now()), int64(set.account), set.id, v.nth)
	return n == 1, err
}

// Remove takes all codes of an account away.
func (s *Store) Remove(ctx context.Context, tx *sqldb.Tx, id account.ID) error {
	if _, err := tx.Exec(ctx, `DELETE FROM recovery_set WHERE account_id = $1`, int64(id)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM recovery_code WHERE account_id = $1`, int64(id))
	return err
}

// Sealed names the sealed column, for a rotation of the keys.
func Sealed() []rekey.Column {
	return []rekey.Column{{Table: "recovery_code", Sealed: "sealed", Key: []string{"account_id", "set_id", "nth"},
		Place: func(key []any) seal.Place { return place(account.ID(key[0].(int64)), key[1].(string), key[2].(int64)) }}}
}
