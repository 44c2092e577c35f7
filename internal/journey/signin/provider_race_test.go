package signin_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// atOnce gives each visit its input at the same moment.
func (w *town) atOnce(visits []*visit, in ...flow.Input) {
	w.t.Helper()
	var wg sync.WaitGroup
	for i, v := range visits {
		wg.Go(func() {
			ticket, err := w.runner.Answer(w.t.Context(), v.visitor, v.handle, in[i%len(in)])
			if err != nil && fault.From(err) == nil {
				w.t.Error(err)
			}
			v.err = err
			if ticket.Step != nil {
				v.step = ticket.Step
			}
		})
	}
	wg.Wait()
}

// whole holds the two tables of links against each other and against accounts.
func (w *town) whole() {
	w.t.Helper()
	var odd int
	for what, query := range map[string]string{
		"links without a holder": `SELECT COUNT(*) FROM link l WHERE NOT EXISTS (SELECT 1 FROM link_holder h WHERE h.account_id = l.account_id AND h.provider = l.provider)`,
		"holders without a link": `SELECT COUNT(*) FROM link_holder h WHERE NOT EXISTS (SELECT 1 FROM link l WHERE h.account_id = l.account_id AND h.provider = l.provider)`,
		"links of nobody":        `SELECT COUNT(*) FROM link l WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = l.account_id)`,
	} {
		if err := w.db.QueryRow(w.t.Context(), query).Scan(&odd); err != nil || odd != 0 {
			w.t.Errorf("%d %s, %v", odd, what, err)
		}
	}
}

// TestS005_TwoFirstSignInsAtOnce: of first sign-ins of one person at once one makes
// the account, and all are in it.
func TestS005_TwoFirstSignInsAtOnce(t *testing.T) {
	each(t, func(w *town) {
		for round := range 4 {
			who := towntest.Somebody("g-"+string(rune('a'+round)), "Ada", "")
			// As after a change of the vendor's: one of the visits tells one more subject.
			more := who
			more.Subjects = append(slices.Clone(who.Subjects), towntest.Somebody("x-"+string(rune('a'+round)), "", "").Subjects...)
			more.Subjects[1].Scope = "openid:app"
			var visits []*visit
			for i := range 5 {
				visits = append(visits, w.begin("intl").visits(w.google, map[bool]provider.Identity{true: who, false: more}[i%2 == 0]).want(step.TypeLinkOrCreate, ""))
			}
			w.atOnce(visits, flow.Input{Input: "create"})
			made, ids := 0, map[string]bool{}
			for _, v := range visits {
				if v.step.StepType() == step.TypeAddContact {
					v.do("skip")
				}
				d := v.done()
				ids[d.Account.ID] = true
				if d.Created {
					made++
				}
			}
			if n := w.rows()["account"]; made != 1 || len(ids) != 1 || n != round+1 {
				t.Errorf("%d made it, they are in %v, there are %d accounts", made, ids, n)
			}
			w.whole()
		}
	})
}

// A new account and a link to one that is there, for one person at once: one of them
// holds the person, and nobody is told otherwise.
func TestS005_CreateAndLinkAtOnce(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		for round := range 4 {
			w.exec(`DELETE FROM quota`)
			who := towntest.Somebody("g-"+string(rune('a'+round)), "Ada", "")
			create := w.begin("intl").visits(w.google, who)
			link := w.begin("intl", on(o.device)).visits(w.google, who).do("link").phone(o.phone)
			link.code(w.post.code(o.phone)).want(step.TypePassword, "")
			w.atOnce([]*visit{create, link}, flow.Input{Input: "create"}, flow.Input{Input: "password", Password: o.password})
			linked := slices.Contains(w.linked(o.id), "google "+who.Subjects[0].Value)
			switch {
			case linked && link.done().Account.ID != o.id:
				t.Error("linked, and not in")
			case !linked:
				link.want(step.TypeIdentify, "linked_elsewhere")
			case create.step.StepType() == step.TypeDone && create.done().Account.ID != o.id:
				t.Errorf("linked to one account, in another")
			}
			w.whole()
			if linked {
				w.unlink(o.id, "google")
			}
			w.later(time.Hour)
		}
	})
}

// TestTopic_L02_LinkedElsewhere: one person at a provider who is linked to two
// accounts at once is linked to one; the other is told.
func TestTopic_L02_LinkedElsewhere(t *testing.T) {
	each(t, func(w *town) {
		w.signUp(ada)
		w.signUp(bob)
		w.later(2 * time.Hour)
		for round := range 4 {
			w.exec(`DELETE FROM quota`)
			who := towntest.Somebody("g-"+string(rune('a'+round)), "", "")
			var visits []*visit
			var in []flow.Input
			for _, number := range []string{ada, bob} {
				v := w.begin("intl").visits(w.google, who).do("link").phone(number).want(step.TypeCode, "")
				visits, in = append(visits, v), append(in, flow.Input{Input: "code", Code: w.post.code(number)})
			}
			w.atOnce(visits, in...)
			lost := 0
			for _, v := range visits {
				if v.err != nil {
					v.want(step.TypeIdentify, "linked_elsewhere")
					lost++
				}
			}
			if rows := w.rows(); lost != 1 || rows["link"] != 1 {
				t.Errorf("%d were told, %d links", lost, rows["link"])
			}
			w.whole()
			w.exec(`DELETE FROM link`)
			w.exec(`DELETE FROM link_holder`)
			w.later(time.Hour)
		}
	})
}

// Two journeys of one person that link the same to the same account both end in it.
func TestProvider_LinkTwiceAtOnce(t *testing.T) {
	each(t, func(w *town) {
		id := w.signUp(ada).Account.ID
		w.later(2 * time.Hour)
		var visits []*visit
		var in []flow.Input
		for range 2 {
			v := w.begin("intl").visits(w.google, adaThere).do("link").phone(ada).want(step.TypeCode, "")
			visits, in = append(visits, v), append(in, flow.Input{Input: "code", Code: w.post.code(ada)})
			w.later(time.Minute)
		}
		w.post.all(ada)
		w.atOnce(visits, in...)
		for _, v := range visits {
			if v.step.StepType() == step.TypeAddContact {
				v.do("skip")
			}
			if v.done().Account.ID != id {
				t.Errorf("in %s", v.done().Account.ID)
			}
		}
		if got := w.linked(id); !slices.Equal(got, []string{"google g-ada"}) {
			t.Errorf("linked %v", got)
		}
		n := 0
		for _, text := range w.post.all(ada) {
			if digits.FindString(text) == "" {
				n++
			}
		}
		if n == 0 {
			t.Error("nobody was told")
		}
		w.whole()
		var acts int
		number, _ := account.ReadID(id)
		if err := w.db.QueryRow(t.Context(), `SELECT COUNT(*) FROM audit WHERE account_id = $1 AND kind = 'linked'`, int64(number)).Scan(&acts); err != nil || acts != 1 {
			t.Errorf("%d acts, %v", acts, err)
		}
	})
}
