package apple_test

import (
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/apple"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken/idtokentest"
	"github.com/selfsame-id/selfsame/internal/remote/provider/providertest"
	lab "github.com/selfsame-id/selfsame/lab/provider"
	sim "github.com/selfsame-id/selfsame/lab/provider/apple"
)

// codesOnly is the simulator for apps that hand over the code alone.
type codesOnly struct{ *sim.Sim }

func (c codesOnly) Native(person, nonce string) (map[string]string, error) {
	given, err := c.Sim.Native(person, nonce)
	return map[string]string{"code": given["code"]}, err
}

func at(base string, wire provider.Wire, c sim.Config) apple.Config {
	return apple.Config{
		TeamID: c.TeamID, KeyID: c.KeyID, PrivateKey: c.PrivateKey, ServiceID: c.ServiceID, AppIDs: c.AppIDs, Base: base, Wire: wire,
	}
}

func TestContract(t *testing.T) {
	registered := sim.Demo("Selfsame", providertest.Callback("apple"))
	unlimited := "only the published keys are asked for, which are never short"
	tokens := providertest.Case{
		Vendor: func(_ *testing.T, c *clock.Clock) lab.Vendor { return sim.New(lab.Options{Clock: c}, registered) },
		New: func(_ *testing.T, base string, wire provider.Wire, c *clock.Clock) (provider.Provider, error) {
			return apple.New(at(base, wire, registered), c)
		},
		Calls: 2, NativeCalls: 1, // the keys are fetched once
		NativeNameless: true, // Apple gives the name to the app, unsigned
		Wants: map[string]provider.Reason{
			"page/" + providertest.UnknownCode:   provider.Expired,   // Apple says the same of both
			"native/" + providertest.UnknownCode: provider.Malformed, // it has no three parts
		},
		Skips:   providertest.TokenSkips(map[string]string{"native/" + string(lab.Busy): unlimited, "native/" + string(lab.Limited): unlimited}),
		Secrets: []string{strings.Split(registered.PrivateKey, "\n")[1]},
	}
	t.Run("tokens", func(t *testing.T) { providertest.Run(t, tokens) })

	codes := tokens
	codes.Vendor = func(_ *testing.T, c *clock.Clock) lab.Vendor {
		return codesOnly{sim.New(lab.Options{Clock: c}, registered)}
	}
	codes.NativeCalls, codes.Skips = 2, nil
	codes.Wants = map[string]provider.Reason{providertest.UnknownCode: provider.Expired}
	t.Run("codes", func(t *testing.T) { providertest.Run(t, codes) })
}

// pair is the adapter at its simulator, without a network.
func pair(t *testing.T) (*apple.Apple, *sim.Sim, *idtokentest.Inbox) {
	t.Helper()
	registered := sim.Demo("Selfsame", callback)
	return providertest.Pair(t, func(o lab.Options) *sim.Sim { return sim.New(o, registered) }, func(wire provider.Wire, c *clock.Clock) (*apple.Apple, error) {
		return apple.New(at("https://appleid.apple.com", wire, registered), c)
	})
}

// One person by an app and by a page is one person; what the page got can be given
// back, and is gone then.
func TestAgainstTheSimulator(t *testing.T) {
	a, s, _ := pair(t)
	given, err := s.Native("ana", nonce)
	if err != nil {
		t.Fatal(err)
	}
	who, err := a.Redeem(t.Context(), provider.Handed{Token: given["token"], Code: given["code"], Nonce: nonce})
	if err != nil {
		t.Fatal(err)
	}
	if who.Subjects[0].Value != s.Subject("ana") || who.Grant.Client != "com.example.demo.app" || who.Grant.Token == "" {
		t.Errorf("%+v", who)
	}
	if err := a.Revoke(t.Context(), who.Grant); err != nil {
		t.Error(err)
	}
	if err := a.Revoke(t.Context(), who.Grant); err != nil {
		t.Errorf("a second time: %v", err)
	}
	if err := a.CheckOnline(t.Context()); err != nil {
		t.Errorf("CheckOnline: %v", err)
	}
	if err := a.CheckOffline(idtokentest.Start); err != nil {
		t.Errorf("CheckOffline: %v", err)
	}
	s.Desk().Fail(lab.WrongSecret)
	if err := a.CheckOnline(t.Context()); err == nil {
		t.Error("CheckOnline with a wrong key")
	}
}

// Odd people, as the vendor's pages have them.
func TestAgainstTheSimulator_quirks(t *testing.T) {
	simulated := func() (*apple.Apple, *sim.Sim) {
		a, s, _ := pair(t)
		return a, s
	}
	providertest.Odd(t, simulated, map[string]func(provider.Identity, error) bool{
		"hide_email":   func(p provider.Identity, err error) bool { return err == nil && p.Relay && p.EmailVerified },
		"no_email":     providertest.NoAddress,
		"work_account": func(p provider.Identity, err error) bool { return err == nil && p.Email != "" && !p.EmailVerified },
		"flipped":      func(p provider.Identity, err error) bool { return err == nil && p.Email != "" && !p.Relay },
		"new_issuer":   func(_ provider.Identity, err error) bool { return err == nil },
		"transferred":  func(_ provider.Identity, err error) bool { return err == nil },
		"old_device":   func(_ provider.Identity, err error) bool { return idtokentest.Told(err) == "untrusted nonce" },
	})
}

// S-87, S-170: every notification of the simulator, with each of its variants.
func TestAgainstTheSimulator_notices(t *testing.T) {
	wants := map[string]provider.NoticeKind{
		"consent-revoked": provider.Revoked, "account-delete": provider.Deleted, "account-deleted": provider.Deleted,
		"email-disabled": provider.MailOff, "email-enabled": provider.MailOn,
	}
	for _, objects := range []bool{false, true} {
		_, s, inbox := pair(t)
		s.Change(func(c *sim.Config) { c.ObjectEvents = objects })
		send := func(kind, variant string) (provider.Received, error) {
			t.Helper()
			if _, err := s.Event(kind, "ana", variant); err != nil {
				t.Fatal(err)
			}
			return inbox.Got, inbox.Err
		}
		for _, kind := range s.Events() {
			want, known := wants[kind]
			if !known {
				want = provider.Unknown
			}
			got, err := send(kind, "valid")
			if err != nil || len(got.Notices) != 1 || got.Notices[0].Kind != want || got.Notices[0].Subjects[0].Value != s.Subject("ana") {
				t.Errorf("%s: %+v %v", kind, got, err)
				continue
			}
			if again, err := send(kind, "replay"); err != nil || again.Notices[0].ID != got.Notices[0].ID {
				t.Errorf("S-87: %s again: %+v %v", kind, again, err)
			}
			for _, variant := range []string{"bad_signature", "wrong_audience", "unknown_key", "expired", "wrong_issuer", "alg_none", "alg_hmac"} {
				if _, err := send(kind, variant); provider.ReasonOf(err) != provider.Untrusted {
					t.Errorf("S-170: %s %s: %v", kind, variant, err)
				}
			}
		}
	}
}
