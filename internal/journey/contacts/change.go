package contacts

import (
	"context"
	"errors"
	"strings"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// kindOf is the kind of change that something with a contact is.
func kindOf(what string, kind contact.Kind) change.Kind {
	return change.Kind(what + "_" + string(kind))
}

// by names the methods of proofs, each once.
func (f *facts) by() string {
	var names []string
	for _, p := range f.Proved {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+p.Method+" ") {
			names = append(names, p.Method)
		}
	}
	return strings.Join(names, " ")
}

// stands loads and locks the account if the session still stands; else the person
// is told and ok is false.
func (h *House) stands(ctx context.Context, tx *sqldb.Tx, c *call) (who account.Account, ok bool, err error) {
	if ok, err = h.Sessions.Still(ctx, tx, c.Visitor.Session); err != nil {
		return who, false, err
	}
	if !ok {
		c.Facts.restart()
		c.Facts.Proved = nil
		c.Refuse(session.Required)
		return who, false, nil
	}
	who, err = h.Accounts.Load(ctx, tx, c.Facts.Account)
	return who, err == nil, err
}

// proved goes on with a new contact whose code was right. The code is used up
// whatever comes of it (S-12).
func (h *House) proved(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f := c.Facts
	who, ok, err := h.stands(ctx, tx, c)
	if err != nil || !ok {
		return err
	}
	if err := h.Prover.Codes.Burn(ctx, tx, &f.NewSent, c.Answer.(proof.Source)); err != nil {
		return err
	}
	contacts, err := h.Contacts.List(ctx, tx, f.Account)
	if err != nil {
		return err
	}
	if old, _ := contact.Of(contacts, f.Contact); old.Address != f.Old { // another journey was quicker
		f.restart()
		c.Refuse(proof.MethodUnavailable.With("reason", "changed"))
		return nil
	}
	holder, err := h.Contacts.Holder(ctx, tx, f.Contact, f.New.Address)
	switch {
	case err != nil:
		return err
	case holder != 0:
		return h.taken(c)
	case f.Act == toDispute:
		f.restart()
		c.Refuse(ContactFree.On(string(f.Contact)))
		return nil
	}
	refused, err := h.Book.Spend(ctx, tx, h.changing(f))
	if err != nil {
		return err
	}
	if refused != nil {
		f.restart()
		c.Refuse(ContactChangesLimited.Until(refused.RetryAt))
		return nil
	}
	switch {
	case f.Without:
		return h.replaceLater(ctx, tx, c, who, contacts)
	case f.Old != "":
		return h.replace(ctx, tx, c, who, contacts)
	}
	return h.add(ctx, tx, c, who, contacts)
}

// taken tells that another account has the proved contact. Whoever asked for a
// dispute is asked to confirm it; everybody else hears of that way.
func (h *House) taken(c *call) error {
	f := c.Facts
	f.TakenAt, f.CodeOut = c.Now, false
	if f.Act == toDispute {
		f.Claiming = true
		return nil
	}
	c.Refuse(contact.InUse.On(string(f.Contact)))
	return nil
}

// add gives the account a contact that it lacks.
func (h *House) add(ctx context.Context, tx *sqldb.Tx, c *call, who account.Account, before []contact.Contact) error {
	f := c.Facts
	won, err := h.Contacts.Claim(ctx, tx, f.Contact, f.New.Address, f.Account)
	if err != nil {
		return err
	}
	if !won {
		return h.taken(c)
	}
	if err := h.Contacts.Add(ctx, tx, f.Account, f.Contact, f.New.Address); err != nil {
		return err
	}
	token, err := h.Changes.Begin(ctx, tx, change.Change{AccountID: f.Account, Kind: kindOf("add", f.Contact), By: f.by(),
		After: f.New.Address, ObjectUntil: tx.Now().Add(h.Rules.ObjectFor)})
	if err != nil {
		return err
	}
	n := h.notice(c, who, "notice_contact")
	n.To, n.Token = before, token
	if err := h.Notices.Send(ctx, tx, n); err != nil {
		return err
	}
	if err := h.welcome(ctx, tx, n, contact.Contact{Kind: f.Contact, Address: f.New.Address}); err != nil {
		return err
	}
	return h.happened(ctx, tx, c, audit.ContactAdded, "added", f.New.Shown)
}

// replace gives the account the new contact in the place of the old one, at once.
func (h *House) replace(ctx context.Context, tx *sqldb.Tx, c *call, who account.Account, before []contact.Contact) error {
	f := c.Facts
	_, won, err := h.Contacts.Replace(ctx, tx, f.Account, f.Contact, f.New.Address)
	if err != nil {
		return err
	}
	if !won {
		return h.taken(c)
	}
	token, err := h.Changes.Begin(ctx, tx, change.Change{AccountID: f.Account, Kind: kindOf("change", f.Contact), By: f.by(),
		Before: f.Old, After: f.New.Address, ObjectUntil: tx.Now().Add(h.Rules.ObjectFor)})
	if err != nil {
		return err
	}
	n := h.notice(c, who, "notice_contact_changed")
	n.To, n.Token = before, token
	if err := h.tell(ctx, tx, n, f.Contact); err != nil {
		return err
	}
	if err := h.welcome(ctx, tx, n, contact.Contact{Kind: f.Contact, Address: f.New.Address}); err != nil {
		return err
	}
	return h.happened(ctx, tx, c, audit.ContactChanged, "changed", f.New.Shown)
}

// replaceLater begins a change that happens after the wait, unless somebody
// objects: the old contact was not proved. The new one is nobody's until then.
func (h *House) replaceLater(ctx context.Context, tx *sqldb.Tx, c *call, who account.Account, before []contact.Contact) error {
	f := c.Facts
	kind := kindOf("replace", f.Contact)
	if _, err := h.Changes.EndWaiting(ctx, tx, f.Account, change.Withdrawn, kind); err != nil {
		return err
	}
	until := tx.Now().Add(h.Rules.Wait)
	token, err := h.Changes.Begin(ctx, tx, change.Change{AccountID: f.Account, Kind: kind, By: f.by(), Before: f.Old, After: f.New.Address, ReadyAt: until})
	if err != nil {
		return err
	}
	n := h.notice(c, who, "notice_contact_replacing")
	n.To, n.Token = before, token
	n.Args = append(n.Args, "until", h.Notices.At(who, until))
	if err := h.tell(ctx, tx, n, f.Contact); err != nil {
		return err
	}
	f.Begun = &waiting{Until: until, Reason: string(kind), Told: allMasked(before)}
	e := h.entry(c, audit.ContactReplacing)
	e.Details["contact"] = f.New.Shown
	return h.Audit.Write(ctx, tx, e)
}

func allMasked(list []contact.Contact) []string {
	out := []string{}
	for _, c := range list {
		out = append(out, masked(c))
	}
	return out
}

// happened ends the journey.
func (h *House) happened(ctx context.Context, tx *sqldb.Tx, c *call, kind audit.Kind, result, shown string) error {
	c.Facts.Result = result
	e := h.entry(c, kind)
	e.Details["contact"] = shown
	if err := h.Audit.Write(ctx, tx, e); err != nil || kind == audit.ContactAdded || c.Visitor.Session == nil {
		return err
	}
	who, err := h.Accounts.Load(ctx, tx, e.AccountID)
	if err != nil {
		return err
	}
	_, err = proof.Saw(ctx, tx, h.Prover.Watch, who, proof.Sight{Event: proof.ContactChanged, Device: c.Visitor.Session.DeviceID})
	return err
}

// fulfil does what waited, when it is time. A change whose new contact somebody
// else has by now lapses, and the owner is told.
func (h *House) fulfil(ctx context.Context, tx *sqldb.Tx, ref change.Ref, kind contact.Kind) error {
	who, err := h.Accounts.Load(ctx, tx, ref.AccountID)
	if errors.Is(err, sqldb.ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	ch, err := h.Changes.Load(ctx, tx, ref.AccountID, ref.ID)
	if err != nil || !ch.Ripe(tx.Now()) {
		return err
	}
	before, err := h.Contacts.List(ctx, tx, who.ID)
	if err != nil {
		return err
	}
	won := false
	if now, _ := contact.Of(before, kind); account.Gate(who.State) == nil && now.Address == ch.Before {
		if _, won, err = h.Contacts.Replace(ctx, tx, who.ID, kind, ch.After); err != nil {
			return err
		}
	}
	to := change.Used
	if !won {
		to = change.Lapsed
	}
	if settled, err := h.Changes.Settle(ctx, tx, who.ID, ch.ID, change.Waiting, to); err != nil || !settled {
		return errors.Join(err, again(settled))
	}
	return h.tellFulfilled(ctx, tx, who, ch, kind, before, won)
}

// again asks for the transaction to be run anew: under the lock of the account
// nobody else can have settled the change.
func again(settled bool) error {
	if settled {
		return nil
	}
	return sqldb.ErrAgain
}

func (h *House) tellFulfilled(ctx context.Context, tx *sqldb.Tx, who account.Account, ch change.Change, kind contact.Kind, before []contact.Contact, won bool) error {
	n := proof.Notice{Who: who, To: before, Purpose: "notice_contact_lapsed"}
	fresh := contact.Contact{Kind: kind, Address: ch.After}
	act := audit.ChangeLapsed
	if won {
		n.Purpose, act = "notice_contact_replaced", audit.ContactChanged
	}
	if err := h.tell(ctx, tx, n, kind); err != nil {
		return err
	}
	if won {
		if err := h.welcome(ctx, tx, n, fresh); err != nil {
			return err
		}
	}
	return h.Audit.Write(ctx, tx, audit.Entry{AccountID: who.ID, Kind: act, Details: map[string]string{"contact": masked(fresh)}})
}

func (h *House) showWait(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	b := c.Facts.Begun
	return step.Wait{Head: step.Head{Type: step.TypeWait, Inputs: []string{}}, Until: b.Until, Reason: b.Reason, Told: b.Told}, nil
}

func (h *House) showDone(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	f := c.Facts
	return step.Done{Head: step.Head{Type: step.TypeDone, Inputs: []string{}}, Result: f.Result,
		Account: &step.Account{ID: f.Account.String(), Nickname: f.Nickname}}, nil
}

// notice is what the owner is told of something done in this journey.
func (h *House) notice(c *call, who account.Account, purpose string) proof.Notice {
	n := proof.Notice{Who: who, Purpose: purpose}
	n.Device, n.Place = origin(c.Visitor)
	return n
}

var what = map[contact.Kind]string{contact.Phone: "notice.what_phone", contact.Email: "notice.what_email"}

// tell sends a notice about a kind of contact; its link, if it has one, stands in
// texts too, because a text may be all that reaches the owner (S-69).
func (h *House) tell(ctx context.Context, tx *sqldb.Tx, n proof.Notice, kind contact.Kind) error {
	n.Args = append(n.Args, "what", h.Notices.Say(n.Who, what[kind]), "link", h.Notices.Link(n.Token))
	return h.Notices.Send(ctx, tx, n)
}

// welcome tells a new contact whose it is now; it has no part in undoing that.
func (h *House) welcome(ctx context.Context, tx *sqldb.Tx, about proof.Notice, to contact.Contact) error {
	n := about
	n.Purpose, n.Token, n.To = "notice_contact_new", "", []contact.Contact{to}
	n.Args = []any{"until", h.Notices.At(n.Who, tx.Now().Add(policy.Young))}
	return h.tell(ctx, tx, n, to.Kind)
}
