package hooks_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/hooks"
	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/journey/linking"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/facebook"
	"github.com/selfsame-id/selfsame/internal/words"
	labprovider "github.com/selfsame-id/selfsame/lab/provider"
	labfacebook "github.com/selfsame-id/selfsame/lab/provider/facebook"
)

// door brings a vendor's requests to our router.
type door struct{ to http.Handler }

func (d door) RoundTrip(r *http.Request) (*http.Response, error) {
	in := httptest.NewRequest(r.Method, r.URL.RequestURI(), r.Body)
	in.Host, in.Header = r.URL.Host, r.Header
	w := httptest.NewRecorder()
	d.to.ServeHTTP(w, in)
	return w.Result(), nil
}

// TestS150_FacebookThroughTheDoor: what the simulated vendor sends goes through the
// door, the adapter and the journeys: a forged, a foreign, an old and a repeated request
// change nothing; a true one unlinks, and a deletion is answered with a status that
// holds.
func TestS150_FacebookThroughTheDoor(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		w := towntest.New(t, db, c, ring)
		demo := labfacebook.Demo("Selfsame", "https://"+host+"/federation/facebook/callback")
		real, err := facebook.New(facebook.Config{AppID: demo.AppID, Secret: demo.Secret, Version: "v26.0"}, c)
		if err != nil {
			t.Fatal(err)
		}
		providers, links, r := provider.NewBook(real), link.New(ring), w.Recovery
		regions := region.New(region.Region{Name: "intl", Country: "US", Zone: time.UTC, Providers: map[string][]string{"page": {"facebook"}}})
		desk := &federation.Desk{DB: db, Ring: ring, Providers: providers, Regions: regions, PublicURL: "https://" + host}
		w.Prover.Means = append(w.Prover.Means, proof.ByLinked(w.Prover, links, desk))
		h := &linking.House{DB: db, Ring: ring, Accounts: r.Accounts, Contacts: r.Contacts, Sessions: r.Sessions, Links: links, Audit: r.Audit, Book: r.Book,
			Prover: w.Prover, Notices: r.Notices, Desk: desk, Providers: providers, PublicURL: desk.PublicURL}
		public, _ := url.Parse("https://" + host)
		rt := httpd.New(httpd.Config{PublicURL: public, Key: make([]byte, 32), Words: words.Book(), Clock: c}, httpd.API())
		hooks.MountFederation(rt, h)
		sim := labfacebook.New(labprovider.Options{Clock: c, NoticeURL: "https://" + host + "/hooks/federation/facebook", Transport: door{rt}, Log: slog.New(slog.DiscardHandler)}, demo)
		who := sim.Desk().People()[0].ID

		p := w.Person("+14155550123", "ada@example.com", "1000 purple walruses")
		subjects := []link.Subject{{Scope: "app:" + demo.AppID, Value: sim.Subject(who)}}
		linked := func() int {
			t.Helper()
			list, err := links.List(t.Context(), db, p.ID)
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		gets := func() {
			t.Helper()
			w.Do(func(ctx context.Context, tx *sqldb.Tx) error {
				if _, err := links.Claim(ctx, tx, "facebook", subjects, p.ID); err != nil {
					return err
				}
				return links.Add(ctx, tx, p.ID, link.Link{Provider: "facebook", Subjects: subjects, Name: "Ana"})
			})
			w.Later(time.Hour)
		}
		send := func(kind, variant string, want int) {
			t.Helper()
			if status, err := sim.Event(kind, who, variant); err != nil || status != want {
				t.Errorf("%s, %s: %d, %v; want %d", kind, variant, status, err, want)
			}
		}
		gets()
		for _, kind := range []string{"deauthorize", "deletion"} {
			for _, variant := range []string{"bad_signature", "wrong_audience", "bad_algorithm", "old"} {
				send(kind, variant, http.StatusBadRequest)
			}
		}
		if linked() != 1 {
			t.Fatal("a forged request unlinked")
		}
		send("deauthorize", "valid", 200)
		if linked() != 0 {
			t.Error("it is linked still")
		}
		w.Later(time.Hour)
		gets()
		send("deauthorize", "replay", 200)
		if linked() != 1 {
			t.Error("a repeated request unlinked what was linked after it")
		}
		send("deletion", "valid", 200)
		at, code := sim.Deletion()
		if linked() != 0 || !strings.HasPrefix(at, "https://"+host+"/federation/deletion?c=") || !strings.HasSuffix(at, code) {
			t.Errorf("linked %d; %s, %s", linked(), at, code)
		}
		send("deletion", "replay", 200)
		if _, again := sim.Deletion(); again != code {
			t.Errorf("the same request has the codes %s and %s", code, again)
		}
		if d, err := h.Deletion(t.Context(), code); err != nil || d.Result != "deleted" || d.Provider != "facebook" {
			t.Errorf("status: %+v, %v", d, err)
		}
	})
}
