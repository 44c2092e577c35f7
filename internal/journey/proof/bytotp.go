package proof

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/totp"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// byTOTP proves the account by the code that its authenticator app shows.
type byTOTP struct {
	p      *Prover
	stored *totp.Store
}

// ByTOTP proves by an authenticator app.
func ByTOTP(p *Prover, stored *totp.Store) Means { return byTOTP{p, stored} }

func (b byTOTP) Method() policy.Method { return policy.TOTP }
func (b byTOTP) Step() step.Type       { return step.TypeTOTP }

func (b byTOTP) Ways(ctx context.Context, q sqldb.Querier, id account.ID) ([]policy.Way, error) {
	f, err := b.stored.Load(ctx, q, id)
	if err != nil || !f.IsSet() {
		return nil, err
	}
	return []policy.Way{{Method: policy.TOTP, Since: f.Since, Replaced: f.Replaced}}, nil
}

// Choose costs nothing: nothing is sent.
func (b byTOTP) Choose(context.Context, *sqldb.Tx, *Turn) error { return nil }

// Begin needs nothing: the app and we have the same clock.
func (b byTOTP) Begin(context.Context, *sqldb.Tx, *Turn) error { return nil }

func (b byTOTP) Show(_ context.Context, _ sqldb.Querier, t *Turn) (step.Step, error) {
	return step.TOTP{Head: step.Head{Type: step.TypeTOTP, Inputs: []string{"code", "other_way"}}, Length: totp.Length, Why: t.Why()}, nil
}

func (b byTOTP) Moves() map[string]Move {
	return map[string]Move{"code": {Takes: []string{"code"}, Count: b.judge, Apply: b.use}}
}

// shown is a right code on its way from Count to Apply.
type shown struct {
	tried
	factor totp.Factor
	step   int64
}

// judge compares the code with those of around now. An account without an app
// costs the same.
func (b byTOTP) judge(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	code, ok := totp.Read(t.Input.Code)
	if !ok {
		return fault.InvalidInput.On("code")
	}
	s, err := b.p.trySecret(ctx, tx, t, policy.TOTP)
	if err != nil {
		return err
	}
	f, err := b.stored.Load(ctx, tx, t.Account)
	if err != nil {
		return err
	}
	at, right := f.Match(code, tx.Now())
	if !right || s.barred {
		return b.p.wrongSecret(ctx, tx, policy.TOTP, s)
	}
	t.Answer = shown{s, f, at}
	return nil
}

// use uses the step up, in the transaction of what it proves (S-12, S-38).
func (b byTOTP) use(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	s := t.Answer.(shown)
	won, err := b.stored.Use(ctx, tx, s.factor, s.step)
	if err != nil {
		return err
	}
	if !won {
		refusal := b.p.usedSecret(ctx, tx, t, policy.TOTP, s.tried)
		if !refused(refusal) {
			return refusal
		}
		t.Refuse(refusal)
		return nil
	}
	if err := b.p.rightSecret(ctx, tx, t, policy.TOTP, s.tried); err != nil {
		return err
	}
	t.Prove(policy.TOTP, false)
	return nil
}
