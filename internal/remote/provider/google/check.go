package google

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/codeflow"
)

// CheckOffline looks at the client IDs and the addresses.
func (g *Google) CheckOffline(time.Time) error {
	var problems []error
	for _, id := range g.clients() {
		if !strings.HasSuffix(id, ".apps.googleusercontent.com") {
			problems = append(problems, errors.New("google: a client ID does not end in .apps.googleusercontent.com; copy it from the Cloud console"))
		}
	}
	if d := g.c.HostedDomain; d != "" && (strings.ContainsAny(d, "@/: ") || !strings.Contains(d, ".")) {
		problems = append(problems, errors.New("google: the hosted domain is no domain; give one such as example.com"))
	}
	for _, at := range []string{g.c.Authorize, g.c.Token, g.c.Keys, g.c.Revoke, g.c.RISCKeys} {
		problems = append(problems, codeflow.Safe("google: an address", at))
	}
	return errors.Join(problems...)
}

// CheckOnline reads Google's keys and asks for a code that nobody was given: Google
// refuses the code if it knows the client and its secret.
func (g *Google) CheckOnline(ctx context.Context) error {
	problems := []error{g.tokens.Keys.Fetch(ctx)}
	if g.events.Keys != g.tokens.Keys {
		problems = append(problems, g.events.Keys.Fetch(ctx))
	}
	answer, err := g.c.Wire.Post(ctx, g.c.Token, url.Values{
		"grant_type": {"authorization_code"}, "code": {codeflow.MadeUp}, "redirect_uri": {codeflow.Nowhere},
		"client_id": {g.c.WebID}, "client_secret": {g.c.WebSecret},
	})
	if err == nil {
		err = codeflow.Asked(answer, g.clk.Now())
	}
	return errors.Join(append(problems, err)...)
}

var (
	_ provider.Native   = (*Google)(nil)
	_ provider.Revoker  = (*Google)(nil)
	_ provider.Notifier = (*Google)(nil)
	_ provider.Checker  = (*Google)(nil)
)
