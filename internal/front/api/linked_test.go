package api_test

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/linking"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// linking gives the house third-party accounts.
func (h *house) linking(ring *seal.Ring) {
	s := h.sign
	h.google = towntest.NewVendor("google")
	providers := provider.NewBook(h.google, towntest.NewVendor("wechat"), towntest.NewVendor("qq"))
	desk := &federation.Desk{DB: h.db, Ring: ring, Providers: providers, Regions: s.Regions, PublicURL: "https://" + host, Book: s.Book}
	h.linked = &linking.House{DB: h.db, Ring: ring, Accounts: s.Accounts, Contacts: s.Contacts, Sessions: s.Sessions, Links: link.New(ring), Audit: s.Audit,
		Book: s.Book, Prover: s.Prover, Notices: s.Notices, Desk: desk, Providers: providers, PublicURL: desk.PublicURL, Life: 15 * time.Minute}
	s.Prover.Means = append(s.Prover.Means, proof.ByLinked(s.Prover, h.linked.Links, desk))
	s.Links, s.Desk = h.linked.Links, desk
}

const linkedPath = "/api/v1/linked"

// TestLinked_TheContract: linked by what an app hands over and by a browser, listed,
// moved here from another account and removed by an app.
func TestLinked_TheContract(t *testing.T) {
	each(t, func(h *house) {
		lin := towntest.Somebody("g-lin", "Lin", "lin@example.org")
		p := h.signIn("+8613800138000") // its account is newborn: one proof is enough
		list := p.do("GET", linkedPath, "").want(200, "")
		if !strings.Contains(list.text, `"linked":[]`) || !strings.Contains(list.text, `{"provider":"qq","linkable":false,"reason":"provider_not_offered"}`) {
			t.Errorf("the list is %s", list.text)
		}
		for _, name := range []string{"qq", "nobody", "google%00", strings.Repeat("x", 300)} {
			p.do("POST", linkedPath+"/"+name, "").want(403, "provider_not_offered")
		}
		p.do("POST", linkedPath+"/google", `{"token":"x"}`).want(400, "invalid_json")
		r := p.do("POST", linkedPath+"/google", "").want(http.StatusCreated, "").step("redirect")
		if r.str("kind") != "link" || r.str("step.provider") != "google" || !strings.HasPrefix(r.str("step.url"), "https://"+host+"/federation/go/") {
			t.Fatalf("begun: %s", r.text)
		}
		j := journey{h, r.str("id"), r.str("key")}
		hand := func(body string) reply { return p.answer(j, `{"input":"provider","provider":"google",`+body+`}`) }
		hand(`"token":"forged"`).want(502, "provider_failed").step("redirect")
		nonce := func() string {
			return p.send(call{method: "GET", path: "/api/v1/journeys/" + j.id, key: j.key, token: p.token}).str("step.providers.0.nonce")
		}
		p.answer(j, `{"input":"provider","provider":"wechat"}`).want(403, "provider_not_offered").step("redirect")
		late := p.do("POST", linkedPath+"/google", "").want(http.StatusCreated, "").step("redirect")
		hand(`"token":"`+h.google.Slip(lin, nonce())+`"`).want(200, "").step("done")
		h.visit(late, towntest.Somebody("g-other", "", ""), journey{h, late.str("id"), late.str("key")})
		p.answer(journey{h, late.str("id"), late.str("key")}, `{"input":"check"}`).want(409, "linked_already").step("redirect")

		list = p.do("GET", linkedPath, "").want(200, "")
		if list.str("linked.0.provider") != "google" || list.str("linked.0.name") != "Lin" || list.str("linked.0.state") != "on" || list.at("linked.0.removable") != true || list.str("providers.0.reason") != "linked_already" {
			t.Errorf("the list is %s", list.text)
		}
		if a := p.do("GET", "/api/v1/account", "").want(200, ""); a.str("linked.0.provider") != "google" || strings.Contains(a.text, "g-lin") || strings.Contains(a.text, "lin@example.org") {
			t.Errorf("the account is %s", a.text)
		}
		p.do("POST", linkedPath+"/google", "").want(409, "linked_already")

		eve := h.signIn("+8613900139000")
		r = eve.do("POST", linkedPath+"/google", "").want(201, "").step("redirect")
		j = journey{h, r.str("id"), r.str("key")}
		p.answer(j, `{"input":"check"}`).want(401, "session_required") // S-45
		h.returns(r, j, url.Values{"error": {"access_denied"}})
		r = eve.answer(j, `{"input":"check"}`).want(403, "provider_denied").step("redirect")
		h.visit(r, lin, j)
		r = eve.answer(j, `{"input":"check"}`).want(409, "linked_elsewhere").step("confirm")
		if strings.Contains(r.text, p.id) || strings.Contains(r.text, "+86") {
			t.Errorf("it says too much: %s", r.text)
		}
		eve.answer(j, `{"input":"back"}`).want(200, "").step("redirect")

		h.clock.Advance(11 * time.Minute)
		p.do("DELETE", linkedPath+"/google", "").want(403, "proof_required")
		h.clock.Advance(4 * 24 * time.Hour) // what is new carries nothing (S-69)
		j, r = p.prove("unlink")
		r = p.answer(j, `{"input":"method","method":"linked"}`).want(200, "").step("redirect")
		h.visit(r, lin, j)
		p.answer(j, `{"input":"check"}`).want(200, "").step("code")
		p.token = p.answer(j, `{"input":"code","code":"`+h.box.code("+8613800138000")+`"}`).want(200, "").step("done").str("step.session.token")
		p.do("DELETE", linkedPath+"/nobody", "").want(404, "not_found")
		p.do("DELETE", linkedPath+"/google", "").want(204, "")
		p.do("DELETE", linkedPath+"/google", "").want(404, "not_found")
	})
}

// visit goes to the provider of a step and comes back as somebody.
func (h *house) visit(r reply, who provider.Identity, j journey) {
	h.t.Helper()
	h.returns(r, j, url.Values{"code": {h.google.Slip(who, "")}})
}

func (h *house) returns(r reply, j journey, answer url.Values) {
	h.t.Helper()
	desk := h.linked.Desk
	out := towntest.GoesOut(h.t, desk, step.Redirect{Provider: r.str("step.provider"), URL: r.str("step.url")})
	if _, err := out.ComesBack(h.t, desk, flow.Handle{ID: j.id, Key: j.key}, netip.MustParseAddr("192.0.2.7"), answer); err != nil {
		h.t.Fatal(err)
	}
}

// TestLinked_SuspendedAndLast: what a provider disabled is shown as that, and the only
// way in with its reason.
func TestLinked_SuspendedAndLast(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		id, _ := account.ReadID(p.id)
		subjects := []link.Subject{{Scope: "global", Value: "g-lin"}}
		err := h.db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			ctx := context.WithoutCancel(t.Context())
			if _, err := h.linked.Links.Claim(ctx, tx, "google", subjects, id); err != nil {
				return err
			}
			if err := h.linked.Links.Add(ctx, tx, id, link.Link{Provider: "google", Subjects: subjects}); err != nil {
				return err
			}
			if _, err := h.linked.Links.Suspend(ctx, tx, id, "google"); err != nil {
				return err
			}
			_, err := h.sign.Contacts.Release(ctx, tx, id, "phone")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		list := p.do("GET", linkedPath, "").want(200, "")
		if list.str("linked.0.state") != "suspended" || list.at("linked.0.removable") != false || list.str("linked.0.reason") != "last_way_in" {
			t.Errorf("the list is %s", list.text)
		}
	})
}
