package federation

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// surfaces are all on which a region offers providers.
var surfaces = []provider.Surface{provider.Page, provider.InApp, provider.App, provider.Device}

// Offered lists the providers of a region on a surface ("page", "in_app", "app",
// "setup"), in the operator's order, those that are configured only.
func (d *Desk) Offered(regionName, surface string) []string {
	r, err := d.Regions.Get(regionName)
	if err != nil {
		return nil
	}
	var out []string
	for _, name := range r.Providers[surface] {
		p := d.Providers.Get(name)
		if placed, is := p.(provider.Placed); p != nil && (!is || placed.Offers(provider.Surface(surface))) {
			out = append(out, name)
		}
	}
	return out
}

// Offers tells whether a provider is among those.
func (d *Desk) Offers(regionName, surface, name string) bool {
	return slices.Contains(d.Offered(regionName, surface), name)
}

// Knows tells whether a region offers a provider on any surface: what is linked there
// can be used, else it is switched off (S-51).
func (d *Desk) Knows(regionName, name string) bool {
	return slices.ContainsFunc(surfaces, func(s provider.Surface) bool { return d.Offers(regionName, string(s), name) })
}

// Choices are Offered as a step shows them, with a nonce where an app can hand
// something over; nonce is the journey's.
func (d *Desk) Choices(regionName, surface, nonce string, now time.Time) []step.Provider {
	var out []step.Provider
	for _, name := range d.Offered(regionName, surface) {
		out = append(out, d.Choice(surface, name, nonce, now))
	}
	return out
}

// Choice is one of them.
func (d *Desk) Choice(surface, name, nonce string, now time.Time) step.Provider {
	s := step.Provider{Provider: name}
	p := d.Providers.Get(name)
	if _, native := p.(provider.Native); !native || nonce == "" || surface != string(provider.App) && surface != string(provider.Device) {
		return s
	}
	takes := p.Takes()
	if takes.Token {
		s.Takes = append(s.Takes, "token")
	}
	if takes.Code {
		s.Takes = append(s.Takes, "code")
	}
	if len(s.Takes) == 0 {
		return s
	}
	s.Nonce = nonce
	if first, is := p.(provider.Preparer); is {
		prepared, err := first.Prepare(nonce, now)
		if err != nil { // it can still be visited in a browser
			return step.Provider{Provider: name}
		}
		s.Prepared = prepared
	}
	return s
}

// Fresh makes a nonce for what apps hand over; it is used up with the first try.
func (d *Desk) Fresh() string { return randid.Secret() }

// Redeem asks who it was by what an app handed over. It runs in Ask: it may dial, and
// writes nothing. That the provider is offered is the journey's to see to.
func (d *Desk) Redeem(ctx context.Context, h Handed) (*Person, error) {
	p := d.Providers.Get(h.Provider)
	if p == nil {
		return nil, ProviderNotOffered.On("provider")
	}
	native, is := p.(provider.Native)
	takes := p.Takes()
	switch {
	case h.Nonce == "" || h.Token != "" && h.Code != "" || h.Token == "" && h.Code == "":
		return nil, fault.InvalidInput.On("token")
	case !is || h.Token != "" && !takes.Token:
		return nil, fault.InvalidInput.On("token")
	case h.Code != "" && !takes.Code:
		return nil, fault.InvalidInput.On("code")
	}
	ctx, cancel := context.WithTimeout(ctx, exchangeFor)
	defer cancel()
	who, err := native.Redeem(ctx, provider.Handed{Token: h.Token, Code: h.Code, Nonce: h.Nonce})
	return d.person(ctx, p, who, err)
}

// How long it is remembered that something was handed over: what carries our nonce is
// good for one journey anyway; what does not for as long as tokens of its kind live
// (wiki.connect.qq.com: 90 days).
const (
	boundFor  = 24 * time.Hour
	bearerFor = 100 * 24 * time.Hour
)

// Until is until when it is remembered that this was handed over.
func (h Handed) Until(now time.Time) time.Time {
	if h.Code != "" || strings.Count(h.Token, ".") == 2 && strings.HasPrefix(h.Token, "eyJ") { // a signed token (RFC 7519) begins with {"
		return now.Add(boundFor)
	}
	return now.Add(bearerFor)
}

// Seen notes that a token was handed over; first is false, and nothing is written, if
// it was before. It runs in Apply. Only a hash of it is kept.
func (d *Desk) Seen(ctx context.Context, tx *sqldb.Tx, what string, until time.Time) (first bool, err error) {
	h := sha256.Sum256([]byte("seen\x00" + what))
	n, err := tx.Exec(ctx, `INSERT INTO federation_seen (hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, h[:], sqldb.Micros(until))
	return n == 1, err
}

// Text is what Seen knows what was handed over by.
func (h Handed) Text() string { return h.Provider + "\x00" + h.Token + h.Code }

// Charge spends one exchange of the visitor's network, before what an app handed over
// is redeemed. It runs in Count. The fault is rate_limited.
func (d *Desk) Charge(ctx context.Context, tx *sqldb.Tx, v flow.Visitor) error {
	return d.charge(ctx, tx, d.network(v.Addr))
}

func (d *Desk) charge(ctx context.Context, tx *sqldb.Tx, network []byte) error {
	if d.Book == nil || d.PerMinute == 0 {
		return nil
	}
	exchanges := quota.Limit{Name: "federation.exchanges", Windows: []quota.Window{{Max: d.PerMinute, Per: time.Minute}, {Max: 20 * d.PerMinute, Per: time.Hour}}}
	refused, err := d.Book.Spend(ctx, tx, quota.Spend{Limit: exchanges, Subject: string(network)})
	if err == nil && refused != nil {
		err = fault.RateLimited.Until(refused.RetryAt)
	}
	return err
}
