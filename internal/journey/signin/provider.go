package signin

import (
	"context"
	"errors"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// met is a meeting with a provider on its way through a call: what is to be swapped,
// and whom it turned out to be.
type met struct {
	handed   federation.Handed    // by an app
	returned *federation.Returned // from a visit in a browser; nil: it is what an app handed over
	person   *federation.Person
}

// askProvider swaps it, outside any transaction.
func (h *House) askProvider(ctx context.Context, c *call) (err error) {
	m := c.Answer.(*met)
	if m.returned != nil {
		m.person, err = h.Desk.Exchange(ctx, m.returned)
	} else {
		m.person, err = h.Desk.Redeem(ctx, m.handed)
	}
	return err
}

func meets(c *call) bool { return c.Answer != nil }

// offers tells whether a provider is offered to this journey, now: one that was
// switched off ends nothing that began before (S-51).
func (h *House) offers(f *facts, provider string) bool {
	return h.Desk != nil && h.Desk.Offers(f.Region, f.Surface, provider)
}

// identifyProvider answers who one is by a third-party account: with a visit in a
// browser, or at once with what the provider's SDK gave to an app.
func (h *House) identifyProvider() flow.Move[facts] {
	return flow.Move[facts]{
		Takes:    []string{"provider", "token", "code"},
		Count:    h.countProvider,
		NeedsAsk: meets,
		Ask:      h.askProvider,
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) (err error) {
			f := c.Facts
			if m, handed := c.Answer.(*met); handed {
				return h.handed(ctx, tx, c, m)
			}
			v := c.Visitor
			v.Surface = f.Surface
			f.Away, err = h.Desk.Depart(ctx, tx, c.Record, v, f.Region, c.Input.Provider, federation.SignIn, false)
			return err
		},
	}
}

// countProvider takes what an app hands over. The nonce that it was made for is used
// up by that, whatever comes of it (S-45).
func (h *House) countProvider(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f, in := c.Facts, c.Input
	if err := h.recent(c); err != nil {
		return err
	}
	switch {
	case !h.offers(f, in.Provider):
		return federation.ProviderNotOffered.On("provider")
	case in.Token == "" && in.Code == "":
		return nil
	}
	takes, field := h.Desk.Choice(f.Surface, in.Provider, f.Nonce, c.Now).Takes, "token"
	if in.Token == "" {
		field = "code"
	}
	if in.Token != "" && in.Code != "" || !slices.Contains(takes, field) {
		return fault.InvalidInput.On(field)
	}
	c.Answer = &met{handed: federation.Handed{Provider: in.Provider, Token: in.Token, Code: in.Code, Nonce: f.Nonce}}
	f.Nonce = h.Desk.Fresh()
	return h.Desk.Charge(ctx, tx, c.Visitor)
}

// handed goes on with what an app handed over, which counts once.
func (h *House) handed(ctx context.Context, tx *sqldb.Tx, c *call, m *met) error {
	first, err := h.Desk.Seen(ctx, tx, m.handed.Text(), m.handed.Until(tx.Now()))
	if err != nil {
		return err
	}
	if !first {
		c.Refuse(federation.ProviderFailed.With("provider", m.handed.Provider).With("reason", "replayed"))
		return nil
	}
	return h.recognize(ctx, tx, c, m.person)
}

func (h *House) showRedirect(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	s := h.Desk.Show(c.Facts.Away)
	s.Head = step.Head{Type: step.TypeRedirect, Inputs: []string{"check", "back"}}
	return s, nil
}

// checkRedirect looks whether the person has come back from the provider. What came
// back is taken once, and the visit is over with that (S-49).
func (h *House) checkRedirect() flow.Move[facts] {
	return flow.Move[facts]{
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			f := c.Facts
			if err := h.recent(c); err != nil {
				return err
			}
			back, err := h.Desk.Collect(ctx, tx, c.ID, f.Away)
			if federation.ProviderFailed.Is(err) || back != nil {
				f.Away = nil
			}
			if back != nil {
				c.Answer = &met{returned: back}
			}
			return err
		},
		NeedsAsk: meets,
		Ask:      h.askProvider,
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if m, back := c.Answer.(*met); back {
				return h.recognize(ctx, tx, c, m.person)
			}
			return nil
		},
	}
}

// recognize goes on with who it was at the provider: into the account that this very
// person opens, else to the question whether there is an account. Nothing that the
// provider says beside its subjects is ever looked for (S-42, S-43).
func (h *House) recognize(ctx context.Context, tx *sqldb.Tx, c *call, p *federation.Person) error {
	f := c.Facts
	id, _, err := h.Links.Holder(ctx, tx, p.Provider, p.Subjects)
	switch {
	case err != nil:
		return err
	case id != 0:
		return h.enterLinked(ctx, tx, c, id, p)
	case f.Linking: // it says nothing about which account the first is to be linked to
		c.Refuse(proof.MethodUnavailable.On("provider").With("reason", "not_linked"))
		return nil
	}
	f.Foreign = p
	return nil
}

// enterLinked signs in to the account that holds the person at the provider.
func (h *House) enterLinked(ctx context.Context, tx *sqldb.Tx, c *call, id account.ID, p *federation.Person) error {
	f := c.Facts
	who, err := h.Accounts.Load(ctx, tx, id)
	if err != nil {
		return err
	}
	if !h.Desk.Knows(who.Region, p.Provider) { // the region of the account counts too
		c.Refuse(federation.ProviderNotOffered.On("provider"))
		return nil
	}
	l, err := h.Links.Load(ctx, tx, id, p.Provider)
	switch {
	case errors.Is(err, sqldb.ErrNone):
		return sqldb.ErrAgain // unlinked before the account was locked
	case err != nil:
		return err
	case !l.Works():
		c.Refuse(proof.MethodUnavailable.On("provider").With("reason", "provider_suspended"))
		return nil
	}
	won, err := h.Links.Used(ctx, tx, id, p.Link())
	if err != nil {
		return err
	}
	if !won {
		return sqldb.ErrAgain // suspended since it was read
	}
	f.Account, f.Method = id, ""
	f.Proved = []session.Proof{{Method: string(byLinked), At: p.At, Key: p.Provider, Since: l.LinkedAt}}
	return h.enter(ctx, tx, c, who)
}

// sameLink tells whether the linked account that was proved is still that of the
// account (S-28).
func (h *House) sameLink(ctx context.Context, tx *sqldb.Tx, f *facts) (bool, error) {
	i := slices.IndexFunc(f.Proved, func(p session.Proof) bool { return p.Method == string(byLinked) })
	if i < 0 {
		return true, nil
	}
	now, err := h.Links.Load(ctx, tx, f.Account, f.Proved[i].Key)
	if errors.Is(err, sqldb.ErrNone) {
		return false, nil
	}
	return now.Works() && now.LinkedAt.Equal(f.Proved[i].Since), err
}
