package quota

import (
	"context"
	"sync"

	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Shared is a limit whose subjects are few and each shared by very many, such as
// a country. Charging such a row in every transaction would make them queue for
// it from the charge to the commit (measured on PostgreSQL with 32 clients: 160
// sign-ins a second instead of 400). So each process keeps a purse a subject:
// the row is charged a step of the limit at once, and what is refunded goes into
// the purse first. A row is never charged less than was spent, but for what is
// just being committed, which is made up for by the next charge; a process that
// dies loses its purses, at most two steps a subject.
//
// A step is one part in a hundred of the limit's smallest maximum. Below 200 it
// would be 1, and every charge goes to the row.
type Shared struct {
	book  *Book
	limit Limit
	step  int

	mu     sync.Mutex
	purses map[string]int
}

// Share makes a shared limit of l.
func (b *Book) Share(l Limit) *Shared {
	s := &Shared{book: b, limit: l, purses: map[string]int{}}
	for i, w := range l.Windows {
		if i == 0 || w.Max/100 < s.step {
			s.step = w.Max / 100
		}
	}
	return s
}

// Limit is the limit that is shared.
func (s *Shared) Limit() Limit { return s.limit }

// Spend charges 1, or answers the refusal.
func (s *Shared) Spend(ctx context.Context, tx *sqldb.Tx, subject string) (*Refusal, error) {
	one := Spend{Limit: s.limit, Subject: subject}
	if s.step < 2 {
		return s.book.Spend(ctx, tx, one)
	}
	has := s.purse(subject)
	if has > 0 {
		s.put(tx, subject, -1)
		return nil, nil
	}
	many := one
	many.N = s.step - has
	refusal, err := s.book.Spend(ctx, tx, many)
	if err != nil || refusal == nil {
		s.put(tx, subject, many.N-1)
		return nil, err
	}
	return s.book.Spend(ctx, tx, one) // the last of the limit are counted one by one
}

// Refund gives n back.
func (s *Shared) Refund(ctx context.Context, tx *sqldb.Tx, subject string, n int) error {
	if s.step < 2 {
		return s.book.Refund(ctx, tx, s.limit, subject, n)
	}
	if has := s.purse(subject) + n; has > 2*s.step {
		back := has - s.step
		s.put(tx, subject, n-back)
		return s.book.Refund(ctx, tx, s.limit, subject, back)
	}
	s.put(tx, subject, n)
	return nil
}

func (s *Shared) purse(subject string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.purses[subject]
}

// put changes a purse once the transaction is durable.
func (s *Shared) put(tx *sqldb.Tx, subject string, n int) {
	tx.AfterCommit(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.purses[subject] += n
	})
}
