package oidc

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// discoverEvery is the pause between looks for a document that was not there.
const discoverEvery = 5 * time.Second

// document is what a provider says of itself (OpenID Connect Discovery section 3).
type document struct {
	Issuer      string   `json:"issuer"`
	Authorize   string   `json:"authorization_endpoint"`
	Token       string   `json:"token_endpoint"`
	Keys        string   `json:"jwks_uri"`
	UserInfo    string   `json:"userinfo_endpoint"`
	Methods     []string `json:"token_endpoint_auth_methods_supported"`
	Challenges  []string `json:"code_challenge_methods_supported"`
	IssInAnswer bool     `json:"authorization_response_iss_parameter_supported"`
}

// Discover reads the discovery document, if it was not read before. Call it at the
// start, so that the first person does not have to wait. It fails with a *Failure.
func (o *OIDC) Discover(ctx context.Context) error {
	_, err := o.find(ctx)
	return err
}

// known is the places, or nil; then the look for them begins, if the last one is some
// seconds ago.
func (o *OIDC) known() *places {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.places == nil && o.asking == nil && !o.clk.Now().Before(o.askedAt.Add(discoverEvery)) {
		o.look(context.Background())
	}
	return o.places
}

// find is the places, looked for if need be.
func (o *OIDC) find(ctx context.Context) (*places, error) {
	o.mu.Lock()
	if o.places != nil {
		defer o.mu.Unlock()
		return o.places, nil
	}
	if o.asking == nil {
		o.look(ctx)
	}
	asking := o.asking
	o.mu.Unlock()
	select {
	case <-asking:
	case <-ctx.Done():
		return nil, provider.Fail(provider.Temporary, "discovery").Because(ctx.Err())
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.places == nil {
		return nil, o.failed
	}
	return o.places, nil
}

// look begins to read the document. o.mu is held.
func (o *OIDC) look(ctx context.Context) {
	asking := make(chan struct{})
	o.asking, o.askedAt = asking, o.clk.Now()
	go func() {
		found, err := o.read(context.WithoutCancel(ctx))
		o.mu.Lock()
		defer o.mu.Unlock()
		o.places, o.failed, o.asking = found, err, nil
		close(asking)
	}()
}

func (o *OIDC) read(ctx context.Context) (*places, error) {
	answer, err := o.c.Wire.Get(ctx, strings.TrimSuffix(o.c.Issuer, "/")+"/.well-known/openid-configuration", nil)
	if err != nil {
		return nil, err
	}
	if down := answer.Down(o.clk.Now()); down != nil {
		return nil, down
	}
	if answer.Status != http.StatusOK {
		return nil, provider.Fail(provider.Config, "discovery")
	}
	var d document
	if err := answer.Object(&d); err != nil {
		return nil, err
	}
	if d.Issuer != o.c.Issuer { // section 4.3
		return nil, provider.Fail(provider.Untrusted, "discovery_issuer")
	}
	for _, at := range []string{d.Authorize, d.Token, d.Keys} {
		if !o.sound(at) {
			return nil, provider.Fail(provider.Untrusted, "discovery_address")
		}
	}
	if d.UserInfo != "" && !o.sound(d.UserInfo) {
		return nil, provider.Fail(provider.Untrusted, "discovery_address")
	}
	if len(d.Challenges) > 0 && !slices.Contains(d.Challenges, "S256") {
		return nil, provider.Fail(provider.Config, "no_S256")
	}
	p := o.at(either(o.c.Authorize, d.Authorize), either(o.c.Token, d.Token), either(o.c.Keys, d.Keys), either(o.c.UserInfo, d.UserInfo))
	p.issRequired = d.IssInAnswer
	// A provider that says nothing takes the header (section 3).
	p.inBody = len(d.Methods) > 0 && !slices.Contains(d.Methods, "client_secret_basic") && slices.Contains(d.Methods, "client_secret_post")
	return p, nil
}

// sound tells whether the document may name an address: https, unless the operator's
// own issuer is not.
func (o *OIDC) sound(at string) bool {
	u, err := url.Parse(at)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && strings.HasPrefix(o.c.Issuer, "http://")
}

func either(given, discovered string) string {
	if given != "" {
		return given
	}
	return discovered
}
