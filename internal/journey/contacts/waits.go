package contacts

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// contactOf is the kind of contact that a change is about; "" for one that is
// about something else.
func contactOf(k change.Kind) contact.Kind {
	if i := strings.LastIndexByte(string(k), '_'); i > 0 {
		switch kind := contact.Kind(k[i+1:]); kind {
		case contact.Phone, contact.Email:
			return kind
		}
	}
	return ""
}

// what a kind of change does to a contact: "replace" of replace_phone.
func deed(k change.Kind) string {
	kind := contactOf(k)
	if kind == "" {
		return string(k)
	}
	return strings.TrimSuffix(string(k), "_"+string(kind))
}

// Due does what waited and may happen now. It is a job of every minute; what one
// node does another finds done.
func (h *House) Due(ctx context.Context) error {
	const most = 100
	ripe, err := h.Changes.Ripe(ctx, h.DB, most, change.ReplacePhone, change.ReplaceEmail, change.DisputePhone, change.DisputeEmail)
	if err != nil {
		return err
	}
	var all []error
	for _, ref := range ripe {
		all = append(all, h.DB.InTx(ctx, func(tx *sqldb.Tx) error {
			err := error(nil)
			if kind := contactOf(ref.Kind); deed(ref.Kind) == "dispute" {
				err = h.release(ctx, tx, ref, kind)
			} else {
				err = h.fulfil(ctx, tx, ref, kind)
			}
			return err
		}))
	}
	return errors.Join(all...)
}

// Pending is a change that waits, as its owner sees it.
type Pending struct {
	ID      string
	Kind    change.Kind
	Contact contact.Kind // it is about; "" none
	Shown   string       // the masked contact that is to come, or of a dispute the one that is to go
	BegunAt time.Time
	ReadyAt time.Time
}

// Waiting lists what waits at an account, the newest first: changes of contacts,
// disputes of both directions, and the waits of recoveries.
func (h *House) Waiting(ctx context.Context, l *session.Live) ([]Pending, error) {
	list, err := h.Changes.List(ctx, h.DB, l.AccountID, h.DB.Now().Add(-change.KeepFor))
	if err != nil {
		return nil, err
	}
	var out []Pending
	for _, ch := range list {
		if ch.State == change.Waiting {
			out = append(out, pending(ch))
		}
	}
	return out, nil
}

func pending(ch change.Change) Pending {
	p := Pending{ID: ch.ID, Kind: ch.Kind, Contact: contactOf(ch.Kind), BegunAt: ch.BegunAt, ReadyAt: ch.ReadyAt}
	address := ch.After
	if deed(ch.Kind) == "dispute" {
		address = ch.Before
	}
	if p.Contact != "" && address != "" {
		p.Shown = masked(contact.Contact{Kind: p.Contact, Address: address})
	}
	return p
}

// Withdraw ends something that waits, for its signed-in owner: what they began is
// withdrawn, what others began (a dispute, a recovery) is objected to.
func (h *House) Withdraw(ctx context.Context, l *session.Live, id string) error {
	return h.DB.InTx(ctx, func(tx *sqldb.Tx) error {
		ch, err := h.Changes.Load(ctx, tx, l.AccountID, id)
		if errors.Is(err, sqldb.ErrNone) {
			return fault.NotFound
		}
		if err != nil {
			return err
		}
		if ch.Peer != 0 {
			if _, _, err := h.both(ctx, tx, ch.AccountID, ch.Peer); err != nil && !errors.Is(err, sqldb.ErrNone) {
				return err
			}
		}
		still, err := h.Sessions.Still(ctx, tx, l)
		if err != nil {
			return err
		}
		if !still {
			return session.Required
		}
		to, act := change.Withdrawn, audit.ChangeWithdrawn
		switch deed(ch.Kind) {
		case "dispute", string(change.Recover), string(change.Unfreeze), string(change.SignIn):
			to, act = change.Objected, audit.ChangeObjected
		}
		won, err := h.Changes.Settle(ctx, tx, l.AccountID, id, change.Waiting, to)
		if err != nil {
			return err
		}
		if !won {
			return fault.NotFound // it waits no more
		}
		if err := h.settlePeer(ctx, tx, ch, to); err != nil {
			return err
		}
		e := audit.Entry{AccountID: l.AccountID, Kind: act, DeviceID: l.DeviceID, Details: map[string]string{"change": string(ch.Kind)}}
		if l.Device.Name != "" {
			e.Details["device"] = l.Device.Name
		}
		return h.Audit.Write(ctx, tx, e)
	})
}

// settlePeer ends the other side of a dispute, and tells who claimed.
func (h *House) settlePeer(ctx context.Context, tx *sqldb.Tx, ch change.Change, to change.State) error {
	if ch.Peer == 0 {
		return nil
	}
	won, err := h.Changes.Settle(ctx, tx, ch.Peer, ch.ID, change.Waiting, to)
	if err != nil || !won || deed(ch.Kind) != "dispute" {
		return err
	}
	me, err := h.Accounts.Load(ctx, tx, ch.Peer)
	if errors.Is(err, sqldb.ErrNone) || err == nil && me.State == account.Gone {
		return nil
	}
	if err != nil {
		return err
	}
	return h.tellClaimant(ctx, tx, me, contact.Contact{Kind: contactOf(ch.Kind), Address: ch.Before}, claimRefused)
}
