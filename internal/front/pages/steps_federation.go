package pages

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// ProviderChoice is a third-party account that can be used.
type ProviderChoice struct{ Name, Text, Icon string }

// providersFirst is how many providers have a button of their own; the others stand
// in a quiet row below.
const providersFirst = 4

// providerChoices are the providers of the first step in the operator's order.
func (b stepBuilder) providerChoices(s step.Identify) (first, more []ProviderChoice) {
	if !slices.Contains(s.Inputs, "provider") {
		return nil, nil
	}
	for _, o := range s.Providers {
		if o.Provider == s.Link { // it opens nothing yet
			continue
		}
		c := ProviderChoice{Name: o.Provider, Text: b.providerName(o.Provider), Icon: b.providerIcon(o.Provider)}
		if len(first) == providersFirst {
			more = append(more, c)
			continue
		}
		if key := "step.identify.provider." + o.Provider; b.has(key) { // as the vendor wants it said
			c.Text = b.T(key)
		} else {
			c.Text = b.T("step.identify.provider_other", "provider", c.Text)
		}
		first = append(first, c)
	}
	return first, more
}

// linking says that a third-party account is linked to the account that is opened now.
func (b stepBuilder) linking(p *identifyPage, provider string) {
	name := b.providerName(provider)
	p.Linking, p.Heading = true, b.T("step.identify.link", "provider", name)
	p.Lead, p.RestartText = b.T("step.identify.link_lead", "provider", name), b.T("step.identify.link_not")
}

// providerName is what people call a provider.
func (f *Frame) providerName(name string) string {
	if key := "provider." + name; f.has(key) {
		return f.T(key)
	}
	if title := f.pages.cfg.ProviderTitle; title != nil && title(name) != "" {
		return title(name)
	}
	return name
}

// providerIcon is the mark of a provider, or that of somebody's account.
func (f *Frame) providerIcon(name string) string {
	if _, drawn := f.pages.assets.icons["provider-"+name]; drawn {
		return "provider-" + name
	}
	return "user-round"
}

// The surfaces on which people meet our pages.
const (
	onPage = "page"
	inApp  = "in_app"
)

// surface is where a browser is: the one inside WeChat says so in its name
// (developers.weixin.qq.com, 网页授权).
func surface(r *http.Request) string {
	if strings.Contains(r.UserAgent(), "MicroMessenger") {
		return inApp
	}
	return onPage
}

// redirectPage says that the person is on the way to a provider, or there.
type redirectPage struct {
	stepFrame
	Provider, Icon string
	Go             string // address of ours that leads there
	ExpiresAt      time.Time
	Why            []string
	OtherWay       bool
	Check          bool
	Others         []ProviderChoice // that do as well
	Waiting        bool             // they asked whether it came, and it did not
}

func (redirectPage) file() string { return "step_redirect" }

func (b stepBuilder) redirect(s step.Redirect) view {
	p := redirectPage{stepFrame: b.base(), Provider: b.providerName(s.Provider), Icon: b.providerIcon(s.Provider), ExpiresAt: s.ExpiresAt,
		Why: b.reasons(s.Why), OtherWay: slices.Contains(s.Inputs, "other_way"), Check: slices.Contains(s.Inputs, "check")}
	// The path alone: this browser stays where its cookies are.
	if u, err := url.Parse(s.URL); err == nil && strings.HasPrefix(u.Path, goPath) {
		p.Go = u.EscapedPath()
	}
	for _, o := range s.Providers {
		if o.Provider != s.Provider || p.Go == "" {
			p.Others = append(p.Others, ProviderChoice{Name: o.Provider, Icon: b.providerIcon(o.Provider), Text: b.T("step.redirect.go", "provider", b.providerName(o.Provider))})
		}
	}
	if (b.v.kind == "signin" || b.v.kind == "signup") && !p.OtherWay {
		p.RestartText = b.T("step.redirect.restart")
	}
	query := b.v.r.URL.Query()
	p.Waiting = b.Fault == nil && query.Get("waiting") != ""
	if b.Fault == nil && query.Get("away") != "" {
		p.GoesTo = p.Go
	}
	p.titled(b.T("step.redirect.title", "provider", p.Provider))
	return p
}

// linkOrCreatePage asks whose account at the provider this is: a newcomer's or that
// of somebody who has an account here.
type linkOrCreatePage struct {
	stepFrame
	Provider, Icon string
	Name           string // as the provider calls the person; may be empty
	Create         bool   // the region lets accounts begin this way
}

func (linkOrCreatePage) file() string { return "step_link_or_create" }

func (b stepBuilder) linkOrCreate(s step.LinkOrCreate) view {
	p := linkOrCreatePage{stepFrame: b.base(), Provider: b.providerName(s.Provider), Icon: b.providerIcon(s.Provider), Name: s.Name,
		Create: slices.Contains(s.Inputs, "create")}
	p.RestartText = b.T("step.redirect.restart")
	p.titled(b.T("step.link_or_create.title", "provider", p.Provider))
	return p
}

// elsewhere says of an account that opens another one here what can be done about it
// where it came up: the page below moves it.
func (b stepBuilder) elsewhere(fail httpd.Failure) {
	_, asked := asStep[step.Confirm](b.v.ticket.Step)
	if name, _ := fail.Args["provider"].(string); asked && b.v.kind == linkKind && federation.LinkedElsewhere.Code == fail.Code {
		b.Fault.Detail = b.H("page.linked.elsewhere", "provider", b.providerName(name))
	}
}

// onTheWay is what the address of a redirect step says: that the browser is to leave,
// once, so that nobody who comes back is sent away again; or that nothing came yet.
// Who can choose where to go is asked first.
func (v *visit) onTheWay() string {
	s, away := asStep[step.Redirect](v.ticket.Step)
	switch {
	case !away:
		return ""
	case v.form == nil || v.form.Get("input") == "check":
		return "?waiting=1"
	case len(s.Providers) > 1 && v.form.Get("input") != "provider":
		return ""
	}
	return "?away=1"
}

// comeBack gives the input check for a browser that has just come back from a
// provider, and tells whether it answered. The address can be opened again: a
// journey that went on is shown as it stands.
func (v *visit) comeBack() (bool, error) {
	if v.r.URL.Query().Get("returned") == "" || v.r.Method != http.MethodGet {
		return false, nil
	}
	if _, away := asStep[step.Redirect](v.ticket.Step); !away || !v.takes("check") {
		return false, nil
	}
	err := v.give(flow.Input{Input: "check"})
	switch {
	case err == nil:
		return true, v.goOn()
	case fault.From(err) == nil:
		return true, err
	case v.done():
		return true, v.goOn() // another tab was quicker
	}
	return true, v.page(0, err)
}
