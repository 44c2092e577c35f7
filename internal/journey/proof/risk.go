package proof

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// notice gathers what is seen of a turn and weighs it, once for a journey: what was
// noticed at the first proof stays, so that nothing which is done on the way makes
// the rest cheaper.
func (p *Prover) notice(ctx context.Context, q sqldb.Querier, t *Turn) error {
	if t.Risk.Level != policy.None || t.Account == 0 {
		return nil
	}
	seen, err := p.seen(ctx, q, t)
	if err != nil {
		return err
	}
	t.Known = seen.KnownDevice
	t.Risk = policy.Assess(seen)
	return nil
}

// Notice is notice for a journey that writes what a proof changes before it goes on.
func (p *Prover) Notice(ctx context.Context, q sqldb.Querier, t *Turn) error {
	return p.notice(ctx, q, t)
}

// seen gathers the plain facts.
func (p *Prover) seen(ctx context.Context, q sqldb.Querier, t *Turn) (policy.Seen, error) {
	s := policy.Seen{Now: t.Now}
	d, known, err := p.device(ctx, q, t)
	if err != nil {
		return s, err
	}
	s.KnownDevice = known
	if known {
		t.DeviceSince = d.CreatedAt
	}
	return s, nil
}

// device finds the device that asks, if the account knows it.
func (p *Prover) device(ctx context.Context, q sqldb.Querier, t *Turn) (device.Device, bool, error) {
	if m := t.member(); m != nil {
		return m.Device, true, nil
	}
	if t.secret() == "" {
		return device.Device{}, false, nil
	}
	return p.Devices.Known(ctx, q, t.Account, t.secret())
}

// Plain tells whether a first proof opens an account with nothing else to look at:
// a device that has long been known, no 2-step verification, nothing noticed. It
// spares the usual sign-in the reading of every way that the account has; what it
// lets pass, the whole question would let pass too, since at low risk no way that
// an account has raises what one proof must show.
func (p *Prover) Plain(t *Turn, who account.Account) bool {
	if !t.Known || who.TwoStep || who.Protected || !who.RecoveredAt.IsZero() || t.Risk.Level > policy.Low || len(t.Risk.Doubted) > 0 || len(t.Proved) != 1 {
		return false
	}
	given := Given(t.Proved)
	return p.Policy.Decide(policy.Question{Action: t.Action, Risk: t.Risk, Given: given, Now: t.Now, Standing: policy.Standing{
		CreatedAt: who.CreatedAt, KnownDevice: true, DeviceSince: t.DeviceSince,
		Ways: []policy.Way{{Method: given[0].Method, Since: t.DeviceSince}},
	}}).Enough
}
