package contacts_test

import (
	"context"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// claim disputes a phone, from the refusal of an addition, up to the wait.
func (p *person) claim(phone string) *visit {
	p.Helper()
	v := p.begin("change_phone").phone(phone).want(step.TypeCode, "").code(phone).want(step.TypeAddContact, "contact_in_use")
	return v.do("dispute").want(step.TypeConfirm, "").do("confirm")
}

// two are an owner of a number and somebody who proves to hold it, without one.
func (w *town) two(has ...string) (owner, claimant *person) {
	w.Helper()
	owner = w.owner("intl", has...)
	claimant = w.owner("intl", adaNewMail)
	claimant.secret = "another device" + claimant.secret[14:]
	claimant.signIn(policy.EmailCode)
	return owner, claimant
}

// TestTopic_R11_Dispute: the holder is told on every contact and has 72 hours; if
// nobody objects the number comes to who proved to hold it.
func TestTopic_R11_Dispute(t *testing.T) {
	each(t, func(w *town) {
		owner, claimant := w.two(bob, adaMail)
		v := claimant.claim(bob).want(step.TypeWait, "")
		if s := v.step.(step.Wait); s.Reason != "claim_phone" || len(s.Told) != 0 {
			t.Errorf("the step is %+v; want nothing about the other account", s)
		}
		for name, p := range map[string]*person{"dispute_phone": owner, "claim_phone": claimant} {
			list, err := w.house.Waiting(t.Context(), p.visitor.Session)
			if err != nil || len(list) != 1 || string(list[0].Kind) != name || list[0].Shown == "" {
				t.Errorf("%s sees %+v, %v", name, list, err)
			}
		}
		if w.post.link(adaMail) == "" || w.post.link(bob) != "" {
			t.Error("the link to object is for the holder's other contacts only")
		}
		w.clock.Advance(wait)
		w.due()
		if w.due(); owner.contact(contact.Phone) != "" || claimant.contact(contact.Phone) != bob {
			t.Errorf("the owner has %q, the claimant %q", owner.contact(contact.Phone), claimant.contact(contact.Phone))
		}
		if !owner.did(audit.ContactReleased) || !claimant.did(audit.ContactAdded) || len(w.post.all(adaMail)) == 0 || len(w.post.all(adaNewMail)) == 0 {
			t.Error("somebody was not told, or a history lacks it")
		}
		if list, err := w.house.Contacts.FormerHolders(t.Context(), w.db, contact.Phone, bob); err != nil || len(list) != 0 {
			t.Errorf("who has the number now could come back into the account that had it: %v, %v", list, err)
		}
	})
}

// TestS172_LastWayIn: a disputed contact goes even if it is the last way in, and
// that stands in the history.
func TestS172_LastWayIn(t *testing.T) {
	each(t, func(w *town) {
		owner, claimant := w.two(bob)
		claimant.claim(bob).want(step.TypeWait, "")
		w.clock.Advance(wait)
		w.due()
		list, err := w.house.Audit.List(t.Context(), w.db, owner.id, time.Time{}, 1)
		if err != nil || len(list) != 1 || list[0].Kind != audit.ContactReleased || list[0].Details["last_way"] != "yes" {
			t.Errorf("the history says %+v, %v", list, err)
		}
		if claimant.contact(contact.Phone) != bob {
			t.Error("the number did not come")
		}
	})
}

// TestS172_TheOwnerObjects: signed in or by the link, and then nothing happens and
// nobody is frozen: both may be right.
func TestS172_TheOwnerObjects(t *testing.T) {
	for name, object := range map[string]func(p *person, link string) error{
		"signed in": func(p *person, _ string) error {
			list, err := p.house.Waiting(p.Context(), p.visitor.Session)
			if err != nil {
				return err
			}
			return p.house.Withdraw(p.Context(), p.visitor.Session, list[0].ID)
		},
		"by the link": func(p *person, link string) error {
			_, err := p.house.Object(p.Context(), link, p.visitor)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *town) {
				owner, claimant := w.two(bob, adaMail)
				claimant.claim(bob).want(step.TypeWait, "")
				w.post.all(adaNewMail)
				if err := object(owner, w.post.link(adaMail)); err != nil {
					w.Fatal(err)
				}
				if got := w.post.all(adaNewMail); len(got) != 1 {
					t.Errorf("the claimant was told %q", got)
				}
				w.clock.Advance(wait)
				if w.due(); owner.contact(contact.Phone) != bob || claimant.contact(contact.Phone) != "" {
					t.Error("the number changed hands all the same")
				}
				if owner.account().State != account.Active || !owner.did(audit.ChangeObjected) {
					t.Error("the account is frozen, or the history says nothing")
				}
				if list, _ := w.house.Waiting(t.Context(), claimant.visitor.Session); len(list) != 0 {
					t.Errorf("the claim still waits: %+v", list)
				}
			})
		})
	}
}

// TestS081_ProtectedAccountsKeepTheirContacts: what its owner or a rule has
// secured does not let go of a number for a code alone, before or while it is
// disputed.
func TestS081_ProtectedAccountsKeepTheirContacts(t *testing.T) {
	secure := map[string]func(ctx context.Context, w *town, tx *sqldb.Tx, p *person) error{
		"protected": func(ctx context.Context, w *town, tx *sqldb.Tx, p *person) error {
			_, err := w.house.Accounts.SetProtected(ctx, tx, p.id, true)
			return err
		},
		"frozen": func(ctx context.Context, w *town, tx *sqldb.Tx, p *person) error {
			_, err := w.house.Accounts.Change(ctx, tx, p.id, account.Cause{Event: account.Freeze, By: account.Owner})
			return err
		},
	}
	for name, f := range secure {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *town) {
				owner, claimant := w.two(bob, adaMail)
				claimant.claim(bob).want(step.TypeWait, "")
				w.do(func(ctx context.Context, tx *sqldb.Tx) error { return f(ctx, w, tx, owner) })
				w.clock.Advance(wait)
				if w.due(); owner.contact(contact.Phone) != bob || claimant.contact(contact.Phone) != "" {
					t.Error("the number left an account that was secured meanwhile")
				}
				claimant.signIn(policy.EmailCode)
				claimant.claim(bob).want(step.TypeAddContact, "contact_protected")
			})
		})
	}
}

// TestS172_DisputesAreFew: one at a time over a contact, two a month, and three of
// one person.
func TestS172_DisputesAreFew(t *testing.T) {
	each(t, func(w *town) {
		owner, claimant := w.two(bob, adaMail)
		other := w.owner("intl", "third@example.com")
		other.signIn(policy.EmailCode)
		for range 2 {
			claimant.signIn(policy.EmailCode)
			claimant.claim(bob).want(step.TypeWait, "")
			claimant.claim(bob).want(step.TypeWait, "") // the same again
			if v := other.claim(bob).want(step.TypeAddContact, "disputes_limited"); !v.retryAt().Equal(w.clock.Now().Add(wait)) {
				t.Errorf("again at %v; want when the first is over", v.retryAt())
			}
			list, err := w.house.Waiting(t.Context(), owner.visitor.Session)
			if err != nil || len(list) != 1 {
				w.Fatalf("%+v, %v", list, err)
			}
			if err := w.house.Withdraw(t.Context(), owner.visitor.Session, list[0].ID); err != nil {
				w.Fatal(err)
			}
			w.clock.Advance(2 * policy.FreshFor)
			other.signIn(policy.EmailCode)
		}
		claimant.signIn(policy.EmailCode)
		claimant.claim(bob).want(step.TypeAddContact, "disputes_limited")
	})
}

// TestTopic_R11_DisputeKind: the journey of its own, from the contacts page, and
// its refusals.
func TestTopic_R11_DisputeKind(t *testing.T) {
	each(t, func(w *town) {
		_, claimant := w.two(bob, adaMail)
		claimant.begin("dispute_phone").phone(adaNew).want(step.TypeCode, "").code(adaNew).want(step.TypeAddContact, "contact_free")
		v := claimant.begin("dispute_phone").phone(bob).want(step.TypeCode, "").code(bob).want(step.TypeConfirm, "")
		v.do("back").want(step.TypeAddContact, "")
		v.phone(bob).want(step.TypeAddContact, "codes_limited")
	})
}
