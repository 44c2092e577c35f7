package google_test

import (
	"net/http"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/google"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken/idtokentest"
	"github.com/selfsame-id/selfsame/internal/remote/provider/providertest"
	lab "github.com/selfsame-id/selfsame/lab/provider"
	sim "github.com/selfsame-id/selfsame/lab/provider/google"
)

func at(base string, wire provider.Wire, c sim.Config) google.Config {
	return google.Config{
		WebID: c.WebID, WebSecret: c.WebSecret, AppIDs: c.AppIDs, Wire: wire,
		Authorize: base + "/o/oauth2/v2/auth", Token: base + "/token", Keys: base + "/oauth2/v3/certs", Revoke: base + "/revoke", RISCKeys: base + "/oauth2/v3/certs",
	}
}

func TestContract(t *testing.T) {
	registered := sim.Demo("Selfsame", providertest.Callback("google"))
	providertest.Run(t, providertest.Case{
		Vendor: func(_ *testing.T, c *clock.Clock) lab.Vendor { return sim.New(lab.Options{Clock: c}, registered) },
		New: func(_ *testing.T, base string, wire provider.Wire, c *clock.Clock) (provider.Provider, error) {
			return google.New(at(base, wire, registered), c)
		},
		Calls: 2, NativeCalls: 1, // the keys are fetched once
		Wants: map[string]provider.Reason{
			"page/" + string(lab.CodeReused):     provider.InvalidCode, // one word for all that can be wrong with a code
			"page/" + string(lab.CodeExpired):    provider.InvalidCode,
			"page/" + providertest.BothCame:      provider.InvalidCode,
			"native/" + providertest.UnknownCode: provider.Malformed, // it has no three parts
		},
		Skips:   providertest.TokenSkips(nil),
		Secrets: []string{registered.WebSecret},
	})
}

// pair is the adapter at its simulator, without a network.
func pair(t *testing.T, change ...func(*google.Config)) (*google.Google, *sim.Sim, *idtokentest.Inbox) {
	t.Helper()
	registered := sim.Demo("Selfsame", callback)
	return providertest.Pair(t, func(o lab.Options) *sim.Sim { return sim.New(o, registered) }, func(wire provider.Wire, clk *clock.Clock) (*google.Google, error) {
		c := at("https://google.example.test", wire, registered)
		for _, f := range change {
			f(&c)
		}
		return google.New(c, clk)
	})
}

func TestAgainstTheSimulator(t *testing.T) {
	g, s, _ := pair(t)
	if err := g.CheckOffline(idtokentest.Start); err != nil {
		t.Errorf("CheckOffline: %v", err)
	}
	if err := g.CheckOnline(t.Context()); err != nil {
		t.Errorf("CheckOnline: %v", err)
	}
	s.Desk().Fail(lab.WrongSecret)
	if err := g.CheckOnline(t.Context()); err == nil {
		t.Error("CheckOnline with a wrong secret")
	}
	s.Desk().Fail(lab.None)
	if err := g.Revoke(t.Context(), provider.Grant{Token: "1//0unknown"}); err != nil {
		t.Errorf("a grant that is gone already: %v", err)
	}
}

// Odd people, as the vendor's pages have them.
func TestAgainstTheSimulator_quirks(t *testing.T) {
	fine := func(_ provider.Identity, err error) bool { return err == nil }
	verified := func(want bool) func(provider.Identity, error) bool {
		return func(p provider.Identity, err error) bool {
			return err == nil && p.Email != "" && p.EmailVerified == want
		}
	}
	simulated := func() (*google.Google, *sim.Sim) {
		a, s, _ := pair(t)
		return a, s
	}
	providertest.Odd(t, simulated, map[string]func(provider.Identity, error) bool{
		"workspace":        verified(true),
		"unverified_email": verified(false),
		"flipped":          verified(false),
		"":                 verified(false),
		"no_email":         providertest.NoAddress,
		"short_issuer":     fine, "no_azp": fine, "no_at_hash": fine, "ios": fine, "new_sub": fine,
		"foreign_azp": func(_ provider.Identity, err error) bool { return idtokentest.Told(err) == "untrusted azp" },
		"no_nonce":    func(_ provider.Identity, err error) bool { return idtokentest.Told(err) == "untrusted nonce" },
	})
	// A hosted domain is that of the claim, whatever the address.
	for quirk, says := range map[string]string{"workspace": "", "foreign_hd": "denied hosted_domain", "": "denied hosted_domain"} {
		g, s, _ := pair(t, func(c *google.Config) { c.HostedDomain = "example.com" })
		p := s.Desk().Add(lab.Person{Name: "Odd", Email: "odd@example.com", Quirks: []string{quirk}})
		given, err := s.Native(p.ID, nonce)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Redeem(t.Context(), provider.Handed{Token: given["token"], Nonce: nonce}); idtokentest.Told(err) != says {
			t.Errorf("%s at a hosted domain: %q, want %q", quirk, idtokentest.Told(err), says)
		}
	}
}

// S-42: the same address with another subject is another person.
func TestS42_NewSubjectOldAddress(t *testing.T) {
	g, s, _ := pair(t)
	redeem := func() provider.Identity {
		t.Helper()
		given, err := s.Native("ana", nonce)
		if err != nil {
			t.Fatal(err)
		}
		who, err := g.Redeem(t.Context(), provider.Handed{Token: given["token"], Nonce: nonce})
		if err != nil {
			t.Fatal(err)
		}
		return who
	}
	before := redeem()
	s.Desk().Add(lab.Person{ID: "ana", Name: "Ana Example", Email: "ana@example.com", Quirks: []string{"new_sub"}})
	after := redeem()
	if before.Email != after.Email || before.Subjects[0] == after.Subjects[0] {
		t.Errorf("%+v\n%+v", before, after)
	}
}

// S-87, S-170: every security event of the simulator, with each of its variants.
func TestAgainstTheSimulator_events(t *testing.T) {
	wants := map[string]provider.NoticeKind{
		"sessions-revoked": provider.SessionsRevoked, "tokens-revoked": provider.SessionsRevoked, "account-disabled": provider.Disabled,
		"account-enabled": provider.Enabled, "account-credential-change-required": provider.AtRisk, "account-purged": provider.Deleted,
		"verification": provider.Verification, "token-revoked": provider.Unknown, "unknown": provider.Unknown,
	}
	_, s, inbox := pair(t)
	send := func(kind, variant string) (provider.Received, int, error) {
		t.Helper()
		status, err := s.Event(kind, "ana", variant)
		if err != nil {
			t.Fatal(err)
		}
		return inbox.Got, status, inbox.Err
	}
	for _, kind := range s.Events() {
		got, status, err := send(kind, "valid")
		if err != nil || status != http.StatusAccepted || len(got.Notices) != 1 || got.Notices[0].Kind != wants[kind] {
			t.Errorf("%s: %+v %v", kind, got, err)
			continue
		}
		if again, _, err := send(kind, "replay"); err != nil || again.Notices[0].ID != got.Notices[0].ID {
			t.Errorf("S-87: %s again: %+v %v", kind, again, err)
		}
		if _, _, err := send(kind, "old"); err != nil {
			t.Errorf("%s of yesterday: %v", kind, err)
		}
		for _, variant := range []string{"bad_signature", "wrong_audience", "unknown_key", "wrong_issuer", "alg_none", "alg_hmac"} {
			if _, _, err := send(kind, variant); provider.ReasonOf(err) != provider.Untrusted {
				t.Errorf("S-170: %s %s: %v", kind, variant, err)
			}
		}
	}
	for variant, want := range map[string]provider.NoticeKind{"hijacking": provider.Hijacked, "bulk-account": provider.Disabled} {
		if got, _, err := send("account-disabled", variant); err != nil || got.Notices[0].Kind != want || got.Notices[0].Subjects[0].Value != s.Subject("ana") {
			t.Errorf("%s: %+v %v", variant, got, err)
		}
	}
}
