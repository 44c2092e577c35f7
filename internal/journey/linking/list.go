package linking

import (
	"context"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Linked is an account at a provider that opens this one.
type Linked struct {
	Provider    string
	Name        string // as the provider calls the person; may be empty
	LinkedAt    time.Time
	UsedAt      time.Time // last sign-in or proof by it
	SuspendedAt time.Time // the provider disabled it then; zero: it did not
	// Kept is why it cannot be removed; nil: it can, after a proof.
	Kept *fault.Fault
}

// Choice is a provider of this server, and why none of its accounts can be linked now;
// nil: one can, after a proof.
type Choice struct {
	Provider string
	Refused  *fault.Fault
}

// Overview is how an account stands with providers.
type Overview struct {
	Linked  []Linked // the oldest first
	Choices []Choice // those that are offered in the operator's order, then the others
}

// List reads the links of an account.
func (h *House) List(ctx context.Context, l *session.Live) ([]link.Link, error) {
	return h.Links.List(ctx, h.DB, l.AccountID)
}

// Offered lists the providers whose accounts the account's region offers on a surface
// (flow.Visitor), in the operator's order.
func (h *House) Offered(l *session.Live, surface string) []string {
	return h.Desk.Offered(l.Account.Region, surface)
}

// Overview tells what is linked and what can be, on a surface (flow.Visitor).
func (h *House) Overview(ctx context.Context, l *session.Live, surface string) (Overview, error) {
	o := Overview{Linked: []Linked{}, Choices: []Choice{}}
	list, err := h.List(ctx, l)
	if err != nil {
		return o, err
	}
	for _, x := range list {
		one := Linked{Provider: x.Provider, Name: x.Name, LinkedAt: x.LinkedAt, UsedAt: x.UsedAt, SuspendedAt: x.SuspendedAt}
		err := h.removable(ctx, h.DB, l.Account, x.Provider)
		if one.Kept = fault.From(err); err != nil && one.Kept == nil {
			return o, err
		}
		o.Linked = append(o.Linked, one)
	}
	offered := h.Offered(l, surface)
	names := slices.Clone(offered)
	for _, p := range h.Providers.All() {
		if !slices.Contains(names, p.Name()) {
			names = append(names, p.Name())
		}
	}
	for _, name := range names {
		o.Choices = append(o.Choices, Choice{name, refusedHere(l, list, offered, name)})
	}
	return o, nil
}

// refusedHere is why an account of a provider cannot be linked. That it is linked
// elsewhere shows only once it was signed in to.
func refusedHere(l *session.Live, list []link.Link, offered []string, name string) *fault.Fault {
	_, has := link.Of(list, name)
	switch gate := l.Account.Gate(); {
	case gate != nil:
		return fault.From(gate)
	case has:
		return federation.LinkedAlready.With("provider", name)
	case !slices.Contains(offered, name):
		return federation.ProviderNotOffered
	}
	return nil
}

// allow refuses what the session has not proved enough for (S-67).
func (h *House) allow(ctx context.Context, l *session.Live, action policy.Action) error {
	d, err := h.Prover.Allows(ctx, h.DB, l, action)
	if err == nil && !d.Enough {
		err = session.ProofRequired.With("for", string(action))
	}
	return err
}

// Unlink takes a link off the account. It needs a fresh proof, leaves another way in
// (S-73), ends the sessions that rest on the link alone, tells every contact, and has
// the grant given back at the provider once all of that is done. The account is locked
// from the first statement on: of two removals at once the second sees what the first
// left.
func (h *House) Unlink(ctx context.Context, l *session.Live, name string) error {
	if err := h.allow(ctx, l, policy.Unlink); err != nil {
		return err
	}
	return h.DB.InTx(ctx, func(tx *sqldb.Tx) error {
		still, err := h.Sessions.Still(ctx, tx, l)
		if err != nil {
			return err
		}
		if !still {
			return session.Required
		}
		list, err := h.Links.List(ctx, tx, l.AccountID)
		if err != nil {
			return err
		}
		if _, has := link.Of(list, name); !has {
			return fault.NotFound
		}
		if err := h.removable(ctx, tx, l.Account, name); err != nil {
			return err
		}
		if err := h.spend(ctx, tx, l.AccountID); err != nil {
			return err
		}
		had, err := h.Links.Remove(ctx, tx, l.AccountID, name)
		if err != nil {
			return err
		}
		if _, err := h.Sessions.EndResting(ctx, tx, l.AccountID, string(policy.LinkedSignIn), name, l.ID); err != nil {
			return err
		}
		if err := h.giveBack(ctx, tx, l.AccountID, had); err != nil {
			return err
		}
		return h.happened(ctx, tx, l.Account, act{kind: audit.Unlinked, tell: "notice_unlinked", provider: name, by: flow.Visitor{Session: l}})
	})
}
