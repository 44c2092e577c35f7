package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/linking"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/kit/settings"
	"github.com/selfsame-id/selfsame/internal/kit/telemetry"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/alipay"
	"github.com/selfsame-id/selfsame/internal/remote/provider/apple"
	"github.com/selfsame-id/selfsame/internal/remote/provider/facebook"
	"github.com/selfsame-id/selfsame/internal/remote/provider/google"
	"github.com/selfsame-id/selfsame/internal/remote/provider/oidc"
	"github.com/selfsame-id/selfsame/internal/remote/provider/qq"
	"github.com/selfsame-id/selfsame/internal/remote/provider/wechat"
	"github.com/selfsame-id/selfsame/internal/remote/provider/weibo"
)

// federationParts are what stands on third-party providers.
type federationParts struct {
	providers *provider.Book
	links     *link.Store
	desk      *federation.Desk
	linking   *linking.House
}

// vendors makes the configured providers, and a check of each for doctor.
func (b *site) vendors() error {
	p, on := b.set.Providers, b.set.Providers.On()
	wire := provider.Wire{For: p.WaitFor}
	if b.lab != nil {
		wire.Transport = b.lab
	}
	var list []provider.Provider
	for _, v := range []struct {
		name string
		make func() (provider.Provider, error)
	}{
		{"wechat", func() (provider.Provider, error) {
			return wechat.New(wechatConfig(p.WeChat, b.callback("wechat"), wire), b.Clock)
		}},
		{"weibo", func() (provider.Provider, error) {
			return weibo.New(weibo.Config{ID: p.Weibo.ID, Secret: p.Weibo.Secret.Reveal(), Base: at(p.Weibo.Base, "", "https://api.weibo.com"), Callback: b.callback("weibo"), Wire: wire}, b.Clock)
		}},
		{"qq", func() (provider.Provider, error) {
			return qq.New(qq.Config{Web: qq.App{ID: p.QQ.WebID, Key: p.QQ.WebKey.Reveal()}, Mobile: qq.App{ID: p.QQ.MobileID, Key: p.QQ.MobileKey.Reveal()},
				Developer: p.QQ.Developer, Base: at(p.QQ.Base, "", "https://graph.qq.com"), Callback: b.callback("qq"), Wire: wire}, b.Clock)
		}},
		{"alipay", func() (provider.Provider, error) {
			return alipay.New(alipayConfig(p.Alipay, b.callback("alipay"), wire), b.Clock)
		}},
		{"apple", func() (provider.Provider, error) {
			return apple.New(apple.Config{TeamID: p.Apple.TeamID, KeyID: p.Apple.KeyID, PrivateKey: p.Apple.PrivateKey.Reveal(), ServiceID: p.Apple.ServiceID,
				AppIDs: p.Apple.AppIDs, HashedNonce: p.Apple.HashedNonce, Base: p.Apple.Base, Wire: wire}, b.Clock)
		}},
		{"google", func() (provider.Provider, error) { return google.New(googleConfig(p.Google, wire), b.Clock) }},
		{"facebook", func() (provider.Provider, error) {
			return facebook.New(facebook.Config{AppID: p.Facebook.AppID, Secret: p.Facebook.AppSecret.Reveal(), Version: p.Facebook.Version,
				Dialog: p.Facebook.Base, Graph: p.Facebook.Base, LimitedKeys: at(p.Facebook.Base, "/.well-known/oauth/openid/jwks/", ""), Wire: wire}, b.Clock)
		}},
	} {
		if !slices.Contains(on, v.name) {
			continue
		}
		made, err := v.make()
		if err != nil {
			return fmt.Errorf("providers.%s: %w", v.name, err)
		}
		list = append(list, made)
	}
	for _, o := range p.OIDC {
		made, err := oidc.New(oidc.Config{Name: o.Name, Title: o.Title, Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal(), Scopes: o.Scopes, AppIDs: o.AppIDs, Wire: wire}, b.Clock)
		if err != nil {
			return fmt.Errorf("providers.oidc %s: %w", o.Name, err)
		}
		b.runs = append(b.runs, func(ctx context.Context) error { b.discover(ctx, made); return nil })
		list = append(list, made)
	}
	if b.lab == nil {
		for _, made := range list {
			b.checkProvider(made)
		}
	}
	b.federation = &federationParts{providers: provider.NewBook(list...)}
	return nil
}

// callback is the address that is registered at a provider.
func (b *site) callback(name string) string {
	return b.set.PublicURL + "/federation/" + name + "/callback"
}

// discover reads where a generic provider is, so that its first visitor need not wait.
func (b *site) discover(ctx context.Context, p *oidc.OIDC) {
	if err := p.Discover(ctx); err != nil && ctx.Err() == nil {
		b.Log.WarnContext(ctx, "a provider cannot be discovered yet; it is tried again when somebody asks for it", slog.String("provider", p.Name()), slog.Any("error", err))
	}
}

// checkProvider lets doctor look at a provider: what can be seen here, then what can be
// asked there.
func (b *site) checkProvider(p provider.Provider) {
	c, ok := p.(provider.Checker)
	if !ok {
		return
	}
	b.senders = append(b.senders, telemetry.Check{Name: p.Name(), Run: func(ctx context.Context) error {
		if err := c.CheckOffline(b.Clock.Now()); err != nil {
			return err
		}
		return c.CheckOnline(ctx)
	}})
}

// at is an address below the lab's base, or the vendor's own where there is no lab.
func at(base, path, vendors string) string {
	if base == "" {
		return vendors
	}
	return base + path
}

func wechatConfig(w settings.WeChat, callback string, wire provider.Wire) wechat.Config {
	return wechat.Config{
		Platform: w.Platform, Web: wechat.App{ID: w.WebID, Secret: w.WebSecret.Reveal()}, InApp: wechat.App{ID: w.InAppID, Secret: w.InAppSecret.Reveal()},
		Mobile: wechat.App{ID: w.MobileID, Secret: w.MobileSecret.Reveal()}, Message: wechat.Message{Token: w.MessageToken.Reveal(), AESKey: w.MessageKey.Reveal()},
		Open: at(w.Base, "", "https://open.weixin.qq.com"), API: at(w.Base, "", "https://api.weixin.qq.com"), Callback: callback, Wire: wire,
	}
}

func alipayConfig(a settings.Alipay, callback string, wire provider.Wire) alipay.Config {
	c := alipay.Config{
		AppID: a.AppID, PID: a.PID, PrivateKey: a.PrivateKey.Reveal(), PublicKey: a.PublicKey.Reveal(),
		AppCert: a.AppCert.Reveal(), AlipayCert: a.AlipayCert.Reveal(), RootCert: a.RootCert.Reveal(),
		Gateway: at(a.Base, "/gateway.do", ""), Auth: at(a.Base, "/oauth2/publicAppAuthorize.htm", ""), Callback: callback, Wire: wire,
	}
	if a.Sandbox {
		c.Gateway, c.Auth = alipay.SandboxGateway, alipay.SandboxAuth
	}
	return c
}

func googleConfig(g settings.Google, wire provider.Wire) google.Config {
	c := google.Config{WebID: g.WebID, WebSecret: g.WebSecret.Reveal(), AppIDs: g.AppIDs, HostedDomain: g.HostedDomain, Wire: wire}
	if g.Base != "" {
		c.Authorize, c.Token, c.Revoke = g.Base+"/o/oauth2/v2/auth", g.Base+"/token", g.Base+"/revoke"
		c.Keys, c.RISCKeys = g.Base+"/oauth2/v3/certs", g.Base+"/oauth2/v3/certs"
	}
	return c
}

// linkable makes third-party accounts a way to prove. It runs before the journeys that
// ask for proofs.
func (b *site) linkable() {
	f := b.federation
	f.links = link.New(b.ring)
	f.desk = &federation.Desk{DB: b.db, Ring: b.ring, Providers: f.providers, Regions: b.regions, PublicURL: b.set.PublicURL, Book: b.book, PerMinute: b.set.Providers.PerNetworkMinute, Observe: b.observeExchange}
	b.prover.Means = append(b.prover.Means, proof.ByLinked(b.prover, f.links, f.desk))
	b.jobs.Every("federation.sweep", 10*time.Minute, f.desk.Sweep)
}

// observeExchange writes what a provider said: its own code and our word for it, never
// who it was about.
func (b *site) observeExchange(ctx context.Context, name string, err error) {
	if err == nil {
		b.Metrics.Providers.Add(name, "ok")
		return
	}
	reason := provider.ReasonOf(err)
	b.Metrics.Providers.Add(name, string(reason))
	level := slog.LevelInfo
	switch reason {
	case provider.Config, provider.Untrusted:
		level = slog.LevelError // somebody has to do something
	case provider.Temporary, provider.Malformed, provider.RateLimited:
		level = slog.LevelWarn
	}
	b.Log.Log(ctx, level, "a sign-in at a provider came to nothing", slog.String("provider", name), slog.Any("error", err))
}

// linkJourneys makes the journey that links, and what providers tell by themselves.
func (b *site) linkJourneys(notices *proof.Notices) {
	f := b.federation
	f.linking = &linking.House{
		DB: b.db, Ring: b.ring, Accounts: b.accounts, Contacts: b.contacts, Sessions: b.sessions, Links: f.links, Audit: b.audit, Book: b.book,
		Prover: b.prover, Notices: notices, Desk: f.desk, Providers: f.providers, PublicURL: b.set.PublicURL, Life: b.set.Journeys.Life,
		Heard: func(ctx context.Context, name string, n provider.Notice, counts bool) {
			b.Metrics.Notices.Add(name, string(n.Kind), map[bool]string{true: "counts", false: "ignored"}[counts])
			b.Log.InfoContext(ctx, "a provider told something", slog.String("provider", name), slog.String("notice", string(n.Kind)), slog.String("native", n.Raw), slog.Bool("counts", counts))
		},
	}
	f.linking.Work(b.jobs)
	flow.Add(b.runner, linking.Journey(f.linking))
	b.jobs.Every("link.sweep", day, f.linking.Sweep)
}

// providerTitle is what people call a provider of the operator's own.
func (b *site) providerTitle(name string) string {
	for _, o := range b.set.Providers.OIDC {
		if o.Name == name {
			return o.Title
		}
	}
	return ""
}
