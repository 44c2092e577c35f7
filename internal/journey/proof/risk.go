package proof

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
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

// seen gathers the plain facts. What is not known stays zero and raises nothing.
func (p *Prover) seen(ctx context.Context, q sqldb.Querier, t *Turn) (policy.Seen, error) {
	s := policy.Seen{Now: t.Now, BreachedPassword: t.Breached, SIMSwappedAt: t.History.SIMSwappedAt}
	d, known, err := p.device(ctx, q, t)
	if err != nil {
		return s, err
	}
	if s.KnownDevice = known; known {
		t.DeviceSince = d.CreatedAt
	}
	acts, err := p.Audit.Count(ctx, q, t.Account, t.Now.Add(-time.Hour))
	if err != nil {
		return s, err
	}
	s.SignIns = acts[audit.SignedIn]
	s.WrongProofs = acts[audit.PasswordWrong] + acts[audit.AnswersWrong] + codeTries*acts[audit.CodesExhausted]
	s.PasskeyCloned = acts[audit.PasskeySuspect] > 0
	s.NetworkListed = p.BadNetwork != nil && p.BadNetwork(t.Visitor.Addr)
	if err := p.whereabouts(ctx, q, t, &s); err != nil || known {
		return s, err
	}
	return s, p.silence(ctx, q, t, &s)
}

// codeTries is how many wrong codes stand behind one act of codes_exhausted.
const codeTries = 5

// whereabouts holds the address against where the account was signed in to before.
func (p *Prover) whereabouts(ctx context.Context, q sqldb.Querier, t *Turn, s *policy.Seen) error {
	if p.Footprints == nil {
		return nil
	}
	here := p.Atlas.SpotOf(t.Visitor.Addr)
	past, err := p.Footprints.Compare(ctx, q, t.Account, t.Visitor.Addr, here)
	if err != nil {
		return err
	}
	t.Past = past
	if !past.Any {
		return nil
	}
	s.NewNetwork, s.NewCountry = past.SeenAt.IsZero(), !past.Country
	s.SessionMoved = s.NewNetwork && t.member() != nil
	s.TravelKM, s.TravelFor = past.Last.KMTo(here), t.Now.Sub(past.LastAt)
	return nil
}

// silence finds out, for a device that the account does not know, how long nobody
// used the account, and how long its number has not proved itself (S-80).
func (p *Prover) silence(ctx context.Context, q sqldb.Querier, t *Turn, s *policy.Seen) error {
	used, err := p.Devices.LastUse(ctx, q, t.Account)
	if err != nil {
		return err
	}
	if !used.IsZero() {
		s.SilentFor = t.Now.Sub(used)
	}
	contacts, err := p.Contacts.List(ctx, q, t.Account)
	if err != nil {
		return err
	}
	if phone, has := contact.Of(contacts, contact.Phone); has {
		s.PhoneSilentFor = t.Now.Sub(phone.ProvedAt)
		s.NumberReassigned = t.History.ReassignedAt.After(phone.ProvedAt)
	}
	return nil
}

// Leave notes from where an account was signed in to, in the transaction that does it.
func (p *Prover) Leave(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	if p.Footprints == nil {
		return nil
	}
	return p.Footprints.Leave(ctx, tx, t.Account, t.Visitor.Addr, p.Atlas.SpotOf(t.Visitor.Addr), t.Past)
}

// Taken is a code that was right: where it came from, and what was found out of the
// number that it went to.
type Taken struct {
	From    Source
	History numbers.History
}

// AsksHistory tells whether the history of the number of the newest code is to be
// asked for, once the code is right.
func (p *Prover) AsksHistory(s *Sent) bool {
	code := s.Newest()
	return p.Numbers != nil && p.Numbers.HasHistory() && code != nil && code.Channel == courier.SMS && code.Address != ""
}

// AskHistory does it, outside any transaction.
func (p *Prover) AskHistory(ctx context.Context, s *Sent, taken *Taken) {
	taken.History = p.Numbers.History(ctx, s.Newest().Address)
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
