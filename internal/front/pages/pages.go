// Package pages holds the hosted pages: what a person sees in a browser. It
// turns typed steps and account data into views, renders them with
// html/template to a buffer, and turns posted forms into inputs of a journey.
// It must never decide who may do what (journeys and stores do), never hold a
// sentence (the catalogs do), and it owns no table.
//
// One address a journey: GET shows the present step of the journey that the
// journey cookie names, or its first step if there is none; POST answers one
// input and redirects to the GET; a refusal shows the same step again with the
// status of the fault.
package pages

import (
	"context"
	"io/fs"
	"net/http"
	"net/url"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
)

// Config is what the pages are made of.
type Config struct {
	PublicURL *url.URL // where the site is; shown to those who came by a wrong name
	Words     *locale.Book
	Clock     *clock.Clock
	Brand     Brand
	Overrides fs.FS // templates and style.css of the operator, over ours; nil: none
	Regions   *region.Book
	Countries []Country // that can be picked for phone numbers

	Journeys    Journeys
	Accounts    Accounts
	Changes     ContactChanges
	Passkeys    Passkeys
	Factors     Factors
	SecondSteps SecondSteps
	// Federation and Linked are nil where no third-party account is offered.
	Federation Federation
	Linked     Linked
	// ProviderTitle is what people call a provider of the operator's own; nil: by its name.
	ProviderTitle func(name string) string
	// RelatedOrigins are the sites on which our passkeys may be used, for browsers.
	RelatedOrigins []string
	// Opening is the first step of a journey that has not begun, so that a look
	// at the page writes nothing; surface is where the browser is ("page", "in_app").
	Opening func(kind, region, surface string) step.Step
	// ProveOpening is that of a proof for an action by who is signed in; nil: what the
	// session has proved is enough.
	ProveOpening func(ctx context.Context, v flow.Visitor, action string) (step.Step, error)
	Visitor      func(r *http.Request) flow.Visitor
	Phones       Phones
	// HasArticle tells whether the help center has "section/slug"; nil: every one.
	HasArticle func(path string) bool
	// Session answers who is signed in in this browser; nil if nobody is.
	Session func(r *http.Request) (*session.Live, error)
	// Explain makes the words of a refusal: Router.Fail.
	Explain func(ctx context.Context, err error) httpd.Failure

	SessionLife time.Duration // longest life of a session: how long the browser keeps the cookie; 0 is 30 days
	PasswordMin int           // characters, in the rules that the page tells; 0 is 8
	PasswordMax int           // 0 is 256
	AvatarBytes int64         // largest avatar upload; 0 is 4 MiB
	Support     string        // where people find the operator's support; empty: not shown
	DemoAddress string        // where the demo's phones are ("/lab"); empty outside the demo
	Storybook   bool          // serve /storybook; in the demo only
}

// Country is a country of phone numbers.
type Country struct {
	ISO  string
	Code int
}

// Phones writes phone numbers for people.
type Phones struct {
	Mask   func(e164 string) string
	Format func(e164 string) string
}

// Journeys is what moves journeys on: *flow.Runner.
type Journeys interface {
	Begin(ctx context.Context, v flow.Visitor, b flow.Begin) (flow.Ticket, error)
	Answer(ctx context.Context, v flow.Visitor, h flow.Handle, in flow.Input) (flow.Ticket, error)
	Show(ctx context.Context, v flow.Visitor, h flow.Handle) (flow.Ticket, error)
}

// Pages renders and serves the hosted pages.
type Pages struct {
	cfg       Config
	templates templates
	assets    *assets
	countries map[locale.Tag][]CountryChoice
}

// New reads templates and assets. With Overrides it also renders every sample
// page once, so that a broken override is found at the start and not by a person.
func New(cfg Config) (*Pages, error) {
	cfg.SessionLife = orElse(cfg.SessionLife, 30*24*time.Hour)
	cfg.AvatarBytes = orElse(cfg.AvatarBytes, 4<<20)
	cfg.PasswordMin = orElse(cfg.PasswordMin, 8)
	cfg.PasswordMax = orElse(cfg.PasswordMax, 256)
	p := &Pages{cfg: cfg, countries: sortCountries(cfg.Words, cfg.Countries)}
	var err error
	if p.assets, err = newAssets(cfg.Brand, cfg.Overrides); err != nil {
		return nil, err
	}
	if p.templates, err = parseTemplates(p.assets, cfg.Overrides); err != nil {
		return nil, err
	}
	if cfg.Overrides != nil {
		if err := p.tryAll(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func orElse[T int | int64 | time.Duration](v, d T) T {
	if v == 0 {
		return d
	}
	return v
}

// Mount registers every page and asset.
func (p *Pages) Mount(rt *httpd.Router) {
	rt.Handle("GET /{$}", p.front)
	rt.Handle("POST /language", p.language)
	for path, kind := range map[string]string{"/signin": "signin", "/signup": "signup"} {
		j := &journeyPage{Pages: p, path: path, kind: kind}
		rt.Handle("GET "+path, j.show)
		rt.Handle("POST "+path, j.answer)
		rt.Handle("GET "+path+"/delivery", j.delivery)
		rt.Handle("POST "+path+"/passkey", j.passkey)
	}
	p.mountContacts(rt)
	p.mountRecovery(rt)
	rt.Handle("GET /done/{result}", p.result)
	prove := &journeyPage{Pages: p, path: provePath, kind: proveKind}
	rt.Handle("GET "+provePath, p.signedIn(prove.prove))
	rt.Handle("POST "+provePath, p.signedIn(prove.proveAnswer))
	rt.Handle("GET "+provePath+"/delivery", prove.delivery)
	rt.Handle("POST "+provePath+"/passkey", prove.passkey)
	rt.Handle("GET /signout", p.signedIn(p.signOutAsk))
	rt.Handle("POST /signout", p.signOut)
	rt.Handle("GET /account", p.signedIn(p.overview))
	rt.Handle("GET /account/security", p.signedIn(p.security))
	rt.Handle("GET /account/password", p.signedIn(p.password))
	rt.Handle("POST /account/password", p.signedIn(p.passwordAnswer))
	rt.Handle("GET /.well-known/change-password", func(w http.ResponseWriter, _ *http.Request) error { return seeOther(w, "/account/password") })
	rt.Handle("GET /account/devices", p.signedIn(p.devices))
	rt.Handle("POST /account/devices", p.signedIn(p.devicesAnswer))
	rt.Handle("GET /account/activity", p.signedIn(p.activity))
	rt.Handle("GET /account/notices", p.signedIn(p.notices))
	rt.Handle("GET /account/profile", p.signedIn(p.profile))
	rt.Handle("POST /account/profile", p.signedIn(p.profileAnswer), httpd.Files(p.cfg.AvatarBytes+64<<10))
	rt.Handle("GET /account/avatar/{id}", p.signedIn(p.avatar))
	p.mountPasskeys(rt)
	p.mountFactors(rt)
	p.mountSecondSteps(rt)
	p.mountFederation(rt)
	p.mountLinked(rt)
	p.assets.mount(rt)
	if p.cfg.Storybook {
		rt.Handle("GET /storybook", p.storybook)
		rt.Handle("GET /storybook/{name}", p.story)
	}
}

// seeOther sends the browser on after a form (303: the next request is a GET).
func seeOther(w http.ResponseWriter, to string) error {
	w.Header()["Location"] = []string{to}
	w.WriteHeader(http.StatusSeeOther)
	return nil
}
