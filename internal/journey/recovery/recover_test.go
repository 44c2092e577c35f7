package recovery_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

const (
	ada     = "+14155550123"
	eve     = "+14155550199"
	adaMail = "ada@example.com"
	eveMail = "eve@example.com"
	before  = "blue kettle on the stove"
	after   = "seven purple walruses"
)

func begin(w *towntest.Town, kind string) *towntest.Visit {
	w.Helper()
	return w.Begin(towntest.Visitor(""), flow.Begin{Kind: kind, Region: "intl"})
}

func recover(w *towntest.Town) *towntest.Visit { w.Helper(); return begin(w, "recover") }

// TestTopic_W01_ForgottenPassword: a code to the phone, a new password, and a
// session; the old one opens nothing.
func TestTopic_W01_ForgottenPassword(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, "", before)
		v := recover(w).Phone(ada).Want(step.TypeCode, "").CodeOf(ada)
		if v.Step.StepType() == step.TypeChooseMethod { // the policy wants more than the phone
			w.Fatalf("a phone alone is not enough for an account without a second factor: %s", v.Said())
		}
		v.Want(step.TypeNewPassword, "")
		if s := v.Step.(step.NewPassword); s.Username != p.ID.String() {
			w.Errorf("the form files the password under %q", s.Username)
		}
		for weak, code := range map[string]string{"short": "password_short", before: "password_reused"} {
			v.NewPassword(weak).Want(step.TypeNewPassword, code)
		}
		if v.Fault() == nil {
			w.Fatal("no refusal")
		}
		d := v.NewPassword(after).Done()
		if d.Result != "recovered" || d.Session == nil || p.Live(d.Session.Token) == nil || p.Live(p.Token) != nil {
			w.Errorf("the end is %+v; the old session lives: %v", d, p.Live(p.Token) != nil)
		}
		if !p.Knows(after) || p.Knows(before) {
			w.Error("the password is not the new one")
		}
		if h := p.History(); !slices.Contains(h, audit.Recovered) {
			w.Errorf("the history lacks it: %v", h)
		}
	})
}

// TestS077_BlindBeforeAProof: until something is proved, an account, one without
// the contact, one that is frozen and nobody look the same at every step.
func TestS077_BlindBeforeAProof(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p, q := w.Person(ada, adaMail, before), w.Person("+14155550124", "", "")
		nobody := account.NewID()
		for _, kind := range []string{"recover", "unfreeze", "freeze"} {
			var first []string
			for _, who := range []account.ID{p.ID, q.ID, nobody} {
				v := begin(w, kind).Username(who.String()).Want(step.TypeChooseMethod, "")
				said := []string{v.Said()}
				v.By("email_code").Want(step.TypeCode, "")
				said = append(said, v.Said(), v.Code("000000").Said())
				v.By("sms_code").Want(step.TypeCode, "")
				said = append(said, v.Said())
				v.By("password").Want(step.TypePassword, "").Password("wrong wrong wrong")
				said = append(said, v.Said())
				if kind != "freeze" {
					said = append(said, v.Just("other_way").Just("taken_over").Said(), v.By("sms_code").Said())
				}
				for i := range said {
					said[i] = strings.ReplaceAll(said[i], who.Spaced(), "WHO")
				}
				if first == nil {
					first = said
				} else if diff := cmp.Diff(first, said); diff != "" {
					w.Errorf("%s: %s differs:\n%s", kind, who, diff)
				}
			}
		}
	})
}

// TestS074_TwoKindsWhereTheOwnerChoseMore: with a passkey or an app enrolled, one
// proof is not enough; a second kind is, or a wait that every contact hears of.
func TestS074_TwoKindsWhereTheOwnerChoseMore(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, adaMail, before)
		p.AddsPasskey()
		w.Later(5 * 24 * time.Hour)
		v := recover(w).Phone(ada).CodeOf(ada).Want(step.TypeChooseMethod, "")
		s := v.Step.(step.ChooseMethod)
		if s.Wait == nil || !slices.Equal(s.Proved, []string{"sms_code"}) {
			w.Fatalf("the choice is %+v", s)
		}
		w.Post.All(adaMail)
		v.Just("wait").Want(step.TypeWait, "")
		until := v.Step.(step.Wait).Until
		for _, to := range []string{ada, adaMail} {
			if texts := w.Post.All(to); len(texts) != 1 || !strings.Contains(texts[0], "/objection?token=") {
				w.Errorf("%s was told %q", to, texts)
			}
		}
		// Coming back too early, or with nothing but somebody else's proof, is not enough.
		w.Later(until.Sub(w.Clock.Now()) - time.Minute)
		if early := recover(w).Phone(ada).CodeOf(ada); early.Step.StepType() == step.TypeNewPassword {
			w.Error("the wait ended early")
		}
		w.Later(2 * time.Minute)
		recover(w).Email(adaMail).CodeOf(adaMail).Want(step.TypeChooseMethod, "")
		v = recover(w).Phone(ada).CodeOf(ada).Want(step.TypeNewPassword, "")
		v.NewPassword(after).Done()
		// It is used up.
		recover(w).Phone(ada)
		w.Later(2 * time.Hour)
		recover(w).Phone(ada).CodeOf(ada).Want(step.TypeChooseMethod, "")
	})
}

// TestS074_TwoKindsAtOnce: a second kind of proof spares the wait.
func TestS074_TwoKindsAtOnce(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, adaMail, before)
		p.AddsPasskey()
		w.Later(5 * 24 * time.Hour)
		recover(w).Phone(ada).CodeOf(ada).Want(step.TypeChooseMethod, "").By("password").Password(before).
			Want(step.TypeNewPassword, "").NewPassword(after).Done()
	})
}

// TestS076_TicketsDie: a recovery under way ends when another one succeeds, when
// the account is frozen, and when anything changes by which it is proved.
func TestS076_TicketsDie(t *testing.T) {
	for name, meanwhile := range map[string]func(p *towntest.Person){
		"another recovery": func(p *towntest.Person) {
			recover(p.Town).Phone(ada).CodeOf(ada).NewPassword("eight purple walruses").Done()
		},
		"a new password": func(p *towntest.Person) { p.Sets("eight purple walruses") },
		"a passkey":      func(p *towntest.Person) { p.AddsPasskey() },
		"another e-mail": func(p *towntest.Person) { p.Replaces(contact.Email, eveMail) },
		"codes":          func(p *towntest.Person) { p.AddsCodes() },
		"a freeze":       func(p *towntest.Person) { freeze(p, account.Cause{By: account.Operator}) },
	} {
		t.Run(name, func(t *testing.T) {
			towntest.Each(t, func(w *towntest.Town) {
				p := w.Person(ada, adaMail, before)
				v := recover(w).Phone(ada).CodeOf(ada).Want(step.TypeNewPassword, "")
				w.Later(2 * time.Minute)
				meanwhile(p)
				v.NewPassword(after).Want(step.TypeIdentify, "recovery_over")
				if p.Knows(after) {
					w.Error("it set a password all the same")
				}
			})
		})
	}
}

func freeze(p *towntest.Person, cause account.Cause) {
	p.Helper()
	cause.Event = account.Freeze
	p.Do(func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := p.Freeze.Apply(ctx, tx, p.ID, cause, nil)
		return err
	})
}

// TestS078_EverythingEnds: what somebody planted before a recovery is gone after
// it: sessions, devices, trust, pending changes; and what leads out is held.
func TestS078_EverythingEnds(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, adaMail, before)
		planted := p.SignsIn("planted")
		p.Do(func(ctx context.Context, tx *sqldb.Tx) error {
			d, _, err := p.Recovery.Devices.Known(ctx, tx, p.ID, "planted")
			if err != nil {
				return err
			}
			if _, err := p.Recovery.Devices.Trust(ctx, tx, p.ID, d.ID, tx.Now().Add(90*24*time.Hour)); err != nil {
				return err
			}
			_, err = p.Recovery.Changes.Begin(ctx, tx, change.Change{AccountID: p.ID, Kind: change.ReplacePhone, After: eve, ReadyAt: tx.Now().Add(72 * time.Hour)})
			return err
		})
		w.Post.All(adaMail)
		d := recover(w).Phone(ada).CodeOf(ada).Want(step.TypeNewPassword, "").NewPassword(after).Done()
		if p.Live(planted) != nil || p.Live(p.Token) != nil {
			w.Error("a session of before lives")
		}
		devices, err := p.Recovery.Devices.List(w.Context(), p.DB, p.ID)
		if err != nil || len(devices) != 1 || devices[0].ID != d.Device.ID || devices[0].Trusted(w.Clock.Now()) {
			w.Errorf("devices: %+v, %v", devices, err)
		}
		list, err := p.Recovery.Changes.List(w.Context(), p.DB, p.ID, time.Time{})
		if err != nil {
			w.Fatal(err)
		}
		for _, c := range list {
			if c.State == change.Waiting {
				w.Errorf("%s still waits", c.Kind)
			}
		}
		if held := p.Account().HeldUntil(w.Clock.Now()); !held.Equal(w.Clock.Now().Add(72 * time.Hour)) {
			w.Errorf("held until %v", held)
		}
		if told := w.Post.All(adaMail); len(told) != 1 || !strings.Contains(told[0], "/objection?token=") {
			w.Errorf("the e-mail was told %q", told)
		}
	})
}

// TestTopic_X02_FindMyAccount: the account ID, for who proves a contact, and only
// for them.
func TestTopic_X02_FindMyAccount(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, adaMail, before)
		for _, kind := range []string{"phone", "email"} {
			v := w.Begin(towntest.Visitor(""), flow.Begin{Kind: "recover", For: "find"})
			to := ada
			if kind == "phone" {
				v.Phone(ada)
			} else {
				to = adaMail
				v.Email(adaMail)
			}
			if strings.Contains(v.Said(), p.ID.String()) {
				w.Error("the ID is shown before a proof")
			}
			if d := v.Want(step.TypeCode, "").CodeOf(to).Done(); d.Result != "found" || d.Account.ID != p.ID.String() || d.Session != nil || d.Account.Nickname != "" {
				w.Errorf("by %s: %+v", kind, d)
			}
		}
		if !p.Knows(before) || p.Live(p.Token) == nil {
			w.Error("finding the account changed it")
		}
		w.Begin(towntest.Visitor(""), flow.Begin{Kind: "recover", For: "find"}).Phone(eve).Want(step.TypeCode, "").Code("123456").Want(step.TypeCode, "code_wrong")
		if _, err := w.Runner.Begin(w.Context(), towntest.Visitor(""), flow.Begin{Kind: "unfreeze", For: "find"}); !fault.InvalidInput.Is(err) {
			w.Errorf("unfreeze for find: %v", err)
		}
	})
}

// TestS086_States: a recovery of an account that is frozen, blocked, leaving or
// gone says so after the proof, never before, and changes nothing.
func TestS086_States(t *testing.T) {
	for _, c := range []struct {
		events []account.Cause
		code   string
	}{
		{[]account.Cause{{Event: account.Freeze, By: account.Rule, Rule: "leaked_password"}}, "account_frozen"},
		{[]account.Cause{{Event: account.Block, By: account.Operator, Reason: "Spam"}}, "account_blocked"},
		{[]account.Cause{{Event: account.Leave, By: account.Owner}}, "account_leaving"},
	} {
		t.Run(c.code, func(t *testing.T) {
			towntest.Each(t, func(w *towntest.Town) {
				p := w.Person(ada, "", before)
				p.Do(func(ctx context.Context, tx *sqldb.Tx) error {
					for _, e := range c.events {
						if _, err := p.Recovery.Accounts.Change(ctx, tx, p.ID, e); err != nil {
							return err
						}
					}
					return nil
				})
				v := recover(w).Phone(ada).Want(step.TypeCode, "").CodeOf(ada).Want(step.TypeIdentify, c.code)
				if c.code == "account_frozen" && (v.Fault().Args["rule"] != "leaked_password" || v.Fault().Args["way"] != "/unfreeze") {
					w.Errorf("the refusal tells %v", v.Fault().Args)
				}
				if c.code == "account_blocked" && v.Fault().Args["reason"] != "Spam" {
					w.Errorf("the refusal tells %v", v.Fault().Args)
				}
				if !p.Knows(before) {
					w.Error("the password changed")
				}
			})
		})
	}
}

// TestS021_OldProofs: a proof that waited too long for its new password is none.
func TestS021_OldProofs(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, "", before)
		v := recover(w).Phone(ada).CodeOf(ada).Want(step.TypeNewPassword, "")
		w.Later(10*time.Minute + time.Microsecond)
		v.NewPassword(after).Want(step.TypeIdentify, "journey_expired")
		if p.Knows(after) {
			w.Error("an old proof set a password")
		}
	})
}
