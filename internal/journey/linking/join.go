package linking

import (
	"context"
	"errors"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// stands loads and locks the account if its state lets its owner in (S-86) and the
// session still stands; else the person is told and ok is false.
func (h *House) stands(ctx context.Context, tx *sqldb.Tx, c *call) (who account.Account, ok bool, err error) {
	f := c.Facts
	who, err = h.Accounts.Load(ctx, tx, f.Account)
	if err != nil {
		return who, false, err
	}
	ok, err = h.Sessions.Still(ctx, tx, c.Visitor.Session)
	if err != nil || ok {
		return who, ok, err
	}
	f.Trip, f.Person, f.Holder, f.Other, f.Proved, f.Ready = nil, nil, 0, nil, nil, false
	because := who.Gate()
	if because == nil {
		because = session.Required
	}
	c.Refuse(because)
	return who, false, nil
}

// join gives a person at the provider to the account, or says why not.
func (h *House) join(ctx context.Context, tx *sqldb.Tx, c *call, p *federation.Person) error {
	f := c.Facts
	who, ok, err := h.stands(ctx, tx, c)
	if err != nil || !ok {
		return err
	}
	if err := h.Prover.Look(ctx, tx, proof.NewTurn(c, &f.Proving)); err != nil {
		return err
	}
	if !f.Ready { // the account asks for more than when the visit began
		c.Refuse(session.ProofRequired.With("for", string(policy.Link)))
		return nil
	}
	holder, many, err := h.Links.Holder(ctx, tx, p.Provider, p.Subjects)
	if err != nil {
		return err
	}
	had, err := h.Links.Load(ctx, tx, who.ID, p.Provider)
	if err != nil && !errors.Is(err, sqldb.ErrNone) {
		return err
	}
	switch has := err == nil; {
	case has && had.Is(p.Subjects): // another journey of the same person was quicker
		f.Result = "linked"
		return nil
	case has:
		return h.stop(ctx, tx, c, federation.LinkedAlready.With("provider", p.Provider))
	case many:
		return h.stop(ctx, tx, c, federation.LinkedElsewhere.With("provider", p.Provider))
	case holder != 0 && holder != who.ID:
		return h.elsewhere(c, p, holder)
	}
	if err := h.spend(ctx, tx, who.ID); err != nil {
		if fault.From(err) == nil {
			return err
		}
		return h.stop(ctx, tx, c, err)
	}
	return h.claim(ctx, tx, c, who, p, "linked")
}

// elsewhere tells that another account has the link, and asks whether to move it.
func (h *House) elsewhere(c *call, p *federation.Person, holder account.ID) error {
	c.Facts.Person, c.Facts.Holder = p, holder
	c.Refuse(federation.LinkedElsewhere.With("provider", p.Provider))
	return nil
}

// spend charges a change of links of an account.
func (h *House) spend(ctx context.Context, tx *sqldb.Tx, id account.ID) error {
	refused, err := h.Book.Spend(ctx, tx, quota.Spend{Limit: changes, Subject: id.String()})
	if err == nil && refused != nil {
		err = fault.RateLimited.Until(refused.RetryAt)
	}
	return err
}

// claim writes the link, tells every contact, and ends the journey. Of two accounts
// that claim one person the store lets one have it; the other begins anew, and finds
// it taken.
func (h *House) claim(ctx context.Context, tx *sqldb.Tx, c *call, who account.Account, p *federation.Person, result string) error {
	won, err := h.Links.Claim(ctx, tx, p.Provider, p.Subjects, who.ID)
	if err == nil && !won {
		err = sqldb.ErrAgain
	}
	if err != nil {
		return err
	}
	if err := h.Links.Add(ctx, tx, who.ID, p.Link()); err != nil {
		return err
	}
	c.Facts.Person, c.Facts.Holder, c.Facts.Other, c.Facts.Result = nil, 0, nil, result
	return h.happened(ctx, tx, who, act{kind: audit.Linked, tell: "notice_linked", provider: p.Provider, by: c.Visitor})
}

// act is a change of a link, for the history and the owner.
type act struct {
	kind     audit.Kind
	tell     string // purpose of the notice; empty: nobody is told
	provider string
	by       flow.Visitor // who did it; nobody: the provider itself
}

// happened writes the history of an account and tells every contact (S-72).
func (h *House) happened(ctx context.Context, tx *sqldb.Tx, who account.Account, a act) error {
	device, place := origin(a.by)
	if a.tell != "" {
		contacts, err := h.Contacts.List(ctx, tx, who.ID)
		if err != nil {
			return err
		}
		if err := h.Notices.Send(ctx, tx, proof.Notice{Who: who, To: contacts, Purpose: a.tell, Device: device, Place: place,
			Args: []any{"provider", h.Notices.Provider(who, a.provider)}}); err != nil {
			return err
		}
	}
	e := audit.Entry{AccountID: who.ID, Kind: a.kind, Details: map[string]string{"provider": a.provider}}
	if s := a.by.Session; s != nil && s.AccountID == who.ID {
		e.DeviceID = s.DeviceID
	}
	if device != "" {
		e.Details["device"] = device
	}
	if place != "" {
		e.Details["place"] = place
	}
	return h.Audit.Write(ctx, tx, e)
}

// origin is the device and the place of a visitor, as the session knows them.
func origin(v flow.Visitor) (device, place string) {
	device, place = v.DeviceName, v.Place
	if s := v.Session; s != nil {
		if device == "" {
			device = s.Device.Name
		}
		if place == "" {
			place = s.Device.Place
		}
	}
	return device, place
}

// removable refuses to take a link off an account that nothing else opens (S-73), or
// that could not be asked for two steps any more. The caller holds the account's row.
// A link that is suspended, or whose provider is switched off, opens nothing, but may
// again: it is kept where nothing else is left.
func (h *House) removable(ctx context.Context, q sqldb.Querier, who account.Account, name string) error {
	standing, err := h.Prover.Standing(ctx, q, who, "")
	if err != nil {
		return err
	}
	links, err := h.Links.List(ctx, q, who.ID)
	if err != nil {
		return err
	}
	left := h.without(who, standing.Ways, links, name)
	switch {
	case !proof.StillIn(left):
		return proof.LastWayIn
	case who.TwoStep && !proof.StillSecond(left):
		return proof.LastSecondStep
	}
	return nil
}

// without are the ways of an account but for one link, and for the links that open
// nothing now.
func (h *House) without(who account.Account, ways []policy.Way, links []link.Link, name string) (left []policy.Way) {
	for _, w := range ways {
		if w.Method != policy.LinkedSignIn {
			left = append(left, w)
		}
	}
	for _, l := range links {
		if l.Provider != name && l.Works() && h.Desk.Knows(who.Region, l.Provider) {
			left = append(left, policy.Way{Method: policy.LinkedSignIn, Since: l.LinkedAt})
		}
	}
	return left
}
