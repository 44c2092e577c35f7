package pages

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// Federation is the way to third-party providers and back: *federation.Desk.
type Federation interface {
	Leave(ctx context.Context, ticket, browser string) (federation.Departure, error)
	Arrive(ctx context.Context, name string, post bool, answer url.Values, browser string, journey flow.Handle, from netip.Addr) (federation.Arrival, error)
	Confirm(ctx context.Context, token, browser string, mine bool) (federation.Arrival, error)
}

var _ Federation = (*federation.Desk)(nil)

// The addresses of the way. The callback is registered at the providers and never
// changes.
const (
	goPath      = "/federation/go/"
	confirmPath = "/federation/confirm"
	backPath    = "/federation/back"
)

func (p *Pages) mountFederation(rt *httpd.Router) {
	if p.cfg.Federation == nil {
		return
	}
	// /federation/go/{ticket} and /federation/{provider}/callback: one pattern, because
	// neither is more special than the other.
	rt.Handle("GET /federation/{provider}/{end}", func(w http.ResponseWriter, r *http.Request) error {
		switch end := r.PathValue("end"); {
		case end == "callback":
			return p.arrive(w, r)
		case r.PathValue("provider") == "go":
			return p.leaveFor(w, r, end)
		}
		return fault.NotFound
	})
	// A provider that answers by a form of its own page: no cookie of ours comes with
	// it, and none is set by it (S-45).
	rt.Handle("POST /federation/{provider}/callback", p.arriveByPost, httpd.Foreign())
	rt.Handle("POST "+confirmPath, p.confirmArrival)
	rt.Handle("GET "+backPath, p.backAtApp)
}

// leaveFor sends a browser to the provider and remembers which browser it was.
func (p *Pages) leaveFor(w http.ResponseWriter, r *http.Request, ticket string) error {
	browser, _ := httpd.Cookie(r, httpd.FederationCookie)
	d, err := p.cfg.Federation.Leave(r.Context(), ticket, browser)
	if err != nil {
		return err
	}
	httpd.SetCookie(r, httpd.FederationCookie, d.Browser, federation.TripLife)
	w.Header()["Location"] = []string{d.URL}
	w.WriteHeader(http.StatusFound)
	return nil
}

// arrive takes a browser that comes back.
func (p *Pages) arrive(w http.ResponseWriter, r *http.Request) error {
	browser, _ := httpd.Cookie(r, httpd.FederationCookie)
	var journey flow.Handle
	if cookie, ok := httpd.Cookie(r, httpd.JourneyCookie); ok {
		journey.ID, journey.Key, _ = strings.Cut(cookie, ".")
	}
	a, err := p.cfg.Federation.Arrive(r.Context(), r.PathValue("provider"), false, r.URL.Query(), browser, journey, httpd.From(r.Context()).Addr)
	switch {
	case err != nil:
		return err
	case a.Confirm != "":
		return p.write(w, http.StatusOK, p.confirmArrivalView(p.frame(r, nil), a))
	}
	return p.arrived(w, a)
}

// arriveByPost keeps the answer, or not, and has the browser come again by GET, where
// it has its cookies and where a refusal is told.
func (p *Pages) arriveByPost(w http.ResponseWriter, r *http.Request) error {
	at := r.URL.Path
	form, err := httpd.Form(r)
	if err != nil {
		p.cfg.Explain(r.Context(), err)
		return seeOther(w, at)
	}
	if state := form.Get("state"); plainWord(state) {
		at += "?state=" + state
	}
	a, err := p.cfg.Federation.Arrive(r.Context(), r.PathValue("provider"), true, form, "", flow.Handle{}, httpd.From(r.Context()).Addr)
	switch {
	case err != nil:
		p.cfg.Explain(r.Context(), err) // logs it
	case a.Again != "":
		at = r.URL.Path + "?state=" + url.QueryEscape(a.Again)
	}
	return seeOther(w, at)
}

// plainWord tells whether s can stand in an address as it is: what our states are made of.
func plainWord(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// arrived leads on: to the page of the journey that was begun here, or to the word
// that the app goes on.
func (p *Pages) arrived(w http.ResponseWriter, a federation.Arrival) error {
	if at := journeyPaths[a.Kind]; a.Here && at != "" {
		return seeOther(w, at+"?returned=1")
	}
	return seeOther(w, backPath+"?provider="+url.QueryEscape(a.Provider))
}

// journeyPaths are the pages of the kinds of journeys in which a third-party account
// can be asked for.
var journeyPaths = map[string]string{
	"signin": "/signin", "signup": "/signup", proveKind: provePath, linkKind: linkPath, "recover": recoverPath, "freeze": freezePath, "unfreeze": unfreezePath,
	"change_phone": contactsPath + "/change-phone", "change_email": contactsPath + "/change-email", "remove_phone": contactsPath + "/remove-phone",
	"remove_email": contactsPath + "/remove-email", "dispute_phone": contactsPath + "/dispute-phone", "dispute_email": contactsPath + "/dispute-email",
}

// confirmArrivalPage asks whether it was this person who began: the browser comes from
// another network than the app that waits.
type confirmArrivalPage struct {
	*Frame
	Provider, Icon, Answer, Device, Place string
}

func (confirmArrivalPage) file() string { return "federation_confirm" }

func (p *Pages) confirmArrivalView(f *Frame, a federation.Arrival) view {
	v := confirmArrivalPage{Frame: f, Provider: f.providerName(a.Provider), Icon: f.providerIcon(a.Provider), Answer: a.Confirm, Device: a.Device, Place: a.Place}
	f.Path = "/"
	f.titled(f.T("page.federation.confirm_title"))
	return v
}

// confirmArrival takes the answer.
func (p *Pages) confirmArrival(w http.ResponseWriter, r *http.Request) error {
	form, err := httpd.Form(r)
	if err != nil {
		return err
	}
	mine := form.Get("mine")
	if mine != "yes" && mine != "no" {
		return fault.InvalidInput
	}
	browser, _ := httpd.Cookie(r, httpd.FederationCookie)
	a, err := p.cfg.Federation.Confirm(r.Context(), form.Get("token"), browser, mine == "yes")
	switch {
	case err != nil:
		return err
	case mine == "no":
		return seeOther(w, backPath+"?stopped=1")
	}
	return p.arrived(w, a)
}

// backAtAppPage is the end of the way in a browser that an app sent.
type backAtAppPage struct {
	*Frame
	Heading, Lead, Icon string
	Rows                []Way
}

func (backAtAppPage) file() string { return "federation_back" }

// backAtApp says that the app goes on. Its address holds nothing about anybody.
func (p *Pages) backAtApp(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	return p.write(w, http.StatusOK, p.backAtAppView(p.frame(r, nil), query.Get("provider"), query.Get("stopped") != ""))
}

func (p *Pages) backAtAppView(f *Frame, provider string, stopped bool) view {
	v := backAtAppPage{Frame: f, Icon: "circle-check", Heading: f.T("page.federation.back_title"), Lead: f.T("page.federation.back_lead")}
	f.Path = backPath
	if key := "provider." + provider; f.has(key) { // never a word out of the address
		f.Path += "?provider=" + provider
		v.Lead = f.T("page.federation.back_lead_at", "provider", f.T(key))
	}
	if stopped {
		v.Icon, v.Heading, v.Lead = "shield-check", f.T("page.federation.stopped_title"), f.T("page.federation.stopped_lead")
		v.Rows = append(v.Rows, Way{Href: "/account/activity", Text: f.T("page.result.to_activity"), Icon: "history"},
			Way{Href: freezePath, Text: f.T("page.security.freeze_button"), Icon: "snowflake"})
	}
	f.titled(v.Heading)
	return v
}
