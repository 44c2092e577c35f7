// Package recovery holds the journeys by which owners get back in: recover (a
// forgotten password, a lost account ID, an account that somebody took over) and
// unfreeze. It asks the policy what is enough and never decides that itself, and
// it never tells, before a proof, whether there is an account (S-77). What it ends
// and restores stands in the rooms of the nouns; it owns no table.
//
//	identify --phone/email/username--> a proof, blind --right--> [more proofs, or a wait]
//	   ^                                  |  taken_over: as it stood before     |
//	   +--back----------------------------+                                enough
//	                                                                            |
//	   for "find": done, the account ID                    new_password --> done, a session
//
// A name that the account had until a short while ago, or the input taken_over,
// makes the account be proved as it stood before then, and the end undoes what
// changed since, all together.
package recovery

import (
	"context"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/identity/passkey"
	"github.com/selfsame-id/selfsame/internal/identity/question"
	"github.com/selfsame-id/selfsame/internal/identity/recoverycode"
	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/identity/totp"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// House is what the journeys use.
type House struct {
	DB            *sqldb.DB
	Regions       *region.Book
	Names         *proof.Names
	Prover        *proof.Prover
	Accounts      *account.Store
	Contacts      *contact.Store
	Devices       *device.Store
	Sessions      *session.Store
	Changes       *change.Store
	Audit         *audit.Store
	Passwords     *credential.Passwords
	Book          *quota.Book
	Notices       *proof.Notices
	Endings       *proof.Endings
	Freezes       *proof.WeakFreezes
	Passkeys      *passkey.Store
	TOTP          *totp.Store
	RecoveryCodes *recoverycode.Store
	Questions     *question.Store
	Links         *link.Store
	Brand         string
	MinLength     int           // of a password, in characters
	MaxLength     int           // the same
	Life          time.Duration // of a journey
}

// The kinds.
const (
	kindRecover  = "recover"
	kindUnfreeze = "unfreeze"
)

// find is what a recovery is for that wants the account ID only.
const find = "find"

// facts is what a recovery knows so far.
type facts struct {
	Region   string        `json:"region"`
	Country  string        `json:"country"`
	Locale   locale.Tag    `json:"locale"`
	ReturnTo string        `json:"return_to,omitempty"`
	Kind     string        `json:"kind"`
	Find     bool          `json:"find,omitempty"`
	Named    bool          `json:"named,omitempty"`
	Proving  proof.Proving `json:"proving"`
	Was      string        `json:"was,omitempty"` // fingerprint of the account when it was named
	Done     *done         `json:"done,omitempty"`
}

// done is the end.
type done struct {
	At          time.Time  `json:"at"`
	Result      string     `json:"result"`
	Account     account.ID `json:"account"`
	Nickname    string     `json:"nickname"`
	Token       string     `json:"token,omitempty"`
	ExpiresAt   time.Time  `json:"expires_at,omitzero"`
	DeviceID    string     `json:"device_id,omitempty"`
	DeviceToken string     `json:"device_token,omitempty"`
}

// Path tells the runner where the journey plays, in which language, and where it leads.
func (f *facts) Path() (string, locale.Tag, string) { return f.Region, f.Locale, f.ReturnTo }

// Purpose tells the runner what it is for.
func (f *facts) Purpose() string {
	if f.Find {
		return find
	}
	return ""
}

// restart goes back to the question who you are. What was sent and what was solved
// stays, so that nobody counts from zero by going back.
func (f *facts) restart() {
	f.Named, f.Was = false, ""
	f.Proving = proof.Proving{Locale: f.Proving.Locale, Device: f.Proving.Device, Sent: f.Proving.Sent, Human: f.Proving.Human}
}

type call = flow.Call[facts]

// Journey is the whole story.
func Journey(h *House) *flow.Journey[facts] {
	steps := proof.Steps(h.Prover, func(f *facts) *proof.Proving { return &f.Proving }, h.enough)
	for at, s := range steps {
		if at == step.TypeWait || at == step.TypeCaptcha {
			continue
		}
		s.Moves["back"] = h.back()
		more := []string{"back"}
		if at == step.TypeChooseMethod {
			s.Moves["taken_over"] = h.takenOver()
			more = []string{"taken_over", "back"}
		}
		s.Show = showMore(s.Show, more)
		steps[at] = s
	}
	steps[step.TypeIdentify] = flow.Step[facts]{Show: h.showIdentify, Moves: map[string]flow.Move[facts]{
		"phone": h.identify("phone"), "email": h.identify("email"), "username": h.identify("username"),
	}}
	steps[step.TypeNewPassword] = flow.Step[facts]{Show: h.showNewPassword, Moves: map[string]flow.Move[facts]{"new_password": h.newPassword()}}
	steps[step.TypeDone] = flow.Step[facts]{Show: h.showDone}
	return &flow.Journey[facts]{Kinds: []string{kindRecover, kindUnfreeze}, Life: h.Life, Begin: h.begin, Next: next, Steps: steps}
}

// next names the step that the facts lead to.
func next(f *facts) step.Type {
	switch {
	case f.Done != nil:
		return step.TypeDone
	case !f.Named:
		return step.TypeIdentify
	case f.Proving.Active():
		return f.Proving.Next()
	}
	return step.TypeNewPassword
}

func (h *House) begin(v flow.Visitor, b flow.Begin, _ time.Time) (*facts, error) {
	r, err := h.Regions.Get(b.Region)
	if err != nil {
		return nil, err
	}
	if b.For != "" && (b.For != find || b.Kind != kindRecover) {
		return nil, fault.InvalidInput.On("for")
	}
	f := &facts{Region: r.Name, Locale: b.Locale, ReturnTo: b.ReturnTo, Kind: b.Kind, Find: b.For == find}
	f.Proving = proof.Proving{Locale: f.Locale, Device: proof.DeviceOf(v)}
	f.Country, err = r.Dials(b.Country)
	return f, err
}

// Opening is the first step of a journey that has not begun.
func (h *House) Opening(region string) step.Step { return proof.Opening(h.Regions, region) }

func (h *House) showIdentify(_ context.Context, _ sqldb.Querier, c *call) (step.Step, error) {
	return proof.AskName(c.Facts.Country), nil
}

// showMore adds inputs to a step of proving.
func showMore(show func(context.Context, sqldb.Querier, *call) (step.Step, error), more []string) func(context.Context, sqldb.Querier, *call) (step.Step, error) {
	return func(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
		s, err := show(ctx, q, c)
		if err != nil {
			return nil, err
		}
		for _, input := range more {
			s = step.With(s, input)
		}
		return s, nil
	}
}

// identify reads a name and begins the proof that it suggests. Nothing tells
// whether anybody has it: a code to nobody costs the same (S-77).
func (h *House) identify(input string) flow.Move[facts] {
	takes := []string{input, "country"}
	if input == "email" {
		takes = []string{input}
	}
	return flow.Move[facts]{Takes: takes, Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
		u, err := h.Names.Read(c.Input, c.Facts.Country)
		if err != nil {
			return err
		}
		n, err := h.Names.Find(ctx, tx, u)
		if err != nil {
			return err
		}
		f := c.Facts
		f.restart()
		f.Named = true
		p := &f.Proving
		p.Action, p.Account, p.Subject, p.JustOne = policy.Action(f.Kind), n.Account, n.Subject(), f.Find
		if f.Was, err = h.Prover.Fingerprint(ctx, tx, p.Account); err != nil {
			return err
		}
		if n.Lost {
			if p.AsOf, err = h.Prover.Before(ctx, tx, n.Account, n.Until); err != nil {
				return err
			}
			p.Risk.Level = policy.High
		}
		if m := n.Method(); m != "" {
			return h.Prover.Ask(ctx, tx, proof.NewTurn(c, p), m)
		}
		return nil
	}}
}

// takenOver goes on with the account as it stood before somebody else changed its
// contacts or its password. For an account without such a change, or without an
// account, nothing differs. What was proved so far does not count for it (S-75).
func (h *House) takenOver() flow.Move[facts] {
	return flow.Move[facts]{Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) (err error) {
		p := &c.Facts.Proving
		if p.AsOf, err = h.Prover.Before(ctx, tx, p.Account, time.Time{}); err != nil {
			return err
		}
		p.Risk.Level = policy.High
		p.Method, p.Held, p.Proved, p.Waited, p.WaitsTo = "", nil, nil, false, time.Time{}
		return nil
	}}
}

func (h *House) back() flow.Move[facts] {
	return flow.Move[facts]{Apply: func(_ context.Context, _ *sqldb.Tx, c *call) error {
		c.Facts.restart()
		return nil
	}}
}

// enough goes on once the policy says that enough is proved: whoever is here may
// hear how it stands with the account.
func (h *House) enough(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f := c.Facts
	who, err := h.Accounts.Load(ctx, tx, f.Proving.Account)
	if err != nil {
		return err
	}
	if f.Find {
		f.Done = &done{At: tx.Now(), Result: "found", Account: who.ID}
		return nil
	}
	if refusal := h.gate(f, who); refusal != nil {
		return h.stop(ctx, tx, c, who, refusal)
	}
	return nil
}

// gate is the one question of the account's state (S-86): a recovery is for what
// is open, lifting a freeze for what is frozen.
func (h *House) gate(f *facts, who account.Account) error {
	switch {
	case f.Kind == kindUnfreeze && who.State == account.IsFrozen:
		return nil
	case f.Kind == kindUnfreeze && who.State == account.Active:
		return NotFrozen
	}
	return who.Gate()
}

// stop ends an attempt that leads nowhere: the person is told why, and the journey
// is at its beginning.
func (h *House) stop(ctx context.Context, tx *sqldb.Tx, c *call, who account.Account, why error) error {
	details := turn(c).Where()
	details["state"] = string(who.State)
	c.Facts.restart()
	c.Refuse(why)
	return h.Audit.Write(ctx, tx, audit.Entry{AccountID: who.ID, Kind: audit.SignInRefused, Details: details})
}

func turn(c *call) *proof.Turn { return proof.NewTurn(c, &c.Facts.Proving) }

// recent refuses to build on proofs that were made too long ago (S-21).
func recent(c *call) error {
	old := func(p session.Proof) bool { return c.Now.Sub(p.At) > policy.FreshFor }
	if slices.ContainsFunc(c.Facts.Proving.Proved, old) {
		c.Facts.restart()
		return flow.JourneyExpired
	}
	return nil
}
