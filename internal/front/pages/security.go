package pages

import (
	"net/http"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
)

type securityPage struct {
	accountFrame
	Safe     string // one sentence: how somebody gets in now
	Fine     bool   // there is nothing to do
	Next     Way    // the one thing to do now; no Href: nothing
	NextWhy  string
	Contacts []methodRow
	Methods  []methodRow
	Events   []activityRow
	TwoStep  methodRow
	Article  string
}

func (securityPage) file() string { return "account_security" }

type methodRow struct {
	Way
	On    bool
	State any // string or markup
	Warn  bool
}

// securityEvents is how many of the latest acts stand on the page.
const securityEvents = 5

func (p *Pages) security(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	o, err := p.cfg.Accounts.Overview(r.Context(), me)
	if err != nil {
		return err
	}
	recent, err := p.cfg.Accounts.Activity(r.Context(), me, time.Time{}, eventsAPage)
	if err != nil {
		return err
	}
	linked, err := p.listLinked(r.Context(), me)
	if err != nil {
		return err
	}
	return p.write(w, http.StatusOK, p.securityView(p.noticed(r, me), o, linked, recent))
}

func (p *Pages) securityView(f *Frame, o settings.Overview, linked []link.Link, recent []audit.Entry) view {
	v := securityPage{accountFrame: p.accountFrame(f, "/account/security"), Article: "/help/verification/what-is-2-step-verification"}
	v.Safe, v.Next, v.NextWhy = f.safety(o)
	v.Fine = v.Next.Href == ""
	for _, c := range p.masked(o.Contacts) {
		v.Contacts = append(v.Contacts, f.contactMethod(c))
	}
	v.Methods, v.TwoStep = f.methodRows(o), f.twoStepRow(o)
	if p.cfg.Linked != nil || len(linked) > 0 {
		v.Methods = append(v.Methods, f.linkedMethod(linked))
	}
	for _, e := range recent {
		if !slices.Contains(everyday, e.Kind) && len(v.Events) < securityEvents {
			v.Events = append(v.Events, f.activityRow(e))
		}
	}
	return v
}

// everyday are the acts that are not shown beside the ways to sign in.
var everyday = []audit.Kind{audit.ProfileChanged, audit.ContactsViewed, audit.SignedOut, audit.Proved}

func (f *Frame) contactMethod(c contactShown) methodRow {
	method, add := "sms_code", addPhone
	if c.Kind == contact.Email {
		method, add = "email_code", addEmail
	}
	row := methodRow{Way: Way{Icon: methodIcons[method], Text: f.T("page.security.method." + method), Href: add}, State: f.T("page.security.off." + method)}
	if c.Value != "" {
		row.On, row.State, row.Href = true, f.Num(c.Value), "/account/contacts"
	}
	return row
}

// methodPlaces are the ways beside the contacts, in the order of the page, and
// where each is looked after.
var methodPlaces = []struct {
	method policy.Method
	href   string
}{
	{policy.Password, "/account/password"}, {policy.Passkey, "/account/security/passkeys"}, {policy.TOTP, "/account/security/authenticator"},
	{policy.RecoveryCode, "/account/security/recovery-codes"}, {policy.Questions, "/account/security/questions"},
}

// methodRows tell of each way whether the account has it and since when. A way
// that the house does not offer has no row.
func (f *Frame) methodRows(o settings.Overview) []methodRow {
	var rows []methodRow
	for _, place := range methodPlaces {
		at, has := wayOf(o, place.method)
		if !has && !slices.Contains(o.Offered, place.method) {
			continue
		}
		name := string(place.method)
		row := methodRow{Way: Way{Icon: methodIcons[name], Text: f.T("page.security.method." + name), Href: place.href}, State: f.T("page.security.off." + name)}
		if has {
			row.On, row.State = true, f.H("page.security.since", "time", f.Day(at))
		}
		if place.method == policy.RecoveryCode && has {
			row.State, row.Warn = f.T("page.security.codes_left", "n", o.CodesLeft), o.CodesLeft <= fewCodes
		}
		rows = append(rows, row)
	}
	return rows
}

// linkedMethod is the row of the accounts elsewhere that open this one.
func (f *Frame) linkedMethod(list []link.Link) methodRow {
	row := methodRow{Way: Way{Icon: "link", Text: f.T("page.security.method.linked"), Href: linkedPath}, State: f.T("page.security.off.linked")}
	if len(list) > 0 {
		row.On, row.State = true, f.linkedState(list)
	}
	for _, l := range list {
		if !l.Works() {
			row.Warn, row.State = true, f.T("page.linked.suspended", "provider", f.providerName(l.Provider))
		}
	}
	return row
}

// waysState names all ways to sign in of an account in one line.
func (f *Frame) waysState(o settings.Overview) string {
	var names []string
	for _, m := range ownWays(o) {
		if key := "page.security.method." + string(m); f.has(key) {
			names = append(names, f.T(key))
		}
	}
	if names == nil {
		return f.T("page.security.off.passkey")
	}
	return f.book.List(f.Lang, names...)
}

func (f *Frame) twoStepRow(o settings.Overview) methodRow {
	row := methodRow{Way: Way{Icon: "shield-check", Text: f.T("page.security.two_step"), Href: "/account/security/two-step"}, State: f.T("page.security.two_step_off"), On: o.Account.TwoStep}
	switch {
	case row.On && o.Trusted:
		row.State = f.T("page.security.two_step_trusted")
	case row.On:
		row.State = f.T("page.security.two_step_on")
	}
	return row
}

// fewCodes are so few recovery codes that it is time for new ones.
const fewCodes = 2

func wayOf(o settings.Overview, m policy.Method) (since time.Time, has bool) {
	if m == policy.Password && !o.Password.IsZero() {
		return o.Password, true
	}
	for _, w := range o.Ways {
		if w.Method == m {
			return w.Since, true
		}
	}
	return time.Time{}, false
}

// safety says in one sentence how somebody gets in now, and the one thing that
// would help most, if there is one. It is not a score: each step is said for what
// it does, and after the last one the page is quiet.
func (f *Frame) safety(o settings.Overview) (safe string, next Way, why string) {
	have := ownWays(o)
	_, phone := contact.Of(o.Contacts, contact.Phone)
	_, mail := contact.Of(o.Contacts, contact.Email)
	offers := func(m policy.Method) bool { return slices.Contains(o.Offered, m) }
	step := func(word, href string) (Way, string) {
		return Way{Href: href, Text: f.T("page.security.next." + word)}, f.T("page.security.why." + word)
	}
	switch {
	case o.Account.TwoStep:
		safe = f.T("page.security.safe.two_step", "n", len(have))
	case len(have) == 1:
		safe = f.T("page.security.only." + string(have[0]))
	case o.Account.Protected || !phone:
		safe = f.T("page.security.safe.several", "n", len(have))
	default:
		safe = f.T("page.security.safe.text_enough", "n", len(have))
	}
	switch {
	case !phone && !mail:
		next, why = step("contact", "/account/contacts")
	case len(have) < 2 && offers(policy.Passkey):
		next, why = step("second", "/account/security/passkeys")
	case len(have) < 2 && !mail:
		next, why = step("email", addEmail)
	case len(have) < 2:
		next, why = step("phone", addPhone)
	case o.Account.TwoStep && o.CodesLeft <= fewCodes && offers(policy.RecoveryCode):
		next, why = step("codes", "/account/security/recovery-codes")
	case !o.Account.TwoStep && offers(policy.RecoveryCode):
		next, why = step("two_step", "/account/security/two-step")
	}
	return safe, next, why
}

// ownWays are the methods of an account, each once.
func ownWays(o settings.Overview) (have []policy.Method) {
	for _, w := range o.Ways {
		if !slices.Contains(have, w.Method) {
			have = append(have, w.Method)
		}
	}
	return have
}
