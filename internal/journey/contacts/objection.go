package contacts

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Objection is a change as the link in its notices shows it. Who has the link may
// be a scanner, or the next owner of a number: it names no account.
type Objection struct {
	Kind    change.Kind
	Contact contact.Kind // it is about; "" none
	Before  string       // the masked contact that was there; "" none
	After   string       // the masked contact that came, or is to come; "" none
	BegunAt time.Time
	ReadyAt time.Time // of what waits
	Until   time.Time // when it can be objected to no more
	Waits   bool      // it has not happened yet
	Freezes bool      // the objection freezes the account
	// Refused says why it can be objected to no more; nil: it can.
	Refused error
}

// Look reads what a link is about, and changes nothing (S-19).
func (h *House) Look(ctx context.Context, token string) (Objection, error) {
	ch, err := h.Changes.Find(ctx, h.DB, token)
	if errors.Is(err, sqldb.ErrNone) {
		return Objection{}, fault.NotFound
	}
	return h.objection(ch, h.DB.Now()), err
}

func (h *House) objection(ch change.Change, now time.Time) Objection {
	o := Objection{Kind: ch.Kind, Contact: contactOf(ch.Kind), BegunAt: ch.BegunAt, ReadyAt: ch.ReadyAt, Until: ch.ObjectUntil,
		Waits: ch.State == change.Waiting, Freezes: freezes(ch.Kind)}
	show := func(address string) string {
		if o.Contact == "" || address == "" {
			return ""
		}
		return masked(contact.Contact{Kind: o.Contact, Address: address})
	}
	o.Before, o.After = show(ch.Before), show(ch.After)
	switch {
	case ch.State == change.Objected:
		o.Refused = ObjectionUsed
	case !ch.Objectionable(now):
		o.Refused = ObjectionExpired
	}
	return o
}

// freezes tells whether an objection says that somebody else is at the account. A
// dispute is between two people who both may be right.
func freezes(k change.Kind) bool { return deed(k) != "dispute" }

// Object undoes what a link is about, once, and secures the account: all it can
// do is undo and freeze (S-69).
func (h *House) Object(ctx context.Context, token string, v flow.Visitor) (o Objection, err error) {
	err = h.DB.InTx(ctx, func(tx *sqldb.Tx) error {
		ch, err := h.Changes.Find(ctx, tx, token)
		if errors.Is(err, sqldb.ErrNone) {
			return fault.NotFound
		}
		if err != nil {
			return err
		}
		who, err := h.lock(ctx, tx, ch)
		if err != nil {
			return err
		}
		if ch, err = h.Changes.Load(ctx, tx, ch.AccountID, ch.ID); err != nil { // as it is under the lock
			return err
		}
		if o = h.objection(ch, tx.Now()); o.Refused != nil {
			return o.Refused
		}
		won, err := h.Changes.Settle(ctx, tx, who.ID, ch.ID, ch.State, change.Objected)
		if err != nil || !won {
			return errors.Join(err, again(won))
		}
		return h.undo(ctx, tx, who, ch, v)
	})
	return o, err
}

// lock loads and locks the account of a change, and that of the other side first
// where the order wants it.
func (h *House) lock(ctx context.Context, tx *sqldb.Tx, ch change.Change) (account.Account, error) {
	if ch.Peer == 0 {
		return h.Accounts.Load(ctx, tx, ch.AccountID)
	}
	who, _, err := h.both(ctx, tx, ch.AccountID, ch.Peer)
	return who, err
}

// undo does what an objection means for the kind of its change, and tells every
// contact in force before and after.
func (h *House) undo(ctx context.Context, tx *sqldb.Tx, who account.Account, ch change.Change, v flow.Visitor) error {
	before, err := h.Contacts.List(ctx, tx, who.ID)
	if err != nil {
		return err
	}
	if err := h.settlePeer(ctx, tx, ch, change.Objected); err != nil {
		return err
	}
	if ch.State == change.Done {
		if err := h.putBack(ctx, tx, who, ch); err != nil {
			return err
		}
	}
	acts := []audit.Entry{{AccountID: who.ID, Kind: audit.ChangeObjected, Details: map[string]string{"change": string(ch.Kind)}}}
	if v.DeviceName != "" {
		acts[0].Details["device"] = v.DeviceName
	}
	if freezes(ch.Kind) {
		if err := h.secure(ctx, tx, who, ch); err != nil {
			return err
		}
	}
	after, err := h.Contacts.List(ctx, tx, who.ID)
	if err != nil {
		return err
	}
	n := proof.Notice{Who: who, To: slices.Concat(before, after), Purpose: "notice_objected", Device: v.DeviceName, Place: v.Place}
	if !freezes(ch.Kind) {
		n.Purpose = "notice_dispute_objected"
	} else if h.Secure != nil { // it has told those whose the account is now
		for _, c := range after {
			n.Except = append(n.Except, c.Address)
		}
	}
	if err := h.Notices.Send(ctx, tx, n); err != nil {
		return err
	}
	return h.Audit.Write(ctx, tx, acts...)
}

// putBack restores the contact that was there before a change that has happened.
// Whatever was done to the same kind of contact since goes with it: it was done by
// whoever made the change.
func (h *House) putBack(ctx context.Context, tx *sqldb.Tx, who account.Account, ch change.Change) error {
	kind := contactOf(ch.Kind)
	if kind == "" {
		return nil
	}
	since, err := h.Changes.List(ctx, tx, who.ID, ch.BegunAt)
	if err != nil {
		return err
	}
	for _, later := range since {
		if later.State == change.Done && contactOf(later.Kind) == kind {
			if _, err := h.Changes.Settle(ctx, tx, who.ID, later.ID, change.Done, change.Objected); err != nil {
				return err
			}
		}
	}
	if ch.Before == "" { // it was added: there was none
		_, err := h.Contacts.Drop(ctx, tx, who.ID, kind)
		if errors.Is(err, sqldb.ErrNone) {
			return nil
		}
		return err
	}
	had := contact.Contact{Kind: kind, Address: ch.Before, VerifiedAt: who.CreatedAt}
	former, err := h.Contacts.Former(ctx, tx, who.ID, ch.BegunAt)
	if err != nil {
		return err
	}
	for _, f := range former {
		if f.Kind == kind && f.Address == ch.Before {
			had.VerifiedAt = f.VerifiedAt
		}
	}
	_, err = h.Contacts.Restore(ctx, tx, who.ID, had, ch.BegunAt)
	return err
}

// secure ends what else waits and freezes the account (S-70).
func (h *House) secure(ctx context.Context, tx *sqldb.Tx, who account.Account, ch change.Change) error {
	for _, k := range []change.Kind{change.ReplacePhone, change.ReplaceEmail, change.Recover, change.Unfreeze, change.SignIn} {
		if _, err := h.Changes.EndWaiting(ctx, tx, who.ID, change.Objected, k); err != nil {
			return err
		}
	}
	if account.Gate(who.State) != nil && who.State != account.IsLeaving {
		return nil // frozen or blocked already
	}
	if h.Secure != nil {
		return h.Secure(ctx, tx, who, "objection")
	}
	_, err := h.Accounts.Change(ctx, tx, who.ID, account.Cause{Event: account.Freeze, By: account.Owner})
	return err
}
