// Package question holds security questions: which there are, what may be an
// answer, and the three that an account has chosen with one hash of its three
// answers together, made as a password is (argon2id) and sealed under the key
// ring. One hash for the three means that nobody, not even we, can tell which of
// them was wrong, and that a stolen database has to be guessed at for all three
// at once (S-79). The questions are ours: people write poor ones themselves.
//
// It must never keep, log or return an answer, never hash inside a transaction,
// and does not count tries: that is the journey's. Answers are knowledge that
// others may have, so they are never enough alone; that is the policy's to see
// to. It owns the table question.
package question

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Count is how many questions an account has.
const Count = 3

// Names are the questions that can be chosen; the text of each is question.<name>
// in the catalogs. They ask for small things that nobody has written down: what
// can be looked up (a maiden name, a school) or has few answers (a color, a dish)
// is not asked.
var Names = []string{
	"hiding_place", "teacher_words", "first_trip", "neighbor_nickname", "broken_thing", "lost_thing",
	"childhood_dream", "way_to_school", "unwanted_gift", "secret_sign", "first_wages", "family_word",
}

// Hasher is the slow function of passwords behind its gate: credential.Passwords.
type Hasher interface {
	// Cost is the present cost, which is kept with a hash.
	Cost() string
	// Stretch makes 32 bytes of text at a cost.
	Stretch(ctx context.Context, cost string, salt []byte, text string) ([]byte, error)
}

// Store hashes, keeps and checks answers. It is safe for concurrent use.
type Store struct {
	ring   *seal.Ring
	hasher Hasher
}

// New makes the store.
func New(ring *seal.Ring, h Hasher) *Store { return &Store{ring, h} }

// Answer is a question and what was answered to it, as typed.
type Answer struct{ Question, Answer string }

// Hashed is three answers that are ready for Set.
type Hashed struct {
	names string
	cost  string
	salt  []byte
	hash  []byte
}

const saltSize = 16

// Hash makes the hash of answers that Judge has let pass. It is slow; errors are
// those of the gate.
func (s *Store) Hash(ctx context.Context, answers []Answer) (Hashed, error) {
	h := Hashed{cost: s.hasher.Cost(), salt: make([]byte, saltSize)}
	rand.Read(h.salt)
	names, texts := make([]string, len(answers)), make([]string, len(answers))
	for i, a := range answers {
		names[i], texts[i] = a.Question, a.Answer
	}
	h.names = strings.Join(names, " ")
	var err error
	h.hash, err = s.hasher.Stretch(ctx, h.cost, h.salt, together(names, texts))
	return h, err
}

// together is what is hashed: each question with the one spelling of its answer,
// divided by a character that neither can hold.
func together(names, answers []string) string {
	var b strings.Builder
	for i, name := range names {
		b.WriteString(name + "\x00" + Normalize(answers[i]) + "\x00")
	}
	return b.String()
}

// Stored is the questions of an account. The zero Stored is none.
type Stored struct {
	id       account.ID
	Names    []string // in the order in which they are asked
	cost     string
	salt     []byte
	sealed   []byte
	Since    time.Time
	Replaced bool // others stood in their place before
}

// IsSet tells whether there are questions.
func (s Stored) IsSet() bool { return len(s.Names) > 0 }

func place(id account.ID) seal.Place {
	return seal.Place{Table: "question", Column: "sealed", Row: id.String()}
}

// Load reads the questions of an account. None is not an error.
func (s *Store) Load(ctx context.Context, q sqldb.Querier, id account.ID) (Stored, error) {
	out := Stored{id: id}
	var names string
	var since int64
	err := q.QueryRow(ctx, `SELECT questions, cost, salt, sealed, since, replaced FROM question WHERE account_id = $1`, int64(id)).
		Scan(&names, &out.cost, &out.salt, &out.sealed, &since, &out.Replaced)
	if errors.Is(err, sqldb.ErrNone) {
		return Stored{id: id}, nil
	}
	if err != nil {
		return out, fmt.Errorf("question: loading: %w", err)
	}
	out.Names, out.Since = strings.Fields(names), sqldb.FromMicros(since)
	return out, nil
}

// Check tells whether all answers are right, in the order of s.Names. It takes
// one hash in the gate, right or wrong. It belongs outside any transaction.
func (s *Store) Check(ctx context.Context, stored Stored, answers []string) (bool, error) {
	if !stored.IsSet() || len(answers) != len(stored.Names) {
		return false, nil
	}
	for _, a := range answers {
		if tooLong(a) {
			return false, nil
		}
	}
	got, err := s.hasher.Stretch(ctx, stored.cost, stored.salt, together(stored.Names, answers))
	if err != nil {
		return false, err
	}
	want, err := s.ring.Open(stored.sealed, place(stored.id))
	if err != nil {
		return false, fmt.Errorf("question: opening a hash: %w", err)
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

// Set makes h the questions of an account in place of any others.
func (s *Store) Set(ctx context.Context, tx *sqldb.Tx, id account.ID, h Hashed) error {
	_, err := tx.Exec(ctx, `INSERT INTO question (account_id, questions, cost, salt, sealed, since, replaced) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (account_id) DO UPDATE SET questions = excluded.questions, cost = excluded.cost, salt = excluded.salt,
			sealed = excluded.sealed, since = excluded.since, replaced = $8`,
		int64(id), h.names, h.cost, h.salt, s.ring.Seal(h.hash, place(id)), sqldb.Micros(tx.Now()), false, true)
	if err != nil {
		return fmt.Errorf("question: setting: %w", err)
	}
	return nil
}

// Same tells, inside a transaction, whether the questions are still those that
// were loaded: answers that were compared with others prove nothing.
func (s *Store) Same(ctx context.Context, q sqldb.Querier, stored Stored) (bool, error) {
	now, err := s.Load(ctx, q, stored.id)
	return err == nil && now.IsSet() && slices.Equal(now.salt, stored.salt), err
}

// Remove takes the questions of an account away; found is false if it had none.
func (s *Store) Remove(ctx context.Context, tx *sqldb.Tx, id account.ID) (found bool, err error) {
	n, err := tx.Exec(ctx, `DELETE FROM question WHERE account_id = $1`, int64(id))
	return n > 0, err
}

// Sealed names the sealed column, for a rotation of the keys.
func Sealed() []rekey.Column {
	return []rekey.Column{{Table: "question", Sealed: "sealed", Key: []string{"account_id"},
		Place: func(key []any) seal.Place { return place(account.ID(key[0].(int64))) }}}
}
