package providertest

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken/idtokentest"
	lab "github.com/selfsame-id/selfsame/lab/provider"
)

// Pair is an adapter at its simulator, without a network, and what the adapter makes
// of the simulator's messages.
func Pair[A provider.Notifier, V lab.Vendor](t testing.TB, vendor func(lab.Options) V, adapter func(provider.Wire, *clock.Clock) (A, error)) (A, V, *idtokentest.Inbox) {
	t.Helper()
	c := clock.At(Start)
	inbox := &idtokentest.Inbox{Now: c.Now}
	v := vendor(lab.Options{Clock: c, NoticeURL: "https://id.example.test/hooks/federation/it", Transport: inbox})
	a, err := adapter(provider.Wire{Transport: idtokentest.To{Handler: v}}, c)
	if err != nil {
		t.Fatal(err)
	}
	inbox.To = a
	return a, v, inbox
}

// Odd lets an app hand over what the vendor gives it of a person with each quirk; a
// fresh pair for each.
func Odd[A provider.Native, V lab.Vendor](t *testing.T, pair func() (A, V), checks map[string]func(provider.Identity, error) bool) {
	t.Helper()
	for quirk, check := range checks {
		a, v := pair()
		p := v.Desk().Add(lab.Person{Name: "Odd", Email: "odd@example.com", Quirks: []string{quirk}})
		given, err := v.Native(p.ID, idtokentest.Nonce)
		if err != nil {
			t.Fatal(err)
		}
		if who, err := a.Redeem(t.Context(), provider.Handed{Token: given["token"], Nonce: idtokentest.Nonce}); !check(who, err) {
			t.Errorf("%s: %+v %v", quirk, who, err)
		}
	}
}

// Says is a check of Odd: the error is told like this, and no address is verified.
func Says(want string) func(provider.Identity, error) bool {
	return func(p provider.Identity, err error) bool { return idtokentest.Told(err) == want && !p.EmailVerified }
}

// NoAddress is a check of Odd: it went well, and there is no address.
func NoAddress(p provider.Identity, err error) bool { return err == nil && p.Email == "" }

// TokenSkips are the rows that an ID token handed over by an app has not, and more.
func TokenSkips(more map[string]string) map[string]string {
	stateless := "a token counts once by its nonce, which the journey uses up"
	skips := map[string]string{
		"native/" + string(lab.CodeReused): stateless, "native/" + string(lab.CodeExpired): "a token that is too old is the row stale", "native/" + BothCame: stateless,
		"native/" + string(lab.WrongSecret): "no secret is sent with a token",
	}
	maps.Copy(skips, more)
	return skips
}

// Allow is a person who says yes to an Attempt without looking at the page, and what
// comes back in the query.
func Allow(t testing.TB, vendor http.RoundTripper, p provider.Provider, a provider.Attempt, person, agent string) url.Values {
	t.Helper()
	address, err := p.Authorize(a)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	form := u.Query()
	form.Set("person", person)
	form.Set("decision", "allow")
	u.RawQuery, u.Fragment = "", ""
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", agent)
	resp, err := vendor.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	back, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	return back.Query()
}

// CheckReason checks that err has the reason ("": there is no error) and shows nothing
// of hidden.
func CheckReason(t testing.TB, err error, want provider.Reason, hidden ...string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && provider.ReasonOf(err) != want {
		t.Errorf("%v; want %q", err, want)
	}
	for _, h := range hidden {
		if err != nil && strings.Contains(err.Error(), h) {
			t.Errorf("S-157: %v shows %q", err, h)
		}
	}
}
