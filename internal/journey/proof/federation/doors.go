package federation

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// isSecret tells whether text can be what randid.Secret made.
func isSecret(text string) bool {
	b, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && len(b) == 32 && len(text) == 43
}

func browserHash(secret string) []byte {
	h := sha256.Sum256([]byte("browser\x00" + secret))
	return h[:]
}

// left tells whether a browser is the one that went.
func (r *row) left(browser string) bool {
	return browser != "" && subtle.ConstantTimeCompare(r.browser, browserHash(browser)) == 1
}

// Leave opens /federation/go/{ticket}: the first browser that comes is the one that
// may come back. browser is its cookie, or empty. The refusals are provider_failed
// with reason state_unknown, state_used, expired or other_browser, and
// provider_not_offered.
func (d *Desk) Leave(ctx context.Context, ticket, browser string) (Departure, error) {
	if !isSecret(ticket) {
		return Departure{}, failed("", "state_unknown")
	}
	if !isSecret(browser) {
		browser = randid.Secret()
	}
	var r *row
	err := d.DB.InTx(ctx, func(tx *sqldb.Tx) (err error) {
		if r, err = d.load(ctx, tx, hashOf(stateOf(ticket))); err != nil {
			return err
		}
		switch {
		case r == nil:
			return failed("", "state_unknown")
		case !tx.Now().Before(r.expiresAt):
			return failed(r.provider, "expired")
		case r.stage != out:
			return failed(r.provider, "state_used")
		case !d.Knows(r.asked.Region, r.provider):
			return ProviderNotOffered
		case r.left(browser): // the person went back and tries again
			return nil
		}
		won, err := d.bind(ctx, tx, r, browserHash(browser))
		if err == nil && !won {
			err = failed(r.provider, "other_browser")
		}
		return err
	})
	if err != nil {
		return Departure{}, err
	}
	to, err := d.Providers.Get(r.provider).Authorize(provider.Attempt{State: stateOf(ticket), Nonce: r.asked.Nonce, Verifier: r.asked.Verifier,
		Callback: d.callback(r.provider), Surface: provider.Surface(r.asked.Surface), Language: r.asked.Language, Again: r.asked.Again})
	if err != nil {
		return Departure{}, refusal(r.provider, err)
	}
	return Departure{URL: to, Browser: browser}, nil
}

// Bounds of what a vendor's answer may hold.
const (
	parametersMost = 32
	valueMost      = 4 << 10 // bytes, of one parameter
)

// kept is the answer as it is kept: one that cannot be swapped is kept as what ends
// the journey.
func kept(answer url.Values) url.Values {
	if len(answer) > parametersMost {
		return refusedAs(malformed)
	}
	for name, values := range answer {
		if len(values) != 1 || len(values[0]) > valueMost || len(name) > valueMost || !utf8.ValidString(name) || !utf8.ValidString(values[0]) {
			return refusedAs(malformed)
		}
	}
	if code := answer.Get("code") + answer.Get("auth_code"); code != "" && answer.Get("error") != "" {
		return refusedAs(both)
	}
	return answer
}

// isState tells whether text can be a state of ours.
func isState(answer url.Values) bool {
	s := answer["state"]
	return len(s) == 1 && len(s[0]) == 64 && strings.Trim(s[0], "0123456789abcdef") == ""
}

// Arrive takes a callback. journey is the handle of the browser's journey cookie. An
// answer is kept once, and only from the browser that went; one that was kept is the
// one that counts, whatever comes after it (S-45, S-46). The refusals are
// provider_failed with reason state_unknown, state_used, expired, other_browser or
// other_provider, and provider_not_offered.
func (d *Desk) Arrive(ctx context.Context, name string, post bool, answer url.Values, browser string, journey flow.Handle, from netip.Addr) (Arrival, error) {
	p := d.Providers.Get(name)
	if p == nil {
		return Arrival{}, ProviderNotOffered
	}
	if !isState(answer) {
		return Arrival{}, failed(name, "state_unknown")
	}
	var a Arrival
	err := d.DB.InTx(ctx, func(tx *sqldb.Tx) error {
		r, err := d.load(ctx, tx, hashOf(answer.Get("state")))
		switch {
		case err != nil:
			return err
		case r == nil:
			return failed(name, "state_unknown")
		case r.provider != name:
			return failed(name, "other_provider")
		case !tx.Now().Before(r.expiresAt):
			return failed(name, "expired")
		case post:
			a, err = d.posted(ctx, tx, p, r, answer)
			return err
		}
		a, err = d.got(ctx, tx, r, answer, browser, journey, from)
		return err
	})
	return a, err
}

// posted keeps an answer that came by a form of another site, where no cookie tells
// which browser it was. It counts for nothing until that browser comes by GET.
func (d *Desk) posted(ctx context.Context, tx *sqldb.Tx, p provider.Provider, r *row, answer url.Values) (Arrival, error) {
	if poster, is := p.(provider.Poster); !is || !poster.AnswersByPost() || len(r.browser) == 0 {
		return Arrival{}, failed(r.provider, "state_unknown")
	}
	sealed, err := d.seal(r, kept(answer))
	if err != nil {
		return Arrival{}, err
	}
	if won, err := d.move(ctx, tx, r, out, held, sealed); err != nil || !won {
		return Arrival{}, errorOr(err, failed(r.provider, "state_used"))
	}
	return Arrival{JourneyID: r.journeyID, Kind: r.kind, Here: r.here, Provider: r.provider, Again: answer.Get("state")}, nil
}

// got takes a browser that came by GET, with an answer or to one that is held.
func (d *Desk) got(ctx context.Context, tx *sqldb.Tx, r *row, answer url.Values, browser string, journey flow.Handle, from netip.Addr) (Arrival, error) {
	a := Arrival{JourneyID: r.journeyID, Kind: r.kind, Here: r.here, Provider: r.provider}
	if !r.left(browser) {
		return a, failed(r.provider, "other_browser")
	}
	if r.here { // and it must be the one in which the journey is under way
		if journey.ID != r.journeyID {
			return a, failed(r.provider, "other_browser")
		}
		if err := flow.Holds(ctx, tx, journey); err != nil {
			if fault.NotFound.Is(err) {
				err = failed(r.provider, "other_browser")
			}
			return a, err
		}
	}
	sealed, err := d.settled(r, answer)
	if err != nil {
		return a, err
	}
	to := back
	if !r.here && !d.here(from, r.network) {
		to = held
		a.Confirm, a.Device, a.Place = answer.Get("state"), r.asked.Device, r.asked.Place
	}
	switch {
	case r.stage == back: // the page was loaded again before the journey asked
		a.Confirm, a.Device, a.Place = "", "", ""
		return a, nil
	case r.stage == to:
		return a, nil
	}
	if won, err := d.move(ctx, tx, r, r.stage, to, sealed); err != nil || !won {
		return a, errorOr(err, failed(r.provider, "state_used"))
	}
	return a, nil
}

// settled is the answer that counts, sealed: the first that was kept.
func (d *Desk) settled(r *row, answer url.Values) ([]byte, error) {
	switch {
	case r.stage == out:
		return d.seal(r, kept(answer))
	case r.stage == taken:
		return nil, failed(r.provider, "state_used")
	}
	had, err := d.answer(r)
	if err != nil {
		return nil, err
	}
	// What comes again is the same, or nothing but the state: the bounce of a POST.
	if len(answer) > 1 && !reflect.DeepEqual(had, kept(answer)) {
		return nil, failed(r.provider, "state_used")
	}
	return r.sealed, nil
}

// Confirm says that an Arrival with Confirm set was the person's doing, or that it
// was not: then the one that waits is refused. Only the browser that went can say it.
func (d *Desk) Confirm(ctx context.Context, token, browser string, mine bool) (Arrival, error) {
	if !isState(url.Values{"state": {token}}) {
		return Arrival{}, failed("", "state_unknown")
	}
	var a Arrival
	err := d.DB.InTx(ctx, func(tx *sqldb.Tx) error {
		r, err := d.load(ctx, tx, hashOf(token))
		switch {
		case err != nil:
			return err
		case r == nil || r.here:
			return failed("", "state_unknown")
		case !tx.Now().Before(r.expiresAt):
			return failed(r.provider, "expired")
		case !r.left(browser):
			return failed(r.provider, "other_browser")
		}
		a = Arrival{JourneyID: r.journeyID, Kind: r.kind, Provider: r.provider}
		sealed := r.sealed
		if !mine {
			if sealed, err = d.seal(r, refusedAs(disowned)); err != nil {
				return err
			}
		}
		if won, err := d.move(ctx, tx, r, held, back, sealed); err != nil || !won {
			return errorOr(err, failed(r.provider, "state_used"))
		}
		return nil
	})
	return a, err
}

// errorOr is an error, or what is said where there was none.
func errorOr(err error, said *fault.Fault) error {
	if err != nil {
		return err
	}
	return said
}
