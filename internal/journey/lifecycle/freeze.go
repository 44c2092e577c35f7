package lifecycle

import (
	"context"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

// facts is what a freeze knows so far.
type facts struct {
	Region   string        `json:"region"`
	Country  string        `json:"country"`
	Locale   locale.Tag    `json:"locale"`
	ReturnTo string        `json:"return_to,omitempty"`
	Named    bool          `json:"named,omitempty"`
	Proving  proof.Proving `json:"proving"`
	Done     bool          `json:"done,omitempty"`
}

// Path tells the runner where the journey plays, in which language, and where it leads.
func (f *facts) Path() (string, locale.Tag, string) { return f.Region, f.Locale, f.ReturnTo }

// restart goes back to the question who you are; what was sent and solved stays.
func (f *facts) restart() {
	f.Named = false
	f.Proving = proof.Proving{Locale: f.Proving.Locale, Device: f.Proving.Device, Sent: f.Proving.Sent, Human: f.Proving.Human}
}

type call = flow.Call[facts]

// Journey is the journey freeze.
func Journey(h *House) *flow.Journey[facts] {
	steps := proof.Steps(h.Prover, func(f *facts) *proof.Proving { return &f.Proving }, h.enough)
	for at, s := range steps {
		if at == step.TypeWait || at == step.TypeCaptcha {
			continue
		}
		s.Moves["back"] = back()
		show := s.Show
		s.Show = func(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
			x, err := show(ctx, q, c)
			if err != nil {
				return nil, err
			}
			return step.With(x, "back"), nil
		}
		steps[at] = s
	}
	steps[step.TypeConfirm] = flow.Step[facts]{Show: h.showConfirm, Moves: map[string]flow.Move[facts]{"confirm": h.confirm(), "back": back()}}
	for at, s := range steps {
		s.Show = sameShow(s.Show)
		for name, move := range s.Moves {
			s.Moves[name] = same(move)
		}
		steps[at] = s
	}
	steps[step.TypeIdentify] = flow.Step[facts]{Show: h.showIdentify, Moves: map[string]flow.Move[facts]{
		"phone": h.identify("phone"), "email": h.identify("email"), "username": h.identify("username"),
	}}
	steps[step.TypeDone] = flow.Step[facts]{Show: h.showDone}
	return &flow.Journey[facts]{Kinds: []string{"freeze"}, Life: h.Life, Begin: h.begin, Start: h.start, Next: next, Steps: steps}
}

// next names the step that the facts lead to.
func next(f *facts) step.Type {
	switch {
	case f.Done:
		return step.TypeDone
	case !f.Named:
		return step.TypeIdentify
	case f.Proving.Active():
		return f.Proving.Next()
	}
	return step.TypeConfirm
}

func (h *House) begin(v flow.Visitor, b flow.Begin, now time.Time) (*facts, error) {
	r, err := h.Regions.Get(b.Region)
	if err != nil {
		return nil, err
	}
	f := &facts{Region: r.Name, Locale: b.Locale, ReturnTo: b.ReturnTo}
	f.Proving = proof.Proving{Locale: f.Locale, Device: proof.DeviceOf(v)}
	if l := v.Session; l != nil {
		f.Named = true
		f.Proving.Action, f.Proving.Account, f.Proving.Member = policy.Freeze, l.AccountID, l.ID
		f.Proving.Proved = slices.DeleteFunc(slices.Clone(l.Proved), func(p session.Proof) bool { return now.Sub(p.At) > policy.FreshFor })
	}
	f.Country, err = r.Dials(b.Country)
	return f, err
}

// start finds out whether what a signed-in person proved lately is enough.
func (h *House) start(ctx context.Context, tx *sqldb.Tx, c *call) error {
	if !c.Facts.Named || len(c.Facts.Proving.Proved) == 0 {
		return nil
	}
	return h.Prover.Look(ctx, tx, proof.NewTurn(c, &c.Facts.Proving))
}

// Opening is the first step of a journey that has not begun.
func (h *House) Opening(region string) step.Step { return proof.Opening(h.Regions, region) }

func (h *House) showIdentify(_ context.Context, _ sqldb.Querier, c *call) (step.Step, error) {
	return proof.AskName(c.Facts.Country), nil
}

// isSame tells whether what a signed-in person began goes on in that session.
func isSame(c *call) bool {
	p, s := c.Facts.Proving, c.Visitor.Session
	return p.Member == "" || s != nil && s.ID == p.Member && s.AccountID == p.Account
}

func same(move flow.Move[facts]) flow.Move[facts] {
	count := move.Count
	move.Count = func(ctx context.Context, tx *sqldb.Tx, c *call) error {
		if !isSame(c) {
			return session.Required
		}
		if count == nil {
			return nil
		}
		return count(ctx, tx, c)
	}
	return move
}

func sameShow(show func(context.Context, sqldb.Querier, *call) (step.Step, error)) func(context.Context, sqldb.Querier, *call) (step.Step, error) {
	return func(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
		if !isSame(c) {
			return nil, session.Required
		}
		return show(ctx, q, c)
	}
}

// identify reads a name and begins the proof that it suggests. A name that the
// account had lately finds nobody: a freeze is for who has the account now.
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
		if n.Lost {
			n.Account = 0
		}
		f := c.Facts
		f.restart()
		f.Named = true
		f.Proving.Action, f.Proving.Account, f.Proving.Subject = policy.Freeze, n.Account, n.Subject()
		if m := n.Method(); m != "" {
			return h.Prover.Ask(ctx, tx, proof.NewTurn(c, &f.Proving), m)
		}
		return nil
	}}
}

// back begins anew with who you are; who is signed in stays that.
func back() flow.Move[facts] {
	return flow.Move[facts]{Apply: func(_ context.Context, _ *sqldb.Tx, c *call) error {
		p := &c.Facts.Proving
		if p.Member != "" {
			p.Method, p.Held, p.Ready = "", nil, false
			return nil
		}
		c.Facts.restart()
		return nil
	}}
}

// enough shows what a freeze does, or that nothing is left to do.
func (h *House) enough(ctx context.Context, tx *sqldb.Tx, c *call) error {
	_, err := h.judge(ctx, tx, c)
	return err
}

// verdict is what a freeze would be now.
type verdict struct {
	who  account.Account
	weak policy.Method // the one weak proof that was given; empty: more than that
	ok   bool          // there is something to freeze
}

// judge looks at the account and at what was proved. A frozen account stays frozen
// for whoever has no more than a weak proof; one whose state lets nobody do
// anything says so.
func (h *House) judge(ctx context.Context, tx *sqldb.Tx, c *call) (verdict, error) {
	t := proof.NewTurn(c, &c.Facts.Proving)
	who, err := h.Accounts.Load(ctx, tx, t.Account)
	if err != nil {
		return verdict{}, err
	}
	v := verdict{who: who}
	d, err := h.Prover.Weigh(ctx, tx, t, who)
	if err != nil {
		return v, err
	}
	if !d.Enough {
		c.Facts.Proving.Ready = false
		return v, nil
	}
	if d.Reached < policy.Medium {
		v.weak = policy.Method(t.Proved[len(t.Proved)-1].Method)
	}
	switch {
	case who.State == account.IsFrozen && (v.weak != "" || who.StateUntil.IsZero()):
		c.Facts.Done = true // it is what it is to be
	case who.State == account.IsBlocked, who.State == account.Gone:
		c.Facts.restart()
		c.Refuse(who.Gate())
	default:
		v.ok = true
	}
	return v, nil
}

// showConfirm says what will happen.
func (h *House) showConfirm(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	t := proof.NewTurn(c, &c.Facts.Proving)
	who, err := h.Accounts.Load(ctx, q, t.Account)
	if err != nil {
		return nil, err
	}
	d, err := h.Prover.Weigh(ctx, q, t, who)
	if err != nil {
		return nil, err
	}
	live, err := h.Sessions.Devices(ctx, q, who.ID)
	if err != nil {
		return nil, err
	}
	s := step.Confirm{Head: step.Head{Type: step.TypeConfirm, Inputs: []string{"confirm", "back"}}, Action: string(policy.Freeze),
		Effects: []step.Effect{{Effect: "sign_in_stops"}}}
	if len(live) > 0 {
		s.Effects = append(s.Effects, step.Effect{Effect: "sessions_end", Count: len(live)})
	}
	if d.Reached < policy.Medium {
		until := c.Now.Add(proof.WeakFor)
		s.Effects = append(s.Effects, step.Effect{Effect: "freeze_ends", At: &until})
	}
	contacts, err := h.Contacts.List(ctx, q, who.ID)
	if err != nil {
		return nil, err
	}
	for _, one := range contacts {
		s.Effects = append(s.Effects, step.Effect{Effect: "contact_told", To: masked(one)})
	}
	s.Effects = append(s.Effects, step.Effect{Effect: "nothing_lost"})
	return s, nil
}

func masked(c contact.Contact) string {
	if c.Kind == contact.Email {
		return email.Mask(c.Address)
	}
	return numbers.Mask(c.Address)
}

// confirm freezes.
func (h *House) confirm() flow.Move[facts] {
	return flow.Move[facts]{
		Count: func(_ context.Context, _ *sqldb.Tx, c *call) error {
			old := func(p session.Proof) bool { return c.Now.Sub(p.At) > policy.FreshFor }
			if slices.ContainsFunc(c.Facts.Proving.Proved, old) {
				c.Facts.Proving.Proved = slices.DeleteFunc(c.Facts.Proving.Proved, old)
				c.Facts.Proving.Ready = false
				if c.Facts.Proving.Blind() {
					c.Facts.restart()
				}
				return flow.JourneyExpired
			}
			return nil
		},
		Apply: h.freeze,
	}
}

func (h *House) freeze(ctx context.Context, tx *sqldb.Tx, c *call) error {
	v, err := h.judge(ctx, tx, c)
	if err != nil || !v.ok {
		return err
	}
	cause := freezing(v.who, account.Cause{By: account.Owner})
	if v.weak != "" {
		until, err := h.Freezes.Spend(ctx, tx, v.who.ID, v.weak)
		if err != nil {
			return err
		}
		if !until.IsZero() {
			c.Refuse(FreezeLimited.Until(until))
			return nil
		}
		cause.Until = tx.Now().Add(proof.WeakFor)
	}
	_, err = h.Apply(ctx, tx, v.who.ID, cause, proof.NewTurn(c, &c.Facts.Proving).Where())
	c.Facts.Done = err == nil
	return err
}

func (h *House) showDone(_ context.Context, _ sqldb.Querier, c *call) (step.Step, error) {
	return step.Done{Head: step.Head{Type: step.TypeDone, Inputs: []string{}}, Result: "frozen", Account: &step.Account{ID: c.Facts.Proving.Account.String()}}, nil
}
