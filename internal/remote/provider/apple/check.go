package apple

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/codeflow"
)

var ten = regexp.MustCompile(`^[A-Z0-9]{10}$`)

// CheckOffline looks at the identifiers, the address and the private key.
func (a *Apple) CheckOffline(now time.Time) error {
	var problems []error
	if !ten.MatchString(a.c.TeamID) {
		problems = append(problems, errors.New("apple: the Team ID is not ten capital letters and digits"))
	}
	if !ten.MatchString(a.c.KeyID) {
		problems = append(problems, errors.New("apple: the Key ID is not ten capital letters and digits"))
	}
	problems = append(problems, codeflow.Safe("apple: the address", a.c.Base), a.checkSecret(now))
	return errors.Join(problems...)
}

// checkSecret signs and reads it back, as Apple will.
func (a *Apple) checkSecret(now time.Time) error {
	made, err := a.signer.secret(a.clients()[0], now)
	if err == nil {
		var jws *jose.JSONWebSignature
		if jws, err = jose.ParseSignedCompact(made, []jose.SignatureAlgorithm{jose.ES256}); err == nil {
			_, err = jws.Verify(&a.signer.key.PublicKey)
		}
	}
	if err != nil {
		return errors.New("apple: the private key does not sign")
	}
	return nil
}

// CheckOnline reads Apple's keys and asks, with every client ID, for a code that nobody
// was given: Apple refuses the code if it knows the client and its key.
func (a *Apple) CheckOnline(ctx context.Context) error {
	problems := []error{a.tokens.Keys.Fetch(ctx)}
	for _, client := range a.clients() {
		answer, err := a.post(ctx, "/auth/token", client, url.Values{"grant_type": {"authorization_code"}, "code": {codeflow.MadeUp}})
		if err == nil {
			err = codeflow.Asked(answer, a.clk.Now())
		}
		if err != nil {
			problems = append(problems, errors.New("apple: client "+client+": "+err.Error()))
		}
	}
	return errors.Join(problems...)
}

var (
	_ provider.Native   = (*Apple)(nil)
	_ provider.Revoker  = (*Apple)(nil)
	_ provider.Poster   = (*Apple)(nil)
	_ provider.Notifier = (*Apple)(nil)
	_ provider.Checker  = (*Apple)(nil)
)
