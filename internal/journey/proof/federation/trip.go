package federation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// stateOf is the state that the vendor is given: 64 letters and digits. It is derived
// from the ticket one way, so that who sees it at the vendor cannot leave by it.
func stateOf(ticket string) string {
	h := sha256.Sum256([]byte("state\x00" + ticket))
	return hex.EncodeToString(h[:])
}

// hashOf is where a trip is found.
func hashOf(state string) []byte {
	h := sha256.Sum256([]byte("federation\x00" + state))
	return h[:]
}

// network is what is kept of the network that an address is in: nothing but whether
// it is the same one.
func (d *Desk) network(addr netip.Addr) []byte {
	narrow, _ := quota.Groups(addr)
	return d.Ring.MAC("federation.network", []byte(narrow))
}

// here tells whether an address is in the network that began a trip.
func (d *Desk) here(addr netip.Addr, network []byte) bool {
	narrow, _ := quota.Groups(addr)
	return addr.IsValid() && d.Ring.VerifyMAC("federation.network", network, []byte(narrow))
}

// Depart begins a visit. It runs in Apply, spends no limit, and refuses a provider
// that is not offered on the visitor's surface (provider_not_offered): for Prove, one
// that the region offers nowhere. again asks the vendor to have the person sign in anew.
func (d *Desk) Depart(ctx context.Context, tx *sqldb.Tx, rec flow.Record, v flow.Visitor, regionName, name string, p Purpose, again bool) (*Trip, error) {
	if !d.Offers(regionName, v.Surface, name) && (p != Prove || !d.Knows(regionName, name)) {
		return nil, ProviderNotOffered.On("provider")
	}
	t := &Trip{Provider: name, Purpose: p, Region: regionName, Ticket: randid.Secret(), Nonce: randid.Secret(), Verifier: randid.Secret(),
		Surface: string(provider.Page), BegunAt: tx.Now()}
	if v.Surface == string(provider.InApp) {
		t.Surface = v.Surface
	}
	r := row{hash: hashOf(stateOf(t.Ticket)), journeyID: rec.ID, kind: rec.Kind, provider: name, here: v.Here(), network: d.network(v.Addr),
		stage: out, expiresAt: tx.Now().Add(TripLife)}
	asked, err := json.Marshal(asked{Purpose: p, Region: regionName, Nonce: t.Nonce, Verifier: t.Verifier, Surface: t.Surface,
		Language: string(v.Locale), Again: again, Device: v.DeviceName, Place: v.Place})
	if err != nil {
		return nil, err
	}
	return t, d.insert(ctx, tx, r, asked)
}

// Show is the step of a visit under way.
func (d *Desk) Show(t *Trip) step.Redirect {
	return step.Redirect{Head: step.Head{Type: step.TypeRedirect, Inputs: []string{"check"}}, Provider: t.Provider,
		URL: d.PublicURL + "/federation/go/" + t.Ticket, ExpiresAt: t.BegunAt.Add(TripLife)}
}

// Collect takes what came back, once. It runs in Count, and spends the exchange that
// follows. nil: nothing came yet. A visit that is over is fault provider_failed with
// reason "expired", or "state_used" if what came was taken.
func (d *Desk) Collect(ctx context.Context, tx *sqldb.Tx, journeyID string, t *Trip) (*Returned, error) {
	r, err := d.load(ctx, tx, hashOf(stateOf(t.Ticket)))
	if err != nil {
		return nil, err
	}
	switch {
	case r == nil || r.journeyID != journeyID || r.provider != t.Provider || !tx.Now().Before(r.expiresAt):
		return nil, failed(t.Provider, "expired")
	case r.stage == taken:
		return nil, failed(t.Provider, "state_used")
	case r.stage != back:
		return nil, nil
	}
	answer, err := d.answer(r)
	if err != nil {
		return nil, err
	}
	if err := d.charge(ctx, tx, r.network); err != nil {
		return nil, err
	}
	if won, err := d.move(ctx, tx, r, back, taken, []byte{}); err != nil || !won {
		return nil, err
	}
	return &Returned{Trip: *t, Answer: answer}, nil
}

// exchangeFor bounds one exchange, for which a vendor may be asked twice: it has to be
// over before the request is (10 s by default).
const exchangeFor = 9 * time.Second

// Exchange asks the provider who it was. It runs in Ask: it dials and writes nothing.
// Its refusals are provider_not_offered, provider_denied and provider_failed.
func (d *Desk) Exchange(ctx context.Context, r *Returned) (*Person, error) {
	t := r.Trip
	p := d.Providers.Get(t.Provider)
	if p == nil || !d.Knows(t.Region, t.Provider) { // switched off while the person was there (S-51)
		return nil, ProviderNotOffered.On("provider")
	}
	switch r.Answer.Get("error") {
	case disowned:
		return nil, ProviderDenied.With("provider", t.Provider)
	case both, malformed:
		return nil, failed(t.Provider, "refused")
	}
	ctx, cancel := context.WithTimeout(ctx, exchangeFor)
	defer cancel()
	a := provider.Attempt{State: stateOf(t.Ticket), Nonce: t.Nonce, Verifier: t.Verifier, Callback: d.callback(t.Provider), Surface: provider.Surface(t.Surface)}
	who, err := p.Exchange(ctx, a, r.Answer)
	return d.person(ctx, p, who, err)
}

func (d *Desk) callback(name string) string { return d.PublicURL + "/federation/" + name + "/callback" }

// person reads what an adapter answered as if an attacker had written it.
func (d *Desk) person(ctx context.Context, p provider.Provider, who provider.Identity, err error) (*Person, error) {
	if err == nil {
		err = check(who)
	}
	if d.Observe != nil {
		d.Observe(ctx, p.Name(), err)
	}
	if err != nil {
		return nil, refusal(p.Name(), err)
	}
	out := &Person{Provider: p.Name(), Name: provider.CleanName(who.Name), At: d.DB.Now()}
	for _, s := range who.Subjects {
		out.Subjects = append(out.Subjects, link.Subject{Scope: s.Scope, Value: s.Value})
	}
	if at, err := email.Read(who.Email); err == nil {
		out.Email = at.Display
	}
	if who.Grant != (provider.Grant{}) {
		out.Grant, err = json.Marshal(who.Grant)
	}
	return out, err
}

// subjectsMost bounds the subjects that a vendor knows one person by.
const subjectsMost = 8

// check refuses an identity that cannot be one: no subject, or one that is too long
// or no plain text.
func check(who provider.Identity) error {
	if n := len(who.Subjects); n == 0 || n > subjectsMost {
		return provider.Fail(provider.Malformed, fmt.Sprintf("subjects:%d", n))
	}
	for _, s := range who.Subjects {
		if !provider.CheckSubject(s.Value) || !provider.CheckSubject(strings.ReplaceAll(s.Scope, " ", "_")) {
			return provider.Fail(provider.Malformed, "subject")
		}
	}
	return nil
}

// Sweep deletes what is over. A visit stays for an hour, so that who comes back late
// is told that it was too late.
func (d *Desk) Sweep(ctx context.Context) error {
	for statement, late := range map[string]time.Duration{
		`DELETE FROM federation_trip WHERE state_hash IN (SELECT state_hash FROM federation_trip WHERE expires_at < $1 LIMIT 500)`: time.Hour,
		`DELETE FROM federation_seen WHERE hash IN (SELECT hash FROM federation_seen WHERE expires_at < $1 LIMIT 500)`:             0,
	} {
		for n := int64(500); n == 500; {
			err := d.DB.InTx(ctx, func(tx *sqldb.Tx) (err error) {
				n, err = tx.Exec(ctx, statement, sqldb.Micros(tx.Now().Add(-late)))
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// answers that stand for one that cannot be swapped: the journey ends by them.
const (
	both      = "both"      // a code and an error
	malformed = "malformed" // a parameter twice, too long or no text
	disowned  = "disowned"  // the person said that they began nothing
)

func refusedAs(why string) url.Values { return url.Values{"error": {why}} }
