package proof

import (
	"context"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

type sessionProof = session.Proof

func refused(err error) bool { return fault.From(err) != nil }

// blind is what everybody is offered before a first proof, whatever the account
// has: the list tells nothing (S-77).
var blind = []policy.Method{policy.SMSCode, policy.EmailCode, policy.Passkey, policy.TOTP, policy.RecoveryCode, policy.Password}

// ShowChoose is the list of ways as a step, for a proof that has not begun.
func (p *Prover) ShowChoose(ctx context.Context, q sqldb.Querier, t *Turn) (step.Step, error) {
	return p.showChoose(ctx, q, t)
}

// showChoose lists the ways to prove and those that do not work, with the reason.
func (p *Prover) showChoose(ctx context.Context, q sqldb.Querier, t *Turn) (step.Step, error) {
	s := step.ChooseMethod{Head: step.Head{Type: step.TypeChooseMethod, Inputs: []string{"method"}}, For: string(t.Action),
		Methods: []step.Method{}, Unavailable: []step.Method{}}
	if t.Blind() {
		for _, m := range blind {
			if p.of(m) != nil {
				s.Methods = append(s.Methods, step.Method{Method: string(m)})
			}
		}
		return s, nil
	}
	who, err := p.Accounts.Load(ctx, q, t.Account)
	if err != nil {
		return nil, err
	}
	d, err := p.Weigh(ctx, q, t, who)
	if err != nil {
		return nil, err
	}
	contacts, err := p.contacts(ctx, q, t)
	if err != nil {
		return nil, err
	}
	for _, m := range d.Offer {
		s.Methods = append(s.Methods, step.Method{Method: string(m), To: to(m, contacts)})
	}
	for _, w := range d.Unavailable {
		u := step.Method{Method: string(w.Method), To: to(w.Method, contacts), Reason: w.Unavailable}
		if !w.RetryAt.IsZero() {
			u.RetryAt = &w.RetryAt
		}
		s.Unavailable = append(s.Unavailable, u)
	}
	for _, x := range []byCode{{method: policy.SMSCode, kind: contact.Phone}, {method: policy.EmailCode, kind: contact.Email}} {
		if _, has := contact.Of(contacts, x.kind); !has && p.of(x.method) != nil {
			s.Unavailable = append(s.Unavailable, step.Method{Method: string(x.method), Reason: "not_set"})
		}
	}
	for _, m := range p.Means {
		if barred, err := p.barred(ctx, q, t, m); err != nil {
			return nil, err
		} else if barred != "" {
			s.Unavailable = append(s.Unavailable, step.Method{Method: string(m.Method()), Reason: barred})
		}
	}
	for _, g := range t.Proved {
		s.Proved = append(s.Proved, g.Method)
	}
	for _, signal := range reasons(d, t.Risk) {
		s.Why = append(s.Why, string(signal))
	}
	if d.Wait > 0 && p.Waits != nil {
		s.Wait = &step.WaitOption{Hours: int(d.Wait / time.Hour)}
		s.Inputs = append(s.Inputs, "wait")
	}
	return s, nil
}

// barred says why a method that the account has is no way at all now; empty: it is,
// or the account has none such.
func (p *Prover) barred(ctx context.Context, q sqldb.Querier, t *Turn, m Means) (string, error) {
	b, can := m.(interface {
		Barred(ctx context.Context, q sqldb.Querier, id account.ID) (string, error)
	})
	if !can {
		return "", nil
	}
	return b.Barred(ctx, q, t.Account)
}

// to is the masked contact that a code by a method goes to.
func to(m policy.Method, contacts []contact.Contact) string {
	switch m {
	case policy.SMSCode:
		c, _ := contact.Of(contacts, contact.Phone)
		return numbers.Mask(c.Address)
	case policy.EmailCode:
		c, _ := contact.Of(contacts, contact.Email)
		return email.Mask(c.Address)
	}
	return ""
}

// chooseMethod goes on with one of the ways.
func (p *Prover) chooseMethod() Move {
	return Move{
		Takes: []string{"method"},
		Count: func(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
			m := policy.Method(t.Input.Method)
			means := p.of(m)
			if means == nil || t.Blind() && !slices.Contains(blind, m) {
				return MethodUnavailable.On("method").With("reason", "unknown")
			}
			if !t.Blind() {
				if err := p.offered(ctx, tx, t, m); err != nil {
					return err
				}
			}
			return means.Choose(ctx, tx, t)
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
			if t.Captcha != nil {
				return nil
			}
			t.Method = policy.Method(t.Input.Method)
			return p.of(t.Method).Begin(ctx, tx, t)
		},
	}
}

// offered refuses a method that the policy does not offer now.
func (p *Prover) offered(ctx context.Context, tx *sqldb.Tx, t *Turn, m policy.Method) error {
	who, err := p.Accounts.Load(ctx, tx, t.Account)
	if err != nil {
		return err
	}
	d, err := p.Weigh(ctx, tx, t, who)
	if err != nil || slices.Contains(d.Offer, m) || d.Enough {
		return err
	}
	reason := "not_set"
	if slices.ContainsFunc(t.Proved, func(g sessionProof) bool { return g.Method == string(m) }) {
		reason = "used"
	}
	if barred, err := p.barred(ctx, tx, t, p.of(m)); err != nil {
		return err
	} else if barred != "" {
		reason = barred
	}
	refusal := MethodUnavailable.On("method")
	for _, w := range d.Unavailable {
		if w.Method == m {
			reason = w.Unavailable
			if !w.RetryAt.IsZero() {
				refusal = refusal.Until(w.RetryAt)
			}
		}
	}
	return refusal.With("reason", reason)
}

// chooseWait lets time stand in for what is missing.
func (p *Prover) chooseWait() Move {
	return Move{Apply: func(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
		if t.Blind() || p.Waits == nil {
			return MethodUnavailable.With("reason", "nothing_proved")
		}
		who, err := p.Accounts.Load(ctx, tx, t.Account)
		if err != nil {
			return err
		}
		d, err := p.Weigh(ctx, tx, t, who)
		if err != nil {
			return err
		}
		switch {
		case !d.ReadyAt.IsZero(): // it was begun before
			t.WaitsTo = d.ReadyAt
			return nil
		case d.Wait == 0:
			return MethodUnavailable.With("reason", "no_wait")
		}
		objects, err := p.objects(ctx, tx, t, who)
		if err != nil {
			return err
		}
		until := t.Now.Add(d.Wait)
		if err := p.Waits.Wait(ctx, tx, who, t, until, objects); err != nil {
			return err
		}
		t.WaitsTo = until
		return nil
	}}
}

func (p *Prover) showWait(ctx context.Context, q sqldb.Querier, t *Turn) (step.Step, error) {
	s := step.Wait{Head: step.Head{Type: step.TypeWait, Inputs: []string{"back"}}, Until: t.WaitsTo, Reason: string(t.Action), Told: []string{}}
	contacts, err := p.Contacts.List(ctx, q, t.Account)
	if err != nil {
		return nil, err
	}
	for _, c := range contacts {
		m := policy.SMSCode
		if c.Kind == contact.Email {
			m = policy.EmailCode
		}
		s.Told = append(s.Told, to(m, contacts))
	}
	return s, nil
}

// leaveWait goes back to the list: another proof ends the wait.
func (p *Prover) leaveWait() Move {
	return Move{Apply: func(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
		t.WaitsTo = time.Time{}
		return nil
	}}
}

func (p *Prover) showCaptcha(ctx context.Context, q sqldb.Querier, t *Turn) (step.Step, error) {
	return p.Captchas.Show(t.ID, t.Captcha, t.Now)
}

// answerCaptcha judges an answer, which uses the captcha up (S-179), and goes on
// with the method that waited for it.
func (p *Prover) answerCaptcha() Move {
	return Move{
		Takes: []string{"answer"},
		Count: func(ctx context.Context, tx *sqldb.Tx, t *Turn) (err error) {
			asked := t.Captcha
			if !p.Captchas.Judge(t.ID, asked, t.Input.Answer, t.Now) {
				if t.Captcha, err = p.Captchas.Ask(asked.Reason, asked.Level, t.Now); err != nil {
					return err
				}
				return CaptchaWrong.On("answer")
			}
			t.Captcha, t.Human = nil, true
			if t.Wanted == "" {
				return nil
			}
			return p.of(t.Wanted).Choose(ctx, tx, t)
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
			if t.Wanted == "" || t.Captcha != nil {
				return nil
			}
			t.Method, t.Wanted = t.Wanted, ""
			return p.of(t.Method).Begin(ctx, tx, t)
		},
	}
}

func (p *Prover) refreshCaptcha() Move {
	return Move{Count: func(ctx context.Context, tx *sqldb.Tx, t *Turn) (err error) {
		t.Captcha, err = p.Captchas.Ask(t.Captcha.Reason, t.Captcha.Level, t.Now)
		return err
	}}
}
