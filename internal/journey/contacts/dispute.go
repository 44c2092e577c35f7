package contacts

import (
	"context"
	"errors"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// A dispute is two changes of one ID: "dispute" at the account that has the
// contact, which can be objected to, and "claim" at the account of the person who
// proved to hold it.

// both loads and locks two accounts, always in the same order, so that two
// disputes against each other do not wait for each other.
func (h *House) both(ctx context.Context, tx *sqldb.Tx, a, b account.ID) (first, second account.Account, err error) {
	if a > b {
		second, first, err = h.both(ctx, tx, b, a)
		return first, second, err
	}
	if first, err = h.Accounts.Load(ctx, tx, a); err != nil {
		return first, second, err
	}
	second, err = h.Accounts.Load(ctx, tx, b)
	return first, second, err
}

// dispute begins a dispute over the contact that was proved a moment ago (S-172).
func (h *House) dispute(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f := c.Facts
	if c.Now.Sub(f.TakenAt) > policy.FreshFor {
		f.restart()
		c.Refuse(proof.CodeExpired.With("time", f.NewSent.Newest().ExpiresAt))
		return nil
	}
	holder, err := h.Contacts.Holder(ctx, tx, f.Contact, f.New.Address)
	if err != nil {
		return err
	}
	if holder == 0 || holder == f.Account {
		return h.stop(c, ContactFree.On(string(f.Contact)))
	}
	_, them, err := h.both(ctx, tx, f.Account, holder)
	if err != nil {
		return err
	}
	me, ok, err := h.stands(ctx, tx, c)
	if err != nil || !ok {
		return err
	}
	// What its owner, a rule or an operator has secured is not undone by a code alone (S-81).
	if them.Protected || account.Gate(them.State) != nil {
		return h.stop(c, ContactProtected.On(string(f.Contact)))
	}
	if running, err := h.disputed(ctx, tx, holder, f); err != nil || running != nil {
		if err == nil && running.Peer == f.Account { // the same again
			f.Begun = &waiting{Until: running.ReadyAt, Reason: string(kindOf("claim", f.Contact))}
			return nil
		}
		if err == nil {
			err = h.stop(c, DisputesLimited.Until(running.ReadyAt))
		}
		return err
	}
	refused, err := h.Book.Spend(ctx, tx, quota.Spend{Limit: h.Rules.Disputes, Subject: f.Account.String()},
		quota.Spend{Limit: h.Rules.Disputed, Subject: string(f.Contact) + f.New.Address})
	if err != nil {
		return err
	}
	if refused != nil {
		return h.stop(c, DisputesLimited.Until(refused.RetryAt))
	}
	return h.beginDispute(ctx, tx, c, me, them)
}

// stop ends an attempt that leads nowhere; the journey is at its beginning.
func (h *House) stop(c *call, why error) error {
	c.Facts.restart()
	c.Refuse(why)
	return nil
}

// disputed finds a dispute that runs already over the contact of a holder.
func (h *House) disputed(ctx context.Context, q sqldb.Querier, holder account.ID, f *facts) (*change.Change, error) {
	list, err := h.Changes.List(ctx, q, holder, q.Now().Add(-change.KeepFor))
	if err != nil {
		return nil, err
	}
	for _, ch := range list {
		if ch.Kind == kindOf("dispute", f.Contact) && ch.State == change.Waiting && ch.Before == f.New.Address {
			return &ch, nil
		}
	}
	return nil, nil
}

func (h *House) beginDispute(ctx context.Context, tx *sqldb.Tx, c *call, me, them account.Account) error {
	f := c.Facts
	until, id := tx.Now().Add(h.Rules.Wait), change.NewID(tx.Now())
	token, err := h.Changes.Begin(ctx, tx, change.Change{ID: id, AccountID: them.ID, Kind: kindOf("dispute", f.Contact), Peer: me.ID, Before: f.New.Address, ReadyAt: until})
	if err != nil {
		return err
	}
	// The claim gets a token as every change does; nobody is given it, because who
	// claims may withdraw where they are signed in.
	if _, err := h.Changes.Begin(ctx, tx, change.Change{ID: id, AccountID: me.ID, Kind: kindOf("claim", f.Contact), Peer: them.ID, By: f.by(), After: f.New.Address, ReadyAt: until}); err != nil {
		return err
	}
	list, err := h.Contacts.List(ctx, tx, them.ID)
	if err != nil {
		return err
	}
	if err := h.tellHolder(ctx, tx, them, list, f.Contact, until, token); err != nil {
		return err
	}
	f.Begun = &waiting{Until: until, Reason: string(kindOf("claim", f.Contact))}
	mine := h.entry(c, audit.DisputeBegun)
	mine.Details["contact"] = f.New.Shown
	theirs := audit.Entry{AccountID: them.ID, Kind: audit.ContactDisputed, Details: map[string]string{"contact": f.New.Shown}}
	return h.Audit.Write(ctx, tx, mine, theirs)
}

// tellHolder tells the account that has the contact, with the link to object at
// every contact but the disputed one: whoever reads that is the other side.
func (h *House) tellHolder(ctx context.Context, tx *sqldb.Tx, them account.Account, list []contact.Contact, kind contact.Kind, until time.Time, token string) error {
	n := proof.Notice{Who: them, Purpose: "notice_contact_disputed", Args: []any{"until", h.Notices.At(them, until)}}
	for _, to := range list {
		one := n
		one.To, one.Token = []contact.Contact{to}, token
		if to.Kind == kind {
			one.Token = ""
		}
		if err := h.tell(ctx, tx, one, kind); err != nil {
			return err
		}
	}
	return nil
}

// release ends a dispute that nobody objected to: the contact leaves the account
// that had it, even if it was its last way in (the one exception of S-73, which is
// recorded), and comes to the account that claimed it, if that still wants it and
// lacks one.
func (h *House) release(ctx context.Context, tx *sqldb.Tx, ref change.Ref, kind contact.Kind) error {
	ch, err := h.Changes.Load(ctx, tx, ref.AccountID, ref.ID)
	if err != nil || ch.State != change.Waiting {
		return err
	}
	them, me, err := h.both(ctx, tx, ch.AccountID, ch.Peer)
	if errors.Is(err, sqldb.ErrNone) {
		_, err = h.Changes.Settle(ctx, tx, ch.AccountID, ch.ID, change.Waiting, change.Lapsed)
	}
	if err != nil {
		return err
	}
	before, err := h.Contacts.List(ctx, tx, them.ID)
	if err != nil {
		return err
	}
	disputed, _ := contact.Of(before, kind)
	to := change.Used
	if disputed.Address != ch.Before || them.Protected || account.Gate(them.State) != nil {
		to = change.Lapsed // it left by itself, or was secured meanwhile (S-81)
	}
	if won, err := h.Changes.Settle(ctx, tx, them.ID, ch.ID, change.Waiting, to); err != nil || !won {
		return errors.Join(err, again(won))
	}
	if to == change.Used {
		if err := h.letGo(ctx, tx, them, before, kind); err != nil {
			return err
		}
	}
	claimed, err := h.Changes.Settle(ctx, tx, me.ID, ch.ID, change.Waiting, to)
	if err != nil || !claimed {
		return err
	}
	if to == change.Lapsed && disputed.Address == ch.Before {
		return h.tellClaimant(ctx, tx, me, disputed, claimRefused)
	}
	return h.give(ctx, tx, me, kind, ch.Before)
}

// letGo takes the contact off the account that lost it. It is not remembered as a
// former one: whoever has it now must not come back by it.
func (h *House) letGo(ctx context.Context, tx *sqldb.Tx, them account.Account, before []contact.Contact, kind contact.Kind) error {
	left, err := h.waysWithout(ctx, tx, them, method(kind))
	if err != nil {
		return err
	}
	old, err := h.Contacts.Drop(ctx, tx, them.ID, kind)
	if err != nil {
		return err
	}
	n := proof.Notice{Who: them, Purpose: "notice_contact_released"}
	for _, to := range before {
		if to.Kind != kind {
			n.To = append(n.To, to)
		}
	}
	if err := h.tell(ctx, tx, n, kind); err != nil {
		return err
	}
	e := audit.Entry{AccountID: them.ID, Kind: audit.ContactReleased, Details: map[string]string{"contact": masked(old)}}
	if !left {
		e.Details["last_way"] = "yes"
	}
	return h.Audit.Write(ctx, tx, e)
}

// give adds the contact to the account that claimed it.
func (h *House) give(ctx context.Context, tx *sqldb.Tx, me account.Account, kind contact.Kind, address string) error {
	list, err := h.Contacts.List(ctx, tx, me.ID)
	if err != nil {
		return err
	}
	fresh := contact.Contact{Kind: kind, Address: address}
	if _, has := contact.Of(list, kind); has || account.Gate(me.State) != nil {
		return h.tellClaimant(ctx, tx, me, fresh, claimFree)
	}
	won, err := h.Contacts.Claim(ctx, tx, kind, address, me.ID)
	if err != nil {
		return err
	}
	if !won { // whoever has it now proved it
		return h.tellClaimant(ctx, tx, me, fresh, claimRefused)
	}
	if err := h.Contacts.Add(ctx, tx, me.ID, kind, address); err != nil {
		return err
	}
	if err := h.tellClaimant(ctx, tx, me, fresh, claimGiven); err != nil {
		return err
	}
	if err := h.welcome(ctx, tx, proof.Notice{Who: me}, fresh); err != nil {
		return err
	}
	return h.Audit.Write(ctx, tx, audit.Entry{AccountID: me.ID, Kind: audit.ContactAdded, Details: map[string]string{"contact": masked(fresh)}})
}

// tellClaimant tells who asked for a contact what became of it.
func (h *House) tellClaimant(ctx context.Context, tx *sqldb.Tx, me account.Account, to contact.Contact, purpose string) error {
	list, err := h.Contacts.List(ctx, tx, me.ID)
	if err != nil {
		return err
	}
	n := proof.Notice{Who: me, Purpose: purpose}
	for _, own := range list {
		if purpose != claimGiven || own.Kind != to.Kind { // the new one is welcomed
			n.To = append(n.To, own)
		}
	}
	if err := h.tell(ctx, tx, n, to.Kind); err != nil || purpose == claimGiven {
		return err
	}
	return h.Audit.Write(ctx, tx, audit.Entry{AccountID: me.ID, Kind: audit.ChangeLapsed, Details: map[string]string{"contact": masked(to)}})
}

// What a claim comes to.
const (
	claimGiven   = "notice_claim_given"
	claimFree    = "notice_claim_free"
	claimRefused = "notice_claim_refused"
)
