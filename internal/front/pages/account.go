package pages

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
)

// signedIn leads those who are not signed in to the sign-in, and back after it; and
// those who have proved too little for what they do to the proof, and back.
func (p *Pages) signedIn(h func(w http.ResponseWriter, r *http.Request, me *session.Live) error) httpd.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		me, err := p.cfg.Session(r)
		switch {
		case err != nil:
			return err
		case me != nil:
			err := h(w, r, me)
			if led, to := toProof(w, r, err); led {
				return to
			}
			return err
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			return session.Required
		}
		back, ok := httpd.ReturnPath(r.URL.RequestURI())
		switch {
		case !ok:
			back = "/account"
		case strings.Contains(back, "?"):
			back = url.QueryEscape(back)
		}
		return seeOther(w, "/signin?return="+back)
	}
}

// accountFrame is what the account pages have.
type accountFrame struct {
	*Frame
	Places []placeChoice
	Avatar string // address; empty: none
}

type placeChoice struct {
	Way
	Current bool
}

// accountPlaces are the account pages, in the order of the side.
var accountPlaces = []struct{ path, key, icon string }{
	{"/account", "page.account.title", "house"},
	{"/account/contacts", "page.contacts.title", "smartphone"},
	{linkedPath, "page.linked.title", "link"},
	{"/account/security", "page.security.title", "shield-check"},
	{"/account/devices", "page.devices.title", "monitor"},
	{"/account/activity", "page.activity.title", "history"},
	{"/account/profile", "page.profile.title", "user-round"},
}

func (p *Pages) accountFrame(f *Frame, path string) accountFrame {
	a := accountFrame{Frame: f}
	f.Shape = "account"
	f.Scripts = append(f.Scripts, "prompts.js")
	for _, place := range accountPlaces {
		if place.path == linkedPath && path != linkedPath && p.cfg.Linked == nil {
			continue
		}
		if place.path == path {
			f.titled(f.T(place.key))
		}
		a.Places = append(a.Places, placeChoice{Way{Href: place.path, Text: f.T(place.key), Icon: place.icon}, place.path == path})
	}
	if f.Me != nil && f.Me.Account.Avatar != "" {
		a.Avatar = "/account/avatar/" + f.Me.Account.Avatar
	}
	return a
}

// notices are the sentences that a page may begin with after something was done.
var notices = map[string]string{
	"signed_out": "page.notice.signed_out", "withdrawn": "page.notice.withdrawn", "device": "page.notice.device", "others": "page.notice.others",
	"passkey_added": "page.notice.passkey_added", "passkey_renamed": "page.notice.passkey_renamed", "passkey_removed": "page.notice.passkey_removed",
	"two_step_on": "page.notice.two_step_on", "two_step_off": "page.notice.two_step_off", "sms_protected": "page.notice.sms_protected", "sms_unprotected": "page.notice.sms_unprotected",
	"trusted": "page.notice.trusted", "distrusted": "page.notice.distrusted", "prompt_approved": "page.notice.prompt_approved", "prompt_denied": "page.notice.prompt_denied",
	"nickname": "page.notice.nickname", "password": "page.notice.password", "avatar": "page.notice.avatar", "avatar_removed": "page.notice.avatar_removed",
	"link_linked": "page.notice.link_linked", "link_moved": "page.notice.link_moved", "unlinked": "page.notice.unlinked",
	"totp_on": "page.notice.totp_on", "totp_off": "page.notice.totp_off", "codes_kept": "page.notice.codes_kept",
	"questions_set": "page.notice.questions_set", "questions_off": "page.notice.questions_off",
}

// noticed begins a page with what was just done, told by a word in the address
// that stands for a sentence of ours.
func (p *Pages) noticed(r *http.Request, me *session.Live) *Frame {
	f := p.frame(r, me)
	f.Path = r.URL.Path
	if key := notices[r.URL.Query().Get("done")]; key != "" {
		f.Notice = f.T(key)
	}
	return f
}

type overviewPage struct {
	accountFrame
	Nickname  string
	AccountID string
	Concerns  []concernRow
	Groups    []rowGroup
}

func (overviewPage) file() string { return "account_overview" }

type concernRow struct {
	Text       any // string or markup
	Href, Link string
}

type rowGroup struct {
	Name, Title string
	Rows        []stateRow
}

type stateRow struct {
	Way
	State any // string or markup
	Warn  bool
}

func (p *Pages) overview(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	ctx := r.Context()
	o, err := p.cfg.Accounts.Overview(ctx, me)
	if err != nil {
		return err
	}
	devices, err := p.cfg.Accounts.ListDevices(ctx, me)
	if err != nil {
		return err
	}
	recent, err := p.cfg.Accounts.Activity(ctx, me, time.Time{}, eventsAPage)
	if err != nil {
		return err
	}
	told, err := p.cfg.Accounts.Told(ctx, me, time.Time{}, noticesLooked)
	if err != nil {
		return err
	}
	linked, err := p.listLinked(ctx, me)
	if err != nil {
		return err
	}
	return p.write(w, http.StatusOK, p.overviewView(p.noticed(r, me), o, linked, devices, recent, told))
}

// noticesLooked is how many of the latest notices are looked at for one that did
// not arrive.
const noticesLooked = 6

func (p *Pages) overviewView(f *Frame, o settings.Overview, linked []link.Link, devices []settings.Device, recent []audit.Entry, told []proof.Told) view {
	v := overviewPage{accountFrame: p.accountFrame(f, "/account"), Nickname: displayName(f), AccountID: f.Me.AccountID.Spaced()}
	v.Concerns = append(f.concerns(o, devices, recent), f.undelivered(told)...)
	you := rowGroup{Name: "you", Title: f.T("page.account.group_you")}
	for _, c := range p.masked(o.Contacts) {
		row := stateRow{Way: Way{Href: "/account/contacts", Icon: contactIcon(c.Kind), Text: f.T("page.contacts." + string(c.Kind))}, State: f.T("page.contacts.none")}
		if c.Value != "" {
			row.State = f.Num(c.Value)
		}
		you.Rows = append(you.Rows, row)
	}
	if p.cfg.Linked != nil || len(linked) > 0 {
		you.Rows = append(you.Rows, stateRow{Way: Way{Href: linkedPath, Icon: "link", Text: f.T("page.linked.title")}, State: f.linkedState(linked)})
	}
	you.Rows = append(you.Rows, stateRow{Way: Way{Href: "/account/profile", Icon: "user-round", Text: f.T("page.profile.title")}, State: f.T("page.account.profile_state")})
	safe := rowGroup{Name: "safe", Title: f.T("page.account.group_safe")}
	security := stateRow{Way: Way{Href: "/account/security", Icon: "shield-check", Text: f.T("page.security.title")}, State: f.T("page.account.security_fine")}
	if _, next, _ := f.safety(o); next.Href != "" {
		security.State = f.T("page.account.security_next", "next", next.Text)
	}
	where := stateRow{Way: Way{Href: "/account/devices", Icon: "monitor", Text: f.T("page.devices.title")}, State: f.T("page.account.devices_state", "n", signedInOn(devices))}
	activity := stateRow{Way: Way{Href: "/account/activity", Icon: "history", Text: f.T("page.activity.title")}, State: f.T("page.activity.none")}
	if len(recent) > 0 {
		activity.State = f.H("page.account.activity_state", "what", f.event(recent[0]), "ago", f.Ago(recent[0].At))
	}
	ways := stateRow{Way: Way{Href: "/account/security#ways", Icon: "key-round", Text: f.T("page.security.ways")}, State: f.waysState(o)}
	safe.Rows = []stateRow{security, ways, where, activity}
	v.Groups = []rowGroup{you, safe}
	return v
}

// displayName is the nickname, or a stand-in where none was given.
func displayName(f *Frame) string {
	if f.Me != nil && f.Me.Account.Nickname != "" {
		return f.Me.Account.Nickname
	}
	return f.T("page.account.title")
}

func contactIcon(kind contact.Kind) string {
	if kind == contact.Email {
		return "mail"
	}
	return "smartphone"
}
