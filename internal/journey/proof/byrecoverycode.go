package proof

import (
	"context"
	"strconv"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/recoverycode"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// byRecoveryCode proves the account by one of the codes that were kept for it.
type byRecoveryCode struct {
	p       *Prover
	stored  *recoverycode.Store
	notices *Notices
}

// ByRecoveryCode proves by a recovery code; its use is told to every contact (S-39).
func ByRecoveryCode(p *Prover, stored *recoverycode.Store, notices *Notices) Means {
	return byRecoveryCode{p, stored, notices}
}

func (b byRecoveryCode) Method() policy.Method { return policy.RecoveryCode }
func (b byRecoveryCode) Step() step.Type       { return step.TypeRecoveryCode }

func (b byRecoveryCode) Ways(ctx context.Context, q sqldb.Querier, id account.ID) ([]policy.Way, error) {
	set, err := b.stored.Load(ctx, q, id)
	if err != nil || !set.IsSet() {
		return nil, err
	}
	way := policy.Way{Method: policy.RecoveryCode, Since: set.MadeAt, Replaced: set.Replaced, Left: set.Left}
	if set.Left == 0 {
		way.Unavailable = "used_up"
	}
	return []policy.Way{way}, nil
}

// Choose costs nothing: nothing is sent.
func (b byRecoveryCode) Choose(context.Context, *sqldb.Tx, *Turn) error { return nil }

// Begin needs nothing.
func (b byRecoveryCode) Begin(context.Context, *sqldb.Tx, *Turn) error { return nil }

func (b byRecoveryCode) Show(_ context.Context, _ sqldb.Querier, t *Turn) (step.Step, error) {
	return step.RecoveryCode{Head: step.Head{Type: step.TypeRecoveryCode, Inputs: []string{"code", "other_way"}}, Why: t.Why()}, nil
}

func (b byRecoveryCode) Moves() map[string]Move {
	return map[string]Move{"code": {Takes: []string{"code"}, Count: b.reserve, Ask: b.check, Apply: b.judge}}
}

// kept is a code on its way from Count to Apply.
type kept struct {
	tried
	code    string
	set     recoverycode.Set
	verdict recoverycode.Verdict
}

func (b byRecoveryCode) reserve(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	code, ok := recoverycode.Read(t.Input.Code)
	if !ok {
		return fault.InvalidInput.On("code")
	}
	s, err := b.p.trySecret(ctx, tx, t, policy.RecoveryCode)
	if err != nil {
		return err
	}
	set, err := b.stored.Load(ctx, tx, t.Account)
	t.Answer = &kept{tried: s, code: code, set: set}
	return err
}

// check takes one hash, whether there are codes or not.
func (b byRecoveryCode) check(ctx context.Context, t *Turn) (err error) {
	k := t.Answer.(*kept)
	k.verdict, err = b.stored.Check(ctx, k.set, k.code)
	return err
}

// judge uses a right code up, in the transaction of what it proves (S-12).
func (b byRecoveryCode) judge(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	k := t.Answer.(*kept)
	if !k.verdict.Right || k.barred {
		return b.p.wrongSecret(ctx, tx, policy.RecoveryCode, k.tried)
	}
	won, err := b.stored.Use(ctx, tx, k.set, k.verdict)
	if err != nil {
		return err
	}
	if !won {
		refusal := b.p.usedSecret(ctx, tx, t, policy.RecoveryCode, k.tried)
		if !refused(refusal) {
			return refusal
		}
		t.Refuse(refusal)
		return nil
	}
	if err := b.p.rightSecret(ctx, tx, t, policy.RecoveryCode, k.tried); err != nil {
		return err
	}
	if err := b.tell(ctx, tx, t, k.set.Left-1); err != nil {
		return err
	}
	t.Prove(policy.RecoveryCode, false)
	return nil
}

// tell says to the owner that a code was used and how many are left.
func (b byRecoveryCode) tell(ctx context.Context, tx *sqldb.Tx, t *Turn, left int) error {
	who, err := b.p.Accounts.Load(ctx, tx, t.Account)
	if err != nil {
		return err
	}
	contacts, err := b.p.Contacts.List(ctx, tx, t.Account)
	if err != nil {
		return err
	}
	where := t.Where()
	err = b.notices.Send(ctx, tx, Notice{Who: who, To: contacts, Purpose: "notice_recovery_code", Device: where["device"], Place: where["place"], Args: []any{"left", left}})
	if err != nil {
		return err
	}
	where["left"] = strconv.Itoa(left)
	return b.p.Audit.Write(ctx, tx, audit.Entry{AccountID: t.Account, Kind: audit.RecoveryCodeUsed, Details: where})
}
