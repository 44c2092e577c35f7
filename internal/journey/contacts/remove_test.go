package contacts_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/contacts"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// removals tells how many proofs each removal asks of an account with everything;
// the policy says, and twins find out.
func (w *town) removals() map[string]int {
	w.Helper()
	n := map[string]int{}
	for i, kind := range []string{"remove_phone", "remove_email"} {
		twin := w.owner("intl", []string{"+8613600136001", "+8613600136002"}[i], kind+"@example.com", secret)
		for v := twin.begin(kind).do("confirm"); v.step.StepType() != step.TypeDone; n[kind]++ {
			v.give(twin.pending(v))
		}
	}
	return n
}

// removal walks a removal up to its n-th and last proof, and answers the input of that.
func (p *person) removal(kind string, n int) (v *visit, last flow.Input) {
	p.Helper()
	v = p.begin(kind).want(step.TypeConfirm, "").do("confirm")
	for ; n > 1; n-- {
		v.give(p.pending(v))
	}
	return v, p.pending(v)
}

// pending is the input that gives the proof that a journey asks for, where
// choosing one is part of the way.
func (p *person) pending(v *visit) flow.Input {
	p.Helper()
	if s, ok := v.step.(step.ChooseMethod); ok && len(s.Methods) > 0 {
		v.give(flow.Input{Input: "method", Method: s.Methods[0].Method})
	}
	switch s := v.step.(type) {
	case step.Code:
		return flow.Input{Input: "code", Code: p.post.code(map[string]string{"sms": p.contact(contact.Phone), "email": p.contact(contact.Email)}[s.Channel])}
	case step.Password:
		return flow.Input{Input: "password", Password: secret}
	}
	p.Fatalf("at %+v with %v", v.step, v.err)
	return flow.Input{}
}

// TestTopic_R10_Remove: told what will happen, proved, gone; the old contact has a
// link to undo it.
func TestTopic_R10_Remove(t *testing.T) {
	each(t, func(w *town) {
		n := w.removals()["remove_email"]
		p := w.owner("intl", ada, adaMail, secret)
		v, last := p.removal("remove_email", n)
		if v.give(last).want(step.TypeDone, ""); p.contact(contact.Email) != "" || !p.did(audit.ContactRemoved) {
			t.Error("it is there still, or not in the history")
		}
		if w.post.link(adaMail) == "" || w.post.link(ada) == "" {
			t.Error("the removed e-mail and the phone have no link to object")
		}
		if id, err := w.house.Contacts.Holder(t.Context(), w.db, contact.Email, adaMail); id != 0 || err != nil {
			t.Errorf("it is still held: %v, %v", id, err)
		}
	})
}

// TestS073_LastWayIn: what is the last way in, or back, or what the region wants
// stays, and that is told before anything is proved for nothing.
func TestS073_LastWayIn(t *testing.T) {
	for name, c := range map[string]struct {
		region, kind, code string
		has                []string
	}{
		"the only contact":                     {"intl", "remove_phone", "last_way_in", []string{ada}},
		"a password lets in, but not back":     {"intl", "remove_phone", "last_way_in", []string{ada, secret}},
		"what the region wants":                {"cn", "remove_phone", "contact_required", []string{ada, adaMail, secret}},
		"what is not there":                    {"intl", "remove_phone", "contact_missing", []string{adaMail, secret}},
		"another contact lets in and back too": {"intl", "remove_phone", "", []string{ada, adaMail}},
		"what the region does not want":        {"cn", "remove_email", "", []string{ada, adaMail}},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *town) {
				v := w.owner(c.region, c.has...).begin(c.kind).do("confirm")
				if c.code != "" {
					v.want(step.TypeConfirm, c.code)
				} else if v.err != nil {
					t.Errorf("refused: %v", v.err)
				}
			})
		})
	}
}

// TestS073_TwoRemovalsAtOnce: of two removals in the same moment, which together
// would leave nothing, one wins.
func TestS073_TwoRemovalsAtOnce(t *testing.T) {
	each(t, func(w *town) {
		n := w.removals()
		p := w.owner("intl", ada, adaMail, secret)
		type half struct {
			*visit
			last flow.Input
		}
		var both []half
		for _, kind := range []string{"remove_phone", "remove_email"} {
			v, last := p.removal(kind, n[kind])
			both = append(both, half{v, last})
		}
		var wg sync.WaitGroup
		errs := make([]error, len(both))
		for i, one := range both {
			wg.Go(func() {
				ticket, err := w.runner.Answer(context.WithoutCancel(t.Context()), one.visitor, one.handle, one.last)
				one.step, errs[i] = ticket.Step, err
			})
		}
		wg.Wait()
		var ends []string
		for i, one := range both {
			one.err = errs[i]
			for one.err == nil && one.step.StepType() != step.TypeDone { // what was proved is gone with the other: it asks for more
				one.give(p.pending(one.visit))
			}
			ends = append(ends, "done")
			if one.err != nil {
				ends[i] = fault.From(one.err).Code
			}
		}
		if slices.Sort(ends); !slices.Equal(ends, []string{"done", "last_way_in"}) {
			t.Errorf("the two ended in %q; want one done and one last_way_in", ends)
		}
		if phone, mail := p.contact(contact.Phone), p.contact(contact.Email); (phone == "") == (mail == "") {
			t.Errorf("left are %q and %q; want one of them", phone, mail)
		}
	})
}

// object uses a link.
func (w *town) object(token string) (contacts.Objection, string) {
	w.Helper()
	o, err := w.house.Object(w.Context(), token, flow.Visitor{DeviceName: "Firefox"})
	if err == nil {
		return o, ""
	}
	f := fault.From(err)
	if f == nil {
		w.Fatal(err)
	}
	return o, f.Code
}

// TestS069_ObjectionUndoesAndFreezes: for each change that has happened, its link
// puts back what was there, with its age, freezes the account, and works once.
func TestS069_ObjectionUndoesAndFreezes(t *testing.T) {
	for name, c := range map[string]struct {
		do         func(p *person)
		link       string
		kind       contact.Kind
		there, now string // after the change, after the objection
	}{
		"changed": {func(p *person) {
			v := p.begin("change_phone").phone(adaNew)
			for v.step.StepType() != step.TypeDone {
				p.prove(v, adaNew)
			}
		}, ada, contact.Phone, adaNew, ada},
		"removed": {func(p *person) {
			v := p.begin("remove_email").do("confirm")
			for v.step.StepType() != step.TypeDone {
				v.give(p.pending(v))
			}
		}, adaMail, contact.Email, "", adaMail},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *town) {
				p := w.owner("intl", ada, adaMail, secret)
				if c.do(p); p.contact(c.kind) != c.there {
					w.Fatalf("after the change it is %q", p.contact(c.kind))
				}
				link := w.post.link(c.link)
				for range 3 { // scanners
					if o, err := w.house.Look(t.Context(), link); err != nil || o.Refused != nil || o.Waits || !o.Freezes {
						w.Fatalf("Look: %+v, %v", o, err)
					}
				}
				w.clock.Advance(wait - time.Second)
				if _, code := w.object(link); code != "" {
					w.Fatalf("the objection is refused: %s", code)
				}
				list, err := w.house.Contacts.List(t.Context(), w.db, p.id)
				if err != nil {
					w.Fatal(err)
				}
				if had, _ := contact.Of(list, c.kind); had.Address != c.now || w.clock.Now().Sub(had.VerifiedAt) < wait+7*24*time.Hour-time.Second {
					t.Errorf("after the objection: %+v", had)
				}
				if s := p.account().State; s != account.IsFrozen {
					t.Errorf("the account is %s; want frozen", s)
				}
				w.do(func(ctx context.Context, tx *sqldb.Tx) error {
					still, err := w.house.Sessions.Still(ctx, tx, p.visitor.Session)
					if still {
						t.Error("the session of before still stands")
					}
					return err
				})
				if _, code := w.object(link); code != "objection_used" {
					t.Errorf("a second time: %q", code)
				}
				if got := w.post.all(c.link); len(got) != 1 {
					t.Errorf("who objected was told %d times", len(got))
				}
			})
		})
	}
}

// TestS069_ObjectionIsOver: not after its time, not with another's token.
func TestS069_ObjectionIsOver(t *testing.T) {
	each(t, func(w *town) {
		p := w.owner("intl", ada)
		v := p.begin("change_phone").phone(adaNew)
		for v.step.StepType() != step.TypeDone {
			p.prove(v, adaNew)
		}
		link := w.post.link(ada)
		w.clock.Advance(wait)
		if _, code := w.object(link); code != "objection_expired" || p.contact(contact.Phone) != adaNew {
			t.Errorf("after its time: %q", code)
		}
		if _, code := w.object(link + "A"); code != "not_found" {
			t.Errorf("with another token: %q", code)
		}
	})
}

// TestS069_AThiefsTimeline: a thief with the phone changes it twice and then the
// owner objects by the link of the first change: the owner's number is back, and
// nothing of the thief's is left or remembered.
func TestS069_AThiefsTimeline(t *testing.T) {
	each(t, func(w *town) {
		p := w.owner("intl", ada, adaMail)
		var links []string
		for _, n := range []string{adaNew, bob} {
			v := p.begin("change_phone").phone(n)
			for v.step.StepType() != step.TypeDone {
				p.prove(v, n)
			}
			links = append(links, w.post.link(adaMail))
			w.clock.Advance(time.Hour)
			p.signIn()
		}
		if _, code := w.object(links[0]); code != "" || p.contact(contact.Phone) != ada {
			t.Errorf("refused with %q; the phone is %q", code, p.contact(contact.Phone))
		}
		if _, code := w.object(links[1]); code != "objection_used" {
			t.Errorf("the later change is still open: %q", code)
		}
		for _, n := range []string{adaNew, bob} {
			if list, err := w.house.Contacts.FormerHolders(t.Context(), w.db, contact.Phone, n); err != nil || len(list) != 0 {
				t.Errorf("%s is remembered: %v, %v", n, list, err)
			}
		}
	})
}

// TestS070_ObjectionStopsWhatWaits: the veto wins over a change without the old one.
func TestS070_ObjectionStopsWhatWaits(t *testing.T) {
	each(t, func(w *town) {
		p := w.owner("intl", ada, adaMail, secret)
		p.withoutOld("change_email", adaNewMail)
		o, code := w.object(w.post.link(adaMail))
		if code != "" || !o.Waits {
			w.Fatalf("%+v, %q", o, code)
		}
		w.clock.Advance(wait)
		if w.due(); p.contact(contact.Email) != adaMail || p.account().State != account.IsFrozen {
			t.Error("it happened, or the account is not frozen")
		}
	})
}
