package pages

import (
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

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
	Add               string // address where it can be added; empty: it is there
	AddText           string
}

// The addresses where a contact is added.
const (
	addPhone = "/account/contacts/add-phone"
	addEmail = "/account/contacts/add-email"
)

// add answers GET where a contact is added: who proved too long ago to be the
// owner signs in again first, and comes back here.
func (j *journeyPage) add(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	if !me.ProvedWithin(j.cfg.FreshFor, j.cfg.Clock.Now()) {
		return seeOther(w, "/signin?return="+j.path)
	}
	return j.show(w, r)
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
		if c.Value == "" {
			row.Add, row.AddText = addPhone, f.T("page.contacts.add_phone")
			if c.Kind == contact.Email {
				row.Add, row.AddText = addEmail, f.T("page.contacts.add_email")
			}
		} else {
			v.AnyContact = true
			row.State = f.H("page.contacts.verified", "time", f.Day(c.VerifiedAt))
		}
		v.Contacts = append(v.Contacts, row)
	}
	v.CanShow = v.CanShow && v.AnyContact
	return v
}
