package linking

import (
	"context"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// answer is what a provider says, on its way from Count to Apply.
type answer struct {
	back    *federation.Returned // from a browser
	handed  *federation.Handed   // from an app
	person  *federation.Person
	refused error
}

// leave goes to the provider. A visit that is still under way goes on.
func (h *House) leave(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f := c.Facts
	if f.Trip != nil && c.Now.Before(f.Trip.BegunAt.Add(federation.TripLife)) {
		return nil
	}
	return h.depart(ctx, tx, c)
}

// depart begins a visit. Where that is refused the person is told and can try again.
func (h *House) depart(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f := c.Facts
	f.Trip = nil
	v := c.Visitor
	v.Surface = f.Surface // as it began
	trip, err := h.Desk.Depart(ctx, tx, c.Record, v, f.Region, f.Provider, federation.Link, false)
	if fault.From(err) != nil {
		c.Refuse(err)
		return nil
	}
	f.Trip = trip
	return err
}

// restart forgets who it was at the provider; the proofs of the account stay.
func (h *House) restart(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f := c.Facts
	f.Trip, f.Person, f.Holder, f.Other = nil, nil, 0, nil
	if f.Active() {
		return nil
	}
	return h.leave(ctx, tx, c)
}

// stop refuses, and is at the provider's door again.
func (h *House) stop(ctx context.Context, tx *sqldb.Tx, c *call, because error) error {
	if err := h.restart(ctx, tx, c); err != nil {
		return err
	}
	c.Refuse(because)
	return nil
}

// back leaves the question whether to move a link, and the proofs for that.
func (h *House) back() move {
	return move{Apply: h.restart, Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
		if f := c.Facts; f.Person == nil {
			return flow.JourneyStep.With("present", string(c.Step))
		}
		return nil
	}}
}

// fresh refuses to go on with proofs of the account that were made too long ago; they
// are asked for again, and a visit under way stays. It runs in Count.
func (h *House) fresh(c *call) error {
	f := c.Facts
	stale := func(p session.Proof) bool { return c.Now.Sub(p.At) > policy.FreshFor }
	if !slices.ContainsFunc(f.Proved, stale) {
		return nil
	}
	f.Proved = slices.DeleteFunc(f.Proved, stale)
	f.Ready, f.Method, f.Held = false, "", nil
	return session.ProofRequired.With("for", string(policy.Link))
}

// showIdentify is where a visit could not begin: the provider was switched off
// meanwhile (S-51), unless it is there again.
func (h *House) showIdentify(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	s := step.Identify{Head: step.Head{Type: step.TypeIdentify, Inputs: []string{}}, Providers: []step.Provider{}}
	if f := c.Facts; h.Desk.Offers(f.Region, f.Surface, f.Provider) {
		s.Inputs, s.Providers = []string{"provider"}, []step.Provider{h.Desk.Choice(f.Surface, f.Provider, f.Nonce, c.Now)}
	}
	return s, nil
}

// showRedirect leads to the provider; an app may as well hand over what the provider's
// SDK gave it.
func (h *House) showRedirect(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	f := c.Facts
	s := h.Desk.Show(f.Trip)
	s.Inputs, s.Providers = []string{"check", "provider"}, []step.Provider{h.Desk.Choice(f.Surface, f.Provider, f.Nonce, c.Now)}
	return s, nil
}

// provider takes what an app got from the provider's SDK, or begins a visit.
func (h *House) provider() move {
	return move{
		Takes: []string{"provider", "token", "code"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			f, in := c.Facts, c.Input
			switch {
			case in.Provider != f.Provider || !h.Desk.Offers(f.Region, f.Surface, f.Provider):
				return federation.ProviderNotOffered.On("provider")
			case in.Token != "" && in.Code != "":
				return fault.InvalidInput.On("token")
			}
			if err := h.fresh(c); err != nil {
				return err
			}
			a := &answer{}
			c.Answer = a
			if in.Token != "" || in.Code != "" {
				if err := h.Desk.Charge(ctx, tx, c.Visitor); err != nil {
					return err
				}
				a.handed = &federation.Handed{Provider: f.Provider, Token: in.Token, Code: in.Code, Nonce: f.Nonce}
				f.Nonce = h.Desk.Fresh() // right or wrong, it is used up
			}
			return nil
		},
		NeedsAsk: func(c *call) bool { return c.Answer.(*answer).handed != nil },
		Ask: func(ctx context.Context, c *call) (err error) {
			a := c.Answer.(*answer)
			a.person, err = h.Desk.Redeem(ctx, *a.handed)
			return a.keep(err)
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			a := c.Answer.(*answer)
			if a.handed == nil {
				return h.depart(ctx, tx, c)
			}
			first, err := h.Desk.Seen(ctx, tx, a.handed.Text(), a.handed.Until(c.Now))
			if err != nil {
				return err
			}
			if !first && a.refused == nil {
				a.refused = federation.ProviderFailed.With("provider", c.Facts.Provider).With("reason", "replayed")
			}
			return h.arrived(ctx, tx, c, a)
		},
	}
}

// keep keeps a refusal for Apply, which goes on from it.
func (a *answer) keep(err error) error {
	if fault.From(err) == nil {
		return err
	}
	a.refused = err
	return nil
}

// check looks whether the person is back, and asks the provider who it was.
func (h *House) check() move {
	return move{
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if err := h.fresh(c); err != nil {
				return err
			}
			a := &answer{}
			c.Answer = a
			back, err := h.Desk.Collect(ctx, tx, c.ID, c.Facts.Trip)
			a.back = back
			return a.keep(err)
		},
		NeedsAsk: func(c *call) bool { return c.Answer.(*answer).back != nil },
		Ask: func(ctx context.Context, c *call) (err error) {
			a := c.Answer.(*answer)
			a.person, err = h.Desk.Exchange(ctx, a.back)
			return a.keep(err)
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			a := c.Answer.(*answer)
			if a.back == nil && a.refused == nil {
				return nil // nothing came yet
			}
			return h.arrived(ctx, tx, c, a)
		},
	}
}

// arrived goes on with what the provider said.
func (h *House) arrived(ctx context.Context, tx *sqldb.Tx, c *call, a *answer) error {
	c.Facts.Trip = nil // it is over, whatever came of it
	if a.refused != nil {
		return h.stop(ctx, tx, c, a.refused)
	}
	return h.join(ctx, tx, c, a.person)
}
