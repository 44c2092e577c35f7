package linking_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// TestUnlink: with a fresh proof the link goes, what rested on it ends, every contact
// is told, and the grant is given back at the provider after the commit.
func TestUnlink(t *testing.T) {
	each(t, func(w *town) {
		p := w.Person(ada, adaMail, password)
		w.has(p.ID, w.google, lin, "refresh-token")
		w.Later(4 * 24 * time.Hour)
		old := p.SignsIn(p.Secret)
		if got := code(w.Unlink(t.Context(), p.Live(old), "google")); got != "proof_required" {
			t.Errorf("with one proof: %q", got)
		}
		resting := w.resting(p, "google", "tab")
		token := fresh(p)
		for _, name := range []string{"wechat", "", "google\x00", "nobody"} {
			if got := code(w.Unlink(t.Context(), p.Live(token), name)); got != "not_found" {
				t.Errorf("%q: %q", name, got)
			}
		}
		if err := w.Unlink(t.Context(), p.Live(token), "google"); err != nil {
			t.Fatal(err)
		}
		if len(w.linked(p.ID)) != 0 || did(p, audit.Unlinked) != 1 || p.Live(resting) != nil || p.Live(token) == nil {
			t.Errorf("linked %v, history %v", w.linked(p.ID), p.History())
		}
		if got := code(w.Unlink(t.Context(), p.Live(token), "google")); got != "not_found" {
			t.Errorf("again: %q", got)
		}
		for _, to := range []string{ada, adaMail} {
			if got := strings.Join(w.Post.All(to), "\n"); !strings.Contains(got, "Google account was unlinked") {
				t.Errorf("%s was told %q", to, got)
			}
		}
		if len(w.google.given) != 0 {
			t.Error("the provider was asked before the commit")
		}
		w.work(func() bool { return w.revocations() == 0 })
		if !slices.Equal(w.google.given, []provider.Grant{{Token: "refresh-token"}}) {
			t.Errorf("given back: %v", w.google.given)
		}
		w.has(p.ID, w.google, lin, "") // it is free again
	})
}

// TestGivingBack: a provider that is down is asked again; one that knows the grant no
// more has what it wants; and nothing is given back of a person who was linked anew.
func TestGivingBack(t *testing.T) {
	each(t, func(w *town) {
		p := w.Person(ada, adaMail, password)
		unlinks := func() {
			t.Helper()
			w.has(p.ID, w.google, lin, "token")
			w.Later(4 * 24 * time.Hour)
			if err := w.Unlink(t.Context(), p.Live(fresh(p)), "google"); err != nil {
				t.Fatal(err)
			}
		}
		tries := func() (n int) {
			err := w.Town.DB.QueryRow(t.Context(), `SELECT attempt FROM job WHERE kind = 'link.revoke' AND error <> ''`).Scan(&n)
			if err != nil {
				return 0
			}
			return n
		}
		w.google.down = provider.Fail(provider.Temporary, "503")
		unlinks()
		w.work(func() bool { return tries() == 1 })
		w.google.down = nil
		w.Clock.Advance(time.Minute)
		w.work(func() bool { return w.revocations() == 0 })
		if len(w.google.given) != 1 {
			t.Errorf("given back %d times", len(w.google.given))
		}
		w.google.down = provider.Fail(provider.InvalidCode, "invalid_token")
		unlinks()
		w.work(func() bool { return w.revocations() == 0 })
		w.google.down = nil
		unlinks()
		w.has(p.ID, w.google, lin, "a new one")
		w.work(func() bool { return w.revocations() == 0 })
		if len(w.google.given) != 1 {
			t.Errorf("what was linked anew was given back: %v", w.google.given)
		}
	})
}

// TestGrantsAreSealed: no grant stands in the clear in the store (S-53).
func TestS053_GrantsAreSealed(t *testing.T) {
	each(t, func(w *town) {
		p := w.Person(ada, adaMail, password)
		w.has(p.ID, w.google, lin, "refresh-token")
		w.Later(4 * 24 * time.Hour)
		if err := w.Unlink(t.Context(), p.Live(fresh(p)), "google"); err != nil {
			t.Fatal(err)
		}
		var payload []byte
		if err := w.Town.DB.QueryRow(t.Context(), `SELECT payload FROM job WHERE kind = 'link.revoke'`).Scan(&payload); err != nil {
			t.Fatal(err)
		}
		if text := string(payload); text == "" || strings.Contains(text, "refresh") || strings.Contains(text, "g-lin") {
			t.Errorf("the job holds %q", text)
		}
	})
}

// TestS073_TheLastWayInStays: what opens the account by itself stays, and with it what
// 2-step verification needs.
func TestS073_TheLastWayInStays(t *testing.T) {
	each(t, func(w *town) {
		p := w.stranger(w.google, lin)
		live := func() *session.Live { return p.Live(w.resting(p, "google", "one")) }
		if got := code(w.Unlink(t.Context(), live(), "google")); got != "last_way_in" {
			t.Errorf("the only link: %q", got)
		}
		p.Sets(password) // half a proof on a new device
		w.Later(4 * 24 * time.Hour)
		l := live()
		l.Proved = append(l.Proved, session.Proof{Method: "password", At: w.Clock.Now()})
		if got := code(w.Unlink(t.Context(), l, "google")); got != "last_way_in" {
			t.Errorf("beside a password: %q", got)
		}
		o, err := w.Overview(t.Context(), l, "page")
		if err != nil || len(o.Linked) != 1 || o.Linked[0].Kept == nil || o.Linked[0].Kept.Code != "last_way_in" {
			t.Errorf("overview: %+v, %v", o.Linked, err)
		}
		// A second link that opens nothing is no other way in.
		w.has(p.ID, w.wechat, towntest.Somebody("w-1", "", ""), "")
		w.Do(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := w.Links.Suspend(ctx, tx, p.ID, "wechat")
			return err
		})
		if got := code(w.Unlink(t.Context(), l, "google")); got != "last_way_in" {
			t.Errorf("beside a suspended one: %q", got)
		}

		q := w.Person(ada, "", "")
		w.has(q.ID, w.google, towntest.Somebody("g-2", "", ""), "")
		w.Do(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := w.House.Accounts.SetTwoStep(ctx, tx, q.ID, true)
			return err
		})
		w.Later(4 * 24 * time.Hour)
		l = q.Live(q.SignsIn(q.Secret))
		l.Proved = append(l.Proved, session.Proof{Method: "linked", Key: "google", At: w.Clock.Now()})
		if got := code(w.Unlink(t.Context(), l, "google")); got != "last_second_step" {
			t.Errorf("the first of two steps: %q", got)
		}
	})
}

// TestS073_UnderRaces: of the last two ways in, taken away at once on two nodes by
// their owner and by providers, one stays.
func TestS073_UnderRaces(t *testing.T) {
	each(t, func(w *town) {
		other := w.node()
		mine := towntest.Somebody("w-mine", "", "")
		revoked := func(n *town, v *vendor, who provider.Identity) error {
			v.says = provider.Received{Notices: []provider.Notice{{ID: rand(), Kind: provider.Revoked, Subjects: who.Subjects, At: w.Clock.Now()}}}
			_, err := n.Receive(context.WithoutCancel(t.Context()), v.Name(), provider.Message{})
			return err
		}
		for what, race := range map[string]func(l *session.Live, who, mine provider.Identity) []func() error{
			"the owner twice": func(l *session.Live, _, _ provider.Identity) []func() error {
				return []func() error{
					func() error { return w.Unlink(context.WithoutCancel(t.Context()), l, "google") },
					func() error { return other.Unlink(context.WithoutCancel(t.Context()), l, "wechat") }}
			},
			"the owner and a provider": func(l *session.Live, _, mine provider.Identity) []func() error {
				return []func() error{
					func() error { return w.Unlink(context.WithoutCancel(t.Context()), l, "google") },
					func() error { return revoked(other, other.wechat, mine) }}
			},
			"two providers": func(_ *session.Live, who, mine provider.Identity) []func() error {
				return []func() error{
					func() error { return revoked(w, w.google, who) },
					func() error { return revoked(other, other.wechat, mine) }}
			},
		} {
			who := towntest.Somebody("g-"+rand(), "", "")
			mine.Subjects = []provider.Subject{{Scope: "global", Value: "w-" + rand()}}
			p := w.stranger(w.google, who)
			w.has(p.ID, w.wechat, mine, "")
			w.Later(4 * 24 * time.Hour)
			acts := race(p.Live(w.resting(p, "google", "one")), who, mine)
			errs := make(chan error, len(acts))
			for _, act := range acts {
				go func() { errs <- act() }()
			}
			for range acts {
				if err := <-errs; err != nil && code(err) != "last_way_in" && code(err) != "session_required" {
					t.Errorf("%s: %v", what, err)
				}
			}
			if got := w.linked(p.ID); len(got) != 1 {
				t.Errorf("%s: left are %v", what, got)
			}
		}
	})
}

// TestChangesAreLimited: who links and unlinks all day is stopped, because each is told
// by a text.
func TestChangesAreLimited(t *testing.T) {
	each(t, func(w *town) {
		p := w.Person(ada, adaMail, password)
		w.has(p.ID, w.google, lin, "")
		w.Later(4 * 24 * time.Hour)
		l := p.Live(fresh(p))
		got := ""
		for n := 0; n < 30 && got == ""; n++ {
			if got = code(w.Unlink(t.Context(), l, "google")); got == "" {
				w.has(p.ID, w.google, lin, "")
			}
		}
		if got != "rate_limited" {
			t.Errorf("stopped by %q", got)
		}
	})
}
