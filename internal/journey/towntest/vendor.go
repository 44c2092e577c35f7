package towntest

import (
	"context"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"sync"
	"testing"

	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// Vendor is a third-party provider at which a test says who is there. It keeps a code
// for one use and a token for its nonce, as the real ones do, and believes nothing.
type Vendor struct {
	name string
	mu   sync.Mutex
	n    int
	give map[string]Slip // by code or token
	Fail error           // what Exchange and Redeem answer instead
	Asks int             // how often it was asked
}

// Slip is what stands behind a code or a token.
type Slip struct {
	Who   provider.Identity
	Nonce string // of a token; empty: it has none
}

// NewVendor makes one that knows nobody.
func NewVendor(name string) *Vendor { return &Vendor{name: name, give: map[string]Slip{}} }

// Somebody is a person at a vendor, known by one subject.
func Somebody(subject, name, email string) provider.Identity {
	return provider.Identity{Subjects: []provider.Subject{{Scope: "global", Value: subject}}, Name: name, Email: email, EmailVerified: true}
}

// Name is its name.
func (v *Vendor) Name() string { return v.name }

// Takes says that apps may hand over a token or a code.
func (v *Vendor) Takes() provider.Takes { return provider.Takes{Token: true, Code: true} }

// Authorize is an address that holds the state.
func (v *Vendor) Authorize(a provider.Attempt) (string, error) {
	return "https://" + v.name + ".example.test/authorize?" + url.Values{"state": {a.State}, "redirect_uri": {a.Callback}}.Encode(), nil
}

// Slip writes a code or a token for somebody.
func (v *Vendor) Slip(who provider.Identity, nonce string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.n++
	text := "slip-" + v.name + "-" + strconv.Itoa(v.n)
	v.give[text] = Slip{who, nonce}
	return text
}

// Exchange swaps a code, which is used up by it.
func (v *Vendor) Exchange(_ context.Context, _ provider.Attempt, callback url.Values) (provider.Identity, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.Asks++
	if v.Fail != nil {
		return provider.Identity{}, v.Fail
	}
	if native := callback.Get("error"); native != "" {
		return provider.Identity{}, provider.Fail(provider.Denied, native)
	}
	slip, known := v.give[callback.Get("code")]
	if !known {
		return provider.Identity{}, provider.Fail(provider.InvalidCode, "invalid_grant")
	}
	delete(v.give, callback.Get("code"))
	return slip.Who, nil
}

// Redeem swaps what an app handed over: a code once, a token for its nonce.
func (v *Vendor) Redeem(ctx context.Context, h provider.Handed) (provider.Identity, error) {
	if h.Code != "" {
		return v.Exchange(ctx, provider.Attempt{}, url.Values{"code": {h.Code}})
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.Asks++
	slip, known := v.give[h.Token]
	switch {
	case v.Fail != nil:
		return provider.Identity{}, v.Fail
	case !known:
		return provider.Identity{}, provider.Fail(provider.Untrusted, "signature")
	case slip.Nonce != "" && slip.Nonce != h.Nonce:
		return provider.Identity{}, provider.Fail(provider.Untrusted, "nonce")
	}
	return slip.Who, nil
}

// Visits goes from a step redirect to a vendor as somebody, and comes back.
func (v *Visit) Visits(at *Vendor, who provider.Identity) *Visit {
	v.Helper()
	out := GoesOut(v, v.Vendors, v.Step)
	if a, err := out.ComesBack(v, v.Vendors, v.Handle, v.Visitor.Addr, url.Values{"code": {at.Slip(who, "")}}); err != nil || a.Confirm != "" {
		v.Fatalf("it came back to %+v, %v", a, err)
	}
	return v.Just("check")
}

// Outing is a browser on its way to a vendor and back.
type Outing struct {
	State   string
	Browser string // its cookie
	Name    string // of the vendor
}

// GoesOut opens the address of a step redirect in a browser.
func GoesOut(t testing.TB, d *federation.Desk, s step.Step) Outing {
	t.Helper()
	away, ok := s.(step.Redirect)
	if !ok {
		t.Fatalf("at %s, which leads to no vendor", s.StepType())
	}
	at, err := url.Parse(away.URL)
	if err != nil {
		t.Fatal(err)
	}
	out, err := d.Leave(t.Context(), path.Base(at.Path), "")
	if err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(out.URL)
	if err != nil {
		t.Fatal(err)
	}
	return Outing{State: to.Query().Get("state"), Browser: out.Browser, Name: away.Provider}
}

// ComesBack brings what the vendor answered, to the address of that vendor.
func (o Outing) ComesBack(t testing.TB, d *federation.Desk, h flow.Handle, from netip.Addr, answer url.Values) (federation.Arrival, error) {
	t.Helper()
	answer.Set("state", o.State)
	return d.Arrive(t.Context(), o.Name, false, answer, o.Browser, h, from)
}
