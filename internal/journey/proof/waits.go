package proof

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// waitGoodFor is how long a wait that is over can be built on.
const waitGoodFor = 7 * 24 * time.Hour

// objectedFor is how long the same proof begins no other wait once the owner has
// objected to one (S-83 in spirit: whoever has less must not tire the owner out).
const objectedFor = 7 * 24 * time.Hour

// PatientWaits keeps waits as changes that can be objected to.
type PatientWaits struct {
	Changes  *change.Store
	Contacts *contact.Store
	Notices  *Notices
	Audit    *audit.Store
	// At answers the contacts that an account had before a time (Prover.ContactsAt).
	At func(ctx context.Context, q sqldb.Querier, id account.ID, at time.Time) ([]contact.Contact, error)
}

// longest is how far a list of changes has to look back for waits.
const longest = 72*time.Hour + waitGoodFor

// mine tells whether a change is a wait for the action of a turn, begun with
// nothing but what the turn has proved too, of the account as the turn means it.
func mine(c change.Change, t *Turn) bool {
	if c.Kind != change.Kind(t.Action) || c.Before != asOfText(t.AsOf) {
		return false
	}
	for _, m := range strings.Fields(c.By) {
		if !slices.ContainsFunc(t.Proved, func(g sessionProof) bool { return g.Method == m }) {
			return false
		}
	}
	return c.By != ""
}

// asOfText marks what is about the account as it stood before a time.
func asOfText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339Nano)
}

// Waiting implements Waits.
func (w *PatientWaits) Waiting(ctx context.Context, q sqldb.Querier, t *Turn) ([]policy.Wait, error) {
	list, err := w.Changes.List(ctx, q, t.Account, q.Now().Add(-longest))
	if err != nil {
		return nil, err
	}
	var out []policy.Wait
	for _, c := range list {
		if c.State == change.Waiting && mine(c, t) {
			out = append(out, policy.Wait{Action: t.Action, ReadyAt: c.ReadyAt, EndsAt: c.ReadyAt.Add(waitGoodFor)})
		}
	}
	return out, nil
}

// Wait implements Waits. Every contact is told at once. The link to object goes to
// those that the account had as the turn means it: whoever changed them since
// cannot object to having that undone, but can be told. And of those to the ones
// whose objection counts (policy.Objects): a link that never was sent needs no
// judging when it is used.
func (w *PatientWaits) Wait(ctx context.Context, tx *sqldb.Tx, who account.Account, t *Turn, until time.Time, objects func(policy.Method) bool) error {
	list, err := w.Changes.List(ctx, tx, who.ID, tx.Now().Add(-longest))
	if err != nil {
		return err
	}
	for _, c := range list {
		if again := c.BegunAt.Add(objectedFor); c.State == change.Objected && mine(c, t) && tx.Now().Before(again) {
			return TooManyAttempts.With("limit", "objected").Until(again)
		}
	}
	var by []string
	for _, g := range t.Proved {
		if !slices.Contains(by, g.Method) {
			by = append(by, g.Method)
		}
	}
	token, err := w.Changes.Begin(ctx, tx, change.Change{AccountID: who.ID, Kind: change.Kind(t.Action), By: strings.Join(by, " "),
		Before: asOfText(t.AsOf), ReadyAt: until})
	if err != nil {
		return err
	}
	details := t.Where()
	details["method"], details["for"] = by[0], string(t.Action)
	if err := w.Audit.Write(ctx, tx, audit.Entry{AccountID: who.ID, Kind: audit.RecoveryWait, Details: details}); err != nil {
		return err
	}
	return w.tell(ctx, tx, who, t, token, until, objects)
}

func (w *PatientWaits) tell(ctx context.Context, tx *sqldb.Tx, who account.Account, t *Turn, token string, until time.Time, objects func(policy.Method) bool) error {
	now, err := w.Contacts.List(ctx, tx, who.ID)
	if err != nil {
		return err
	}
	then := now
	if !t.AsOf.IsZero() {
		if then, err = w.At(ctx, tx, who.ID, t.AsOf); err != nil {
			return err
		}
	}
	where, at := t.Where(), w.Notices.At(who, until)
	n := Notice{Who: who, Purpose: "notice_" + string(t.Action) + "_wait", Device: where["device"], Place: where["place"],
		Token: token, Args: []any{"until", at, "link", w.Notices.Link(token)}}
	var rest []contact.Contact
	for _, c := range then {
		if objects(codeTo(c.Kind)) {
			n.To = append(n.To, c)
		} else {
			rest = append(rest, c)
		}
	}
	if err := w.Notices.Send(ctx, tx, n); err != nil {
		return err
	}
	for _, c := range n.To {
		n.Except = append(n.Except, c.Address)
	}
	n.To, n.Token, n.Args = slices.Concat(rest, now), "", []any{"until", at, "link", w.Notices.Link("")}
	return w.Notices.Send(ctx, tx, n)
}

// codeTo is the method that proves a kind of contact.
func codeTo(k contact.Kind) policy.Method {
	if k == contact.Email {
		return policy.EmailCode
	}
	return policy.SMSCode
}

// Use implements Waits: one conditional write, of several one wins (S-12).
func (w *PatientWaits) Use(ctx context.Context, tx *sqldb.Tx, t *Turn) (won bool, err error) {
	list, err := w.Changes.List(ctx, tx, t.Account, tx.Now().Add(-longest))
	if err != nil {
		return false, err
	}
	for _, c := range list {
		if mine(c, t) && c.Ripe(tx.Now()) && tx.Now().Before(c.ReadyAt.Add(waitGoodFor)) {
			return w.Changes.Settle(ctx, tx, t.Account, c.ID, change.Waiting, change.Used)
		}
	}
	return false, nil
}

// SecondLost tells whether a wait stands in for the second step of 2-step
// verification: who builds on it has shown that theirs is lost.
func (p *Prover) SecondLost(ctx context.Context, q sqldb.Querier, t *Turn, who account.Account) (bool, error) {
	if !t.Waited || !who.TwoStep {
		return false, nil
	}
	question, err := p.question(ctx, q, t, who)
	question.Standing.Waits = nil
	return err == nil && slices.Contains(p.Policy.Decide(question).Why, policy.TwoStepAsks), err
}

// UseWait uses up the wait on which a turn builds, in the transaction of the
// effect. ok is false if it builds on one that is gone.
func (p *Prover) UseWait(ctx context.Context, tx *sqldb.Tx, t *Turn) (ok bool, err error) {
	if !t.Waited || p.Waits == nil {
		return true, nil
	}
	return p.Waits.Use(ctx, tx, t)
}
