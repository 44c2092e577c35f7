package pages

import (
	"cmp"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// signedIn leads those who are not signed in to the sign-in, and back after it.
func (p *Pages) signedIn(h func(w http.ResponseWriter, r *http.Request, me *session.Live) error) httpd.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		me, err := p.cfg.Session(r)
		switch {
		case err != nil:
			return err
		case me != nil:
			return h(w, r, me)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			return settings.SessionRequired
		}
		back, ok := httpd.ReturnPath(r.URL.Path)
		if !ok {
			back = "/account"
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
	{"/account/security", "page.security.title", "shield-check"},
	{"/account/devices", "page.devices.title", "monitor"},
	{"/account/activity", "page.activity.title", "history"},
	{"/account/profile", "page.profile.title", "user-round"},
}

func (p *Pages) accountFrame(f *Frame, path string) accountFrame {
	a := accountFrame{Frame: f}
	f.Shape = "account"
	for _, place := range accountPlaces {
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
	"signed_out": "page.notice.signed_out", "device": "page.notice.device", "others": "page.notice.others",
	"nickname": "page.notice.nickname", "password": "page.notice.password", "avatar": "page.notice.avatar", "avatar_removed": "page.notice.avatar_removed",
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
	return p.write(w, http.StatusOK, p.overviewView(p.noticed(r, me), o, devices, recent))
}

func (p *Pages) overviewView(f *Frame, o settings.Overview, devices []settings.Device, recent []audit.Entry) view {
	v := overviewPage{accountFrame: p.accountFrame(f, "/account"), Nickname: displayName(f), AccountID: f.Me.AccountID.Spaced()}
	v.Concerns = f.concerns(o, devices, recent)
	you := rowGroup{Name: "you", Title: f.T("page.account.group_you")}
	for _, c := range p.masked(o.Contacts) {
		row := stateRow{Way: Way{Href: "/account/contacts", Icon: contactIcon(c.Kind), Text: f.T("page.contacts." + string(c.Kind))}, State: f.T("page.contacts.none")}
		if c.Value != "" {
			row.State = f.Num(c.Value)
		}
		you.Rows = append(you.Rows, row)
	}
	you.Rows = append(you.Rows, stateRow{Way: Way{Href: "/account/profile", Icon: "user-round", Text: f.T("page.profile.title")}, State: f.T("page.account.profile_state")})
	safe := rowGroup{Name: "safe", Title: f.T("page.account.group_safe")}
	password := stateRow{Way: Way{Href: "/account/security", Icon: "key-round", Text: f.T("page.security.password")}, State: f.T("page.security.password_none")}
	if !o.Password.IsZero() {
		password.State = f.H("page.security.password_since", "time", f.Day(o.Password))
	}
	where := stateRow{Way: Way{Href: "/account/devices", Icon: "monitor", Text: f.T("page.devices.title")}, State: f.T("page.account.devices_state", "n", signedInOn(devices))}
	activity := stateRow{Way: Way{Href: "/account/activity", Icon: "history", Text: f.T("page.activity.title")}, State: f.T("page.activity.none")}
	if len(recent) > 0 {
		activity.State = f.H("page.account.activity_state", "what", f.event(recent[0]), "ago", f.Ago(recent[0].At))
	}
	safe.Rows = []stateRow{password, where, activity}
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

type contactsPage struct {
	accountFrame
	Contacts   []contactRow
	Full       bool
	CanShow    bool
	AnyContact bool
	FreshFor   time.Duration
}

func (contactsPage) file() string { return "account_contacts" }

type contactRow struct {
	Icon, Text, Value string
	State             any
}

// contacts shows the contacts masked; a POST of a person who proved to be the
// owner just now shows them in full.
func (p *Pages) contacts(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	f, status := p.noticed(r, me), http.StatusOK
	full := r.Method == http.MethodPost
	if full {
		list, err := p.cfg.Accounts.FullContacts(r.Context(), me)
		if err == nil {
			return p.write(w, status, p.contactsView(f, p.inFull(list), true))
		}
		if fault.From(err) == nil {
			return err
		}
		fail := p.cfg.Explain(r.Context(), err)
		f.Fault, status = f.refusal(fail), fail.Status
	}
	o, err := p.cfg.Accounts.Overview(r.Context(), me)
	if err != nil {
		return err
	}
	return p.write(w, status, p.contactsView(f, p.masked(o.Contacts), false))
}

func (p *Pages) contactsView(f *Frame, list []contactShown, full bool) view {
	v := contactsPage{accountFrame: p.accountFrame(f, "/account/contacts"), Full: full, FreshFor: p.cfg.FreshFor, CanShow: f.Me.ProvedWithin(p.cfg.FreshFor, f.now)}
	for _, c := range list {
		row := contactRow{Icon: contactIcon(c.Kind), Text: f.T("page.contacts." + string(c.Kind)), Value: c.Value, State: f.T("page.contacts.none")}
		if c.Value != "" {
			v.AnyContact = true
			row.State = f.H("page.contacts.verified", "time", f.Day(c.VerifiedAt))
		}
		v.Contacts = append(v.Contacts, row)
	}
	v.CanShow = v.CanShow && v.AnyContact
	return v
}

type securityPage struct {
	accountFrame
	Methods []methodRow
}

func (securityPage) file() string { return "account_security" }

type methodRow struct {
	Way
	On    bool
	State any
	Link  string
}

func (p *Pages) security(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	o, err := p.cfg.Accounts.Overview(r.Context(), me)
	if err != nil {
		return err
	}
	return p.write(w, http.StatusOK, p.securityView(p.noticed(r, me), o))
}

func (p *Pages) securityView(f *Frame, o settings.Overview) view {
	v := securityPage{accountFrame: p.accountFrame(f, "/account/security")}
	for _, c := range p.masked(o.Contacts) {
		method := "sms_code"
		if c.Kind == contact.Email {
			method = "email_code"
		}
		row := methodRow{Way: Way{Icon: methodIcons[method], Text: f.T("page.security.method." + method)}, State: f.T("page.security.off." + method)}
		if c.Value != "" {
			row.On, row.State = true, f.Num(c.Value)
		}
		v.Methods = append(v.Methods, row)
	}
	password := methodRow{Way: Way{Icon: "key-round", Text: f.T("page.security.password"), Href: "/account/password"}, Link: f.T("page.security.set"), State: f.T("page.security.password_none")}
	if !o.Password.IsZero() {
		password.On, password.Link, password.State = true, f.T("page.security.change"), f.H("page.security.password_since", "time", f.Day(o.Password))
	}
	v.Methods = append(v.Methods, password)
	return v
}

type passwordSetPage struct {
	accountFrame
	MinLength, MaxLength int
	Username             string
	Fresh                bool
	FreshFor             time.Duration
	KeepOthers           bool
}

func (passwordSetPage) file() string { return "account_password" }

func (p *Pages) password(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	return p.write(w, http.StatusOK, p.passwordView(p.noticed(r, me), false))
}

func (p *Pages) passwordView(f *Frame, keep bool) view {
	v := passwordSetPage{
		accountFrame: p.accountFrame(f, "/account/security"), MinLength: p.cfg.PasswordMin, MaxLength: p.cfg.PasswordMax,
		Username: f.Me.AccountID.String(), Fresh: f.Me.ProvedWithin(p.cfg.FreshFor, f.now), FreshFor: p.cfg.FreshFor, KeepOthers: keep,
	}
	f.titled(f.T("page.password.title"))
	return v
}

func (p *Pages) passwordAnswer(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	form, err := httpd.Form(r)
	if err != nil {
		return err
	}
	keep := form.Get("keep_others") != ""
	err = p.cfg.Accounts.SetPassword(r.Context(), me, form.Get("password"), keep)
	if err == nil {
		return seeOther(w, "/account/security?done=password")
	}
	if fault.From(err) == nil {
		return err
	}
	f := p.frame(r, me)
	fail := p.cfg.Explain(r.Context(), err)
	if fail.Field == "new_password" {
		fail.Field = "password"
	}
	f.Fault = f.refusal(fail)
	return p.write(w, fail.Status, p.passwordView(f, keep))
}

type devicesPage struct {
	accountFrame
	Devices  []deviceRow
	SignedIn int
	Others   int
}

func (devicesPage) file() string { return "account_devices" }

type deviceRow struct {
	settings.Device
	Icon string
}

var deviceIcons = map[string]string{"phone": "smartphone", "tablet": "tablet", "computer": "laptop", "browser": "monitor", "tv": "tv"}

func (p *Pages) devices(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	return p.devicesPage(w, r, me, http.StatusOK, p.noticed(r, me))
}

func (p *Pages) devicesPage(w http.ResponseWriter, r *http.Request, me *session.Live, status int, f *Frame) error {
	list, err := p.cfg.Accounts.ListDevices(r.Context(), me)
	if err != nil {
		return err
	}
	return p.write(w, status, p.devicesView(f, list))
}

func (p *Pages) devicesView(f *Frame, list []settings.Device) view {
	v := devicesPage{accountFrame: p.accountFrame(f, "/account/devices")}
	for _, d := range list {
		row := deviceRow{Device: d, Icon: cmp.Or(deviceIcons[d.Kind], "monitor")}
		if d.Name == "" {
			row.Name = f.T("page.devices.unnamed")
		}
		v.Devices = append(v.Devices, row)
		if d.SignedIn {
			v.SignedIn++
		}
	}
	v.Others = v.SignedIn
	if v.Others > 0 {
		v.Others-- // the present one stays
	}
	return v
}

func (p *Pages) devicesAnswer(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	form, err := httpd.Form(r)
	if err != nil {
		return err
	}
	done := "device"
	switch form.Get("input") {
	case "sign_out":
		err = p.cfg.Accounts.RemoveDevice(r.Context(), me, form.Get("device"))
	case "sign_out_others":
		done = "others"
		_, err = p.cfg.Accounts.SignOutOthers(r.Context(), me)
	default:
		err = fault.InvalidInput
	}
	if err == nil {
		return seeOther(w, "/account/devices?done="+done)
	}
	if fault.From(err) == nil {
		return err
	}
	f := p.frame(r, me)
	fail := p.cfg.Explain(r.Context(), err)
	f.Fault = f.refusal(fail)
	return p.devicesPage(w, r, me, fail.Status, f)
}

type activityPage struct {
	accountFrame
	Events []activityRow
	Older  string // where the next page begins, in microseconds; empty: no more
}

func (activityPage) file() string { return "account_activity" }

type activityRow struct {
	Time                      time.Time
	Icon, Text, Device, Place string
}

var eventIcons = map[audit.Kind]string{
	audit.AccountCreated: "user-round", audit.SignedIn: "circle-check", audit.SignedOut: "log-out", audit.DeviceRemoved: "log-out",
	audit.OthersSignedOut: "log-out", audit.PasswordWrong: "circle-alert", audit.PasswordSet: "key-round", audit.CodesExhausted: "circle-alert",
	audit.ContactAdded: "smartphone", audit.ContactsViewed: "eye", audit.ProfileChanged: "user-round", audit.OperatorSignOut: "log-out",
}

// event says what happened: the sentence audit.<kind>, or audit.<kind>_<method>
// where there is one.
func (f *Frame) event(e audit.Entry) string {
	args := []any{"device", e.Details["device"], "place", e.Details["place"], "method", e.Details["method"], "contact", e.Details["contact"]}
	key := "audit." + string(e.Kind)
	if with := key + "_" + e.Details["method"]; f.has(with) {
		key = with
	}
	return f.T(key, args...)
}

// eventsAPage is how many entries of the activity stand on a page.
const eventsAPage = 30

func (p *Pages) activity(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	var before time.Time
	if micros, err := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64); err == nil && micros > 0 {
		before = time.UnixMicro(micros).UTC()
	}
	events, err := p.cfg.Accounts.Activity(r.Context(), me, before, eventsAPage+1)
	if err != nil {
		return err
	}
	return p.write(w, http.StatusOK, p.activityView(p.noticed(r, me), events))
}

func (p *Pages) activityView(f *Frame, events []audit.Entry) view {
	v := activityPage{accountFrame: p.accountFrame(f, "/account/activity")}
	if len(events) > eventsAPage {
		events = events[:eventsAPage]
		v.Older = strconv.FormatInt(events[len(events)-1].At.UnixMicro(), 10)
	}
	for _, e := range events {
		v.Events = append(v.Events, activityRow{Time: e.At, Icon: cmp.Or(eventIcons[e.Kind], "info"), Text: f.event(e), Device: e.Details["device"], Place: e.Details["place"]})
	}
	return v
}

// avatar serves the person's own picture.
func (p *Pages) avatar(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	if r.PathValue("id") != me.Account.Avatar {
		return fault.NotFound
	}
	picture, err := p.cfg.Accounts.Avatar(r.Context(), me)
	if err != nil {
		return err
	}
	w.Header()["Content-Type"] = []string{http.DetectContentType(picture)}
	_, err = w.Write(picture)
	return err
}

type profilePage struct {
	accountFrame
	Nickname        string
	AvatarMegabytes int
}

func (profilePage) file() string { return "account_profile" }

func (p *Pages) profile(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	return p.write(w, http.StatusOK, p.profileView(p.noticed(r, me), me.Account.Nickname))
}

func (p *Pages) profileView(f *Frame, nickname string) view {
	return profilePage{accountFrame: p.accountFrame(f, "/account/profile"), Nickname: nickname, AvatarMegabytes: int(p.cfg.AvatarBytes >> 20)}
}

func (p *Pages) profileAnswer(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	form, err := httpd.Form(r)
	if err != nil {
		return err
	}
	done, nickname := form.Get("input"), me.Account.Nickname
	switch done {
	case "nickname":
		nickname = form.Get("nickname")
		err = p.cfg.Accounts.ChangeProfile(r.Context(), me, &nickname, nil)
	case "avatar":
		err = p.setAvatar(r, me)
	case "remove_avatar":
		done = "avatar_removed"
		err = p.cfg.Accounts.SetAvatar(r.Context(), me, nil)
	default:
		err = fault.InvalidInput
	}
	if err == nil {
		return seeOther(w, "/account/profile?done="+done)
	}
	if fault.From(err) == nil {
		return err
	}
	f := p.frame(r, me)
	fail := p.cfg.Explain(r.Context(), err)
	f.Fault = f.refusal(fail)
	if f.Fault.Field == "" {
		f.Fault.Field = done
	}
	return p.write(w, fail.Status, p.profileView(f, nickname))
}

func (p *Pages) setAvatar(r *http.Request, me *session.Live) error {
	file, header, err := r.FormFile("avatar")
	if err != nil || header.Size == 0 {
		return fault.InvalidInput.On("avatar")
	}
	defer file.Close()
	if header.Size > p.cfg.AvatarBytes {
		return httpd.TooLarge.On("avatar")
	}
	picture, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	return p.cfg.Accounts.SetAvatar(r.Context(), me, picture)
}
