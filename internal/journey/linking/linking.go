// Package linking holds what happens to the links between an account and accounts at
// third-party providers: the journey link, which adds one and moves one here from
// another account of the same person, the list, removal, and what providers tell by
// themselves. A link is made only after a fresh proof of the account and of the person
// at the provider, in one journey of one session (S-43), and taken away only while
// something else opens the account (S-73). The package must never find an account by
// anything but a subject (S-42), and never let a provider's message do more than
// restrict (S-170). It owns the table federation_deletion.
//
//	link, for a provider
//	  [proofs] -> redirect --check, or an app with what its SDK gave--> done
//	                 |
//	                 +--linked elsewhere--> confirm -> [proofs of that account] -> done
package linking

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/job"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// Kind is the kind of the journey.
const Kind = "link"

// House is what the package uses.
type House struct {
	DB        *sqldb.DB
	Ring      *seal.Ring
	Accounts  *account.Store
	Contacts  *contact.Store
	Sessions  *session.Store
	Links     *link.Store
	Audit     *audit.Store
	Book      *quota.Book
	Prover    *proof.Prover
	Notices   *proof.Notices
	Desk      *federation.Desk
	Providers *provider.Book
	PublicURL string        // no slash at the end
	Life      time.Duration // of a journey
	// Heard hears of each notice of a provider, for logs and metrics; counts is false
	// for one that is not believed. nil: nobody hears.
	Heard func(ctx context.Context, name string, n provider.Notice, counts bool)

	queue *job.Queue // of Work; nil: nothing is given back at providers
}

// changes bound how often one account links, unlinks and moves: each is told by a text.
var changes = quota.Limit{Name: "link.changes", Windows: []quota.Window{{Max: 20, Per: time.Hour}, {Max: 40, Per: 24 * time.Hour}}}

// facts is what a journey knows so far.
type facts struct {
	proof.Proving
	Region   string `json:"region"`
	ReturnTo string `json:"return_to,omitempty"`
	Nickname string `json:"nickname,omitempty"`
	Provider string `json:"provider"`
	Surface  string `json:"surface"`
	Nonce    string `json:"nonce"` // for what an app hands over; good for one try

	Trip   *federation.Trip   `json:"trip,omitempty"`   // under way
	Person *federation.Person `json:"person,omitempty"` // who it was there, if another account has that link
	Holder account.ID         `json:"holder,omitempty"` // that account
	Other  *proof.Proving     `json:"other,omitempty"`  // the proofs of it, once the move was confirmed
	Result string             `json:"result,omitempty"` // what has happened: the end
}

// Path tells the runner where the journey plays, in which language, and where it leads.
func (f *facts) Path() (string, locale.Tag, string) { return f.Region, f.Locale, f.ReturnTo }

// Purpose tells the runner which provider it is about.
func (f *facts) Purpose() string { return f.Provider }

// proving is the proof in progress: of the account, then of the one that a link leaves.
func (f *facts) proving() *proof.Proving {
	if f.Other != nil {
		return f.Other
	}
	return &f.Proving
}

type call = flow.Call[facts]

type (
	stage = flow.Step[facts]
	move  = flow.Move[facts]
)

// Journey is the whole story.
func Journey(h *House) *flow.Journey[facts] {
	steps := proof.Steps(h.Prover, (*facts).proving, h.enough)
	for name, s := range steps {
		steps[name] = h.withBack(s)
	}
	away := stage{Show: h.showRedirect, Moves: map[string]move{"check": h.check(), "provider": h.provider()}}
	if theirs, both := steps[step.TypeRedirect]; both { // another linked account can be what proves this one
		away = flow.Either((*facts).isProving, theirs, away)
	}
	steps[step.TypeRedirect] = away
	steps[step.TypeIdentify] = stage{Show: h.showIdentify, Moves: map[string]move{"provider": h.provider()}}
	steps[step.TypeConfirm] = stage{Show: h.showConfirm, Moves: map[string]move{"confirm": h.confirm(), "back": h.back()}}
	steps[step.TypeDone] = stage{Show: h.showDone}
	h.close(steps)
	return &flow.Journey[facts]{Kinds: []string{Kind}, Life: h.Life, Begin: h.begin, Start: h.start, Next: next, Steps: steps}
}

// next names the step that the facts lead to.
func next(f *facts) step.Type {
	switch {
	case f.Result != "":
		return step.TypeDone
	case f.isProving():
		return f.proving().Next()
	case f.Person != nil:
		return step.TypeConfirm
	case f.Trip != nil:
		return step.TypeRedirect
	}
	return step.TypeIdentify
}

// isProving tells whether an account is to be proved next.
func (f *facts) isProving() bool { return f.Other != nil || f.Active() }

// withBack lets the person leave the proofs of the account that the link is to leave.
func (h *House) withBack(s stage) stage {
	if _, has := s.Moves["back"]; has {
		return s
	}
	show := s.Show
	s.Show = func(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
		shown, err := show(ctx, q, c)
		if choose, ok := shown.(step.ChooseMethod); ok && c.Facts.Other != nil {
			choose.Inputs = append(slices.Clone(choose.Inputs), "back")
			return choose, err
		}
		return shown, err
	}
	s.Moves["back"] = h.back()
	return s
}

// close opens every step only to the person who began, in the same session: neither a
// journey that was carried elsewhere nor one that was forced on a browser links
// anything (S-45). Where two accounts are at work both are locked first, in one order.
func (h *House) close(steps map[step.Type]stage) {
	for name, s := range steps {
		show := s.Show
		s.Show = func(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
			if !isMember(c) {
				return nil, session.Required
			}
			return show(ctx, q, c)
		}
		for input, m := range s.Moves {
			count, apply := m.Count, m.Apply
			m.Count = func(ctx context.Context, tx *sqldb.Tx, c *call) error {
				if !isMember(c) {
					return session.Required
				}
				if err := h.lock(ctx, tx, c.Facts); err != nil || count == nil {
					return err
				}
				return count(ctx, tx, c)
			}
			m.Apply = func(ctx context.Context, tx *sqldb.Tx, c *call) error {
				if err := h.lock(ctx, tx, c.Facts); err != nil || apply == nil {
					return err
				}
				if input != "back" && c.Facts.Other != nil {
					if over, err := h.overtaken(ctx, tx, c); err != nil || over {
						return err
					}
				}
				return apply(ctx, tx, c)
			}
			s.Moves[input] = m
		}
		steps[name] = s
	}
}

func isMember(c *call) bool {
	s := c.Visitor.Session
	return s != nil && s.ID == c.Facts.Member && s.AccountID == c.Facts.Account
}

// lock locks both accounts of a move, the lower number first, so that two moves in
// opposite directions do not wait for each other in a circle.
func (h *House) lock(ctx context.Context, tx *sqldb.Tx, f *facts) error {
	if f.Holder == 0 {
		return nil
	}
	for _, id := range []account.ID{min(f.Account, f.Holder), max(f.Account, f.Holder)} {
		if _, err := h.Accounts.Load(ctx, tx, id); err != nil && !errors.Is(err, sqldb.ErrNone) {
			return err
		}
	}
	return nil
}

func (h *House) begin(v flow.Visitor, b flow.Begin, now time.Time) (*facts, error) {
	l := v.Session
	if l == nil {
		return nil, session.Required
	}
	f := &facts{Region: l.Account.Region, ReturnTo: b.ReturnTo, Nickname: l.Account.Nickname, Surface: cmp.Or(v.Surface, "app"), Nonce: h.Desk.Fresh()}
	if !h.Desk.Offers(f.Region, f.Surface, b.For) {
		return nil, federation.ProviderNotOffered
	}
	f.Provider = b.For
	f.Proving = proof.Proving{Action: policy.Link, Account: l.AccountID, Member: l.ID, Locale: b.Locale, Device: proof.DeviceOf(v)}
	for _, p := range l.Proved {
		if now.Sub(p.At) <= policy.FreshFor {
			f.Proved = append(f.Proved, p)
		}
	}
	return f, nil
}

// start refuses a second account of one provider before anybody proves anything for
// nothing, and looks whether what the session has proved is enough already.
func (h *House) start(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f := c.Facts
	switch _, err := h.Links.Load(ctx, tx, f.Account, f.Provider); {
	case err == nil:
		return federation.LinkedAlready.With("provider", f.Provider)
	case !errors.Is(err, sqldb.ErrNone):
		return err
	}
	if err := h.Prover.Look(ctx, tx, proof.NewTurn(c, &f.Proving)); err != nil || !f.Ready {
		return err
	}
	return h.leave(ctx, tx, c)
}

// enough goes on once the policy is content with the proofs of an account.
func (h *House) enough(ctx context.Context, tx *sqldb.Tx, c *call) error {
	switch f := c.Facts; {
	case f.Other != nil:
		return h.moveHere(ctx, tx, c)
	case f.Person != nil: // what was shown again is for the move that waits
		return nil
	}
	return h.leave(ctx, tx, c)
}

func (h *House) showDone(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	f := c.Facts
	return step.Done{Head: step.Head{Type: step.TypeDone, Inputs: []string{}}, Result: f.Result,
		Account: &step.Account{ID: f.Account.String(), Nickname: f.Nickname}}, nil
}
