package proof

import (
	"context"
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// stepOf names the step at which a method is proved.
var stepOf = map[policy.Method]step.Type{
	policy.SMSCode: step.TypeCode, policy.EmailCode: step.TypeCode, policy.Password: step.TypePassword,
	policy.Passkey: step.TypePasskey, policy.TOTP: step.TypeTOTP, policy.RecoveryCode: step.TypeRecoveryCode,
	policy.Questions: step.TypeQuestions, policy.DevicePrompt: step.TypeDevicePrompt,
	policy.LinkedSignIn: step.TypeRedirect,
}

// Next names the step of an active proof.
func (p *Proving) Next() step.Type {
	switch {
	case p.Captcha != nil:
		return step.TypeCaptcha
	case !p.WaitsTo.IsZero():
		return step.TypeWait
	case p.Method != "":
		return stepOf[p.Method]
	}
	return step.TypeChooseMethod
}

// Steps are the steps of proving, for a journey whose facts hold a Proving. of
// finds it; enough goes on in the transaction of the proof that was the last one
// needed.
func Steps[F any](p *Prover, of func(*F) *Proving, enough func(ctx context.Context, tx *sqldb.Tx, c *flow.Call[F]) error) map[step.Type]flow.Step[F] {
	w := wrapper[F]{p, of, enough}
	steps := map[step.Type]flow.Step[F]{
		step.TypeChooseMethod: {Show: w.show(p.showChoose), Moves: map[string]flow.Move[F]{
			"method": w.move(p.chooseMethod()), "wait": w.move(p.chooseWait())}},
		step.TypeCaptcha: {Show: w.show(p.showCaptcha), Moves: map[string]flow.Move[F]{
			"captcha": w.move(p.answerCaptcha()), "refresh": w.move(p.refreshCaptcha())}},
		step.TypeWait: {Show: w.show(p.showWait), Moves: map[string]flow.Move[F]{"back": w.move(p.leaveWait())}},
	}
	for _, m := range p.Means {
		s, ok := steps[m.Step()]
		if !ok {
			s = flow.Step[F]{Show: w.show(p.showMeans), Moves: map[string]flow.Move[F]{"other_way": w.move(p.otherWay())}}
			steps[m.Step()] = s
		}
		for name, move := range m.Moves() {
			if had, both := s.Moves[name]; both && !slices.Equal(had.Takes, move.Takes) {
				panic(fmt.Sprintf("proof: %s takes other fields at %s", name, m.Step()))
			}
			s.Moves[name] = w.move(p.inProgress(name, move.Takes))
		}
	}
	return steps
}

// wrapper makes turns of the calls of a journey.
type wrapper[F any] struct {
	p      *Prover
	of     func(*F) *Proving
	enough func(ctx context.Context, tx *sqldb.Tx, c *flow.Call[F]) error
}

func (w wrapper[F]) turn(c *flow.Call[F]) *Turn {
	return &Turn{Record: c.Record, Proving: w.of(c.Facts), Visitor: c.Visitor, Input: c.Input, Now: c.Now, Answer: c.Answer, refuse: c.Refuse}
}

func (w wrapper[F]) show(f func(ctx context.Context, q sqldb.Querier, t *Turn) (step.Step, error)) func(context.Context, sqldb.Querier, *flow.Call[F]) (step.Step, error) {
	return func(ctx context.Context, q sqldb.Querier, c *flow.Call[F]) (step.Step, error) {
		return f(ctx, q, w.turn(c))
	}
}

// move runs a move of a proof as one of the journey, and goes on with the journey
// once enough is proved.
func (w wrapper[F]) move(m Move) flow.Move[F] {
	out := flow.Move[F]{Takes: m.Takes}
	out.Count = func(ctx context.Context, tx *sqldb.Tx, c *flow.Call[F]) error {
		t := w.turn(c)
		if err := w.p.recent(t); err != nil {
			return err
		}
		if m.Count == nil {
			return nil
		}
		err := m.Count(ctx, tx, t)
		c.Answer = t.Answer
		if sawErr := w.p.sawWrong(ctx, tx, t, err); sawErr != nil {
			return sawErr
		}
		return err
	}
	if m.Ask != nil {
		out.Ask = func(ctx context.Context, c *flow.Call[F]) error {
			t := w.turn(c)
			err := m.Ask(ctx, t)
			c.Answer = t.Answer
			return err
		}
		out.NeedsAsk = func(c *flow.Call[F]) bool { return m.NeedsAsk == nil || m.NeedsAsk(w.turn(c)) }
	}
	out.Apply = func(ctx context.Context, tx *sqldb.Tx, c *flow.Call[F]) error {
		t := w.turn(c)
		before := len(t.Proved)
		if m.Apply != nil {
			if err := m.Apply(ctx, tx, t); err != nil && !w.p.watches(t, err) {
				return err
			} else if err != nil { // it has written nothing; what it means to the watch is kept
				t.Refuse(err)
			}
		}
		if len(t.Proved) == before {
			return w.p.sawWrong(ctx, tx, t, t.refused)
		}
		if err := w.p.Continue(ctx, tx, t); err != nil || !t.Ready {
			return err
		}
		return w.enough(ctx, tx, c)
	}
	return out
}

// NewTurn is a turn of a journey that calls Start itself.
func NewTurn[F any](c *flow.Call[F], p *Proving) *Turn {
	return &Turn{Record: c.Record, Proving: p, Visitor: c.Visitor, Input: c.Input, Now: c.Now, refuse: c.Refuse}
}

// recent forgets proofs that were made too long ago (S-21). It runs in Count.
func (p *Prover) recent(t *Turn) error {
	for _, g := range t.Proved {
		if t.Now.Sub(g.At) > policy.FreshFor {
			t.Proving.Proved = slices.DeleteFunc(t.Proving.Proved, func(x sessionProof) bool { return t.Now.Sub(x.At) > policy.FreshFor })
			t.Method, t.Held = "", nil
			if t.Member == "" && len(t.Proved) == 0 {
				return flow.JourneyExpired
			}
			return nil
		}
	}
	return nil
}

// Continue asks the policy whether what is proved is enough. If it is not, and one
// way is clearly the next, that is begun; else the person chooses. prefer names
// what a journey would rather have next, if the policy offers it.
func (p *Prover) Continue(ctx context.Context, tx *sqldb.Tx, t *Turn, prefer ...policy.Method) error {
	if err := p.notice(ctx, tx, t); err != nil {
		return err
	}
	who, err := p.Accounts.Load(ctx, tx, t.Account)
	if err != nil {
		return err
	}
	if err := p.sawLeak(ctx, tx, t, who); err != nil {
		return err
	}
	d, err := p.Weigh(ctx, tx, t, who)
	if err != nil {
		return err
	}
	t.Reasons = reasons(d, t.Risk)
	if d.Enough || t.JustOne {
		t.Ready, t.Method, t.Held = true, "", nil
		t.Waited = d.Waited
		return nil
	}
	if len(d.Offer) == 1 && d.Wait == 0 {
		prefer = d.Offer
	}
	for _, m := range prefer {
		if slices.Contains(d.Offer, m) {
			return p.begin(ctx, tx, t, m)
		}
	}
	switch {
	case len(d.Offer) > 0:
	case !d.TooNew.IsZero(): // what was proved is right, and nothing but time makes it enough
		t.Refuse(ContactTooNew.Until(d.TooNew))
	case p.Waits == nil || d.Wait == 0 && d.ReadyAt.IsZero():
		t.Refuse(MethodUnavailable.On("method").With("reason", "not_set"))
	}
	return nil
}

// begin chooses and begins a method inside Apply. Where a limit stops it the person
// is told and chooses another way, and keeps what is proved.
func (p *Prover) begin(ctx context.Context, tx *sqldb.Tx, t *Turn, m policy.Method) error {
	means := p.of(m)
	if means == nil {
		return nil
	}
	if err := means.Choose(ctx, tx, t); err != nil {
		if refused(err) {
			t.Refuse(err)
			return nil
		}
		return err
	}
	if t.Captcha != nil {
		return nil
	}
	t.Method = m
	return means.Begin(ctx, tx, t)
}

func (p *Prover) showMeans(ctx context.Context, q sqldb.Querier, t *Turn) (step.Step, error) {
	m := p.of(t.Method)
	if m == nil {
		return nil, flow.JourneyExpired // of another version of the program
	}
	return m.Show(ctx, q, t)
}

// inProgress is the input of a step that several methods share, as the one in
// progress takes it.
func (p *Prover) inProgress(name string, takes []string) Move {
	move := func(t *Turn) Move {
		if m := p.of(t.Method); m != nil {
			return m.Moves()[name]
		}
		return Move{}
	}
	return Move{
		Takes: takes,
		Count: func(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
			if f := move(t).Count; f != nil {
				return f(ctx, tx, t)
			}
			return nil
		},
		Ask: func(ctx context.Context, t *Turn) error { return move(t).Ask(ctx, t) },
		NeedsAsk: func(t *Turn) bool {
			m := move(t)
			return m.Ask != nil && (m.NeedsAsk == nil || m.NeedsAsk(t))
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
			if f := move(t).Apply; f != nil {
				return f(ctx, tx, t)
			}
			return nil
		},
	}
}

// otherWay leaves the method in progress for the list.
func (p *Prover) otherWay() Move {
	return Move{Apply: func(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
		t.Method, t.Held = "", nil
		return nil
	}}
}
