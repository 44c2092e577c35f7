package federation_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

func TestVisit(t *testing.T) {
	each(t, func(o *office) {
		for _, surface := range []string{"page", "in_app", "app"} {
			w := o.departs(surface, "google")
			if back, err := w.collects(); back != nil || err != nil {
				o.t.Errorf("%s: before anything came: %v, %v", surface, back, err)
			}
			w = o.leaves(surface, "google")
			a := o.google.attempts[len(o.google.attempts)-1]
			want := map[string]provider.Surface{"page": provider.Page, "in_app": provider.InApp, "app": provider.Page}[surface]
			if !provider.CheckState(a.State) || a.Nonce != w.trip.Nonce || a.Verifier != w.trip.Verifier || a.Callback != "https://id.example.test/federation/google/callback" ||
				a.Surface != want || a.Language != "de" || a.Again {
				o.t.Errorf("%s: asked is %+v", surface, a)
			}
			if strings.Contains(mustJSON(o.t, o.Show(w.trip)), w.state) {
				o.t.Errorf("%s: the step holds the state", surface)
			}
			got, err := w.arrives(w.with("code", "code-of-the-first-visit"))
			arrival := federation.Arrival{JourneyID: w.journey.ID, Kind: "signin", Here: surface != "app", Provider: "google"}
			if diff := cmp.Diff(arrival, got); err != nil || diff != "" {
				o.t.Errorf("%s: %v, %s", surface, err, diff)
			}
			if all := o.stored(); strings.Contains(all, "code-of-the-first-visit") || strings.Contains(all, w.state) || strings.Contains(all, w.trip.Verifier) {
				o.t.Errorf("%s: the tables hold the answer, the state or the verifier in clear", surface)
			}
			who, err := w.ends()
			if err != nil || who.Subjects[0].Value != "1" || who.Provider != "google" || !who.At.Equal(o.DB.Now()) {
				o.t.Errorf("%s: %+v, %v", surface, who, err)
			}
			a.Language, a.State = "", w.state
			if asked := o.google.attempts[len(o.google.attempts)-1]; asked != a {
				o.t.Errorf("%s: it is swapped as %+v, asked was %+v", surface, asked, a)
			}
			if diff := cmp.Diff(w.with("code", "code-of-the-first-visit"), o.google.answers[len(o.google.answers)-1]); diff != "" {
				o.t.Errorf("%s: %s", surface, diff)
			}
			if _, err := w.ends(); why(err) != "provider_failed state_used" {
				o.t.Errorf("%s: once more: %v", surface, err)
			}
		}
	})
}

// TestS045_Callbacks: an answer counts only for a visit that is under way, from the
// browser that went and at the address of the provider that was asked. Whatever is
// refused leaves the visit as it was.
func TestS045_Callbacks(t *testing.T) {
	each(t, func(o *office) {
		for _, surface := range []string{"page", "app"} {
			for name, tt := range map[string]struct {
				do   func(w *visit) (federation.Arrival, error)
				want string
			}{
				"no state": {func(w *visit) (federation.Arrival, error) { return w.arrives(url.Values{"code": {"c"}}) }, "provider_failed state_unknown"},
				"state twice": {func(w *visit) (federation.Arrival, error) {
					return w.arrives(w.with("code", "c", "state", w.state))
				}, "provider_failed state_unknown"},
				"a foreign state": {func(w *visit) (federation.Arrival, error) {
					return w.arrives(url.Values{"code": {"c"}, "state": {strings.Repeat("0", 64)}})
				}, "provider_failed state_unknown"},
				"the ticket as state": {func(w *visit) (federation.Arrival, error) {
					return w.arrives(url.Values{"code": {"c"}, "state": {w.trip.Ticket}})
				}, "provider_failed state_unknown"},
				"a state of 10 KiB": {func(w *visit) (federation.Arrival, error) {
					return w.arrives(url.Values{"code": {"c"}, "state": {strings.Repeat("a", 10<<10)}})
				}, "provider_failed state_unknown"},
				"a state in capitals": {func(w *visit) (federation.Arrival, error) {
					return w.arrives(url.Values{"code": {"c"}, "state": {strings.ToUpper(w.state)}})
				}, "provider_failed state_unknown"},
				"at another provider's address": {func(w *visit) (federation.Arrival, error) { // S-46
					return w.Arrive(w.t.Context(), "apple", false, w.with("code", "c"), w.browser, w.journey, w.mine)
				}, "provider_failed other_provider"},
				"at the address of none": {func(w *visit) (federation.Arrival, error) {
					return w.Arrive(w.t.Context(), "weibo", false, w.with("code", "c"), w.browser, w.journey, w.mine)
				}, "provider_not_offered"},
				"without a cookie": {func(w *visit) (federation.Arrival, error) {
					return w.Arrive(w.t.Context(), "google", false, w.with("code", "c"), "", w.journey, w.mine)
				}, "provider_failed other_browser"},
				"from another browser": {func(w *visit) (federation.Arrival, error) {
					return w.Arrive(w.t.Context(), "google", false, w.with("code", "c"), w.other, w.journey, w.mine)
				}, "provider_failed other_browser"},
				"by POST at a provider that does not": {func(w *visit) (federation.Arrival, error) {
					return w.Arrive(w.t.Context(), "google", true, w.with("code", "c"), w.browser, w.journey, w.mine)
				}, "provider_failed state_unknown"},
			} {
				w := o.leaves(surface, "google")
				if _, err := tt.do(w); why(err) != tt.want {
					o.t.Errorf("%s, %s: %v", surface, name, err)
				}
				if back, err := w.collects(); back != nil || err != nil {
					o.t.Errorf("%s, %s: it counts: %v, %v", surface, name, back, err)
				}
				if _, err := w.arrives(w.with("code", "right")); err != nil {
					o.t.Errorf("%s, %s: the right one is refused after it: %v", surface, name, err)
				}
			}
		}
	})
}

// A journey at a page of ours goes on in the browser that has it, and nowhere else:
// neither with an answer that a stranger made for it, nor with the address that a
// stranger's journey gave.
func TestS045_OnlyThePageThatBegan(t *testing.T) {
	each(t, func(o *office) {
		strangers := o.departs("page", "google")
		for name, h := range map[string]func(w *visit) flow.Handle{
			"no journey":       func(*visit) flow.Handle { return flow.Handle{} },
			"another journey":  func(*visit) flow.Handle { return strangers.journey },
			"the wrong key":    func(w *visit) flow.Handle { return flow.Handle{ID: w.journey.ID, Key: strangers.journey.Key} },
			"a key of nothing": func(w *visit) flow.Handle { return flow.Handle{ID: w.journey.ID} },
		} {
			w := o.leaves("page", "google")
			if _, err := o.Arrive(o.t.Context(), "google", false, w.with("code", "c"), o.browser, h(w), o.mine); why(err) != "provider_failed other_browser" {
				o.t.Errorf("%s: %v", name, err)
			}
			if back, err := w.collects(); back != nil || err != nil {
				o.t.Errorf("%s: it counts: %v, %v", name, back, err)
			}
		}
		w := o.leaves("page", "google") // from another network nobody is asked: the journey's key says it
		if a, err := o.Arrive(o.t.Context(), "google", false, w.with("code", "c"), o.browser, w.journey, o.faraway); err != nil || !a.Here || a.Confirm != "" {
			o.t.Errorf("%+v, %v", a, err)
		}
	})
}

func TestS045_Stale(t *testing.T) {
	each(t, func(o *office) {
		w, waits, late := o.leaves("app", "google"), o.departs("app", "google"), o.leaves("app", "google")
		if _, err := late.arrives(late.with("code", "c")); err != nil {
			o.t.Fatal(err)
		}
		o.clock.Advance(federation.TripLife)
		if _, err := w.arrives(w.with("code", "c")); why(err) != "provider_failed expired" {
			o.t.Errorf("coming back: %v", err)
		}
		if _, err := o.Leave(o.t.Context(), waits.trip.Ticket, ""); why(err) != "provider_failed expired" {
			o.t.Errorf("leaving: %v", err)
		}
		if _, err := w.collects(); why(err) != "provider_failed expired" {
			o.t.Errorf("checking: %v", err)
		}
		if _, err := late.collects(); why(err) != "provider_failed expired" {
			o.t.Errorf("what came in time and is asked for too late: %v", err)
		}
		o.clock.Advance(time.Hour + time.Second)
		fresh := o.leaves("app", "google")
		if err := o.Sweep(o.t.Context()); err != nil {
			o.t.Fatal(err)
		}
		if _, err := w.arrives(w.with("code", "c")); why(err) != "provider_failed state_unknown" {
			o.t.Errorf("after the sweep: %v", err)
		}
		if _, err := w.collects(); why(err) != "provider_failed expired" {
			o.t.Errorf("checking after the sweep: %v", err)
		}
		if _, err := fresh.arrives(fresh.with("code", "c")); err != nil {
			o.t.Errorf("the sweep took a visit under way: %v", err)
		}
	})
}

func TestLeave(t *testing.T) {
	each(t, func(o *office) {
		for _, ticket := range []string{"", "x", strings.Repeat("A", 43), "\x00", strings.Repeat("A", 42) + "E", strings.Repeat("A", 10<<10)} {
			if _, err := o.Leave(o.t.Context(), ticket, ""); why(err) != "provider_failed state_unknown" {
				o.t.Errorf("%q: %v", ticket, err)
			}
		}
		w := o.departs("app", "google")
		first, err := o.Leave(o.t.Context(), path.Base(o.Show(w.trip).URL), "no secret of ours")
		if err != nil || len(first.Browser) != 43 {
			o.t.Fatalf("%+v, %v", first, err)
		}
		again, err := o.Leave(o.t.Context(), w.trip.Ticket, first.Browser)
		if err != nil || again != first {
			o.t.Errorf("the same browser once more: %+v, %v", again, err)
		}
		for _, browser := range []string{"", o.other} {
			if _, err := o.Leave(o.t.Context(), w.trip.Ticket, browser); why(err) != "provider_failed other_browser" {
				o.t.Errorf("a second browser %q: %v", browser, err)
			}
		}
		w.state = first.URL[strings.Index(first.URL, "state=")+6:]
		if _, err := o.Arrive(o.t.Context(), "google", false, w.with("code", "c"), first.Browser, flow.Handle{}, o.mine); err != nil {
			o.t.Error(err)
		}
		if _, err := o.Leave(o.t.Context(), w.trip.Ticket, first.Browser); why(err) != "provider_failed state_used" {
			o.t.Errorf("leaving after the return: %v", err)
		}
	})
}

// TestS012_FiftyCallbacks: fifty callbacks at once, each with an answer of its own,
// and fifty checks: one answer is kept, and it is swapped once.
func TestS012_FiftyCallbacks(t *testing.T) {
	each(t, func(o *office) {
		w := o.leaves("app", "google")
		var mu sync.Mutex
		var wg sync.WaitGroup
		kept, swapped := 0, 0
		for i := range 50 {
			wg.Go(func() {
				_, err := w.arrives(w.with("code", strings.Repeat("c", i+1)))
				mu.Lock()
				defer mu.Unlock()
				switch why(err) {
				case "":
					kept++
				case "provider_failed state_used":
				default:
					o.t.Error(err)
				}
			})
			wg.Go(func() {
				var back *federation.Returned
				err := o.DB.InTx(o.t.Context(), func(tx *sqldb.Tx) (err error) {
					back, err = o.Collect(o.t.Context(), tx, w.journey.ID, w.trip)
					return err
				})
				mu.Lock()
				defer mu.Unlock()
				if back != nil && err == nil {
					swapped++
				} else if reason := why(err); reason != "" && reason != "provider_failed state_used" {
					o.t.Error(err)
				}
			})
		}
		wg.Wait()
		if back, err := w.collects(); back != nil && err == nil {
			swapped++
		}
		if kept != 1 || swapped != 1 {
			o.t.Errorf("%d answers were kept, %d swapped", kept, swapped)
		}
	})
}

// The same answer loaded again before the journey asked is no second one; any other
// is, and so is the same one afterwards.
func TestS045_Replayed(t *testing.T) {
	each(t, func(o *office) {
		for _, surface := range []string{"page", "app"} {
			w := o.leaves(surface, "google")
			for range 2 {
				if _, err := w.arrives(w.with("code", "c")); err != nil {
					o.t.Errorf("%s: %v", surface, err)
				}
			}
			if _, err := w.arrives(w.with("code", "another")); why(err) != "provider_failed state_used" {
				o.t.Errorf("%s: another code: %v", surface, err)
			}
			if _, err := o.Arrive(o.t.Context(), "google", false, w.with("code", "c"), o.other, w.journey, o.mine); why(err) != "provider_failed other_browser" {
				o.t.Errorf("%s: another browser: %v", surface, err)
			}
			back, err := w.collects()
			if err != nil || back == nil || back.Answer.Get("code") != "c" {
				o.t.Fatalf("%s: %+v, %v", surface, back, err)
			}
			if _, err := w.arrives(w.with("code", "c")); why(err) != "provider_failed state_used" {
				o.t.Errorf("%s: after it was taken: %v", surface, err)
			}
			stranger := o.departs(surface, "google")
			stranger.trip = w.trip
			if _, err := stranger.collects(); why(err) != "provider_failed expired" {
				o.t.Errorf("%s: another journey collects it: %v", surface, err)
			}
		}
	})
}

// TestS045_PostWithoutCookies: Apple's answer comes as a form of its own page, to
// which a browser adds no cookie. It is kept, and counts once the browser that went
// comes by GET; in another one it never does.
func TestS045_PostWithoutCookies(t *testing.T) {
	each(t, func(o *office) {
		post := func(w *visit, answer url.Values) (federation.Arrival, error) {
			return o.Arrive(o.t.Context(), "apple", true, answer, "", flow.Handle{}, netip.Addr{})
		}
		for _, surface := range []string{"page", "app"} {
			w := o.leaves(surface, "apple")
			answer := w.with("code", "c", "user", `{"name":{"firstName":"Ada"}}`)
			a, err := post(w, answer)
			if err != nil || a.Again != w.state {
				o.t.Fatalf("%s: %+v, %v", surface, a, err)
			}
			if back, err := w.collects(); back != nil || err != nil {
				o.t.Errorf("%s: the form alone counts: %v, %v", surface, back, err)
			}
			if _, err := post(w, w.with("code", "another")); why(err) != "provider_failed state_used" {
				o.t.Errorf("%s: a second form: %v", surface, err)
			}
			if _, err := o.Arrive(o.t.Context(), "apple", false, w.with(), o.other, w.journey, o.mine); why(err) != "provider_failed other_browser" {
				o.t.Errorf("%s: another browser: %v", surface, err)
			}
			if a, err := w.arrives(w.with()); err != nil || a.Again != "" || a.Here != (surface == "page") {
				o.t.Errorf("%s: %+v, %v", surface, a, err)
			}
			back, err := w.collects()
			if err != nil || back == nil {
				o.t.Fatalf("%s: %v", surface, err)
			}
			if diff := cmp.Diff(answer, back.Answer); diff != "" {
				o.t.Errorf("%s: %s", surface, diff)
			}
		}
		early := o.departs("app", "apple")
		early.state = strings.Repeat("0", 64)
		if _, err := post(early, early.with("code", "c")); why(err) != "provider_failed state_unknown" {
			o.t.Errorf("a form with a foreign state: %v", err)
		}
		h := sha256.Sum256([]byte("state\x00" + early.trip.Ticket))
		early.state = hex.EncodeToString(h[:]) // nobody has seen it yet
		if _, err := post(early, early.with("code", "c")); why(err) != "provider_failed state_unknown" {
			o.t.Errorf("a form before anybody left: %v", err)
		}
	})
}

// A browser from another network than the app that began has to say that it was its
// person who began; nothing counts before.
func TestS045_AnotherNetwork(t *testing.T) {
	each(t, func(o *office) {
		arrive := func(w *visit, from netip.Addr) federation.Arrival {
			o.t.Helper()
			a, err := o.Arrive(o.t.Context(), "google", false, w.with("code", "c"), o.browser, flow.Handle{}, from)
			if err != nil {
				o.t.Fatal(err)
			}
			return a
		}
		neighbor := netip.MustParseAddr("2001:db8:1:1:9999::1") // the same /64
		if a := arrive(o.leaves("app", "google"), neighbor); a.Confirm != "" {
			o.t.Errorf("the same network is asked: %+v", a)
		}
		for _, from := range []netip.Addr{o.faraway, {}} {
			w := o.leaves("app", "google")
			a := arrive(w, from)
			if a.Confirm == "" || a.Device != "Pixel 9" || a.Place != "Berlin" {
				o.t.Fatalf("%+v", a)
			}
			if again := arrive(w, from); again != a {
				o.t.Errorf("the page loaded again: %+v", again)
			}
			if back, err := w.collects(); back != nil || err != nil {
				o.t.Errorf("it counts without a word: %v, %v", back, err)
			}
			for _, browser := range []string{"", o.other} {
				if _, err := o.Confirm(o.t.Context(), a.Confirm, browser, true); why(err) != "provider_failed other_browser" {
					o.t.Errorf("browser %q says it: %v", browser, err)
				}
			}
			if _, err := o.Confirm(o.t.Context(), a.Confirm, o.browser, true); err != nil {
				o.t.Fatal(err)
			}
			if _, err := o.Confirm(o.t.Context(), a.Confirm, o.browser, false); why(err) != "provider_failed state_used" {
				o.t.Errorf("said twice: %v", err)
			}
			if who, err := w.ends(); err != nil || who == nil {
				o.t.Errorf("%v, %v", who, err)
			}
		}
		w := o.leaves("app", "google")
		asked := len(o.google.answers)
		if _, err := o.Confirm(o.t.Context(), arrive(w, o.faraway).Confirm, o.browser, false); err != nil {
			o.t.Fatal(err)
		}
		if _, err := w.ends(); why(err) != "provider_denied" || len(o.google.answers) != asked {
			o.t.Errorf("not mine: %v, and the provider was asked %d times", err, len(o.google.answers)-asked)
		}
		for _, token := range []string{"", "x", strings.Repeat("0", 64), w.trip.Ticket} {
			if _, err := o.Confirm(o.t.Context(), token, o.browser, true); why(err) != "provider_failed state_unknown" {
				o.t.Errorf("token %q: %v", token, err)
			}
		}
		late := o.leaves("app", "google")
		a := arrive(late, o.faraway)
		o.clock.Advance(federation.TripLife)
		if _, err := o.Confirm(o.t.Context(), a.Confirm, o.browser, true); why(err) != "provider_failed expired" {
			o.t.Errorf("too late: %v", err)
		}
	})
}

// What is held of a journey at a page of ours is not freed by a word: its browser
// has the journey's key, or nothing counts.
func TestS045_ConfirmFreesNoPage(t *testing.T) {
	each(t, func(o *office) {
		w := o.leaves("page", "apple")
		if _, err := o.Arrive(o.t.Context(), "apple", true, w.with("code", "c"), "", flow.Handle{}, o.mine); err != nil {
			o.t.Fatal(err)
		}
		if _, err := o.Confirm(o.t.Context(), w.state, o.browser, true); why(err) != "provider_failed state_unknown" {
			o.t.Error(err)
		}
	})
}

// Answers that cannot be swapped end the journey, and the provider is not asked.
func TestBadAnswers(t *testing.T) {
	each(t, func(o *office) {
		many := []string{}
		for i := range 40 {
			many = append(many, "p"+strings.Repeat("x", i), "1")
		}
		for name, more := range map[string][]string{
			"a code and an error":  {"code", "c", "error", "access_denied"},
			"Alipay's code, too":   {"auth_code", "c", "error", "access_denied"},
			"a parameter twice":    {"code", "c", "code", "d"},
			"4 KiB and a byte":     {"code", strings.Repeat("c", 4<<10+1)},
			"no UTF-8":             {"code", "\xff"},
			"a long name":          {strings.Repeat("c", 4<<10+1), "1"},
			"forty parameters":     many,
			"both as an error":     {"error", "both"},
			"malformed, by itself": {"error", "malformed"},
		} {
			for _, provider := range []string{"google", "apple"} {
				w := o.leaves("app", provider)
				if provider == "apple" {
					if _, err := o.Arrive(o.t.Context(), "apple", true, w.with(more...), "", flow.Handle{}, o.mine); err != nil {
						o.t.Errorf("%s: %v", name, err)
					}
					more = nil
				}
				if _, err := w.arrives(w.with(more...)); err != nil {
					o.t.Errorf("%s at %s: %v", name, provider, err)
				}
				if _, err := w.ends(); why(err) != "provider_failed refused" {
					o.t.Errorf("%s at %s: %v", name, provider, err)
				}
			}
		}
		if n := len(o.google.answers) + len(o.apple.answers); n != 0 {
			o.t.Errorf("the providers were asked %d times", n)
		}
		w := o.leaves("app", "google")
		if _, err := w.arrives(w.with("code", strings.Repeat("c", 4<<10))); err != nil {
			o.t.Error(err)
		}
		if _, err := w.ends(); err != nil {
			o.t.Errorf("4 KiB: %v", err)
		}
	})
}

// TestS051_SwitchedOff: a provider that is switched off ends everything through it at
// once, also for those who are there.
func TestS051_SwitchedOff(t *testing.T) {
	each(t, func(o *office) {
		all, none := o.Providers, provider.NewBook(o.apple)
		w := o.departs("app", "google")
		o.Providers = none
		if _, err := o.Leave(o.t.Context(), w.trip.Ticket, ""); why(err) != "provider_not_offered" {
			o.t.Errorf("leaving: %v", err)
		}
		err := o.DB.InTx(o.t.Context(), func(tx *sqldb.Tx) error {
			_, err := o.Depart(context.Background(), tx, flow.Record{ID: "j"}, flow.Visitor{Surface: "page"}, "intl", "google", federation.SignIn, false)
			return err
		})
		if why(err) != "provider_not_offered" {
			o.t.Errorf("departing: %v", err)
		}
		if _, err := o.Redeem(o.t.Context(), federation.Handed{Provider: "google", Token: "t", Nonce: "n"}); why(err) != "provider_not_offered" {
			o.t.Errorf("an app: %v", err)
		}
		o.Providers = all
		w = o.leaves("app", "google")
		o.Providers = none
		if _, err := w.arrives(w.with("code", "c")); why(err) != "provider_not_offered" {
			o.t.Errorf("coming back: %v", err)
		}
		o.Providers = all
		if _, err := w.arrives(w.with("code", "c")); err != nil {
			o.t.Fatal(err)
		}
		o.Providers = none
		lists := o.Regions
		back, err := w.collects()
		if err != nil {
			o.t.Fatal(err)
		}
		o.Providers, o.Regions = all, region.New(region.Region{Name: "intl", Providers: map[string][]string{"app": {"apple"}}})
		if _, err := o.Exchange(o.t.Context(), back); why(err) != "provider_not_offered" {
			o.t.Errorf("swapping what the region offers no more: %v", err)
		}
		o.Providers, o.Regions = none, lists
		if _, err := o.Exchange(o.t.Context(), back); why(err) != "provider_not_offered" || len(o.google.answers) != 0 {
			o.t.Errorf("swapping: %v, asked %d times", err, len(o.google.answers))
		}
	})
}
