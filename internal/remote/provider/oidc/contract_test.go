package oidc_test

import (
	"testing"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken/idtokentest"
	"github.com/selfsame-id/selfsame/internal/remote/provider/oidc"
	"github.com/selfsame-id/selfsame/internal/remote/provider/providertest"
	lab "github.com/selfsame-id/selfsame/lab/provider"
	sim "github.com/selfsame-id/selfsame/lab/provider/oidc"
)

func at(base string, wire provider.Wire, c sim.Config) oidc.Config {
	return oidc.Config{
		Name: "oidc", Title: "OpenID", Issuer: base, ClientID: c.ClientID, ClientSecret: c.ClientSecret, AppIDs: c.AppIDs,
		Scopes: []string{"profile", "email"}, Wire: wire,
	}
}

func TestContract(t *testing.T) {
	registered := sim.Demo("Selfsame", providertest.Callback("oidc"))
	byBasic := providertest.Case{
		Vendor: func(_ *testing.T, c *clock.Clock) lab.Vendor { return sim.New(lab.Options{Clock: c}, registered) },
		New: func(t *testing.T, base string, wire provider.Wire, c *clock.Clock) (provider.Provider, error) {
			o, err := oidc.New(at(base, wire, registered), c)
			if err != nil {
				return nil, err
			}
			return o, o.Discover(t.Context()) // as at the start of the program
		},
		Calls: 2, NativeCalls: 1, // the keys are fetched once
		Wants: map[string]provider.Reason{
			"page/" + string(lab.CodeReused):     provider.InvalidCode, // the standard has one word for all that can be wrong with a code
			"page/" + providertest.BothCame:      provider.InvalidCode,
			"page/" + providertest.NoCode:        provider.Untrusted, // nor does it name the issuer, which it has to
			"native/" + providertest.UnknownCode: provider.Malformed, // it has no three parts
		},
		Skips:   providertest.TokenSkips(nil),
		Secrets: []string{registered.ClientSecret},
	}
	t.Run("secret in the header", func(t *testing.T) { providertest.Run(t, byBasic) })

	byForm := byBasic
	byForm.Vendor = func(_ *testing.T, c *clock.Clock) lab.Vendor {
		strict := registered
		strict.SecretInForm = true
		return sim.New(lab.Options{Clock: c}, strict)
	}
	t.Run("secret in the form", func(t *testing.T) { providertest.Run(t, byForm) })
}

// Odd people, as the standards allow them.
func TestAgainstTheSimulator(t *testing.T) {
	named := func(p provider.Identity, err error) bool {
		return err == nil && p.Name == "Odd" && p.Email == "odd@example.com" && !p.EmailVerified
	}
	for quirk, check := range map[string]func(provider.Identity, error) bool{
		"": named, "bare": named, "audiences": named, "no_at_hash": named, "unverified_email": named, "flipped": named,
		"no_email":       providertest.NoAddress,
		"other_userinfo": providertest.Says("untrusted userinfo_sub"),
		"no_nonce":       providertest.Says("untrusted nonce"),
	} {
		clk := clock.At(idtokentest.Start)
		registered := sim.Demo("Selfsame", callback)
		s := sim.New(lab.Options{Clock: clk}, registered)
		o, err := oidc.New(at("https://login.example.test", provider.Wire{Transport: idtokentest.To{Handler: s}}, registered), clk)
		if err != nil {
			t.Fatal(err)
		}
		s.Change(func(c *sim.Config) { c.Issuer = "https://login.example.test" })
		if err := o.CheckOnline(t.Context()); err != nil {
			t.Fatalf("CheckOnline: %v", err)
		}
		p := s.Desk().Add(lab.Person{Name: "Odd", Email: "odd@example.com", Quirks: []string{quirk}})
		answer := providertest.Allow(t, idtokentest.To{Handler: s}, o, attempt, p.ID, "")
		if who, err := o.Exchange(t.Context(), attempt, answer); !check(who, err) {
			t.Errorf("%s: %+v %v", quirk, who, err)
		}
		s.Desk().Fail(lab.WrongSecret)
		if err := o.CheckOnline(t.Context()); err == nil {
			t.Error("CheckOnline with a wrong secret")
		}
	}
}
