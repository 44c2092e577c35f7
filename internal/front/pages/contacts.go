package pages

import (
	"context"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/contacts"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// ContactChanges is what the pages ask of changes of contacts: *contacts.House.
type ContactChanges interface {
	Waiting(ctx context.Context, me *session.Live) ([]contacts.Pending, error)
	Withdraw(ctx context.Context, me *session.Live, id string) error
	Look(ctx context.Context, token string) (contacts.Objection, error)
	Object(ctx context.Context, token string, v flow.Visitor) (contacts.Objection, error)
}

var _ ContactChanges = (*contacts.House)(nil)

type contactsPage struct {
	accountFrame
	Contacts   []contactRow
	Waiting    []waitingRow
	Full       bool
	AnyContact bool
	Disputes   []Way
	Help       []Way
}

func (contactsPage) file() string { return "account_contacts" }

type contactRow struct {
	Icon, Text, Value string
	State             any
	Young             template.HTML // since when it proves something by itself; empty: it does
	Ways              []Way         // what can be done with it
}

// waitingRow is something that will happen to the contacts, or to the account.
type waitingRow struct {
	ID, Icon string
	Text     template.HTML
	When     template.HTML
	Do       string // the button that ends it
}

// contactsPath is the page of contacts; the journeys that change them are below it.
const contactsPath = "/account/contacts"

// The addresses where a contact is added.
const (
	addPhone = contactsPath + "/add-phone"
	addEmail = contactsPath + "/add-email"
)

// contactJourneys are the kinds of journeys about contacts by their addresses.
var contactJourneys = map[string]string{
	addPhone: "change_phone", addEmail: "change_email",
	contactsPath + "/change-phone": "change_phone", contactsPath + "/change-email": "change_email",
	contactsPath + "/remove-phone": "remove_phone", contactsPath + "/remove-email": "remove_email",
	contactsPath + "/dispute-phone": "dispute_phone", contactsPath + "/dispute-email": "dispute_email",
}

// contactWords are the names of what can be done about a contact.
var contactWords = map[contact.Kind]struct{ add, dispute string }{
	contact.Phone: {"page.contacts.add_phone", "page.contacts.dispute_phone"},
	contact.Email: {"page.contacts.add_email", "page.contacts.dispute_email"},
}

func (p *Pages) mountContacts(rt *httpd.Router) {
	rt.Handle("GET "+contactsPath, p.signedIn(p.contacts))
	rt.Handle("POST "+contactsPath, p.signedIn(p.contactsAnswer))
	for path, kind := range contactJourneys {
		j := &journeyPage{Pages: p, path: path, kind: kind, home: contactsPath}
		rt.Handle("GET "+path, p.signedIn(func(w http.ResponseWriter, r *http.Request, _ *session.Live) error { return j.show(w, r) }))
		rt.Handle("POST "+path, j.answer)
		rt.Handle("GET "+path+"/delivery", j.delivery)
		rt.Handle("POST "+path+"/passkey", j.passkey)
	}
	rt.Handle("GET /objection", p.objection)
	rt.Handle("POST /objection", p.object)
}

// contacts shows the contacts masked, and what waits to happen to them.
func (p *Pages) contacts(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	return p.showContacts(w, r, me, nil)
}

func (p *Pages) showContacts(w http.ResponseWriter, r *http.Request, me *session.Live, refused error) error {
	f, status := p.noticed(r, me), http.StatusOK
	if refused != nil {
		fail := p.cfg.Explain(r.Context(), refused)
		f.Fault, status = f.refusal(fail), fail.Status
	}
	o, err := p.cfg.Accounts.Overview(r.Context(), me)
	if err != nil {
		return err
	}
	waiting, err := p.cfg.Changes.Waiting(r.Context(), me)
	if err != nil {
		return err
	}
	return p.write(w, status, p.contactsView(f, p.masked(o.Contacts), waiting, false))
}

// contactsAnswer shows the contacts in full to a person who proved to be the owner
// just now, or ends something that waits.
func (p *Pages) contactsAnswer(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	form, err := httpd.Form(r)
	if err != nil {
		return err
	}
	if form.Get("input") == "withdraw" {
		err := p.cfg.Changes.Withdraw(r.Context(), me, form.Get("change"))
		switch {
		case err == nil, fault.NotFound.Is(err): // it is over: what was wanted
			return seeOther(w, contactsPath+"?done=withdrawn")
		case fault.From(err) == nil || session.Required.Is(err):
			return err
		}
		return p.showContacts(w, r, me, err)
	}
	list, err := p.cfg.Accounts.FullContacts(r.Context(), me)
	if err != nil {
		return err // a proof that is missing leads to the proof
	}
	waiting, err := p.cfg.Changes.Waiting(r.Context(), me)
	if err != nil {
		return err
	}
	return p.write(w, http.StatusOK, p.contactsView(p.noticed(r, me), p.inFull(list), waiting, true))
}

func (p *Pages) contactsView(f *Frame, list []contactShown, waiting []contacts.Pending, full bool) view {
	v := contactsPage{accountFrame: p.accountFrame(f, contactsPath), Full: full}
	for _, c := range list {
		row := contactRow{Icon: contactIcon(c.Kind), Text: f.T("page.contacts." + string(c.Kind)), Value: c.Value, State: f.T("page.contacts.none")}
		kind := string(c.Kind)
		if c.Value == "" {
			row.Ways = []Way{{Href: contactsPath + "/add-" + kind, Text: f.T(contactWords[c.Kind].add)}}
		} else {
			v.AnyContact = true
			row.State = f.H("page.contacts.verified", "time", f.Day(c.VerifiedAt))
			if until := c.VerifiedAt.Add(policy.Young); f.Me != nil && f.now.Before(until) && c.VerifiedAt.Sub(f.Me.Account.CreatedAt) > time.Hour {
				row.Young = f.H("page.contacts.young", "time", f.from(until))
			}
			row.Ways = []Way{{Href: contactsPath + "/change-" + kind, Text: f.T("page.contacts.change")}, {Href: contactsPath + "/remove-" + kind, Text: f.T("page.contacts.remove")}}
		}
		v.Contacts = append(v.Contacts, row)
		v.Disputes = append(v.Disputes, Way{Href: contactsPath + "/dispute-" + kind, Icon: row.Icon, Text: f.T(contactWords[c.Kind].dispute)})
	}
	for _, w := range waiting {
		v.Waiting = append(v.Waiting, f.waitingRow(w))
	}
	for _, one := range []Way{{Href: "/help/recovery-phone-and-e-mail/how-do-i-change-my-phone-without-the-old-number", Text: f.T("page.contacts.help_without")},
		{Href: "/help/recovery-phone-and-e-mail/someone-elses-number-is-on-my-account", Text: f.T("page.contacts.help_others")}} {
		if f.Article(one.Href) {
			one.Icon = "circle-help"
			v.Help = append(v.Help, one)
		}
	}
	return v
}

// foreign are the changes that others began: their end is an objection.
var foreign = []string{"dispute_phone", "dispute_email", "recover", "unfreeze", "sign_in"}

func (f *Frame) waitingRow(w contacts.Pending) waitingRow {
	row := waitingRow{ID: w.ID, Icon: "clock", When: f.H("page.contacts.waiting_until", "time", f.from(w.ReadyAt)), Do: f.T("page.contacts.withdraw")}
	key := "page.contacts.waiting_" + string(w.Kind)
	if !f.has(key) {
		key = "page.contacts.waiting_other"
	}
	row.Text = f.H(key, "to", f.Num(w.Shown))
	if slices.Contains(foreign, string(w.Kind)) {
		row.Icon, row.Do = "circle-alert", f.T("page.contacts.object")
	}
	return row
}
