// Package contacts holds what happens to the recovery phone and the recovery
// e-mail of an account: added, changed with the old one or without it, removed,
// disputed, and objected to. A contact comes to an account only by a code that was
// sent to it (S-08), leaves it only by proofs of the account or by a dispute that
// nobody objected to, and every change can be undone for a while by the contacts
// that were there before (S-69). The package must never let an objection do more
// than undo and freeze, and never say whose a contact is before it was proved
// (S-17). It owns no table: what waits and what can be undone is in
// identity/change.
//
//	change_phone, change_email
//	  add_contact --typed--> [proofs] -> code to the new one --right--> done
//	                            |                              |
//	                            | wait: without the old one    +--without the old one--> wait
//	                            v                              +--another account's--> add_contact --dispute--> confirm -> wait
//	                      more proofs
//	remove_phone, remove_email
//	  confirm -> [proofs] -> done
//	dispute_phone, dispute_email
//	  add_contact --typed--> [proofs] -> code to it --right--> confirm -> wait
package contacts

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

// House is what the journeys use.
type House struct {
	DB       *sqldb.DB
	Regions  *region.Book
	Numbers  *numbers.Plan
	Accounts *account.Store
	Contacts *contact.Store
	Changes  *change.Store
	Sessions *session.Store
	Audit    *audit.Store
	Book     *quota.Book
	Prover   *proof.Prover
	Notices  *proof.Notices
	// Secure freezes an account after an objection, for the reason that it names, and
	// tells its contacts; nil: it is frozen as by its owner.
	Secure func(ctx context.Context, tx *sqldb.Tx, who account.Account, reason string) error
	Rules  Rules
}

// Rules are the numbers in force.
type Rules struct {
	Life      time.Duration // of a journey
	Wait      time.Duration // before a change without the old contact, and of a dispute
	ObjectFor time.Duration // how long a change that has happened can be objected to
	Changes   quota.Limit   // of one kind of contact of one account
	Typed     quota.Limit   // contacts that one account names
	Disputes  quota.Limit   // of one account
	Disputed  quota.Limit   // over one contact
}

// act is what a journey is for.
type act string

const (
	toChange  act = "change"
	toRemove  act = "remove"
	toDispute act = "dispute"
)

// kinds are the journeys by their names.
var kinds = map[string]struct {
	act     act
	contact contact.Kind
}{
	"change_phone": {toChange, contact.Phone}, "change_email": {toChange, contact.Email},
	"remove_phone": {toRemove, contact.Phone}, "remove_email": {toRemove, contact.Email},
	"dispute_phone": {toDispute, contact.Phone}, "dispute_email": {toDispute, contact.Email},
}

// facts is what a journey knows so far.
type facts struct {
	proof.Proving
	Region   string       `json:"region"`
	Country  string       `json:"country"`
	ReturnTo string       `json:"return_to,omitempty"`
	Nickname string       `json:"nickname,omitempty"`
	Act      act          `json:"act"`
	Contact  contact.Kind `json:"contact"`

	New       *typed     `json:"new,omitempty"` // the contact that was typed
	Old       string     `json:"old,omitempty"` // what the account had in its place then
	Without   bool       `json:"without,omitempty"`
	NewSent   proof.Sent `json:"new_sent,omitzero"` // codes to the new contact
	CodeOut   bool       `json:"code_out,omitempty"`
	SendWaits bool       `json:"send_waits,omitempty"` // the code to the new contact waits for the captcha
	TakenAt   time.Time  `json:"taken_at,omitzero"`    // the new contact was proved then, and another account has it
	Claiming  bool       `json:"claiming,omitempty"`   // the person wants it all the same
	Confirmed bool       `json:"confirmed,omitempty"`  // that it is removed
	Begun     *waiting   `json:"begun,omitempty"`      // what will happen later
	Result    string     `json:"result,omitempty"`     // what has happened: the end
}

// typed is a contact as it was read.
type typed struct {
	Address string         `json:"address"`
	Number  numbers.Number `json:"number,omitzero"` // of a phone
	Shown   string         `json:"shown"`
}

// waiting is a change that waits.
type waiting struct {
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
	Told   []string  `json:"told,omitempty"`
}

// Path tells the runner where the journey plays, in which language, and where it leads.
func (f *facts) Path() (string, locale.Tag, string) { return f.Region, f.Locale, f.ReturnTo }

type call = flow.Call[facts]

// Journey is the whole story.
func Journey(h *House) *flow.Journey[facts] {
	steps := proof.Steps(h.Prover, func(f *facts) *proof.Proving { return &f.Proving }, h.enough)
	choose, code, captcha := steps[step.TypeChooseMethod], steps[step.TypeCode], steps[step.TypeCaptcha]

	choose.Show = h.showChoose(choose.Show)
	choose.Moves["wait"] = h.withoutOld()
	choose.Moves["back"] = h.back()
	steps[step.TypeChooseMethod] = choose

	code.Show = h.showCode(code.Show)
	code.Moves = either(map[string]flow.Move[facts]{"code": h.answerCode(), "resend": h.resend(), "back": h.back()}, code.Moves)
	steps[step.TypeCode] = code

	captcha.Moves["captcha"] = h.thenSend(captcha.Moves["captcha"])
	steps[step.TypeCaptcha] = captcha

	steps[step.TypeAddContact] = flow.Step[facts]{Show: h.showAddContact, Moves: map[string]flow.Move[facts]{
		"phone": h.typePhone(), "email": h.typeEmail(), "dispute": h.claim()}}
	steps[step.TypeConfirm] = flow.Step[facts]{Show: h.showConfirm, Moves: map[string]flow.Move[facts]{
		"confirm": h.confirm(), "back": h.back()}}
	steps[step.TypeWait] = flow.Step[facts]{Show: h.showWait}
	steps[step.TypeDone] = flow.Step[facts]{Show: h.showDone, Moves: map[string]flow.Move[facts]{"code": h.lateCode()}}
	h.close(steps)
	j := &flow.Journey[facts]{Life: h.Rules.Life, Begin: h.begin, Next: next, Steps: steps}
	for kind := range kinds {
		j.Kinds = append(j.Kinds, kind)
	}
	return j
}

// next names the step that the facts lead to.
func next(f *facts) step.Type {
	switch {
	case f.Result != "":
		return step.TypeDone
	case f.Begun != nil:
		return step.TypeWait
	case f.Captcha != nil:
		return step.TypeCaptcha
	case f.Claiming:
		return step.TypeConfirm
	case f.Act == toRemove && !f.Confirmed:
		return step.TypeConfirm
	case f.Act != toRemove && (f.New == nil || !f.TakenAt.IsZero()):
		return step.TypeAddContact
	case f.Active():
		return f.Proving.Next()
	case f.CodeOut:
		return step.TypeCode
	}
	return step.TypeAddContact
}

// either joins the moves of a step that is reached both by a proof and by the code
// to the new contact. Both must take the same fields.
func either(own, theirs map[string]flow.Move[facts]) map[string]flow.Move[facts] {
	out := map[string]flow.Move[facts]{}
	for name := range own {
		out[name] = pick(own[name], theirs[name])
	}
	for name := range theirs {
		out[name] = pick(own[name], theirs[name])
	}
	return out
}

func pick(own, theirs flow.Move[facts]) flow.Move[facts] {
	of := func(c *call) flow.Move[facts] {
		if c.Facts.Active() {
			return theirs
		}
		return own
	}
	takes := own.Takes
	if takes == nil {
		takes = theirs.Takes
	}
	return flow.Move[facts]{
		Takes: takes,
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			m := of(c)
			if m.Count == nil && m.Apply == nil {
				return flow.JourneyStep.With("present", string(c.Step))
			}
			if m.Count == nil {
				return nil
			}
			return m.Count(ctx, tx, c)
		},
		NeedsAsk: func(c *call) bool {
			m := of(c)
			return m.Ask != nil && (m.NeedsAsk == nil || m.NeedsAsk(c))
		},
		Ask: func(ctx context.Context, c *call) error { return of(c).Ask(ctx, c) },
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if m := of(c); m.Apply != nil {
				return m.Apply(ctx, tx, c)
			}
			return nil
		},
	}
}

// close opens every step only to the person who began, in the same session: what
// a signed-out browser began goes no further (S-70).
func (h *House) close(steps map[step.Type]flow.Step[facts]) {
	member := func(c *call) error {
		if s := c.Visitor.Session; s == nil || s.ID != c.Facts.Member || s.AccountID != c.Facts.Account {
			return session.Required
		}
		return nil
	}
	for name, s := range steps {
		show := s.Show
		s.Show = func(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
			if err := member(c); err != nil {
				return nil, err
			}
			return show(ctx, q, c)
		}
		for input, move := range s.Moves {
			count := move.Count
			move.Count = func(ctx context.Context, tx *sqldb.Tx, c *call) error {
				if err := member(c); err != nil || count == nil {
					return err
				}
				return count(ctx, tx, c)
			}
			s.Moves[input] = move
		}
		steps[name] = s
	}
}

func (h *House) begin(v flow.Visitor, b flow.Begin, now time.Time) (*facts, error) {
	l := v.Session
	if l == nil {
		return nil, session.Required
	}
	r, err := h.Regions.Get(l.Account.Region)
	if err != nil { // it is no longer offered
		r, _ = h.Regions.Get("")
	}
	f := &facts{Region: r.Name, ReturnTo: b.ReturnTo, Nickname: l.Account.Nickname, Act: kinds[b.Kind].act, Contact: kinds[b.Kind].contact}
	if f.Country, err = r.Dials(b.Country); err != nil {
		return nil, err
	}
	f.Proving = proof.Proving{Account: l.AccountID, Member: l.ID, Locale: b.Locale}
	for _, p := range l.Proved {
		if now.Sub(p.At) <= policy.FreshFor {
			f.Proved = append(f.Proved, p)
		}
	}
	f.Action = f.action()
	return f, nil
}

// action is what the proofs of the account are for.
func (f *facts) action() policy.Action {
	phone := f.Contact == contact.Phone
	switch {
	case f.Act == toRemove && phone:
		return policy.RemovePhone
	case f.Act == toRemove:
		return policy.RemoveEmail
	case f.Act == toDispute || f.Old == "":
		return policy.AddContact
	case f.Without && phone:
		return policy.ReplacePhone
	case f.Without:
		return policy.ReplaceEmail
	case phone:
		return policy.ChangePhone
	}
	return policy.ChangeEmail
}

// method is the proof that a code to a kind of contact is.
func method(kind contact.Kind) policy.Method {
	if kind == contact.Email {
		return policy.EmailCode
	}
	return policy.SMSCode
}
