package quota

import (
	"context"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Shared is a limit whose subjects are few and each shared by very many, such as
// a country. Charging such a row in every transaction would make them queue for
// it from the charge to the commit (measured on PostgreSQL with 32 clients: 160
// sign-ins a second instead of 400). So each process keeps a purse a subject:
// the row is charged a step of the limit at once, and what is refunded goes into
// the purse first; what it holds beyond two steps it gives back to the row, once a
// second at most. What leaves a purse leaves at once, and comes back if the
// transaction is undone; what comes in is there once it is durable: so a row is
// never charged less than was spent. A process that dies loses what is in its
// purses.
//
// A step is one part in a hundred of the limit's smallest maximum. Below 200 it
// would be 1, and every charge goes to the row.
type Shared struct {
	book  *Book
	limit Limit
	step  int

	mu     sync.Mutex
	purses map[string]int
	back   map[string]time.Time // when a purse may give back again
}

// Share makes a shared limit of l.
func (b *Book) Share(l Limit) *Shared {
	s := &Shared{book: b, limit: l, purses: map[string]int{}, back: map[string]time.Time{}}
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
	if s.take(tx, subject) {
		return nil, nil
	}
	many := one
	many.N = s.step
	refusal, err := s.book.Spend(ctx, tx, many)
	if err != nil {
		return nil, err
	}
	if refusal == nil {
		tx.AfterCommit(func() { s.put(subject, s.step-1) })
		return nil, nil
	}
	return s.book.Spend(ctx, tx, one) // the last of the limit are counted one by one
}

// Refund gives n back.
func (s *Shared) Refund(ctx context.Context, tx *sqldb.Tx, subject string, n int) error {
	if s.step < 2 {
		return s.book.Refund(ctx, tx, s.limit, subject, n)
	}
	more := s.more(tx, subject, n)
	if n > more {
		tx.AfterCommit(func() { s.put(subject, n-more) })
	}
	if more == 0 {
		return nil
	}
	return s.book.Refund(ctx, tx, s.limit, subject, more)
}

// take takes 1 out of the purse, if there is one.
func (s *Shared) take(tx *sqldb.Tx, subject string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.purses[subject] == 0 {
		return false
	}
	s.purses[subject]--
	tx.AfterUndo(func() { s.put(subject, 1) })
	return true
}

// more takes out of a purse, with n more to come, what is to be given back now.
// Who is told so has the turn even if its transaction is undone.
func (s *Shared) more(tx *sqldb.Tx, subject string, n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	has := s.purses[subject] + n
	if has <= 2*s.step || tx.Now().Before(s.back[subject]) {
		return 0
	}
	s.back[subject] = tx.Now().Add(time.Second)
	more := has - s.step
	if out := more - n; out > 0 {
		s.purses[subject] -= out
		tx.AfterUndo(func() { s.put(subject, out) })
	}
	return more
}

func (s *Shared) put(subject string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.purses[subject] += n
}
