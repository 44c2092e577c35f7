package linking_test

import (
	"context"
	cryptorand "crypto/rand"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

func rand() string { return cryptorand.Text() }

// tells has a provider say something of a person, now.
func (w *town) tells(v *vendor, kind provider.NoticeKind, who provider.Identity) error {
	w.Helper()
	v.says = provider.Received{Notices: []provider.Notice{{ID: rand(), Kind: kind, Subjects: who.Subjects, At: w.Clock.Now()}}}
	return w.again(v)
}

// again delivers what was said last once more.
func (w *town) again(v *vendor) error {
	w.Helper()
	_, err := w.Receive(w.Context(), v.Name(), provider.Message{Method: "POST"})
	return err
}

// TestNotices: what each kind of notice does to a link, to the sessions that rest on it
// and to the history; and it counts once (S-87, S-150).
func TestNotices(t *testing.T) {
	each(t, func(w *town) {
		p := w.Person(ada, adaMail, password)
		for _, tt := range []struct {
			kind      provider.NoticeKind
			linked    bool
			suspended bool
			name      string // that is left
			ends      bool
			act       audit.Kind
			told      string
		}{
			{provider.Revoked, false, false, "", true, audit.LinkRevoked, "ended the link"},
			{provider.Deleted, false, false, "", true, audit.LinkClosed, "ended the link"},
			{provider.DataDeletion, false, false, "", true, audit.LinkErased, "asked us to delete"},
			{provider.SessionsRevoked, true, false, "Lin", true, audit.LinkSessionsEnded, ""},
			{provider.Disabled, true, true, "Lin", false, audit.LinkSuspended, "disabled your account there"},
			{provider.Hijacked, true, true, "Lin", true, audit.LinkSuspended, "disabled your account there"},
			{provider.AtRisk, true, false, "Lin", false, audit.LinkAtRisk, ""},
			{provider.MailOff, true, false, "Lin", false, audit.LinkMailOff, ""},
			{provider.MailOn, true, false, "Lin", false, audit.LinkMailOn, ""},
			{provider.Profile, true, false, "", false, audit.LinkForgotten, ""},
			{provider.Enabled, true, false, "Lin", false, "", ""}, // it was not disabled
			{provider.Verification, true, false, "Lin", false, "", ""},
			{provider.Unknown, true, false, "Lin", false, "", ""},
			{"something new", true, false, "Lin", false, "", ""},
		} {
			w.has(p.ID, w.google, lin, "grant")
			w.Clock.Advance(time.Hour)
			w.Post.All(ada)
			token, history := w.resting(p, "google", "tab"), len(p.History())
			own := p.SignsIn(p.Secret)
			for range 3 { // S-87: what comes again changes nothing
				if err := w.again2(tt.kind, lin); err != nil {
					t.Errorf("%s: %v", tt.kind, err)
				}
			}
			l, err := w.Links.Load(t.Context(), w.Town.DB, p.ID, "google")
			if (err == nil) != tt.linked || l.Name != tt.name || l.Works() == tt.suspended && tt.linked {
				t.Errorf("%s: the link is %+v, %v", tt.kind, l, err)
			}
			if ended := p.Live(token) == nil; ended != tt.ends {
				t.Errorf("%s: the session that rests on it ended: %v", tt.kind, ended)
			}
			if p.Live(own) == nil {
				t.Errorf("%s ended another session", tt.kind)
			}
			got := p.History()[history:]
			if want := []audit.Kind{tt.act}; tt.act != "" && !slices.Equal(got, want) || tt.act == "" && len(got) != 0 {
				t.Errorf("%s: history %v", tt.kind, got)
			}
			texts := w.Post.All(ada)
			if tt.told == "" && len(texts) != 0 || tt.told != "" && (len(texts) != 1 || !strings.Contains(texts[0], tt.told)) {
				t.Errorf("%s: told %q", tt.kind, texts)
			}
			w.Do(func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := w.Links.Remove(ctx, tx, p.ID, "google")
				if err == sqldb.ErrNone {
					return nil
				}
				return err
			})
			w.ids = ""
		}
	})
}

// again2 delivers one notice of a kind; the second time it has the same ID.
func (w *town) again2(kind provider.NoticeKind, who provider.Identity) error {
	if w.ids == "" {
		w.ids = rand()
	}
	w.google.says = provider.Received{Notices: []provider.Notice{{ID: w.ids, Kind: kind, Subjects: who.Subjects, At: w.Clock.Now()}}}
	return w.again(w.google)
}

// TestS170_ASuspensionIsTakenBackByItsProviderOnly: enabled undoes disabled and nothing
// else, and not one that is older than the suspension.
func TestS170_EnabledUndoesDisabledOnly(t *testing.T) {
	each(t, func(w *town) {
		p := w.Person(ada, adaMail, password)
		w.has(p.ID, w.google, lin, "")
		w.has(p.ID, w.wechat, towntest.Somebody("g-lin", "", ""), "") // the same subject elsewhere is somebody else
		w.Clock.Advance(time.Hour)
		works := func() bool {
			l, err := w.Links.Load(t.Context(), w.Town.DB, p.ID, "google")
			return err == nil && l.Works()
		}
		early := provider.Notice{ID: "early", Kind: provider.Enabled, Subjects: lin.Subjects, At: w.Clock.Now().Add(-time.Minute)}
		if err := w.tells(w.google, provider.Disabled, lin); err != nil || works() {
			t.Fatalf("disabled: %v, %v", err, works())
		}
		w.google.says = provider.Received{Notices: []provider.Notice{early}}
		if err := w.again(w.google); err != nil || works() {
			t.Errorf("an older message: %v, %v", err, works())
		}
		if err := w.tells(w.wechat, provider.Enabled, lin); err != nil || works() {
			t.Errorf("by another provider: %v, %v", err, works())
		}
		w.Clock.Advance(time.Minute)
		if err := w.tells(w.google, provider.Enabled, lin); err != nil || !works() || did(p, audit.LinkRestored) != 1 {
			t.Errorf("enabled: %v, %v, %v", err, works(), p.History())
		}
	})
}

// TestS087_ForgedReplayedAndStale: what is not signed changes nothing; what is older
// than the link is about an earlier one; what is about nobody finds nobody.
func TestS087_ForgedReplayedAndStale(t *testing.T) {
	each(t, func(w *town) {
		p := w.Person(ada, adaMail, password)
		w.has(p.ID, w.google, lin, "")
		w.Clock.Advance(time.Hour)
		n := provider.Notice{ID: "one", Kind: provider.Revoked, Subjects: lin.Subjects, At: w.Clock.Now()}
		say := func(n provider.Notice) {
			t.Helper()
			w.google.says = provider.Received{Notices: []provider.Notice{n}}
			if err := w.again(w.google); err != nil {
				t.Fatal(err)
			}
		}
		for reason, want := range map[provider.Reason]string{provider.Untrusted: "notice_refused", provider.Malformed: "notice_refused", provider.Temporary: "unavailable"} {
			w.google.says, w.google.refuses = provider.Received{Notices: []provider.Notice{n}}, provider.Fail(reason, "signature")
			if got := code(w.again(w.google)); got != want {
				t.Errorf("%s: %q", reason, got)
			}
		}
		w.google.refuses = nil
		for _, name := range []string{"qq", "nobody", "google\x00", ""} {
			if _, err := w.Receive(t.Context(), name, provider.Message{}); code(err) != "not_found" {
				t.Errorf("%q: %v", name, err)
			}
		}
		for what, other := range map[string][]provider.Subject{"nobody": nil, "another scope": {{Scope: "app:2", Value: "g-lin"}}, "somebody else": {{Scope: "global", Value: "g-lin2"}}} {
			stranger := n
			stranger.ID, stranger.Subjects = what, other
			say(stranger)
		}
		if got := w.linked(p.ID); !slices.Equal(got, []string{"google"}) || did(p, audit.LinkRevoked) != 0 {
			t.Fatalf("linked %v, %v", got, p.History())
		}
		say(n)
		if got := w.linked(p.ID); len(got) != 0 {
			t.Fatalf("linked %v", got)
		}
		w.Clock.Advance(time.Hour)
		w.has(p.ID, w.google, lin, "")
		say(n)         // it came before
		n.ID = "other" // or is called otherwise, and older than the link
		say(n)
		if got := w.linked(p.ID); !slices.Equal(got, []string{"google"}) || did(p, audit.LinkRevoked) != 1 {
			t.Errorf("linked %v, %v", got, p.History())
		}
	})
}

// TestNoticesAtOnce: one message on two nodes at once counts once.
func TestS087_OneMessageOnTwoNodes(t *testing.T) {
	each(t, func(w *town) {
		p, other := w.Person(ada, adaMail, password), w.node()
		w.has(p.ID, w.google, lin, "")
		w.Clock.Advance(time.Hour)
		says := provider.Received{Notices: []provider.Notice{{ID: "one", Kind: provider.Hijacked, Subjects: lin.Subjects, At: w.Clock.Now()}}}
		w.google.says, other.google.says = says, says
		errs := make(chan error)
		for n := range 8 {
			go func() {
				_, err := []*town{w, other}[n%2].Receive(context.WithoutCancel(t.Context()), "google", provider.Message{})
				errs <- err
			}()
		}
		for range 8 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if n := did(p, audit.LinkSuspended); n != 1 {
			t.Errorf("it counted %d times", n)
		}
	})
}

// TestS170_TheLastWayInIsKept: where nothing else opens the account, a provider's
// message ends sessions and forgets what came from there, but does not shut the owner
// out; the account stays what it is, also while it is frozen.
func TestS170_TheLastWayInIsKept(t *testing.T) {
	each(t, func(w *town) {
		p := w.stranger(w.google, lin)
		token := w.resting(p, "google", "tab")
		if err := w.tells(w.google, provider.Revoked, lin); err != nil {
			t.Fatal(err)
		}
		l, err := w.Links.Load(t.Context(), w.Town.DB, p.ID, "google")
		if err != nil || !l.Works() || l.Name != "" || l.Email != "" || len(l.Grant) != 0 || p.Live(token) != nil || did(p, audit.LinkKept) != 1 {
			t.Errorf("the link is %+v, %v; %v", l, err, p.History())
		}
		q := w.Person(ada, adaMail, password)
		w.has(q.ID, w.wechat, lin, "")
		w.Do(func(ctx context.Context, tx *sqldb.Tx) error { return w.Freeze.Secure(ctx, tx, q.Account(), "test") })
		w.Clock.Advance(time.Minute)
		if err := w.tells(w.wechat, provider.Revoked, lin); err != nil || len(w.linked(q.ID)) != 0 || q.Account().State != "frozen" {
			t.Errorf("frozen: %v, %v, %s", err, w.linked(q.ID), q.Account().State)
		}
	})
}

// TestHints: what nothing proves counts only if the provider confirms it, and does not
// have us ask all day.
func TestS150_HintsAreConfirmed(t *testing.T) {
	each(t, func(w *town) {
		p := w.Person(ada, adaMail, password)
		w.has(p.ID, w.google, lin, "grant")
		w.Clock.Advance(time.Hour)
		hint := func(who provider.Identity) error {
			w.google.says = provider.Received{Notices: []provider.Notice{{ID: rand(), Kind: provider.Revoked, Subjects: who.Subjects, At: w.Clock.Now(), Hint: true}}}
			return w.again(w.google)
		}
		if err := hint(towntest.Somebody("g-nobody", "", "")); err != nil || w.google.asked != 0 {
			t.Errorf("of nobody: %v, asked %d times", err, w.google.asked)
		}
		if err := hint(lin); err != nil || len(w.linked(p.ID)) != 1 || w.google.asked != 1 {
			t.Errorf("not confirmed: %v, %v, asked %d times", err, w.linked(p.ID), w.google.asked)
		}
		w.google.down = provider.Fail(provider.Temporary, "")
		if err := hint(lin); code(err) != "unavailable" || len(w.linked(p.ID)) != 1 {
			t.Errorf("down: %v", err)
		}
		w.google.down, w.google.gone = nil, true
		if err := hint(lin); err != nil || len(w.linked(p.ID)) != 0 {
			t.Errorf("confirmed: %v, %v", err, w.linked(p.ID))
		}
		w.has(p.ID, w.google, lin, "grant")
		w.Clock.Advance(time.Second)
		asked := w.google.asked
		for range 5 {
			if err := hint(lin); err != nil {
				t.Error(err)
			}
		}
		if w.google.asked != asked || len(w.linked(p.ID)) != 1 {
			t.Errorf("asked %d times within the hour", w.google.asked)
		}
		silent := &struct{ *towntest.Vendor }{towntest.NewVendor("silent")} // tells nothing at all
		w.Providers = provider.NewBook(silent)
		if _, err := w.Receive(t.Context(), "silent", provider.Message{}); code(err) != "not_found" {
			t.Errorf("silent: %v", err)
		}
	})
}

// TestDeletion: a request to delete data is answered with a code and an address that
// say what happened and nothing else; the same request has the same answer.
func TestDeletion(t *testing.T) {
	each(t, func(w *town) {
		p, alone := w.Person(ada, adaMail, password), w.stranger(w.google, towntest.Somebody("g-alone", "Solo", "solo@example.org"))
		w.has(p.ID, w.google, lin, "grant")
		w.Clock.Advance(time.Hour)
		seen := map[string]bool{}
		ask := func(id string, who provider.Identity) (code string) {
			t.Helper()
			w.google.says = provider.Received{Delete: true, Notices: []provider.Notice{{ID: id, Kind: provider.DataDeletion, Subjects: who.Subjects, At: w.Clock.Now()}}}
			reply, err := w.Receive(t.Context(), "google", provider.Message{Method: "POST"})
			if err != nil || reply == nil || reply.Status != 200 || reply.Type != "application/json" {
				t.Fatalf("%s: %+v, %v", id, reply, err)
			}
			var says struct {
				URL  string `json:"url"`
				Code string `json:"confirmation_code"`
			}
			if err := json.Unmarshal(reply.Body, &says); err != nil {
				t.Fatal(err)
			}
			at, err := url.Parse(says.URL)
			if err != nil || at.Host != "id.example.test" || at.Path != "/federation/deletion" || at.Query().Get("c") != says.Code {
				t.Errorf("%s: %s", id, reply.Body)
			}
			return says.Code
		}
		for id, tt := range map[string]struct {
			who    provider.Identity
			result string
		}{
			"linked": {lin, "deleted"}, "nobody": {towntest.Somebody("g-nobody", "", ""), "nothing"}, "alone": {towntest.Somebody("g-alone", "", ""), "kept"},
		} {
			code := ask(id, tt.who)
			w.Clock.Advance(time.Hour)
			d, err := w.Deletion(t.Context(), code)
			if err != nil || d.Result != tt.result || d.Provider != "google" || !d.At.Equal(w.Clock.Now().Add(-time.Hour)) {
				t.Errorf("%s: %+v, %v", id, d, err)
			}
			if again := ask(id, tt.who); again != code || seen[code] {
				t.Errorf("%s: %s, then %s", id, code, again)
			}
			seen[code] = true
		}
		first := ask("linked", lin)
		if err := w.House.Ring.Rotate(); err != nil { // under a new key too
			t.Fatal(err)
		}
		if again := ask("linked", lin); again != first {
			t.Errorf("after a rotation %s, before %s", again, first)
		}
		if len(w.linked(p.ID)) != 0 || len(w.linked(alone.ID)) != 1 {
			t.Errorf("linked: %v, %v", w.linked(p.ID), w.linked(alone.ID))
		}
		for _, no := range []string{"", "x", strings.Repeat("a", 26), first + "a", strings.ToUpper(first), first[:25] + "\x00"} {
			if _, err := w.Deletion(t.Context(), no); code(err) != "not_found" {
				t.Errorf("%q: %v", no, err)
			}
		}
		w.Clock.Advance(3 * 365 * 24 * time.Hour)
		if _, err := w.Deletion(t.Context(), first); code(err) != "not_found" {
			t.Errorf("after years: %v", err)
		}
		if err := w.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		n := -1
		if err := w.Town.DB.QueryRow(t.Context(), `SELECT COUNT(*) FROM federation_deletion`).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d rows are left, %v", n, err)
		}
	})
}
