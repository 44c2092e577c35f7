package linking_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// elsewhere is a journey of somebody who was told that another account has the link.
func (w *town) elsewhere(p *towntest.Person, at *vendor, who provider.Identity) *towntest.Visit {
	w.Helper()
	return w.visits(w.begins(w.on(p, fresh(p), "page"), at.Name()), at, who).Want(step.TypeConfirm, "linked_elsewhere")
}

// TestMove: a link comes here from another account of the same person, after proof of
// that one too. Both are told, and what rested on the link there ends.
func TestMove(t *testing.T) {
	each(t, func(w *town) {
		old, p := w.Person(bob, bobMail, password), w.Person(ada, adaMail, password)
		w.has(old.ID, w.google, lin, "grant")
		w.Later(4 * 24 * time.Hour)
		token := w.resting(old, "google", "old")
		v := w.elsewhere(p, w.google, lin)
		if said := v.Said(); strings.Contains(said, old.ID.String()) || strings.Contains(said, "@") || strings.Contains(said, "+1") {
			t.Errorf("it says too much: %s", said)
		}
		v.Just("confirm").Want(step.TypePassword, "").Just("other_way").Want(step.TypeChooseMethod, "")
		choose := v.Step.(step.ChooseMethod)
		if choose.For != "unlink" || !slices.Equal(choose.Proved, []string{"linked"}) || !slices.Contains(choose.Inputs, "back") {
			t.Errorf("asked for %+v", choose)
		}
		v.By("password").Password(password)
		if done := v.Done(); done.Result != "moved" || done.Account.ID != p.ID.String() {
			t.Errorf("done: %+v", done)
		}
		if here, there := w.linked(p.ID), w.linked(old.ID); !slices.Equal(here, []string{"google"}) || len(there) != 0 {
			t.Errorf("here %v, there %v", here, there)
		}
		if did(p, audit.Linked) != 1 || did(old, audit.LinkMoved) != 1 {
			t.Errorf("histories: %v, %v", p.History(), old.History())
		}
		if old.Live(token) != nil {
			t.Error("a session that rests on the link goes on")
		}
		for to, what := range map[string]string{ada: "was linked", adaMail: "was linked", bob: "opens another account", bobMail: "moved away"} {
			if got := strings.Join(w.Post.All(to), "\n"); !strings.Contains(got, what) {
				t.Errorf("%s was told %q", to, got)
			}
		}
		if w.revocations() != 0 {
			t.Error("what was moved is given back")
		}
	})
}

// TestMoveIsRefused: what stands in the way is told, and nothing is lost.
func TestMoveIsRefused(t *testing.T) {
	each(t, func(w *town) {
		p := w.Person(ada, adaMail, password)
		alone := w.stranger(w.google, lin)
		w.elsewhere(p, w.google, lin).Just("confirm").Want(step.TypeConfirm, "last_way_in") // S-73

		other := towntest.Somebody("g-other", "", "")
		old := w.Person(bob, bobMail, password)
		w.has(old.ID, w.google, other, "")
		w.Later(4 * 24 * time.Hour)
		v := w.elsewhere(p, w.google, other)
		w.Later(11 * time.Minute)
		v.Just("confirm").Want(step.TypeChooseMethod, "proof_required") // of the own account
		v.By("sms_code").CodeOf(ada)
		v.By("password").Password(password).Want(step.TypeConfirm, "")
		v.Just("confirm").Want(step.TypeRedirect, "provider_failed") // and the sign-in there is too old too
		w.visits(v, w.google, other).Want(step.TypeConfirm, "linked_elsewhere").Just("back").Want(step.TypeRedirect, "")

		v = w.elsewhere(p, w.google, other)
		v.Just("confirm").Want(step.TypePassword, "").Just("back").Want(step.TypeRedirect, "")

		v = w.elsewhere(p, w.google, other)
		w.Do(func(ctx context.Context, tx *sqldb.Tx) error { return w.Freeze.Secure(ctx, tx, old.Account(), "test") })
		v.Just("confirm").Want(step.TypeConfirm, "account_frozen") // S-86

		if got := slices.Concat(w.linked(alone.ID), w.linked(old.ID)); !slices.Equal(got, []string{"google", "google"}) || len(w.linked(p.ID)) != 0 {
			t.Errorf("linked: %v and %v", got, w.linked(p.ID))
		}
	})
}

// TestMoveAsksForAllThatUnlinkingAsks: the sign-in at the provider alone moves nothing:
// who took over somebody's account there does not take the link here with it (S-43).
func TestMoveAsksForAllThatUnlinkingAsks(t *testing.T) {
	each(t, func(w *town) {
		victim, thief := w.Person(bob, bobMail, password), w.Person(ada, adaMail, password)
		w.has(victim.ID, w.google, lin, "")
		w.Later(4 * 24 * time.Hour)
		v := w.elsewhere(thief, w.google, lin).Just("confirm").Want(step.TypePassword, "")
		v.Password("not it").Want(step.TypePassword, "credentials_invalid")
		v.Just("check").Want(step.TypePassword, "journey_step")
		if got := w.linked(victim.ID); !slices.Equal(got, []string{"google"}) || len(w.linked(thief.ID)) != 0 {
			t.Errorf("linked: %v, %v", got, w.linked(thief.ID))
		}
	})
}

// answers gives inputs to journeys at once and answers the codes of their refusals.
func (w *town) answers(in []flow.Input, nodes []*town, visits []*towntest.Visit) []string {
	w.Helper()
	out := make([]string, len(visits))
	done := make(chan struct{})
	for i, v := range visits {
		go func() {
			_, err := nodes[i%len(nodes)].Runner.Answer(context.WithoutCancel(w.Context()), v.Visitor, v.Handle, in[i])
			out[i] = code(err)
			done <- struct{}{}
		}()
	}
	for range visits {
		<-done
	}
	return out
}

// TestTwoAccountsLinkOnePersonAtOnce: one of them has the link, the other is told
// where it is; on two nodes.
func TestTwoAccountsLinkOnePersonAtOnce(t *testing.T) {
	each(t, func(w *town) {
		nodes := []*town{w, w.node()}
		nodes[1].Desk.Providers, nodes[1].Providers = w.Desk.Providers, w.Providers // one outside world
		var visits []*towntest.Visit
		var people []*towntest.Person
		for _, phone := range []string{ada, bob} {
			p := w.Person(phone, "", password)
			people = append(people, p)
		}
		for _, p := range people {
			v := w.begins(w.on(p, fresh(p), "page"), "google")
			w.returns(v, map[string][]string{"code": {w.google.Slip(lin, "")}})
			visits = append(visits, v)
		}
		got := w.answers([]flow.Input{{Input: "check"}, {Input: "check"}}, nodes, visits)
		slices.Sort(got)
		if !slices.Equal(got, []string{"", "linked_elsewhere"}) {
			t.Errorf("answers %q", got)
		}
		if n := len(w.linked(people[0].ID)) + len(w.linked(people[1].ID)); n != 1 {
			t.Errorf("%d links", n)
		}
	})
}

// TestTwoMovesAtOnceInBothDirections: two people who share two accounts move one
// link each way at once; neither waits for the other for ever, and both have moved.
func TestTwoMovesAtOnceInBothDirections(t *testing.T) {
	each(t, func(w *town) {
		nodes := []*town{w, w.node()}
		nodes[1].Desk.Providers, nodes[1].Providers = w.Desk.Providers, w.Providers
		a, b := w.Person(ada, adaMail, password), w.Person(bob, bobMail, password)
		mine := towntest.Somebody("w-mine", "", "")
		w.has(a.ID, w.google, lin, "")
		w.has(b.ID, w.wechat, mine, "")
		w.Later(4 * 24 * time.Hour)
		ready := func(p *towntest.Person, at *vendor, who provider.Identity) *towntest.Visit {
			return w.elsewhere(p, at, who).Just("confirm").Want(step.TypePassword, "")
		}
		visits := []*towntest.Visit{ready(a, w.wechat, mine), ready(b, w.google, lin)}
		in := flow.Input{Input: "password", Password: password}
		if got := w.answers([]flow.Input{in, in}, nodes, visits); !slices.Equal(got, []string{"", ""}) {
			t.Fatalf("answers %q", got)
		}
		if x, y := w.linked(a.ID), w.linked(b.ID); !slices.Equal(x, []string{"wechat"}) || !slices.Equal(y, []string{"google"}) {
			t.Errorf("a has %v, b has %v", x, y)
		}
	})
}

// TestOneLinkIsMovedOnce: two accounts move one link at once; one has it then.
func TestOneLinkIsMovedOnce(t *testing.T) {
	each(t, func(w *town) {
		nodes := []*town{w, w.node()}
		nodes[1].Desk.Providers, nodes[1].Providers = w.Desk.Providers, w.Providers
		old := w.Person("+14155550125", "old@example.com", password)
		w.has(old.ID, w.google, lin, "")
		people := []*towntest.Person{w.Person(ada, "", password), w.Person(bob, "", password)}
		var visits []*towntest.Visit
		for _, p := range people {
			visits = append(visits, w.elsewhere(p, w.google, lin).Just("confirm").Want(step.TypePassword, ""))
		}
		in := flow.Input{Input: "password", Password: password}
		got := w.answers([]flow.Input{in, in}, nodes, visits)
		slices.Sort(got)
		if !slices.Equal(got, []string{"", "provider_failed"}) {
			t.Errorf("answers %q", got)
		}
		if n := len(w.linked(people[0].ID)) + len(w.linked(people[1].ID)); n != 1 || len(w.linked(old.ID)) != 0 || did(old, audit.LinkMoved) != 1 {
			t.Errorf("%d links, %v left, %v", n, w.linked(old.ID), old.History())
		}
	})
}
