package policy

import (
	"flag"
	"fmt"
	"math/bits"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

var update = flag.Bool("update", false, "write docs/policy.md and docs/matrix.md")

// everySet calls f with every set of methods that an account can have and every part
// of it that can be given: 3^9 pairs, and the passkey with and without verification.
func everySet(f func(has, gave set)) {
	all := set(1)<<len(methods) - 1
	for has := range all + 1 {
		for gave := has; ; gave = (gave - 1) & has {
			f(has, gave)
			if gave&passkey != 0 {
				f(has, gave|verified)
			}
			if gave == 0 {
				break
			}
		}
	}
}

// account makes questions about accounts by sets. The slices are used again.
type asker struct {
	q     Question
	ways  []Way
	given []Given
}

func (a *asker) ask(action Action, has, gave set) Question {
	a.ways, a.given = a.ways[:0], a.given[:0]
	for i, m := range methods {
		if has&(1<<i) != 0 {
			a.ways = append(a.ways, Way{Method: m.name, Since: now.Add(-1000 * time.Hour)})
		}
		if gave&(1<<i) != 0 {
			a.given = append(a.given, Given{Method: m.name, At: now, Verified: m.name == Passkey && gave&verified != 0})
		}
	}
	q := a.q
	q.Action, q.Now, q.Standing.CreatedAt, q.Standing.Ways, q.Given = action, now, now.Add(-9000*time.Hour), a.ways, a.given
	return q
}

// enough asks for nothing but whether it is enough, which is quick.
func (p *Policy) enough(q Question) bool {
	v := p.look(&q, rowOf(q.Action), q.Now)
	return v.enough(v.given)
}

// guarded are what must never be easier to open than the front door.
var guardedActions = []Action{Recover, Unfreeze, ChangePhone, ChangeEmail, ReplacePhone, ReplaceEmail, RemovePhone, RemoveEmail,
	RemoveMethod, RecoveryCodes, TwoStepOff, TrustDevice, AddContact, AddMethod, Link, Unlink, Export, Delete}

// TestS074_NoPathIsEasierThanTheFrontDoor looks at every set of methods, every part of
// it that was given, every risk, with and without 2-step verification, protection and
// doubt: what opens one of the doors behind opens the front door of an unknown device
// too. Waits are none in it.
func TestS074_NoPathIsEasierThanTheFrontDoor(t *testing.T) {
	seen := 0
	for i, p := range []*Policy{New(Settings{Questions: true}), New(Settings{PasswordAlone: true})} {
		for variation := range 18 {
			if i > 0 && variation >= 6 {
				break
			}
			a := asker{}
			a.q.Risk.Level = Level(variation%3 + 1)
			a.q.Standing.TwoStep, a.q.Standing.Protected = variation/3%2 == 1, variation/6 == 1
			if variation/6 == 2 {
				a.q.Risk.Doubted = []Method{SMSCode}
			}
			everySet(func(has, gave set) {
				if gave == 0 || p.enough(a.ask(SignIn, has, gave)) {
					return
				}
				for _, action := range guardedActions {
					seen++
					if p.enough(a.ask(action, has, gave)) {
						t.Fatalf("%s opens with %s of %s where sign-in does not: %+v", action, short(gave.list()), short(has.list()), a.q)
					}
				}
			})
		}
	}
	if seen < 1_000_000 {
		t.Errorf("only %d looked at", seen)
	}
}

// TestS040_TheSecondStepIsAskedAtEveryDoor: no entrance is exempt.
func TestS040_TheSecondStepIsAskedAtEveryDoor(t *testing.T) {
	a := asker{}
	a.q.Standing.TwoStep = true
	everySet(func(has, gave set) {
		for i := range table {
			row := &table[i]
			if row.asks&door != 0 && gave&(gave-1)&^(questions|email|verified) == 0 && gave&verified == 0 && house.enough(a.ask(row.action, has, gave)) {
				t.Fatalf("%s opens with %s of %s", row.action, short(gave.list()), short(has.list()))
			}
		}
	})
}

// TestS041_TextsAloneDoNotRemoveASecondFactor, nor does any lone weak proof.
func TestS041_TextsAloneDoNotRemoveASecondFactor(t *testing.T) {
	a := asker{}
	everySet(func(has, gave set) {
		if has&enrolled == 0 || gave&(strongs|password) != 0 {
			return
		}
		for _, action := range []Action{TwoStepOff, RemoveMethod} {
			if house.enough(a.ask(action, has, gave)) {
				t.Fatalf("%s with %s of %s", action, short(gave.list()), short(has.list()))
			}
		}
	})
}

// TestEmailNeverReachesHigh: an e-mail changes nothing about whether proofs are high.
func TestEmailNeverReachesHigh(t *testing.T) {
	everySet(func(_, gave set) {
		if gave.level() == High && (gave&^email).level() < High {
			t.Fatalf("%s is high by its e-mail", short(gave.list()))
		}
	})
}

// TestNobodyIsLeftWithoutAWord: what is not enough offers a way, a wait or a time; an
// appeal is the last word only where the account has nothing that could carry.
func TestNobodyIsLeftWithoutAWord(t *testing.T) {
	a := asker{}
	for variation := range 12 {
		a.q.Risk.Level = Level(variation%3 + 1)
		a.q.Standing.TwoStep, a.q.Standing.Protected = variation/3%2 == 1, variation/6%2 == 1
		for has := range set(1) << len(methods) {
			for i := range table {
				q := a.ask(table[i].action, has, 0)
				d := house.Decide(q)
				if d.Enough {
					t.Fatalf("%s is open to anybody: %s", table[i].action, short(has.list()))
				}
				carry := house.look(&q, &table[i], now).ways.carry
				waits := table[i].asks&mayWait != 0
				nothing := carry == 0 ||
					!waits && a.q.Standing.TwoStep && !carry.twoSteps() || // only by accident: turning it on wants more
					!waits && carry == password ||
					waits && carry.proofs() == 1 && carry&strongs == 0 && (a.q.Standing.TwoStep || a.q.Standing.Protected)
				if d.Appeal && !nothing {
					t.Errorf("%s of %s (%+v) ends in an appeal", table[i].action, short(has.list()), a.q)
				}
				if !d.Appeal && d.stuck() && d.TooNew.IsZero() {
					t.Errorf("%s of %s (%+v) says nothing", table[i].action, short(has.list()), a.q)
				}
			}
		}
	}
}

// TestOfferHoldsOnlyWhatHelps: everything offered, with nothing or something else that
// is offered, leads on, and what cannot help is not there.
func TestOfferHoldsOnlyWhatHelps(t *testing.T) {
	a := asker{}
	everySet(func(has, gave set) {
		if gave.proofs() > 1 || has&questions != 0 {
			return
		}
		for i := range table {
			row := &table[i]
			q := a.ask(row.action, has, gave)
			v := house.look(&q, row, now)
			d := house.Decide(q)
			for _, m := range d.Offer {
				b := v.bit(m, true)
				more := v.given.and(proofs{b, b, b})
				if gave&bit(m) != 0 && !(m == Passkey && gave&verified == 0) {
					t.Fatalf("%s offers %s again", row.action, m)
				}
				rest := v.ways.all
				better := v.enough(more.and(proofs{rest, rest, rest})) || v.carriesWait(more)
				if !better {
					t.Fatalf("%s of %s with %s offers %s, which leads nowhere", row.action, short(has.list()), short(gave.list()), m)
				}
			}
			if len(d.Offer) == 0 && !d.Enough && v.enough(v.ways) {
				t.Fatalf("%s of %s with %s offers nothing", row.action, short(has.list()), short(gave.list()))
			}
		}
	})
}

// The document.

// accounts are the sets of methods that people have, as the document shows them.
var accounts = []struct {
	has     string
	twoStep bool
}{
	{"S", false}, {"E", false}, {"L", false}, {"SE", false}, {"SP", false}, {"EP", false}, {"SEP", false}, {"SEPL", false},
	{"SK", false}, {"SPK", false}, {"SEPK", false}, {"SPT", false}, {"PK", false},
	{"SPR", true}, {"SPTR", true}, {"SEPTR", true}, {"SEPKTRD", true}, {"STR", true}, {"EPTR", true},
}

// entrances are the columns.
var entrances = []struct {
	name   string
	action Action
	takes  Method
	risk   Level
	known  bool
}{
	{"sign in, known device", SignIn, "", Low, true},
	{"sign in", SignIn, "", Low, false},
	{"sign in, medium risk", SignIn, "", Medium, false},
	{"sign in, high risk", SignIn, "", High, false},
	{"recover", Recover, "", Low, false},
	{"unfreeze", Unfreeze, "", Low, false},
	{"set the password", SetPassword, "", Low, false},
	{"add a method, link", AddMethod, "", Low, false},
	{"change the phone", ChangePhone, "", Low, false},
	{"replace a lost phone", ReplacePhone, "", Low, false},
	{"remove the phone, e-mail", RemovePhone, "", Low, false},
	{"remove a method", RemoveMethod, "", Low, false},
	{"2-step verification off", TwoStepOff, "", Low, false},
	{"delete", Delete, "", Low, false},
}

// cell says what opens: the smallest sets of proofs, and with what a wait begins.
func cell(has set, twoStep bool, e int) string {
	a := asker{}
	a.q.Standing.TwoStep, a.q.Risk.Level, a.q.Standing.KnownDevice = twoStep, entrances[e].risk, entrances[e].known
	var parts []string
	find := func(do func(q Question) (bool, string)) {
		var done []set
		for size := 1; size <= 3; size++ {
			for try := range has + 1 {
				if try&^has != 0 || bits.OnesCount16(uint16(try)) != size || slices.ContainsFunc(done, func(s set) bool { return s&try == s }) {
					continue
				}
				gave := try
				if try&passkey != 0 {
					gave |= verified
				}
				if ok, tail := do(a.ask(entrances[e].action, has, gave)); ok {
					done = append(done, try)
					parts = append(parts, strings.Join(strings.Split(short(try.list()), ""), "+")+tail)
				}
			}
		}
	}
	find(func(q Question) (bool, string) { return house.enough(q), "" })
	find(func(q Question) (bool, string) {
		d := house.Decide(q)
		return d.Wait > 0 || d.Enough, fmt.Sprintf(" %dh", int(d.Wait.Hours()))
	})
	parts = slices.DeleteFunc(parts, func(s string) bool { return strings.HasSuffix(s, " 0h") })
	if len(parts) == 0 {
		return "appeal"
	}
	return strings.Join(parts, ", ")
}

// states are those of an account and what is open in them, as account.Gate and the
// journeys have it; the rest is refused with the code of the state.
var states = []struct{ name, refusal, signIn, prove, recover, freeze, unfreeze, appeal string }{
	{"active", "", "asked as above", "asked as above", "asked as above", "any one proof", "nothing to lift", "open"},
	{"frozen", "`account_frozen`", "refused after the proof", "no session lives", "refused after the proof: unfreeze", "is frozen already", "asked as above", "open"},
	{"blocked", "`account_blocked`", "refused after the proof", "no session lives", "refused after the proof", "refused", "refused: an operator blocked it", "the only way"},
	{"leaving", "`account_leaving`", "refused after the proof", "no session lives", "refused after the proof", "any one proof", "nothing to lift", "open"},
	{"gone", "as if there were none", "as if there were none", "no session lives", "as if there were none", "as if there were none", "as if there were none", "as if there were none"},
}

func matrix() string {
	var b strings.Builder
	b.WriteString(`# What is asked where

Written by ` + "`go test ./internal/journey/proof/policy -update`" + ` from the policy itself; the same test keeps it current. [policy.md](policy.md) is the table
behind it.

**S** code by text, **E** code by e-mail, **P** password, **K** passkey that verifies the person, **T** authenticator app, **R** recovery code, **D** prompt
on another signed-in device, **L** linked account. A cell lists every smallest set of proofs that opens; "S 24h" means: a code by text, then 24 hours in which every
contact is told and can object. "appeal" means that people decide. The account has lost nothing here; what it has lost it cannot give, and another set of its cell is left.

The document shows the accounts that people have. The tests look at all 512 sets of methods, all that can be given of each, every risk, with
and without 2-step verification, protection and doubt, and show that nothing opens a door behind without being enough for signing in on an unknown device
(TestS074_NoPathIsEasierThanTheFrontDoor), that no door forgets the second step (S-40), and that everybody is told a way on.

`)
	for _, part := range []struct {
		title string
		from  int
		to    int
	}{{"Coming in", 0, 6}, {"Changing something, from a session", 6, len(entrances)}} {
		fmt.Fprintf(&b, "## %s\n\n| the account has |", part.title)
		for e := part.from; e < part.to; e++ {
			fmt.Fprintf(&b, " %s |", entrances[e].name)
		}
		b.WriteString("\n|" + strings.Repeat(" --- |", part.to-part.from+1) + "\n")
		for _, acc := range accounts {
			name, has := acc.has, set(0)
			for _, c := range acc.has {
				has |= bit(letters[c])
			}
			if acc.twoStep {
				name += ", 2-step"
			}
			fmt.Fprintf(&b, "| **%s** |", name)
			for e := part.from; e < part.to; e++ {
				fmt.Fprintf(&b, " %s |", cell(has, acc.twoStep, e))
			}
			b.WriteString("\n")
		}
		b.WriteString("\n")
	}
	b.WriteString("## By the state of the account\n\n| state | sign in, link at sign-in | prove, change, remove, delete | recover | freeze | unfreeze | appeal | refusal |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, s := range states {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", s.name, s.signIn, s.prove, s.recover, s.freeze, s.unfreeze, s.appeal, s.refusal)
	}
	return b.String()
}

// TestS086_TheStatesAreThoseOfTheGate: the document says of each what the gate says.
func TestS086_TheStatesAreThoseOfTheGate(t *testing.T) {
	for i, state := range []account.State{account.Active, account.IsFrozen, account.IsBlocked, account.IsLeaving, account.Gone} {
		want := states[i].refusal
		if states[i].name != string(state) {
			t.Errorf("%s stands where %s should", states[i].name, state)
		}
		f := fault.From(account.Gate(state))
		switch {
		case state == account.Gone && f != fault.NotFound:
			t.Errorf("%s: the gate says %v", state, f)
		case state == account.Active && f != nil:
			t.Errorf("%s: the gate says %v", state, f)
		case strings.HasPrefix(want, "`") && (f == nil || want != "`"+f.Code+"`"):
			t.Errorf("%s: the gate says %v, the document %s", state, f, want)
		}
	}
}

func TestMatrixDocumentIsCurrent(t *testing.T) {
	isCurrent(t, "matrix.md", matrix())
}

// isCurrent compares a document with what it is written from.
func isCurrent(t *testing.T, name, want string) {
	t.Helper()
	path := "../../../../docs/" + name
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(have)); diff != "" {
		t.Errorf("docs/%s is not current; run go test ./internal/journey/proof/policy -update (-want +have):\n%s", name, diff)
	}
}
