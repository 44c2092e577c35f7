package proof

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// tried is a try at a secret that an account keeps, on its way from Count to Apply.
type tried struct {
	// barred says that the account's counter is full, which a blind turn may not
	// tell: nothing is right.
	barred bool
	// subject is the counter that this person sees.
	subject string
}

// trySecret charges a try at a code of an account before it is compared (S-14). A
// blind turn is counted twice: by the name that was typed, whose limit is told, and
// by the account, whose limit is not. Otherwise two names that share a counter were
// known to be of one account, and a name without a counter to be of none (S-77).
func (p *Prover) trySecret(ctx context.Context, tx *sqldb.Tx, t *Turn, m policy.Method) (tried, error) {
	from, err := p.Source(ctx, tx, t)
	if err != nil {
		return tried{}, err
	}
	s := tried{subject: trySubject(t, m, from)}
	if t.Blind() {
		s.subject = blindSubject(t, m, from)
		refused, err := p.Book.Spend(ctx, tx, quota.Spend{Limit: p.Tries, Subject: s.subject})
		if err != nil {
			return s, err
		}
		if refused != nil {
			return s, TooManyAttempts.With("limit", "account").Until(refused.RetryAt)
		}
	}
	refused, err := p.Book.Spend(ctx, tx, quota.Spend{Limit: p.Tries, Subject: trySubject(t, m, from)})
	if err != nil || refused == nil {
		return s, err
	}
	e := audit.Entry{AccountID: t.Account, Kind: audit.CodesExhausted, Details: t.Where()}
	if err := AuditLimit(ctx, tx, p.Book, p.Audit, e, t.Subject); err != nil {
		return s, err
	}
	if err := p.Notices.FailedAttempts(ctx, tx, t.Account); err != nil {
		return s, err
	}
	if t.Blind() {
		s.barred = true
		return s, nil
	}
	return s, TooManyAttempts.With("limit", "account").Until(refused.RetryAt)
}

func blindSubject(t *Turn, m policy.Method, from Source) string {
	return from.lane(string(m) + "\x00blind\x00" + t.Subject)
}

// rightSecret forgets the wrong tries of before.
func (p *Prover) rightSecret(ctx context.Context, tx *sqldb.Tx, t *Turn, m policy.Method, s tried) error {
	if err := p.Book.Clear(ctx, tx, p.Tries, s.subject); err != nil || !t.Blind() {
		return err
	}
	return p.ClearTries(ctx, tx, t, m)
}

// wrongSecret is what is said of a wrong code.
func (p *Prover) wrongSecret(ctx context.Context, q sqldb.Querier, m policy.Method, s tried) error {
	left, err := TriesLeft(ctx, q, p.Book, p.Tries, s.subject)
	if err != nil {
		return err
	}
	return CodeWrong.On("code").With("method", string(m)).With("tries_left", left)
}

// usedSecret is what is said of a code that was right once. To somebody who has
// proved nothing it is wrong.
func (p *Prover) usedSecret(ctx context.Context, q sqldb.Querier, t *Turn, m policy.Method, s tried) error {
	if t.Blind() {
		return p.wrongSecret(ctx, q, m, s)
	}
	return CodeUsed.On("code").With("method", string(m))
}

// TriesLeft is how often something can still be tried before the next refusal.
func TriesLeft(ctx context.Context, q sqldb.Querier, book *quota.Book, l quota.Limit, subject string) (int, error) {
	left := -1
	for _, w := range l.Windows {
		n, _, err := book.Used(ctx, q, quota.Limit{Name: l.Name, Windows: []quota.Window{w}}, subject)
		if err != nil {
			return 0, err
		}
		if rest := max(0, w.Max-n); left < 0 || rest < left {
			left = rest
		}
	}
	return max(0, left), nil
}
