package lifecycle_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/lifecycle"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/words"
)

// sees tells the watch of an act, and answers whether it froze the account.
func sees(p *towntest.Person, s proof.Sight) (frozen bool) {
	p.Helper()
	p.Do(func(ctx context.Context, tx *sqldb.Tx) error {
		who, err := p.Recovery.Accounts.Load(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		frozen, err = p.Freeze.Saw(ctx, tx, who, s)
		return err
	})
	return frozen
}

// device makes a device known and answers its ID.
func device(p *towntest.Person, secret string) (id string) {
	p.Helper()
	p.SignsIn(secret)
	p.Do(func(ctx context.Context, tx *sqldb.Tx) error {
		d, _, err := p.Recovery.Devices.Known(ctx, tx, p.ID, secret)
		id = d.ID
		return err
	})
	return id
}

// times repeats an act and answers at which one the account froze; 0: at none.
func times(p *towntest.Person, n int, s proof.Sight) int {
	p.Helper()
	for i := range n {
		if sees(p, s) {
			return i + 1
		}
	}
	return 0
}

// TestTopic_F02_Rules: each rule freezes when its pattern is complete and not
// before, in the transaction of the act, says which one it was and tells the owner.
func TestTopic_F02_Rules(t *testing.T) {
	risky := policy.Risk{Level: policy.High}
	for name, c := range map[string]struct {
		rule string // empty: nothing fires
		act  func(p *towntest.Person) int
		at   int
	}{
		"ten failed second steps on new devices": {"second_steps_failed", func(p *towntest.Person) int { return times(p, 30, proof.Sight{Event: proof.SecondStepFailed}) }, 10},
		"failed second steps on a known device": {"", func(p *towntest.Person) int {
			return times(p, 30, proof.Sight{Event: proof.SecondStepFailed, Device: device(p, "tablet")})
		}, 0},
		"failed second steps over many days": {"", func(p *towntest.Person) int {
			for range 10 {
				if n := times(p, 4, proof.Sight{Event: proof.SecondStepFailed}); n > 0 {
					return n
				}
				p.Later(25 * time.Hour)
			}
			return 0
		}, 0},
		"a new device changes a contact and signs all others out": {"changed_then_signed_out", func(p *towntest.Person) int {
			d := device(p, "thief")
			return times(p, 1, proof.Sight{Event: proof.ContactChanged, Device: d}) + times(p, 1, proof.Sight{Event: proof.OthersSignedOut, Device: d})
		}, 1},
		"an old device does both": {"", func(p *towntest.Person) int {
			d := device(p, p.Secret)
			return times(p, 1, proof.Sight{Event: proof.ContactChanged, Device: d}) + times(p, 1, proof.Sight{Event: proof.OthersSignedOut, Device: d})
		}, 0},
		"one device changes, another signs out": {"", func(p *towntest.Person) int {
			return times(p, 1, proof.Sight{Event: proof.ContactChanged, Device: device(p, "one")}) + times(p, 1, proof.Sight{Event: proof.OthersSignedOut, Device: device(p, "two")})
		}, 0},
		"a day between the two": {"", func(p *towntest.Person) int {
			d := device(p, "thief")
			n := times(p, 1, proof.Sight{Event: proof.ContactChanged, Device: d})
			p.Later(24 * time.Hour)
			return n + times(p, 1, proof.Sight{Event: proof.OthersSignedOut, Device: d})
		}, 0},
		"a leaked password at high risk": {"leaked_password", func(p *towntest.Person) int {
			return times(p, 1, proof.Sight{Event: proof.LeakedPassword, Risk: risky})
		}, 1},
		"a leaked password without risk": {"", func(p *towntest.Person) int { return times(p, 5, proof.Sight{Event: proof.LeakedPassword}) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			towntest.Each(t, func(w *towntest.Town) {
				p := w.Person(ada, adaMail, word)
				w.Post.All(adaMail)
				w.Later(time.Minute)
				if at := c.act(p); at != c.at {
					w.Errorf("it fired at act %d; want %d", at, c.at)
				}
				a := p.Account()
				if a.FrozenRule() != c.rule || (a.State == account.IsFrozen) != (c.rule != "") {
					w.Fatalf("the account is %s by %q", a.State, a.FrozenBy)
				}
				if c.rule == "" {
					return
				}
				if p.Live(p.Token) != nil {
					w.Error("a session lives")
				}
				if f := fault.From(a.Gate()); f.Args["rule"] != c.rule {
					w.Errorf("the gate tells %v", f.Args)
				}
				why := words.Book().T("en", "rule."+c.rule)
				if told := w.Post.All(adaMail); len(told) != 1 || !strings.Contains(told[0], why) || !strings.Contains(told[0], "/unfreeze") {
					w.Errorf("told %q", told)
				}
			})
		})
	}
}

// TestTopic_F02_EveryRuleSaysWhy: each rule has its sentence and its refusal in
// every language.
func TestTopic_F02_EveryRuleSaysWhy(t *testing.T) {
	book := words.Book()
	for _, r := range lifecycle.Rules {
		for _, tag := range []locale.Tag{"en", "zh-Hans"} {
			for _, key := range []string{"rule." + r.Name, "fault.account_frozen.rule_" + r.Name} {
				if !book.Has(tag, key) {
					t.Errorf("%s lacks %s", tag, key)
				}
			}
		}
		if r.Help == "" || r.Within == 0 {
			t.Errorf("%s has no article or no time", r.Name)
		}
	}
}

// TestR17_OneFreezeOfTwo: a rule and the owner at once: one change of state, and
// the account is frozen.
func TestR17_OneFreezeOfTwo(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, "", word)
		done := make(chan error, 2)
		for range 2 {
			go func() {
				ctx := context.WithoutCancel(w.Context())
				done <- w.DB.InTx(ctx, func(tx *sqldb.Tx) error {
					who, err := p.Recovery.Accounts.Load(ctx, tx, p.ID)
					if err != nil {
						return err
					}
					_, err = w.Freeze.Saw(ctx, tx, who, proof.Sight{Event: proof.LeakedPassword, Risk: policy.Risk{Level: policy.High}})
					return err
				})
			}()
		}
		for range 2 {
			if err := <-done; err != nil {
				w.Error(err)
			}
		}
		if a := p.Account(); a.State != account.IsFrozen || a.Epoch != 2 {
			w.Errorf("the account is %+v", a)
		}
	})
}

// TestTopic_F02_ThroughSignIn: somebody who knows the password guesses at the
// second step, by whatever way; the tenth guess freezes the account, and a right
// second step after it opens nothing. Guesses by who does not know it do not count.
func TestTopic_F02_ThroughSignIn(t *testing.T) {
	for name, guess := range map[string]func(v *towntest.Visit){
		"sms_code":      func(v *towntest.Visit) { v.Code("000000") },
		"recovery_code": func(v *towntest.Visit) { v.Code("AAAA-AAAA-AAAA-AAAA") },
	} {
		t.Run(name, func(t *testing.T) {
			towntest.Each(t, func(w *towntest.Town) {
				p := w.Person(ada, adaMail, word)
				p.AddsCodes()
				w.Later(5 * 24 * time.Hour)
				for i := range 10 {
					if a := p.Account(); a.State != account.Active {
						w.Fatalf("it is %s after %d guesses", a.State, i)
					}
					v := begin(w, "signin").Username(adaMail).Password(word)
					if at := v.Step.StepType(); at != step.TypeChooseMethod && (name != "sms_code" || at != step.TypeCode) {
						v.Just("other_way")
					}
					if v.Step.StepType() == step.TypeChooseMethod {
						v.Give(flow.Input{Input: "method", Method: name})
					}
					guess(v)
					if v.Fault() == nil || v.Fault().Code != "code_wrong" {
						w.Fatalf("guess %d: %s", i, v.Said())
					}
					w.Later(20 * time.Minute)
				}
				if a := p.Account(); a.FrozenRule() != "second_steps_failed" {
					w.Errorf("it is %s by %q", a.State, a.FrozenBy)
				}
				w.Later(24 * time.Hour)
				begin(w, "signin").Phone(ada).Want(step.TypeCode, "").CodeOf(ada).Want(step.TypeIdentify, "account_frozen")
			})
		})
	}
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, adaMail, word)
		for range 3 {
			v := begin(w, "signin").Phone(ada)
			for range 4 {
				v.Code("000000")
			}
			w.Later(3 * time.Hour)
		}
		if a := p.Account(); a.State != account.Active {
			w.Errorf("a stranger's guesses froze it: %s", a.FrozenBy)
		}
	})
}
