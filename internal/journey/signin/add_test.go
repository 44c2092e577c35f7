package signin_test

import (
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// live checks a session token as a door does.
func (w *town) live(token string) *session.Live {
	w.t.Helper()
	l, err := w.house.Sessions.Check(w.t.Context(), w.db, token)
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

// beginAdding begins change_email or change_phone as a signed-in person.
func (w *town) beginAdding(kind string, me *session.Live) *visit {
	w.t.Helper()
	v := &visit{town: w, visitor: flow.Visitor{Locale: "en", Session: me}}
	t, err := w.runner.Begin(w.t.Context(), v.visitor, flow.Begin{Kind: kind})
	if err != nil && fault.From(err) == nil {
		w.t.Fatal(err)
	}
	v.handle, v.step, v.err = flow.Handle{ID: t.ID, Key: t.Key}, t.Step, err
	return v
}

// TestTopic_R02_AddEmail: a signed-in person adds the e-mail that the account
// lacks, and then signs in with a code to it.
func TestTopic_R02_AddEmail(t *testing.T) {
	each(t, func(w *town) {
		d := w.signUp(ada)
		me := w.live(d.Session.Token)
		v := w.beginAdding("change_email", me).want(step.TypeAddContact, "")
		v.give(flow.Input{Input: "email", Email: "ada@example.com"}).want(step.TypeCode, "")
		code := w.post.code("ada@example.com")
		v.code(other(code)).want(step.TypeCode, "code_wrong")
		if end := v.code(code).done(); end.Session != nil || end.Account.ID != d.Account.ID {
			t.Errorf("ended in %+v; want the account and no new session", end)
		}
		w.beginAdding("change_email", me).give(flow.Input{Input: "email", Email: "other@example.com"}).want(step.TypeAddContact, "method_unavailable")
		again := w.begin("intl").give(flow.Input{Input: "email", Email: "ada@example.com"}).want(step.TypeCode, "")
		if end := again.code(w.post.code("ada@example.com")).done(); end.Account.ID != d.Account.ID {
			t.Errorf("the e-mail opens %s; want %s", end.Account.ID, d.Account.ID)
		}
	})
}

// TestS067_AddingNeedsAFreshProof: without a session, with an old proof, or from
// another session nothing is added (S-70).
func TestS067_AddingNeedsAFreshProof(t *testing.T) {
	each(t, func(w *town) {
		if v := w.beginAdding("change_email", nil); !session.Required.Is(v.err) {
			t.Errorf("without a session: %v", v.err)
		}
		me := w.live(w.signUp(ada).Session.Token)
		stranger := w.live(w.signUp(bob).Session.Token)
		v := w.beginAdding("change_email", me).give(flow.Input{Input: "email", Email: "ada@example.com"}).want(step.TypeCode, "")
		code := w.post.code("ada@example.com")
		for name, who := range map[string]*session.Live{"nobody": nil, "a stranger": stranger} {
			v.visitor.Session = who
			v.code(code)
			if !session.Required.Is(v.err) {
				t.Errorf("%s goes on with the journey: %v", name, v.err)
			}
		}
		v.visitor.Session = me
		w.later(10*time.Minute + time.Second)
		if v.code(code); !session.ProofRequired.Is(v.err) {
			t.Errorf("with a proof of ten minutes ago: %v", v.err)
		}
		if late := w.beginAdding("change_email", me); !session.ProofRequired.Is(late.err) {
			t.Errorf("beginning with an old proof: %v", late.err)
		}
	})
}

// TestTopic_C06_AddedPhoneHasOneHolder: the number of another account is refused
// only once it was proved, and nothing changes.
func TestTopic_C06_AddedPhoneHasOneHolder(t *testing.T) {
	each(t, func(w *town) {
		w.signUp(bob)
		v := w.begin("intl").give(flow.Input{Input: "email", Email: "ada@example.com"})
		v.code(w.post.code("ada@example.com")).want(step.TypeNewPassword, "")
		d := v.give(flow.Input{Input: "new_password", Password: "correct horse battery"}).done()
		me := w.live(d.Session.Token)
		add := w.beginAdding("change_phone", me).phone(bob).want(step.TypeCode, "")
		add.code(w.post.code(bob)).want(step.TypeAddContact, "contact_in_use")
		add.phone(ada).want(step.TypeCode, "")
		add.code(w.post.code(ada)).done()
	})
}
