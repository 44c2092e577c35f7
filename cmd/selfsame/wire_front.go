package main

import (
	"bytes"
	"context"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/mileusna/useragent"

	"github.com/selfsame-id/selfsame/internal/front/api"
	"github.com/selfsame-id/selfsame/internal/front/help"
	"github.com/selfsame-id/selfsame/internal/front/hooks"
	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/front/pages"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/captcha"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

// front is floor 4: the doors.
func (b *site) front(context.Context) error {
	var site *pages.Pages
	face := httpd.Pages(func(w http.ResponseWriter, r *http.Request, f httpd.Failure) error { return site.Fail(w, r, f) })
	b.router = httpd.New(httpd.Config{
		PublicURL: b.set.Public(), Local: b.set.Demo, TrustedProxies: b.set.TrustedProxies, Key: b.formKey(), Words: b.words,
		Zone: b.regions.All()[0].Zone, Clock: b.Clock, Log: b.Log, Observe: b.Metrics.HTTP.Route, Translate: b.translate,
		CountFault: func(code string) { b.Metrics.Faults.Add(code) },
		Tracer:     b.Tracer, Deadline: b.set.Limits.Deadline,
	}, face)
	center, err := help.New(help.Options{Words: b.words, Facts: facts(b.set, codeLimits(b.set), b.regions), Render: func(w http.ResponseWriter, r *http.Request, p help.Page) error {
		return renderHelp(site, w, r, p)
	}})
	if err != nil {
		return err
	}
	if site, err = b.pages(center.Has); err != nil {
		return err
	}
	site.Mount(b.router)
	b.router.Handle("GET /help", center.Handle)
	b.router.Handle("GET /help/{path...}", center.Handle)
	if b.set.Brand.Support != "" {
		b.router.Handle("GET /.well-known/security.txt", b.securityText)
	}
	hooks.Mount(b.router, b.courier)
	hooks.MountFederation(b.router, b.federation.linking)
	api.Mount(api.Config{
		Router: b.router, Runner: b.runner, Settings: b.settings, Contacts: b.contactChanges, Linking: b.federation.linking, Words: b.words, Ring: b.ring, Brand: b.set.Brand.Name, Server: b.set.PublicURL,
		Place: func(ctx context.Context) string { return b.placeOf(httpd.From(ctx).Addr) },
		Pictures: api.Pictures{Studio: b.studio, Find: func(ctx context.Context, journey, nonce string) (captcha.Secrets, string, error) {
			return proof.Picture(ctx, b.runner, journey, nonce)
		}},
		Page: face, Show: site.RenderDocs, HasArticle: center.Has,
	})
	b.public = b.router
	if b.lab != nil {
		b.public = b.lab.beside(b.router)
	}
	return nil
}

// securityText names whom to tell of a weakness of this installation (RFC 9116).
func (b *site) securityText(w http.ResponseWriter, _ *http.Request) error {
	expires := b.Clock.Now().AddDate(0, 6, 0).Format(time.RFC3339)
	text := "Contact: " + b.set.Brand.Support + "\nExpires: " + expires + "\nCanonical: " + b.set.PublicURL + "/.well-known/security.txt\n"
	return httpd.WriteBuffer(w, "text/plain; charset=utf-8", bytes.NewBufferString(text))
}

// pages makes the hosted pages.
func (b *site) pages(hasArticle func(string) bool) (*pages.Pages, error) {
	cfg := pages.Config{
		PublicURL: b.set.Public(), Words: b.words, Clock: b.Clock, Brand: pages.Brand{Name: b.set.Brand.Name, Accent: b.set.Brand.Accent},
		Regions: b.regions, Journeys: b.runner, Accounts: b.settings, Changes: b.contactChanges, Passkeys: b.settings, Factors: b.settings, SecondSteps: b.settings, RelatedOrigins: relatedOrigins(b.keys.party), Visitor: b.visitor, Session: b.session, HasArticle: hasArticle,
		Federation: b.federation.desk, Linked: b.federation.linking, ProviderTitle: b.providerTitle,
		Opening: func(kind, region, surface string) step.Step {
			switch kind {
			case "recover", "unfreeze":
				return b.life.recover.Opening(region)
			case "freeze":
				return b.life.freeze.Opening(region)
			}
			if s := b.contactChanges.Opening(kind, region); s != nil {
				return s
			}
			return b.signIn.Opening(region, surface)
		},
		ProveOpening: func(ctx context.Context, v flow.Visitor, action string) (step.Step, error) {
			return b.stepUp.Opening(ctx, b.db, v, action)
		},
		Phones:  pages.Phones{Mask: numbers.Mask, Format: numbers.Format},
		Explain: b.router.Fail, SessionLife: b.set.Sessions.Absolute,
		Support: b.set.Brand.Support, PasswordMin: b.set.Passwords.MinLength, PasswordMax: passwordMost, Storybook: b.set.Demo,
	}
	for _, c := range b.numbers.Countries() {
		cfg.Countries = append(cfg.Countries, pages.Country{ISO: c.ISO, Code: c.Code})
	}
	if b.lab != nil {
		cfg.DemoAddress = "/lab"
	}
	if path := b.set.Brand.Logo; path != "" {
		logo, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		cfg.Brand.Logo = logo
	}
	if dir := b.set.Brand.Templates; dir != "" {
		cfg.Overrides = fs.FS(os.DirFS(dir))
	}
	return pages.New(cfg)
}

// session finds who is signed in in this browser; nil if nobody is.
func (b *site) session(r *http.Request) (*session.Live, error) {
	token, ok := httpd.Cookie(r, httpd.SessionCookie)
	if !ok {
		return nil, nil
	}
	live, err := b.settings.Live(r.Context(), token)
	switch {
	case session.Required.Is(err):
		return nil, nil
	case err == nil:
		live.Addr = httpd.From(r.Context()).Addr
	}
	return live, err
}

// visitor describes the browser that is asking.
func (b *site) visitor(r *http.Request) flow.Visitor {
	i := httpd.From(r.Context())
	return flow.Visitor{
		Addr: i.Addr, DeviceSecret: httpd.DeviceSecret(r), DeviceName: browserName(r.UserAgent()), DeviceKind: browserKind(r.UserAgent()),
		Place: b.placeOf(i.Addr), Locale: i.Locale,
	}
}

// browserName makes "Firefox on Windows" of a User-Agent header, and nothing of
// one that it does not know: what a stranger sent is not shown back.
func browserName(header string) string {
	if len(header) > 512 {
		return ""
	}
	ua := useragent.Parse(header)
	known := func(name string) bool {
		return name != "" && len(name) <= 24 && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz .-") == ""
	}
	switch {
	case !known(ua.Name):
		return ""
	case !known(ua.OS):
		return ua.Name
	}
	return ua.Name + " on " + ua.OS
}

func browserKind(header string) string {
	if len(header) > 512 {
		return "browser"
	}
	switch ua := useragent.Parse(header); {
	case ua.Tablet:
		return "tablet"
	case ua.Mobile:
		return "phone"
	case ua.Desktop:
		return "computer"
	}
	return "browser"
}

// renderHelp puts a page of the help center into the site's layout.
func renderHelp(site *pages.Pages, w http.ResponseWriter, r *http.Request, p help.Page) error {
	links := func(list []help.Link) (out []pages.HelpLink) {
		for _, l := range list {
			out = append(out, pages.HelpLink(l))
		}
		return out
	}
	switch p := p.(type) {
	case help.Index:
		var sections []pages.HelpSection
		for _, s := range p.Sections {
			sections = append(sections, pages.HelpSection{Slug: s.Slug, Title: s.Title, Articles: links(s.Articles)})
		}
		return site.RenderHelpIndex(w, r, sections)
	case help.Article:
		return site.RenderHelpArticle(w, r, pages.HelpArticle{Title: p.Title, Section: p.Section, Lang: p.Lang, Body: p.HTML, Related: links(p.Related)})
	case help.Results:
		return site.RenderHelpResults(w, r, p.Query, links(p.Results))
	case help.Missing:
		return site.RenderHelpMissing(w, r, links(p.Results))
	}
	return nil
}
