package main

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/passkey"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/settings"
)

// passkeyParts are what stands on passkeys.
type passkeyParts struct {
	store *passkey.Store
	party *passkey.Party
	proof *proof.Passkeys
}

// passkeys makes passkeys a way to prove.
func (b *site) passkeys(notices *proof.Notices) {
	k := &passkeyParts{store: passkey.New(b.ring), party: party(b.set)}
	k.proof = proof.ByPasskey(b.prover, k.store, k.party, notices)
	b.prover.Means = append(b.prover.Means, k.proof)
	b.jobs.Every("passkey.sweep", time.Hour, func(ctx context.Context) error { return k.store.Sweep(ctx, b.db) })
	b.keys = k
}

// party is this site as authenticators know it.
func party(s settings.Settings) *passkey.Party {
	public := s.Public()
	return &passkey.Party{
		ID: cmp.Or(s.Passkeys.RPID, public.Hostname()), Name: s.Brand.Name,
		Origins:    append([]string{origin(public.Scheme, public.Host)}, s.Passkeys.Origins...),
		MustVerify: s.Passkeys.Verification == "required",
	}
}

// origin writes an origin as browsers do: without the port that goes without saying.
func origin(scheme, host string) string {
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return scheme + "://" + host
}

// relatedOrigins are the sites that a browser lets use our passkeys, beside the one
// whose domain they belong to; apps are none (WebAuthn Level 3 section 5.11).
func relatedOrigins(p *passkey.Party) (sites []string) {
	for _, o := range p.Origins {
		if strings.HasPrefix(o, "http") {
			sites = append(sites, o)
		}
	}
	return sites
}
