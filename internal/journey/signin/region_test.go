package signin_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// byMail proves an e-mail and answers the visit at new_password.
func (w *town) byMail(region, address string, change ...func(*flow.Visitor)) *visit {
	w.t.Helper()
	v := w.begin(region, change...).email(address).want(step.TypeCode, "")
	return v.code(w.post.code(address)).want(step.TypeNewPassword, "")
}

func (v *visit) newPassword(p string) *visit {
	v.t.Helper()
	return v.give(flow.Input{Input: "new_password", Password: p})
}

const good = "seven purple walruses"

// TestTopic_C04_ByEmail: an e-mail that nobody has makes an account with a
// password, and signs in to it from then on.
func TestTopic_C04_ByEmail(t *testing.T) {
	each(t, func(w *town) {
		v := w.byMail("intl", "new@example.com", on(strings.Repeat("d", 43)))
		if s := v.step.(step.NewPassword); s.Username != "n***@e***.com" || s.MinLength != 8 {
			w.t.Errorf("asked %+v", s)
		}
		if n := w.rows()["account"]; n != 0 {
			w.t.Errorf("%d accounts before there is a password", n)
		}
		for password, code := range map[string]string{"short": "password_short", "password1": "password_common", "new@example.com": "password_personal", "Selfsame Selfsame": "password_personal", strings.Repeat("x", 300): "password_long"} {
			v.newPassword(password).want(step.TypeNewPassword, code)
		}
		d := v.newPassword(good).done()
		if !d.Created || d.Session == nil {
			w.t.Errorf("ended in %+v", d)
		}
		hasAct(w.t, w.acts(d.Account.ID), audit.AccountCreated, 1)
		hasAct(w.t, w.acts(d.Account.ID), audit.SignedIn, 1)
		again := w.begin("intl", on(strings.Repeat("d", 43))).username("NEW@example.com").password(good).done()
		code := w.begin("intl").email("new@example.com")
		w.later(time.Minute)
		byCode := code.code(w.post.code("new@example.com")).done()
		if again.Account.ID != d.Account.ID || byCode.Account.ID != d.Account.ID || byCode.Created {
			w.t.Errorf("later sign-ins lead to %s and %s; want %s", again.Account.ID, byCode.Account.ID, d.Account.ID)
		}
	})
}

// TestS005_EmailTakenMeanwhile: two journeys of one person that both proved the
// e-mail end in one account; the second password is not set.
func TestS005_EmailTakenMeanwhile(t *testing.T) {
	each(t, func(w *town) {
		first, second := w.byMail("intl", "new@example.com"), (*visit)(nil)
		w.later(time.Minute)
		second = w.byMail("intl", "new@example.com")
		a, b := first.newPassword(good).done(), second.newPassword("eight purple walruses").done()
		if a.Account.ID != b.Account.ID || !a.Created || b.Created {
			w.t.Errorf("ended in %+v and %+v", a, b)
		}
		w.begin("intl").username("new@example.com").password(good).want(step.TypeCode, "")
		w.begin("intl").username("new@example.com").password("eight purple walruses").want(step.TypePassword, "credentials_invalid")
	})
}

// TestS005_EmailAtOnce: the same with both at once.
func TestS005_EmailAtOnce(t *testing.T) {
	each(t, func(w *town) {
		const n = 4
		visits := make([]*visit, n)
		for i := range visits {
			visits[i] = w.byMail("intl", "new@example.com")
			w.later(time.Minute)
		}
		var wg sync.WaitGroup
		ids, created := make([]string, n), make([]bool, n)
		for i, v := range visits {
			wg.Go(func() {
				ticket, err := w.runner.Answer(w.t.Context(), v.visitor, v.handle, flow.Input{Input: "new_password", Password: good})
				if err != nil {
					w.t.Error(err)
					return
				}
				d := ticket.Step.(step.Done)
				ids[i], created[i] = d.Account.ID, d.Created
			})
		}
		wg.Wait()
		made := 0
		for i := range ids {
			if ids[i] != ids[0] {
				w.t.Errorf("accounts %v", ids)
				break
			}
			if created[i] {
				made++
			}
		}
		if made != 1 || w.rows()["account"] != 1 {
			w.t.Errorf("%d were told that they made it, %d accounts; want 1 and 1", made, w.rows()["account"])
		}
	})
}

// TestS021_PasswordTooLate: an e-mail that was proved more than ten minutes ago
// makes no account.
func TestS021_PasswordTooLate(t *testing.T) {
	each(t, func(w *town) {
		v := w.byMail("intl", "new@example.com")
		w.later(10*time.Minute + time.Microsecond)
		v.newPassword(good).want(step.TypeIdentify, "journey_expired")
		v.newPassword(good).want(step.TypeIdentify, "journey_step")
		if n := w.rows()["account"]; n != 0 {
			w.t.Errorf("%d accounts", n)
		}
	})
}

// TestRegion_ClosedWays: a region that does not sign up by e-mail says so, and a
// proved number that it gives no account is told only then.
func TestRegion_ClosedWays(t *testing.T) {
	each(t, func(w *town) {
		v := w.begin("cn").email("new@example.com").want(step.TypeIdentify, "method_unavailable")
		if v.arg("reason") != "region" {
			w.t.Errorf("reason %v", v.arg("reason"))
		}
		v.username("new@example.com").do("other_way").method("email_code").want(step.TypeCode, "")
		for range 5 {
			v.code("123456").want(step.TypeCode, "code_wrong")
		}
		closed := w.begin("closed").phone(ada).want(step.TypeCode, "")
		code := w.post.code(ada)
		closed.code(code).want(step.TypeIdentify, "method_unavailable")
		closed.code(code).want(step.TypeIdentify, "journey_step")
		if n := w.rows()["account"]; n != 0 {
			w.t.Errorf("%d accounts", n)
		}
		for _, country := range []string{"usa", "u", "us", "U1", "\x00\x00", strings.Repeat("U", 5000)} {
			if _, err := w.runner.Begin(w.t.Context(), flow.Visitor{}, flow.Begin{Kind: "signin", Country: country}); !fault.InvalidInput.Is(err) {
				w.t.Errorf("country %.5q: %v", country, err)
			}
		}
		if _, err := w.runner.Begin(w.t.Context(), flow.Visitor{}, flow.Begin{Kind: "signin", Region: "atlantis"}); !fault.InvalidInput.Is(err) {
			w.t.Errorf("region: %v", err)
		}
	})
}

// TestRegion_AsksForContact: the region's contact is asked for after a sign-up
// by another way, is proved by code, and only then is there a session.
func TestRegion_AsksForContact(t *testing.T) {
	each(t, func(w *town) {
		v := w.byMail("must", "new@example.com").newPassword(good).want(step.TypeAddContact, "")
		if s := v.step.(step.AddContact); s.Kind != "phone" || len(s.Inputs) != 1 {
			w.t.Errorf("asked %+v", s)
		}
		if rows := w.rows(); rows["session"] != 0 || rows["account"] != 1 {
			w.t.Errorf("rows %v", rows)
		}
		v.do("skip").want(step.TypeAddContact, "journey_step")
		v.email("other@example.com").want(step.TypeAddContact, "journey_step")
		v.phone("010 6552 9988").want(step.TypeAddContact, "phone_invalid")
		v.phone(ada).want(step.TypeCode, "")
		if c := v.step.(step.Code); strings.Join(c.Inputs, " ") != "code resend back" {
			w.t.Errorf("inputs %v", c.Inputs)
		}
		v.do("other_way").want(step.TypeCode, "journey_step")
		v.do("skip").want(step.TypeCode, "journey_step")
		code := w.post.code(ada)
		v.code(other(code)).want(step.TypeCode, "code_wrong")
		v.do("back").want(step.TypeAddContact, "").phone(ada).want(step.TypeCode, "") // the same code goes on
		if left := v.step.(step.Code).TriesLeft; left != 4 {
			w.t.Errorf("%d tries left after going back; want 4", left)
		}
		d := v.code(code).done()
		if !d.Created || d.Session == nil {
			w.t.Errorf("ended in %+v", d)
		}
		acts := w.acts(d.Account.ID)
		hasAct(w.t, acts, audit.AccountCreated, 1)
		hasAct(w.t, acts, audit.ContactAdded, 1)
		for _, e := range w.history(d.Account.ID) {
			if e.Kind == audit.ContactAdded && e.Details["contact"] != "+1 41 **** 123" {
				w.t.Errorf("the act says %v", e.Details)
			}
		}
		w.later(time.Minute)
		if d2 := w.begin("must").phone(ada); d2.code(w.post.code(ada)).done().Account.ID != d.Account.ID {
			w.t.Error("the phone leads elsewhere")
		}
		if told := append(w.post.all("new@example.com"), w.post.all(ada)...); len(told) != 1 { // the second sign-in was on a new device
			w.t.Errorf("told %q", told)
		}
	})
}

// TestRegion_Skip: where it may be skipped it is asked for once a sign-in.
func TestRegion_Skip(t *testing.T) {
	each(t, func(w *town) {
		d := w.byMail("both", "new@example.com").newPassword(good).want(step.TypeAddContact, "").do("skip").done()
		if !d.Created {
			w.t.Error("created is lost")
		}
		w.later(time.Hour)
		v := w.begin("both").email("new@example.com")
		v.code(w.post.code("new@example.com")).want(step.TypeAddContact, "")
		v.phone(ada).want(step.TypeCode, "").do("skip").done()
	})
}

// TestRegion_JourneyDied: an account whose journey ended before the contact was
// there is asked again, wherever its owner comes in, and not let in without.
func TestRegion_JourneyDied(t *testing.T) {
	each(t, func(w *town) {
		w.byMail("must", "new@example.com", on(strings.Repeat("d", 43))).newPassword(good).want(step.TypeAddContact, "")
		w.later(time.Hour)
		for _, region := range []string{"must", "intl"} { // the account's region counts, not the journey's
			v := w.begin(region).email("new@example.com")
			v.code(w.post.code("new@example.com")).want(step.TypeAddContact, "")
			w.later(time.Minute)
		}
		v := w.begin("must").username("new@example.com").password(good).want(step.TypeCode, "")
		v.code(w.post.code("new@example.com")).want(step.TypeAddContact, "")
		v.phone(ada).want(step.TypeCode, "")
		d := v.code(w.post.code(ada)).done()
		if d.Created {
			w.t.Error("it was created long ago")
		}
		told := w.post.all("new@example.com")
		if len(told) != 1 || !strings.Contains(told[0], "phone number was added") {
			w.t.Errorf("the e-mail, which was there before, heard %q", told)
		}
		if texts := w.post.all(ada); len(texts) != 0 {
			w.t.Errorf("the new phone heard %q", texts)
		}
	})
}

// TestTopic_C06_ContactInUse: that a contact is somebody else's is said only to
// who has proved it, and the code is used up.
func TestTopic_C06_ContactInUse(t *testing.T) {
	each(t, func(w *town) {
		holder := w.signUp(ada).Account.ID
		w.later(time.Minute)
		v := w.byMail("must", "new@example.com").newPassword(good).phone(ada).want(step.TypeCode, "")
		code := w.post.code(ada)
		v.code(other(code)).want(step.TypeCode, "code_wrong")
		v.code(code).want(step.TypeAddContact, "contact_in_use")
		v.code(code).want(step.TypeAddContact, "journey_step")
		d := v.phone(bob).want(step.TypeCode, "").code(w.post.code(bob)).done()
		n, _ := account.ReadID(holder)
		if id, err := w.house.Contacts.Holder(w.t.Context(), w.db, contact.Phone, ada); err != nil || id != n || d.Account.ID == holder {
			w.t.Errorf("the phone is of %v now, %v; want %s", id, err, holder)
		}
	})
}

// TestTopic_C06_TwoAtOnceWantOnePhone: two accounts that add one phone at once:
// one gets it, the other is told.
func TestTopic_C06_TwoAtOnceWantOnePhone(t *testing.T) {
	each(t, func(w *town) {
		visits, codes := make([]*visit, 2), make([]string, 2)
		for i, address := range []string{"one@example.com", "two@example.com"} {
			visits[i] = w.byMail("must", address).newPassword(good).phone(ada).want(step.TypeCode, "")
			codes[i] = w.post.code(ada)
		}
		var wg sync.WaitGroup
		errs := make([]error, 2)
		for i, v := range visits {
			wg.Go(func() {
				_, errs[i] = w.runner.Answer(w.t.Context(), v.visitor, v.handle, flow.Input{Input: "code", Code: codes[i]})
			})
		}
		wg.Wait()
		lost := 0
		for _, err := range errs {
			if f := fault.From(err); f != nil && f.Code == "contact_in_use" {
				lost++
			} else if err != nil {
				w.t.Error(err)
			}
		}
		if rows := w.rows(); lost != 1 || rows["contact"] != 3 || rows["contact_holder"] != 3 || rows["session"] != 1 {
			w.t.Errorf("%d lost, rows %v", lost, rows)
		}
	})
}

// TestRegion_SameAccountTwice: two journeys of one account that add two phones:
// the first wins, the second goes in with what is there.
func TestRegion_SameAccountTwice(t *testing.T) {
	each(t, func(w *town) {
		w.byMail("must", "new@example.com").newPassword(good).want(step.TypeAddContact, "")
		var visits []*visit
		for range 2 {
			w.later(time.Minute)
			v := w.begin("must").email("new@example.com")
			visits = append(visits, v.code(w.post.code("new@example.com")).want(step.TypeAddContact, ""))
		}
		visits[0].phone(ada)
		visits[1].phone(bob)
		a := visits[0].code(w.post.code(ada)).done()
		b := visits[1].code(w.post.code(bob)).done()
		n, _ := account.ReadID(a.Account.ID)
		list, err := w.house.Contacts.List(w.t.Context(), w.db, n)
		if err != nil || len(list) != 2 || list[0].Address != ada || a.Account.ID != b.Account.ID {
			w.t.Errorf("contacts %v, %v", len(list), err)
		}
	})
}

// TestS086_FrozenWhileAdding: an account that is frozen while a contact is asked
// for lets nobody in.
func TestS086_FrozenWhileAdding(t *testing.T) {
	each(t, func(w *town) {
		v := w.byMail("both", "new@example.com").newPassword(good).want(step.TypeAddContact, "")
		w.exec(`UPDATE account SET state = 'frozen'`)
		v.do("skip").want(step.TypeIdentify, "account_frozen")
		w.exec(`UPDATE account SET state = 'active'`)
		w.later(time.Minute)
		again := w.begin("both").email("new@example.com")
		again.code(w.post.code("new@example.com")).want(step.TypeAddContact, "").phone(ada)
		w.exec(`UPDATE account SET state = 'blocked'`)
		again.code(w.post.code(ada)).want(step.TypeIdentify, "account_blocked")
		if n := w.sessions(); n != 0 {
			w.t.Errorf("%d sessions", n)
		}
	})
}
