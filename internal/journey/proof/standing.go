package proof

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Standing gathers what the policy looks at of an account. secret is what the
// asking device keeps; empty: none.
func (p *Prover) Standing(ctx context.Context, q sqldb.Querier, who account.Account, secret string) (policy.Standing, error) {
	s := policy.Standing{CreatedAt: who.CreatedAt}
	for _, m := range p.Means {
		ways, err := m.Ways(ctx, q, who.ID)
		if err != nil {
			return s, err
		}
		s.Ways = append(s.Ways, ways...)
	}
	if secret != "" {
		_, known, err := p.Devices.Known(ctx, q, who.ID, secret)
		if err != nil {
			return s, err
		}
		s.KnownDevice = known
	}
	if p.Waits == nil {
		return s, nil
	}
	var err error
	s.Waits, err = p.Waits.Waiting(ctx, q, who.ID)
	return s, err
}

// Weigh asks the policy about what is proved so far.
func (p *Prover) Weigh(ctx context.Context, q sqldb.Querier, t *Turn, who account.Account) (policy.Decision, error) {
	standing, err := p.Standing(ctx, q, who, t.secret())
	if err != nil {
		return policy.Decision{}, err
	}
	standing.KnownDevice = standing.KnownDevice || t.member() != nil
	return p.Policy.Decide(policy.Question{Action: t.Action, Risk: t.Risk, Standing: standing, Given: Given(t.Proving.Proved), Now: t.Now}), nil
}

// Given is proofs as the policy reads them.
func Given(proved []session.Proof) []policy.Given {
	out := make([]policy.Given, len(proved))
	for i, g := range proved {
		out[i] = policy.Given{Method: policy.Method(g.Method), At: g.At, Verified: g.Verified, For: policy.Action(g.For)}
	}
	return out
}
