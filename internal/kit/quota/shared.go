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
// second at most. A row is never charged less than was spent, but for what is just
// being committed, which is made up for by the next charge. A process that dies
// loses what is in its purses.
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
	more := s.more(subject, n, tx.Now())
	s.put(tx, subject, n-more)
	if more == 0 {
		return nil
	}
	return s.book.Refund(ctx, tx, s.limit, subject, more)
}

// more is how much of a purse with n more is to be given back now. Who is told
// so has the turn even if its transaction is undone: were it told to all that are
// at work, all would give back the same.
func (s *Shared) more(subject string, n int, now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	has := s.purses[subject] + n
	if has <= 2*s.step || now.Before(s.back[subject]) {
		return 0
	}
	s.back[subject] = now.Add(time.Second)
	return has - s.step
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
