// Package lifecycle holds how an account comes to be frozen or blocked and how
// that ends: the journey freeze, from any browser without a session; the rules
// that freeze by themselves; the acts of support; the ends that time brings. A
// freeze stops every way in and changes nothing else (S-83). The package must
// never lift a freeze (journey/recovery does, with more proof than a freeze took),
// and never tell before a proof whether there is an account. It owns no table.
//
//	identify --phone/email/username--> a proof, blind --right--> confirm --> done
//	signed in: a proof -----------------------------------------^
package lifecycle

import (
	"context"
	"errors"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// House is what the journey and the rules use.
type House struct {
	DB       *sqldb.DB
	Regions  *region.Book
	Names    *proof.Names
	Prover   *proof.Prover
	Accounts *account.Store
	Contacts *contact.Store
	Devices  *device.Store
	Sessions *session.Store
	Audit    *audit.Store
	Book     *quota.Book
	Notices  *proof.Notices
	Endings  *proof.Endings
	Freezes  *proof.WeakFreezes
	Life     time.Duration // of a journey
}

// acts are the acts of the history by who did them.
var acts = map[account.Event]map[account.Who]audit.Kind{
	account.Freeze:     {account.Owner: audit.Frozen, account.Rule: audit.FrozenByRule, account.Operator: audit.FrozenBySupport},
	account.KeepFrozen: {account.Owner: audit.Frozen, account.Rule: audit.FrozenByRule, account.Operator: audit.FrozenBySupport},
	account.Thaw:       {account.Time: audit.Thawed},
	account.Block:      {account.Operator: audit.Blocked},
	account.Unblock:    {account.Operator: audit.Unblocked, account.Time: audit.Unblocked},
}

// Apply makes an event happen to an account: by one conditional write, with all
// that ends by it, and tells its owner. where is the device and place it came from.
func (h *House) Apply(ctx context.Context, tx *sqldb.Tx, id account.ID, cause account.Cause, where map[string]string) (account.Account, error) {
	was, err := h.Accounts.Load(ctx, tx, id)
	if err != nil {
		return was, err
	}
	who, err := h.Accounts.Change(ctx, tx, id, cause)
	if err != nil {
		return who, err
	}
	if who.Epoch != was.Epoch {
		if _, err := h.Endings.All(ctx, tx, id); err != nil {
			return who, err
		}
	}
	details := map[string]string{}
	for k, v := range where {
		details[k] = v
	}
	if cause.Rule != "" {
		details["rule"] = cause.Rule
	}
	if err := h.Audit.Write(ctx, tx, audit.Entry{AccountID: id, Kind: acts[cause.Event][cause.By], Details: details}); err != nil {
		return who, err
	}
	return who, h.tell(ctx, tx, who, cause, where)
}

// tell tells every contact what happened to the account, and the way to lift it.
func (h *House) tell(ctx context.Context, tx *sqldb.Tx, who account.Account, cause account.Cause, where map[string]string) error {
	to, err := h.Contacts.List(ctx, tx, who.ID)
	if err != nil {
		return err
	}
	n := proof.Notice{Who: who, To: to, Device: where["device"], Place: where["place"], Frozen: who.State != account.Active}
	switch {
	case who.State == account.IsFrozen && cause.Event == account.Unblock:
		n.Purpose = "notice_unblocked"
	case who.State == account.IsFrozen && cause.By == account.Rule:
		n.Purpose, n.Args = "notice_frozen_by_rule", []any{"why", h.Notices.Say(who, "rule."+cause.Rule)}
	case who.State == account.IsFrozen && !who.StateUntil.IsZero():
		n.Purpose, n.Args = "notice_frozen_short", []any{"until", h.Notices.At(who, who.StateUntil)}
	case who.State == account.IsFrozen:
		n.Purpose = "notice_frozen"
	case cause.Event == account.Thaw:
		n.Purpose = "notice_thawed"
	case who.State == account.IsBlocked:
		n.Purpose, n.Args = "notice_blocked", []any{"reason", who.StateReason}
	default:
		n.Purpose = "notice_unblocked"
	}
	return h.Notices.Send(ctx, tx, n)
}

// Secure freezes an account until its owner lifts it, for what a link of a notice
// said. One that is frozen or blocked already stays as it is: a tap does not make
// a freeze of a day, which one weak proof was enough for, last until it is lifted.
func (h *House) Secure(ctx context.Context, tx *sqldb.Tx, who account.Account, _ string) error {
	_, err := h.Apply(ctx, tx, who.ID, account.Cause{Event: account.Freeze, By: account.Owner}, nil)
	if errors.Is(err, account.ErrNoMove) {
		return nil
	}
	return err
}

// freezing is the event that freezes an account as it stands.
func freezing(who account.Account, c account.Cause) account.Cause {
	c.Event = account.Freeze
	if who.State == account.IsFrozen {
		c.Event = account.KeepFrozen
	}
	return c
}

// lapseStep is how many ends one look takes.
const lapseStep = 100

// Lapse ends what was to end by now: short freezes, and blocks with an end. It is
// called every minute.
func (h *House) Lapse(ctx context.Context) error {
	for {
		ids, err := h.Accounts.Ending(ctx, h.DB, lapseStep)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := h.DB.InTx(ctx, func(tx *sqldb.Tx) error { return h.lapse(ctx, tx, id) }); err != nil {
				return err
			}
		}
		if len(ids) < lapseStep {
			return nil
		}
	}
}

// lapse ends the state of one account, unless it changed since it was listed.
func (h *House) lapse(ctx context.Context, tx *sqldb.Tx, id account.ID) error {
	who, err := h.Accounts.Load(ctx, tx, id)
	if err != nil || who.StateUntil.IsZero() || tx.Now().Before(who.StateUntil) {
		return err
	}
	cause := account.Cause{Event: account.Thaw, By: account.Time}
	if who.State == account.IsBlocked {
		cause.Event = account.Unblock
	}
	_, err = h.Apply(ctx, tx, id, cause, nil)
	return err
}
