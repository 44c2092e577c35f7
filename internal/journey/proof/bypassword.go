package proof

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/directory"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

// byPassword proves the account by its password.
type byPassword struct {
	p         *Prover
	passwords *Passwords
}

// ByPassword proves by the password, on the counter that every entrance shares.
func ByPassword(p *Prover, passwords *Passwords) Means { return byPassword{p, passwords} }

func (b byPassword) Method() policy.Method { return policy.Password }
func (b byPassword) Step() step.Type       { return step.TypePassword }

func (b byPassword) Ways(ctx context.Context, q sqldb.Querier, id account.ID) ([]policy.Way, error) {
	s, err := b.passwords.Stored.Load(ctx, q, id)
	if err != nil || !s.IsSet() {
		return nil, err
	}
	return []policy.Way{{Method: policy.Password, Since: s.SetAt(), Replaced: s.Replaced()}}, nil
}

// waysAt is Ways as the account stood just before a time.
func (b byPassword) waysAt(ctx context.Context, q sqldb.Querier, id account.ID, at time.Time) ([]policy.Way, error) {
	s, err := b.passwords.load(ctx, q, &Guess{Account: id, AsOf: at})
	if err != nil || !s.IsSet() {
		return nil, err
	}
	return []policy.Way{{Method: policy.Password, Since: s.SetAt()}}, nil
}

// replacedAt is when the last password was replaced that had stood for long, if
// that was lately.
func (b byPassword) replacedAt(ctx context.Context, q sqldb.Querier, id account.ID) (time.Time, error) {
	s, err := b.passwords.Stored.Load(ctx, q, id)
	at := s.ReplacedAt(policy.Young)
	if err != nil || q.Now().Sub(at) > contact.FormerFor {
		return time.Time{}, err
	}
	return at, nil
}

// guess is the try of a turn.
func (b byPassword) guess(t *Turn, from Source) *Guess {
	return &Guess{Account: t.Account, Typed: t.Subject, From: from, Where: t.Where(), AsOf: t.AsOf}
}

// Choose asks for a captcha first where many tries were wrong. It costs nothing.
func (b byPassword) Choose(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	from, err := b.p.Source(ctx, tx, t)
	if err != nil {
		return err
	}
	asked, err := b.passwords.Challenge(ctx, tx, b.guess(t, from), t.Human)
	if err == nil && asked != nil {
		t.Captcha, t.Wanted = asked, policy.Password
	}
	return err
}

func (b byPassword) Begin(context.Context, *sqldb.Tx, *Turn) error { return nil }

// Show names the account as the person named it: nothing that a glance at the
// step could learn from (S-77).
func (b byPassword) Show(_ context.Context, _ sqldb.Querier, t *Turn) (step.Step, error) {
	name := t.Account.Spaced()
	if t.Blind() {
		name = ShownName(t.Subject)
	}
	return step.Password{Head: step.Head{Type: step.TypePassword, Inputs: []string{"password", "other_way"}}, Username: name, Why: t.Why()}, nil
}

// ShownName shows a subject (the way and the name, as they were read) without
// telling more than was typed.
func ShownName(subject string) string {
	way, name, _ := strings.Cut(subject, "\x00")
	switch directory.Way(way) {
	case directory.ByPhone:
		return numbers.Mask(name)
	case directory.ByEmail:
		return email.Mask(name)
	}
	id, _ := account.ReadID(name)
	return id.Spaced()
}

func (b byPassword) Moves() map[string]Move {
	return map[string]Move{"password": {Takes: []string{"password"}, Count: b.reserve, Ask: b.check, Apply: b.judge}}
}

func (b byPassword) reserve(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	from, err := b.p.Source(ctx, tx, t)
	if err != nil {
		return err
	}
	g := b.guess(t, from)
	t.Answer = g
	asked, err := b.passwords.Reserve(ctx, tx, g, t.Human)
	if asked != nil {
		t.Captcha = asked
	}
	if err == nil {
		t.Human = false // one captcha buys one try
	}
	return err
}

func (b byPassword) check(ctx context.Context, t *Turn) error {
	return b.passwords.Check(ctx, t.Answer.(*Guess), t.Input.Password)
}

func (b byPassword) judge(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	g := t.Answer.(*Guess)
	who, err := b.p.Accounts.Load(ctx, tx, t.Account)
	there := err == nil && who.State != account.Gone
	if err != nil && !errors.Is(err, sqldb.ErrNone) {
		return err
	}
	right, err := b.passwords.Right(ctx, tx, g)
	if err != nil {
		return err
	}
	if right && there {
		t.Breached = g.Breached
		t.Prove(policy.Password, false)
		return nil
	}
	if t.Captcha, err = b.passwords.Wrong(ctx, tx, g); err != nil {
		return err
	}
	way := "mine"
	if t.Blind() {
		way, _, _ = strings.Cut(t.Subject, "\x00")
	}
	t.Refuse(g.Refusal(way))
	return nil
}
