package signin

import (
	"context"
	"errors"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

func (h *House) showLinkOrCreate(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	inputs := []string{"link", "back"}
	if h.region(c.Facts).MaySignUp("provider") {
		inputs = []string{"link", "create", "back"}
	}
	return step.LinkOrCreate{Head: step.Head{Type: step.TypeLinkOrCreate, Inputs: inputs},
		Provider: c.Facts.Foreign.Provider, Name: c.Facts.Foreign.Name}, nil
}

// stillForeign refuses to build on what was shown at the provider too long ago, or on
// a provider that was switched off since (S-51). It runs in Count.
func (h *House) stillForeign(c *call) error {
	if err := h.recent(c); err != nil {
		return err
	}
	if !h.offers(c.Facts, c.Facts.Foreign.Provider) {
		h.forget(c.Facts)
		return federation.ProviderNotOffered.On("provider")
	}
	return nil
}

// chooseLink goes on to the question which account it is that the person has.
func (h *House) chooseLink() flow.Move[facts] {
	return flow.Move[facts]{
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error { return h.stillForeign(c) },
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			c.Facts.Linking = true
			return nil
		},
	}
}

// chooseCreate makes an account for who it was at the provider, where the region
// makes accounts that way.
func (h *House) chooseCreate() flow.Move[facts] {
	return flow.Move[facts]{
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if err := h.stillForeign(c); err != nil {
				return err
			}
			if !h.region(c.Facts).MaySignUp("provider") {
				return proof.MethodUnavailable.With("reason", "region")
			}
			return nil
		},
		Apply: h.createLinked,
	}
}

// createLinked claims the person at the provider first: of two first sign-ins at once
// the one that wins the claim makes the account, the other signs in to it (S-05).
// What the provider says beside that is text: a name, if it can be one, and an
// address to begin with where one is asked for.
func (h *House) createLinked(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f, p := c.Facts, c.Facts.Foreign
	nickname, err := account.ReadNickname(p.Name, h.Brand)
	if err != nil {
		nickname = ""
	}
	who, err := h.newAccount(ctx, tx, c, nickname, func(id account.ID) (bool, error) {
		return h.Links.Claim(ctx, tx, p.Provider, p.Subjects, id)
	})
	if errors.Is(err, errLost) {
		f.Foreign = nil
		id, _, err := h.Links.Holder(ctx, tx, p.Provider, p.Subjects)
		if err != nil {
			return err
		}
		if id == 0 {
			return sqldb.ErrAgain // claimed and released
		}
		return h.enterLinked(ctx, tx, c, id, p)
	}
	if err != nil {
		return err
	}
	if err := h.Links.Add(ctx, tx, who.ID, p.Link()); err != nil {
		return err
	}
	f.Proved = []session.Proof{{Method: string(byLinked), At: p.At, Key: p.Provider, Since: tx.Now()}}
	f.Account, f.Made, f.Foreign = who.ID, true, nil
	if address, err := email.Read(p.Email); err == nil {
		f.Hint = address.Canonical
	}
	details := h.where(c)
	details["provider"] = p.Provider
	return h.enter(ctx, tx, c, who, audit.Entry{AccountID: who.ID, Kind: audit.Linked, Details: details})
}

// mayLink tells whether what opened the account is enough to link to it too. It is
// asked once the account is open, so that whoever tries at its second step is watched
// as at every sign-in. No wait stands in for what is missing here.
func (h *House) mayLink(ctx context.Context, tx *sqldb.Tx, c *call) (bool, error) {
	f := c.Facts
	if f.Action == policy.Link { // it was asked, and answered
		return f.Ready, nil
	}
	f.Action, f.Ready = policy.Link, false
	err := h.Prover.Continue(ctx, tx, proof.NewTurn(c, &f.Proving))
	return f.Ready, err
}

// link gives the person at the provider to the account that was proved in this very
// journey (S-43), and answers the act. on is false where the journey stands
// elsewhere now.
func (h *House) link(ctx context.Context, tx *sqldb.Tx, c *call, who account.Account) (acts []audit.Entry, on bool, err error) {
	f, p := c.Facts, c.Facts.Foreign
	if may, err := h.mayLink(ctx, tx, c); err != nil || !may {
		return nil, false, err
	}
	if !h.Desk.Knows(who.Region, p.Provider) { // it was switched off, or the account's region has it not
		return nil, false, h.stop(c, federation.ProviderNotOffered.On("provider"))
	}
	had, err := h.Links.Load(ctx, tx, who.ID, p.Provider)
	if err != nil && !errors.Is(err, sqldb.ErrNone) {
		return nil, false, err
	}
	switch there := err == nil; {
	case there && !had.Is(p.Subjects):
		return nil, false, h.stop(c, federation.LinkedAlready.With("provider", p.Provider))
	case !there:
		won, err := h.Links.Claim(ctx, tx, p.Provider, p.Subjects, who.ID)
		if err != nil {
			return nil, false, err
		}
		if !won { // somebody else proved it too, and was quicker
			h.forget(f)
			return nil, false, h.stop(c, federation.LinkedElsewhere.With("provider", p.Provider))
		}
		if acts, err = h.addLink(ctx, tx, c, who); err != nil {
			return nil, false, err
		}
	}
	f.Foreign, f.Linking, f.Linked = nil, false, true
	f.Action = policy.SignIn
	return acts, true, nil
}

// addLink writes the link and tells every contact of the account.
func (h *House) addLink(ctx context.Context, tx *sqldb.Tx, c *call, who account.Account) ([]audit.Entry, error) {
	p := c.Facts.Foreign
	if err := h.Links.Add(ctx, tx, who.ID, p.Link()); err != nil {
		return nil, err
	}
	contacts, err := h.Contacts.List(ctx, tx, who.ID)
	if err != nil {
		return nil, err
	}
	details := h.where(c)
	if err := h.Notices.Send(ctx, tx, proof.Notice{Who: who, To: contacts, Purpose: "notice_linked", Device: details["device"], Place: details["place"],
		Args: []any{"provider", h.Notices.Provider(who, p.Provider)}}); err != nil {
		return nil, err
	}
	details["provider"] = p.Provider
	return []audit.Entry{{AccountID: who.ID, Kind: audit.Linked, Details: details}}, nil
}
