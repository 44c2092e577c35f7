package proof

import (
	"context"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// elsewhere is means whose ways depend on which device asks: a device does not
// answer its own question.
type elsewhere interface {
	// WaysFrom is Ways for who asks on a device.
	WaysFrom(ctx context.Context, q sqldb.Querier, id account.ID, deviceID string) ([]policy.Way, error)
}

func waysOf(ctx context.Context, q sqldb.Querier, m Means, id account.ID, deviceID string) ([]policy.Way, error) {
	if e, ok := m.(elsewhere); ok {
		return e.WaysFrom(ctx, q, id, deviceID)
	}
	return m.Ways(ctx, q, id)
}

// Standing gathers what the policy looks at of an account. secret is what the
// asking device keeps; empty: none.
func (p *Prover) Standing(ctx context.Context, q sqldb.Querier, who account.Account, secret string) (policy.Standing, error) {
	if secret == "" {
		return p.standing(ctx, q, who, device.Device{}, false)
	}
	d, known, err := p.Devices.Known(ctx, q, who.ID, secret)
	if err != nil {
		return policy.Standing{}, err
	}
	return p.standing(ctx, q, who, d, known)
}

// StandingOf is Standing for who is signed in.
func (p *Prover) StandingOf(ctx context.Context, q sqldb.Querier, l *session.Live) (policy.Standing, error) {
	return p.standing(ctx, q, l.Account, l.Device, true)
}

func (p *Prover) standing(ctx context.Context, q sqldb.Querier, who account.Account, d device.Device, known bool) (policy.Standing, error) {
	s := policy.Standing{
		CreatedAt: who.CreatedAt, RecoveredAt: who.RecoveredAt, TwoStep: who.TwoStep, TwoStepSince: who.TwoStepSince, Protected: who.Protected,
		KnownDevice: known, DeviceSince: d.CreatedAt, TrustedDevice: known && d.Trusted(q.Now()),
	}
	for _, m := range p.Means {
		ways, err := waysOf(ctx, q, m, who.ID, d.ID)
		if err != nil {
			return s, err
		}
		s.Ways = append(s.Ways, ways...)
	}
	return s, nil
}

// Look asks the policy about what is proved so far, and notes in the turn whether
// it is enough and why it would be asked for. It writes nothing.
func (p *Prover) Look(ctx context.Context, q sqldb.Querier, t *Turn) error {
	who, err := p.Accounts.Load(ctx, q, t.Account)
	if err != nil {
		return err
	}
	if err := p.notice(ctx, q, t); err != nil {
		return err
	}
	d, err := p.Weigh(ctx, q, t, who)
	if err != nil {
		return err
	}
	t.Ready, t.Reasons = d.Enough, reasons(d, t.Risk)
	return nil
}

// Allows tells whether what a session has proved is enough for an action now.
func (p *Prover) Allows(ctx context.Context, q sqldb.Querier, l *session.Live, action policy.Action) (policy.Decision, error) {
	standing, err := p.StandingOf(ctx, q, l)
	if err != nil {
		return policy.Decision{}, err
	}
	t := &Turn{Proving: &Proving{Action: action, Account: l.AccountID, Member: l.ID}, Visitor: flow.Visitor{Addr: l.Addr, Session: l}, Now: q.Now()}
	if l.Addr.IsValid() {
		if err := p.notice(ctx, q, t); err != nil {
			return policy.Decision{}, err
		}
	}
	return p.Policy.Decide(policy.Question{Action: action, Risk: Doubt(t.Risk, l.Account), Standing: standing, Given: Given(l.Proved), Now: t.Now}), nil
}

// reasons are what makes a proof necessary, each once: what the policy says, then
// what was noticed, where that made a difference.
func reasons(d policy.Decision, r policy.Risk) []policy.Signal {
	why := slices.Clone(d.Why)
	if r.Level <= policy.Low && len(r.Doubted) == 0 && !slices.Contains(why, policy.PasswordFirst) {
		return why
	}
	for _, s := range r.Signals {
		if !slices.Contains(why, s) {
			why = append(why, s)
		}
	}
	return why
}

// Weigh asks the policy about what is proved so far.
func (p *Prover) Weigh(ctx context.Context, q sqldb.Querier, t *Turn, who account.Account) (policy.Decision, error) {
	question, err := p.question(ctx, q, t, who)
	if err != nil {
		return policy.Decision{}, err
	}
	return p.Policy.Decide(question), nil
}

// objects tells by which contacts an objection stops the wait of a turn.
func (p *Prover) objects(ctx context.Context, q sqldb.Querier, t *Turn, who account.Account) (func(policy.Method) bool, error) {
	question, err := p.question(ctx, q, t, who)
	return func(by policy.Method) bool { return p.Policy.Objects(question, by) }, err
}

func (p *Prover) question(ctx context.Context, q sqldb.Querier, t *Turn, who account.Account) (policy.Question, error) {
	standing, err := p.standingFor(ctx, q, t, who)
	return policy.Question{Action: t.Action, Risk: Doubt(t.Risk, who), Standing: standing, Given: Given(t.ofThen()), Now: t.Now}, err
}

// standingFor is Standing for a turn, with the waits that it may build on.
func (p *Prover) standingFor(ctx context.Context, q sqldb.Querier, t *Turn, who account.Account) (s policy.Standing, err error) {
	if m := t.member(); m != nil {
		s, err = p.standing(ctx, q, who, m.Device, true)
	} else {
		s, err = p.Standing(ctx, q, who, t.secret())
	}
	if err == nil && !t.AsOf.IsZero() {
		s, err = p.earlierStanding(ctx, q, who.ID, s, t.AsOf)
	}
	if err == nil && p.Waits != nil {
		s.Waits, err = p.Waits.Waiting(ctx, q, t)
	}
	return s, err
}

// Doubt adds to a risk what the owner wants doubted: where the account is
// protected, a text message carries nothing by itself (S-81).
func Doubt(r policy.Risk, who account.Account) policy.Risk {
	if who.Protected && !slices.Contains(r.Doubted, policy.SMSCode) {
		r.Doubted = append(slices.Clone(r.Doubted), policy.SMSCode)
	}
	return r
}

// Given is proofs as the policy reads them.
func Given(proved []session.Proof) []policy.Given {
	out := make([]policy.Given, len(proved))
	for i, g := range proved {
		out[i] = policy.Given{Method: policy.Method(g.Method), At: g.At, Verified: g.Verified, For: policy.Action(g.For), Since: g.Since}
	}
	return out
}
