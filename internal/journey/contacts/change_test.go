package contacts_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
)

// TestTopic_R02_AddEmail: a signed-in person adds the e-mail that the account
// lacks. With a fresh sign-in nothing more is asked of an account that has nothing
// else; the phone is told, and the new address too.
func TestTopic_R02_AddEmail(t *testing.T) {
	each(t, func(w *town) {
		p := w.owner("intl", ada)
		p.signIn(policy.SMSCode)
		v := p.begin("change_email").want(step.TypeAddContact, "").email(adaMail).want(step.TypeCode, "")
		v.code(adaMail).want(step.TypeDone, "")
		if d := v.step.(step.Done); d.Result != "added" || d.Session != nil {
			t.Errorf("ended in %+v; want added and no new session", d)
		}
		if p.contact(contact.Email) != adaMail || !p.did(audit.ContactAdded) {
			t.Error("it is not there, or not in the history")
		}
		if len(w.post.all(ada)) != 1 || len(w.post.all(adaMail)) != 1 {
			t.Error("phone and e-mail were not told, once each")
		}
	})
}

// TestS067_AddingAsksForProof: without a session nothing begins, in another
// session nothing goes on, and a sign-in of long ago is not enough.
func TestS067_AddingAsksForProof(t *testing.T) {
	each(t, func(w *town) {
		p, stranger := w.owner("intl", ada), w.owner("intl", bob)
		v := p.begin("change_email").email(adaMail).want(step.TypeCode, "") // to the phone: the one way there is
		if to := v.step.(step.Code).Channel; to != "sms" {
			t.Errorf("the code goes by %s; want a text to the phone first", to)
		}
		code, mine := w.post.code(ada), v.visitor
		for name, who := range map[string]flow.Visitor{"nobody": {}, "a stranger": stranger.visitor} {
			p.visitor = who
			if v.give(flow.Input{Input: "code", Code: code}); v.err == nil || p.contact(contact.Email) != "" {
				t.Errorf("%s goes on with the journey", name)
			}
			if v := p.begin("change_email"); who.Session == nil && v.err == nil {
				t.Errorf("%s begins one", name)
			}
		}
		p.visitor = mine
		v.give(flow.Input{Input: "code", Code: code}).want(step.TypeCode, "")
		w.clock.Advance(policy.FreshFor + time.Second)
		v.give(flow.Input{Input: "code", Code: "000000"}).want(step.TypeChooseMethod, "proof_required")
	})
}

// TestTopic_R03_ChangeWithTheOld: code to the old, another proof where there is
// one, code to the new; then it is changed at once, and everybody is told.
func TestTopic_R03_ChangeWithTheOld(t *testing.T) {
	each(t, func(w *town) {
		p := w.owner("cn", ada, adaMail, secret)
		v := p.begin("change_phone").phone(adaNew).want(step.TypeCode, "")
		if v.step.(step.Code).To == "" || v.step.(step.Code).Inputs[2] != "other_way" {
			t.Errorf("the first code is not the one to the old phone: %+v", v.step)
		}
		v.code(ada).want(step.TypePassword, "").password().want(step.TypeCode, "") // S-67: never the old method alone
		v.code(adaNew).want(step.TypeDone, "")
		if p.contact(contact.Phone) != adaNew || !p.did(audit.ContactChanged) {
			t.Error("the phone is not changed, or it is not in the history")
		}
		if w.post.link(ada) == "" || w.post.link(adaMail) == "" || w.post.link(adaNew) != "" {
			t.Error("the old phone and the e-mail have a link to object, the new phone has none")
		}
	})
}

// TestS067_EnrolledMethodsAreAsked: what a change of the phone asks for, by what
// the account has: the old phone always, and never it alone where there is more.
func TestS067_EnrolledMethodsAreAsked(t *testing.T) {
	for name, c := range map[string]struct{ has, asked []string }{
		"a phone":                {[]string{ada}, []string{ada, adaNew}},
		"a phone and an e-mail":  {[]string{ada, adaMail}, []string{adaMail, ada, adaNew}},
		"a phone and a password": {[]string{ada, secret}, []string{ada, secret, adaNew}},
		"all three":              {[]string{ada, adaMail, secret}, []string{ada, secret, adaNew}},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *town) {
				p := w.owner("intl", c.has...)
				v := p.begin("change_phone").phone(adaNew)
				var asked []string
				for v.step.StepType() != step.TypeDone {
					asked = append(asked, p.prove(v, adaNew))
				}
				if !slices.Equal(asked, c.asked) {
					t.Errorf("asked for %q; want %q", asked, c.asked)
				}
			})
		})
	}
}

// TestTopic_R06_ChangeWithoutTheOld: by other methods and after a wait, of which
// everybody is told at its beginning and at its end.
func TestTopic_R06_ChangeWithoutTheOld(t *testing.T) {
	each(t, func(w *town) {
		p := w.owner("intl", ada, adaMail, secret)
		v := p.withoutOld("change_email", adaNewMail)
		if s := v.step.(step.Wait); s.Reason != "replace_email" || !s.Until.Equal(w.clock.Now().Add(wait)) || len(s.Told) != 2 {
			t.Errorf("the step is %+v", s)
		}
		if w.post.link(adaMail) == "" || w.post.link(ada) == "" {
			t.Error("the old e-mail and the phone have no link to object")
		}
		waiting, err := w.house.Waiting(t.Context(), p.visitor.Session)
		if err != nil || len(waiting) != 1 || strings.Contains(waiting[0].Shown, "lovelace") {
			t.Errorf("waiting: %+v, %v", waiting, err)
		}
		w.clock.Advance(wait - time.Second)
		if w.due(); p.contact(contact.Email) != adaMail {
			t.Error("it is changed before its time")
		}
		w.clock.Advance(time.Second)
		w.due()
		if w.due(); p.contact(contact.Email) != adaNewMail {
			t.Error("it is not changed when it is time")
		}
		for _, to := range []string{ada, adaMail, adaNewMail} {
			if got := w.post.all(to); len(got) != 1 {
				t.Errorf("%s was told %d times at the end: %q", to, len(got), got)
			}
		}
		if waiting, _ := w.house.Waiting(t.Context(), p.visitor.Session); len(waiting) != 0 {
			t.Errorf("it still waits: %+v", waiting)
		}
	})
}

// withoutOld changes a contact without the old one, by whatever else there is, up
// to the wait.
func (p *person) withoutOld(kind, address string) *visit {
	p.Helper()
	v := p.begin(kind)
	if kind == "change_email" {
		v.email(address)
	} else {
		v.phone(address)
	}
	v.want(step.TypeCode, "").do("other_way").want(step.TypeChooseMethod, "")
	if !slices.Contains(v.step.(step.ChooseMethod).Inputs, "wait") {
		p.Fatalf("waiting is not offered: %+v", v.step)
	}
	for v.do("wait"); v.step.StepType() != step.TypeWait; {
		p.prove(v, address)
	}
	return v
}

// prove gives the next proof that a journey asks for, and answers which it was: the
// address of a code, or the password.
func (p *person) prove(v *visit, fresh string) string {
	p.Helper()
	switch s := v.step.(type) {
	case step.ChooseMethod:
		if len(s.Methods) == 0 {
			p.Fatalf("a dead end: %+v", s)
		}
		v.method(policy.Method(s.Methods[0].Method))
		return p.prove(v, fresh)
	case step.Password:
		v.password()
		return secret
	case step.Code:
		to := map[string]string{"sms": p.contact(contact.Phone), "email": p.contact(contact.Email)}[s.Channel]
		if slices.Contains(s.Inputs, "back") {
			to = fresh
		}
		v.code(to)
		return to
	}
	p.Fatalf("at %+v with %v", v.step, v.err)
	return ""
}

// TestS070_NothingBeforeTheEnd: a change that waits gives the new contact nothing,
// dies when it is withdrawn, and lapses when somebody else has the contact by then.
func TestS070_NothingBeforeTheEnd(t *testing.T) {
	each(t, func(w *town) {
		p := w.owner("intl", ada, adaMail, secret)
		p.withoutOld("change_email", adaNewMail)
		if id, err := w.house.Contacts.Holder(t.Context(), w.db, contact.Email, adaNewMail); id != 0 || err != nil {
			t.Errorf("the new contact is held already: %v, %v", id, err)
		}
		list, err := w.house.Waiting(t.Context(), p.visitor.Session)
		if err != nil || len(list) != 1 {
			w.Fatalf("%+v, %v", list, err)
		}
		stranger := w.owner("intl", bob)
		if err := w.house.Withdraw(t.Context(), stranger.visitor.Session, list[0].ID); err == nil {
			t.Error("a stranger withdraws it")
		}
		if err := w.house.Withdraw(t.Context(), p.visitor.Session, list[0].ID); err != nil {
			w.Fatal(err)
		}
		if err := w.house.Withdraw(t.Context(), p.visitor.Session, list[0].ID); err == nil {
			t.Error("it is withdrawn twice")
		}
		w.clock.Advance(wait)
		if w.due(); p.contact(contact.Email) != adaMail {
			t.Error("it happened although it was withdrawn")
		}
		p.withoutOld("change_email", adaNewMail)
		stranger.gain(contact.Email, adaNewMail)
		w.clock.Advance(wait)
		if w.due(); p.contact(contact.Email) != adaMail || stranger.contact(contact.Email) != adaNewMail || !p.did(audit.ChangeLapsed) {
			t.Error("somebody else's address was taken, or nothing tells of it")
		}
	})
}

// TestTopic_R09_ChangesAreLimited: three in thirty days of one kind.
func TestTopic_R09_ChangesAreLimited(t *testing.T) {
	each(t, func(w *town) {
		p := w.owner("intl", ada)
		began := w.clock.Now()
		for i, n := range []string{adaNew, bob, "+8613600136000"} {
			v := p.begin("change_phone").phone(n)
			v.code(p.contact(contact.Phone)).code(n)
			if v.step.StepType() != step.TypeDone { // its contact is young now
				w.Fatalf("change %d stands at %+v, %v", i, v.step, v.err)
			}
			w.clock.Advance(96 * time.Hour)
			p.signIn()
		}
		v := p.begin("change_phone").phone(ada).want(step.TypeAddContact, "contact_changes_limited")
		if want := began.Add(30 * 24 * time.Hour); v.retryAt().Before(want) || v.retryAt().After(want.Add(time.Hour)) {
			t.Errorf("again at %v; want about %v", v.retryAt(), want)
		}
	})
}

// TestTopic_C06_AnothersContact: that a contact is another account's is said only
// once it was proved, and nothing changes.
func TestTopic_C06_AnothersContact(t *testing.T) {
	each(t, func(w *town) {
		w.owner("intl", bob)
		p := w.owner("intl", ada)
		p.signIn(policy.SMSCode)
		v := p.begin("change_phone").phone(bob).want(step.TypeCode, "")
		v.code(bob).want(step.TypeAddContact, "contact_in_use")
		if !slices.Contains(v.step.(step.AddContact).Inputs, "dispute") || p.contact(contact.Phone) != ada {
			t.Errorf("the way on is missing, or something changed: %+v", v.step)
		}
		v.phone(ada).want(step.TypeAddContact, "contact_unchanged")
		v.phone(adaNew).want(step.TypeCode, "").code(adaNew).want(step.TypeDone, "")
	})
}
