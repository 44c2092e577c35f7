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
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

const eveWord = "eve was here first"

// stolen is an account after a takeover: other contacts, another password, a
// passkey and a third-party account of the thief's, and a session.
func stolen(w *towntest.Town) (p *towntest.Person, thief string) {
	w.Helper()
	p = w.Person(ada, adaMail, before)
	links(p, "apple", "ada")
	w.Later(time.Hour)
	thief = p.SignsIn("thief")
	p.Sets(eveWord)
	w.Later(time.Minute)
	p.Replaces(contact.Email, eveMail)
	w.Later(time.Minute)
	p.Replaces(contact.Phone, eve)
	p.AddsPasskey()
	p.AddsCodes()
	links(p, "google", "eve")
	w.Later(time.Hour)
	return p, thief
}

func (s undone) check(t *testing.T, p *towntest.Person) {
	t.Helper()
	if diff := cmp.Diff([]string{ada, adaMail}, p.Contacts()); diff != "" {
		t.Errorf("contacts: %s", diff)
	}
	if !p.Knows(s.password) || p.Live(s.thief) != nil {
		t.Errorf("the new password is in force: %v; the thief is signed in: %v", p.Knows(s.password), p.Live(s.thief) != nil)
	}
	keys, err := p.Recovery.Passkeys.List(t.Context(), p.DB, p.ID)
	if err != nil || len(keys) != 0 {
		t.Errorf("%d passkeys of the thief are left, %v", len(keys), err)
	}
	codes, err := p.Recovery.RecoveryCodes.Load(t.Context(), p.DB, p.ID)
	if err != nil || codes.IsSet() {
		t.Errorf("recovery codes of the thief are left, %v", err)
	}
	if linked, err := p.Recovery.Links.List(t.Context(), p.DB, p.ID); err != nil || len(linked) != 1 || linked[0].Provider != "apple" {
		t.Errorf("linked are %+v, %v; want the owner's alone", linked, err)
	}
	if holder, _, err := p.Recovery.Links.Holder(t.Context(), p.DB, "google", subject("eve")); err != nil || holder != 0 {
		t.Errorf("the thief's third-party account still opens %v, %v", holder, err)
	}
	if !slices.Contains(p.History(), audit.TakeoverUndone) {
		t.Errorf("the history lacks it: %v", p.History())
	}
}

type undone struct{ password, thief string }

// TestTopic_X01_TakeoverUndo: the phone and the password of before open a recovery
// that puts everything back together; everybody is told, and only the owner can
// object.
func TestTopic_X01_TakeoverUndo(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p, thief := stolen(w)
		w.Later(10 * 24 * time.Hour)
		v := recover(w).Phone(ada).Want(step.TypeCode, "").CodeOf(ada)
		// A former phone alone does not overthrow an account that had a password.
		v.Want(step.TypeChooseMethod, "")
		v.By("password").Password(eveWord).Want(step.TypePassword, "credentials_invalid")
		w.Post.All(eve)
		w.Post.All(eveMail)
		w.Post.All(adaMail)
		d := v.Password(before).Want(step.TypeNewPassword, "").NewPassword(after).Done()
		if d.Result != "recovered" || p.Live(d.Session.Token) == nil {
			w.Errorf("the end is %+v", d)
		}
		undone{after, thief}.check(t, p)
		if told := w.Post.All(adaMail); len(told) != 1 || !strings.Contains(told[0], "/objection?token=") {
			w.Errorf("the owner's e-mail was told %q", told)
		}
		for _, to := range []string{eve, eveMail} {
			if told := w.Post.All(to); len(told) != 1 || strings.Contains(told[0], "token=") {
				w.Errorf("%s was told %q", to, told)
			}
		}
	})
}

// TestTopic_X01_ByTheAccountID: who remembers nothing but the ID says that somebody
// changed the rest, and proves with what there was before.
func TestTopic_X01_ByTheAccountID(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p, thief := stolen(w)
		v := recover(w).Username(p.ID.String()).Want(step.TypeChooseMethod, "").Just("taken_over").Want(step.TypeChooseMethod, "")
		v.By("email_code").Want(step.TypeCode, "").CodeOf(adaMail).Want(step.TypeChooseMethod, "")
		if to := v.Step.(step.ChooseMethod).Methods; !slices.ContainsFunc(to, func(m step.Method) bool { return m.Method == "sms_code" && strings.HasSuffix(m.To, "123") }) {
			w.Errorf("the ways are %+v: they are not those of before", to)
		}
		v.By("password").Password(before).Want(step.TypeChooseMethod, "") // an e-mail is not much
		v.By("sms_code").CodeOf(ada).Want(step.TypeNewPassword, "").NewPassword(after).Done()
		undone{after, thief}.check(t, p)
	})
}

// TestTopic_X01_NotByTheThief: what the thief brought cannot undo the undoing, nor
// can a link that the thief's contacts got.
func TestTopic_X01_NotByTheThief(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p, _ := stolen(w)
		var link string
		p.Do(func(ctx context.Context, tx *sqldb.Tx) (err error) {
			link, err = p.Recovery.Changes.Begin(ctx, tx, change.Change{AccountID: p.ID, Kind: change.ChangePhone, State: change.Done,
				Before: ada, After: eve, ObjectUntil: tx.Now().Add(14 * 24 * time.Hour)})
			return err
		})
		recover(w).Phone(ada).CodeOf(ada).By("password").Password(before).NewPassword(after).Done()
		w.Later(time.Hour)
		for _, who := range []string{eve, "+1 415 555 0199"} {
			recover(w).Phone(who).Want(step.TypeCode, "")
			if n := len(w.Post.All(eve)); n > 1 {
				w.Errorf("%d messages to the thief", n)
			}
		}
		recover(w).Username(p.ID.String()).Just("taken_over").By("password").Password(eveWord).Want(step.TypePassword, "credentials_invalid")
		c, err := p.Recovery.Changes.Find(w.Context(), p.DB, link)
		if err != nil || c.Objectionable(w.Clock.Now()) {
			w.Errorf("the link of before the undoing is %s, %v", c.State, err)
		}
	})
}

// TestTopic_X01_ATwiceMovedPhone: a thief who changes the phone again leaves a
// former phone of his own, which is nobody's; the owner's still works.
func TestTopic_X01_ATwiceMovedPhone(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, "", before)
		p.Replaces(contact.Phone, eve)
		w.Later(24 * time.Hour)
		p.Replaces(contact.Phone, "+14155550188")
		w.Later(time.Hour)
		w.Post.All(eve)
		recover(w).Phone(eve).Want(step.TypeCode, "") // it leads to the owner's phone
		if got := w.Post.All(eve); len(got) != 0 {
			w.Errorf("the thief's former phone got %q", got)
		}
		w.Later(time.Hour)
		w.Post.All(ada)
		recover(w).Phone(ada).CodeOf(ada).Want(step.TypeChooseMethod, "").By("password").Password(before).NewPassword(after).Done()
		if diff := cmp.Diff([]string{ada}, p.Contacts()); diff != "" {
			w.Error(diff)
		}
	})
}

// TestTopic_X01_TheEarlierOwnerWins: of two who had the account one after the
// other, whoever undoes, the earlier one can undo that for as long as it is known
// what there was; the later one cannot.
func TestTopic_X01_TheEarlierOwnerWins(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p := w.Person(ada, "", before)
		p.Replaces(contact.Phone, eve)
		p.Sets(eveWord)
		w.Later(5 * 24 * time.Hour) // long enough to count as somebody's
		p.Replaces(contact.Phone, "+14155550188")
		w.Later(24 * time.Hour)
		recover(w).Phone(eve).CodeOf(eve).By("password").Password(eveWord).NewPassword("eve is back again").Done()
		if diff := cmp.Diff([]string{eve}, p.Contacts()); diff != "" {
			w.Fatal(diff)
		}
		w.Later(24 * time.Hour)
		recover(w).Phone(ada).CodeOf(ada).By("password").Password(before).NewPassword(after).Done()
		if diff := cmp.Diff([]string{ada}, p.Contacts()); diff != "" {
			w.Fatal(diff)
		}
		w.Later(24 * time.Hour)
		w.Post.All(eve)
		v := recover(w).Phone(eve).Want(step.TypeCode, "")
		if got := w.Post.All(eve); len(got) > 0 {
			w.Errorf("the later owner got %q", got)
		}
		v.Code("123456").Want(step.TypeCode, "code_wrong")
		if diff := cmp.Diff([]string{ada}, p.Contacts()); diff != "" {
			w.Fatal(diff)
		}
	})
}

// TestTopic_X01_OnlyForTwoWeeks: after that what was before opens nothing.
func TestTopic_X01_OnlyForTwoWeeks(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		stolen(w)
		w.Later(14 * 24 * time.Hour)
		w.Post.All(ada)
		recover(w).Phone(ada).Want(step.TypeCode, "").Code("123456").Want(step.TypeCode, "code_wrong")
		if got := w.Post.All(ada); len(got) != 0 {
			w.Errorf("the former phone got %q", got)
		}
	})
}

// TestTopic_X01_ThePhoneIsTaken: a contact that another account has by now stays
// there; the rest is put back.
func TestTopic_X01_ThePhoneIsTaken(t *testing.T) {
	towntest.Each(t, func(w *towntest.Town) {
		p, _ := stolen(w)
		other := &towntest.Person{Town: w, ID: account.NewID()}
		w.Do(func(ctx context.Context, tx *sqldb.Tx) error {
			return w.Recovery.Accounts.Create(ctx, tx, account.Account{ID: other.ID, Region: "intl", Locale: "en"})
		})
		other.Gets(contact.Phone, ada)
		recover(w).Email(adaMail).CodeOf(adaMail).By("sms_code").CodeOf(ada).Want(step.TypeChooseMethod, "").By("password").Password(before).NewPassword(after).Done()
		if diff := cmp.Diff([]string{adaMail}, p.Contacts()); diff != "" {
			w.Error(diff)
		}
		if diff := cmp.Diff([]string{ada}, other.Contacts()); diff != "" {
			w.Error(diff)
		}
	})
}
