// Package stepup holds the journey prove: a signed-in person shows once more that
// the account is theirs, because an action asks for more than the session has
// proved. What was proved belongs to the session that asked and to what it was
// asked for (S-68), and the session gets a new token (S-56). It must never be
// moved by anybody but the person in that session, and never decide what is
// enough: the policy does. It owns no table.
//
//	choose_method --method--> code, password, passkey, totp ... --enough--> done
//	      |
//	      +--[captcha]--> the method that waited for it
//
// Where what is proved is enough already, it begins at done.
package stepup

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Kind is the kind of the journey.
const Kind = "prove"

// Actions are those that a step-up can be for. What is not here is an entrance:
// who signs in, recovers, freezes or unfreezes is not signed in.
var Actions = []policy.Action{
	policy.SetPassword, policy.ViewContacts, policy.AddContact, policy.ChangePhone, policy.ChangeEmail,
	policy.ReplacePhone, policy.ReplaceEmail, policy.RemovePhone, policy.RemoveEmail, policy.AddMethod, policy.RemoveMethod,
	policy.RecoveryCodes, policy.TwoStepOn, policy.TwoStepOff, policy.TrustDevice, policy.Link, policy.Unlink, policy.Export, policy.Delete,
}

// House is what the journey uses.
type House struct {
	Prover   *proof.Prover
	Accounts *account.Store
	Sessions *session.Store
	Audit    *audit.Store
	Life     time.Duration // of a journey
}

// facts is what a step-up knows so far.
type facts struct {
	proof.Proving
	Region   string    `json:"region"`
	ReturnTo string    `json:"return_to,omitempty"`
	Over     bool      `json:"over,omitempty"` // the session ended meanwhile: nothing can be proved for it
	DoneAt   time.Time `json:"done_at,omitzero"`
	Token    string    `json:"token,omitempty"` // of the session from now on; empty: it stays as it was
	Expires  time.Time `json:"expires,omitzero"`
	Nickname string    `json:"nickname,omitempty"`
}

// Path tells the runner where the journey plays, in which language, and where it leads.
func (f *facts) Path() (string, locale.Tag, string) { return f.Region, f.Locale, f.ReturnTo }

// Purpose tells the runner what it is for.
func (f *facts) Purpose() string { return string(f.Action) }

type call = flow.Call[facts]

// Journey is the whole story.
func Journey(h *House) *flow.Journey[facts] {
	steps := proof.Steps(h.Prover, func(f *facts) *proof.Proving { return &f.Proving }, h.enough)
	for name, s := range steps {
		for input, move := range s.Moves {
			s.Moves[input] = h.onlyMember(move)
		}
		show := s.Show
		s.Show = func(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
			if !h.isMember(c) {
				return nil, session.Required
			}
			return show(ctx, q, c)
		}
		steps[name] = s
	}
	steps[step.TypeDone] = flow.Step[facts]{Show: h.showDone}
	return &flow.Journey[facts]{Kinds: []string{Kind}, Life: h.Life, Begin: h.begin, Start: h.start, Next: next, Steps: steps}
}

// next names the step that the facts lead to.
func next(f *facts) step.Type {
	if f.Ready {
		return step.TypeDone
	}
	return f.Proving.Next()
}

// isMember tells whether the person who began moves, in the same session.
func (h *House) isMember(c *call) bool {
	s := c.Visitor.Session
	return s != nil && s.ID == c.Facts.Member && s.AccountID == c.Facts.Account
}

// onlyMember lets nobody make a move but the person who began, in the same
// session: a journey that was carried elsewhere proves nothing there (S-68).
func (h *House) onlyMember(move flow.Move[facts]) flow.Move[facts] {
	count := move.Count
	move.Count = func(ctx context.Context, tx *sqldb.Tx, c *call) error {
		if c.Facts.Over || !h.isMember(c) {
			return session.Required
		}
		return count(ctx, tx, c)
	}
	return move
}

func (h *House) begin(v flow.Visitor, b flow.Begin, now time.Time) (*facts, error) {
	if v.Session == nil {
		return nil, session.Required
	}
	action := policy.Action(b.For)
	if !slices.Contains(Actions, action) {
		return nil, fault.InvalidInput.On("for")
	}
	l := v.Session
	f := &facts{Region: l.Account.Region, ReturnTo: b.ReturnTo, Nickname: l.Account.Nickname}
	f.Proving = proof.Proving{Action: action, Account: l.AccountID, Member: l.ID, Locale: b.Locale, Device: proof.DeviceOf(v), Proved: Fresh(l, now)}
	return f, nil
}

// Fresh are the proofs of a session that are young enough to count.
func Fresh(l *session.Live, now time.Time) (fresh []session.Proof) {
	for _, p := range l.Proved {
		if now.Sub(p.At) <= policy.FreshFor {
			fresh = append(fresh, p)
		}
	}
	return fresh
}

// start finds out whether what the session has proved is enough already.
func (h *House) start(ctx context.Context, tx *sqldb.Tx, c *call) error {
	t := proof.NewTurn(c, &c.Facts.Proving)
	if err := h.Prover.Look(ctx, tx, t); err != nil {
		return err
	}
	if c.Facts.Ready {
		c.Facts.DoneAt = tx.Now()
	}
	return nil
}

// Opening is the first step of a step-up that has not begun, so that a look at the
// page writes nothing; nil: what the session has proved is enough.
func (h *House) Opening(ctx context.Context, q sqldb.Querier, v flow.Visitor, action string) (step.Step, error) {
	f, err := h.begin(v, flow.Begin{Kind: Kind, For: action}, q.Now())
	if err != nil {
		return nil, err
	}
	t := proof.NewTurn(&call{Facts: f, Visitor: v, Now: q.Now()}, &f.Proving)
	if err := h.Prover.Look(ctx, q, t); err != nil || t.Ready {
		return nil, err
	}
	return h.Prover.ShowChoose(ctx, q, t)
}

// enough gives the session what was proved, and a new token.
func (h *House) enough(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f, l := c.Facts, c.Visitor.Session
	who, err := h.Accounts.Load(ctx, tx, f.Account)
	if err != nil {
		return err
	}
	ended := account.Gate(who.State) != nil || who.Epoch != l.Account.Epoch
	token, expires := "", time.Time{}
	if !ended {
		token, expires, err = h.Sessions.Renew(ctx, tx, l, merged(l.Proved, f.Proved, tx.Now()))
		ended = errors.Is(err, session.ErrNone)
	}
	switch {
	case ended: // what was proved is used up, and proves nothing
		f.Ready, f.Over = false, true
		c.Refuse(session.Required)
		return nil
	case err != nil:
		return err
	}
	if err := h.Prover.Leave(ctx, tx, proof.NewTurn(c, &f.Proving)); err != nil { // who proved it here is at home here
		return err
	}
	f.DoneAt, f.Token, f.Expires = tx.Now(), token, expires
	details := proof.NewTurn(c, &f.Proving).Where()
	details["action"], details["method"] = string(f.Action), strings.Join(methods(f.Proved, f.Action), ",")
	return h.Audit.Write(ctx, tx, audit.Entry{AccountID: f.Account, Kind: audit.Proved, DeviceID: l.DeviceID, Details: details})
}

// methods are those that were proved for the action.
func methods(proved []session.Proof, action policy.Action) (names []string) {
	for _, p := range proved {
		if p.For == string(action) && !slices.Contains(names, p.Method) {
			names = append(names, p.Method)
		}
	}
	return names
}

// merged are the proofs of a session from now on: how it began stays known, of
// step-ups what is fresh, and of one method for one action the latest.
func merged(had, given []session.Proof, now time.Time) []session.Proof {
	var out []session.Proof
	for _, p := range slices.Concat(had, given) {
		if p.For != "" && now.Sub(p.At) > policy.FreshFor {
			continue
		}
		same := slices.IndexFunc(out, func(o session.Proof) bool { return o.Method == p.Method && o.For == p.For })
		switch {
		case same < 0:
			out = append(out, p)
		case p.At.After(out[same].At):
			out[same] = p
		}
	}
	return out
}

// doneFor is how long the end repeats the session's token to the holder of the
// journey's key, for a client that lost the answer.
const doneFor = 2 * time.Minute

func (h *House) showDone(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	f := c.Facts
	s := step.Done{Head: step.Head{Type: step.TypeDone, Inputs: []string{}}, Result: "proved",
		Account: &step.Account{ID: f.Account.String(), Nickname: f.Nickname}}
	if f.Token != "" && c.Now.Sub(f.DoneAt) <= doneFor {
		s.Session = &step.Session{Token: f.Token, ExpiresAt: f.Expires}
	}
	return s, nil
}
