package facebook_test

import (
	"testing"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/facebook"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken/idtokentest"
	"github.com/selfsame-id/selfsame/internal/remote/provider/providertest"
	lab "github.com/selfsame-id/selfsame/lab/provider"
	sim "github.com/selfsame-id/selfsame/lab/provider/facebook"
)

func at(base string, wire provider.Wire, c sim.Config) facebook.Config {
	return facebook.Config{
		AppID: c.AppID, Secret: c.Secret, Version: "v26.0", Dialog: base, Graph: base, LimitedKeys: base + "/.well-known/oauth/openid/jwks/", Wire: wire,
	}
}

// limited is the simulator for people who refuse tracking: apps get tokens of Limited
// Login.
type limited struct{ *sim.Sim }

func (l limited) Native(person, nonce string) (map[string]string, error) {
	if p, known := l.Desk().Person(person); known && !p.Has("limited") {
		p.Quirks = append(p.Quirks, "limited")
		l.Desk().Add(p)
	}
	return l.Sim.Native(person, nonce)
}

func TestContract(t *testing.T) {
	registered := sim.Demo("Selfsame", providertest.Callback("facebook"))
	unsigned := "an access token is not signed"
	remembered := "an access token counts once, which the journeys remember"
	classic := providertest.Case{
		Vendor: func(_ *testing.T, c *clock.Clock) lab.Vendor { return sim.New(lab.Options{Clock: c}, registered) },
		New: func(_ *testing.T, base string, wire provider.Wire, c *clock.Clock) (provider.Provider, error) {
			return facebook.New(at(base, wire, registered), c)
		},
		Calls: 2, NativeCalls: 2, // the name and the ID are asked apart
		Skips: map[string]string{
			string(lab.WrongNonce): "no nonce stands in an access token", string(lab.BadSignature): unsigned, string(lab.UnknownKey): unsigned,
			"native/" + string(lab.CodeReused): remembered, "native/" + string(lab.CodeExpired): "a token that is too old is the row stale", "native/" + providertest.BothCame: remembered,
		},
		Secrets: []string{registered.Secret},
	}
	t.Run("access tokens", func(t *testing.T) { providertest.Run(t, classic) })

	signed := classic
	unlimited := "only the published keys are asked for, which are never short"
	signed.Vendor = func(_ *testing.T, c *clock.Clock) lab.Vendor {
		return limited{sim.New(lab.Options{Clock: c}, registered)}
	}
	signed.NativeCalls = 1
	signed.Skips = providertest.TokenSkips(map[string]string{
		"page/" + string(lab.WrongNonce): classic.Skips[string(lab.WrongNonce)], "page/" + string(lab.BadSignature): unsigned, "page/" + string(lab.UnknownKey): unsigned,
		"native/" + string(lab.Busy): unlimited, "native/" + string(lab.Limited): unlimited,
		"native/" + providertest.UnknownCode: "a token without three parts is an access token",
	})
	t.Run("Limited Login", func(t *testing.T) { providertest.Run(t, signed) })
}

// pair is the adapter at its simulator, without a network.
func pair(t *testing.T) (*facebook.Facebook, *sim.Sim, *idtokentest.Inbox) {
	t.Helper()
	registered := sim.Demo("Selfsame", callback)
	return providertest.Pair(t, func(o lab.Options) *sim.Sim { return sim.New(o, registered) }, func(wire provider.Wire, c *clock.Clock) (*facebook.Facebook, error) {
		return facebook.New(at("https://facebook.example.test", wire, registered), c)
	})
}

func TestAgainstTheSimulator(t *testing.T) {
	f, s, _ := pair(t)
	if err := f.CheckOffline(idtokentest.Start); err != nil {
		t.Errorf("CheckOffline: %v", err)
	}
	if err := f.CheckOnline(t.Context()); err != nil {
		t.Errorf("CheckOnline: %v", err)
	}
	given, err := s.Native("ana", nonce)
	if err != nil {
		t.Fatal(err)
	}
	who, err := f.Redeem(t.Context(), provider.Handed{Token: given["token"], Nonce: nonce})
	if err != nil {
		t.Fatal(err)
	}
	if who.Subjects[0].Value != s.Subject("ana") || who.Grant.User != s.Subject("ana") {
		t.Errorf("%+v", who)
	}
	if err := f.Revoke(t.Context(), who.Grant); err != nil {
		t.Errorf("Revoke: %v", err)
	}
	if _, err := f.Redeem(t.Context(), provider.Handed{Token: given["token"], Nonce: nonce}); idtokentest.Told(err) != "denied 190/458" {
		t.Errorf("a token after the app was removed: %v", err)
	}
	s.Desk().Fail(lab.WrongSecret)
	if err := f.CheckOnline(t.Context()); err == nil {
		t.Error("CheckOnline with a wrong secret")
	}
}

// Odd people, as the vendor's pages have them.
func TestAgainstTheSimulator_quirks(t *testing.T) {
	simulated := func() (*facebook.Facebook, *sim.Sim) {
		a, s, _ := pair(t)
		return a, s
	}
	providertest.Odd(t, simulated, map[string]func(provider.Identity, error) bool{
		"":                 func(p provider.Identity, err error) bool { return err == nil && p.Email != "" && !p.EmailVerified },
		"no_email":         providertest.NoAddress,
		"limited":          func(p provider.Identity, err error) bool { return err == nil && p.Email != "" && !p.EmailVerified },
		"no_picture":       providertest.Says(""),
		"flipped":          providertest.Says(""),
		"checkpoint":       providertest.Says("denied 190/459"),
		"password_changed": providertest.Says("expired 190/460"),
		"unconfirmed":      providertest.Says("denied 190/464"),
		"logged_out":       providertest.Says("invalid_code 190/467"),
	})
}

// S-87, S-170: both signed requests of the simulator, with each of their variants.
func TestAgainstTheSimulator_requests(t *testing.T) {
	_, s, inbox := pair(t)
	send := func(kind, variant string) (provider.Received, error) {
		t.Helper()
		if _, err := s.Event(kind, "ana", variant); err != nil {
			t.Fatal(err)
		}
		return inbox.Got, inbox.Err
	}
	for kind, want := range map[string]provider.NoticeKind{"deauthorize": provider.Revoked, "deletion": provider.DataDeletion} {
		for _, variant := range []string{"valid", "padded", "number", "expires"} {
			got, err := send(kind, variant)
			if err != nil || got.Notices[0].Kind != want || got.Notices[0].Subjects[0].Value != s.Subject("ana") || got.Delete != (kind == "deletion") {
				t.Errorf("%s %s: %+v %v", kind, variant, got, err)
				continue
			}
			if again, err := send(kind, "replay"); err != nil || again.Notices[0].ID != got.Notices[0].ID {
				t.Errorf("S-87: %s %s again: %+v %v", kind, variant, again, err)
			}
		}
		for _, variant := range []string{"bad_signature", "wrong_audience", "bad_algorithm", "old"} {
			if _, err := send(kind, variant); provider.ReasonOf(err) != provider.Untrusted {
				t.Errorf("S-170: %s %s: %v", kind, variant, err)
			}
		}
	}
}
