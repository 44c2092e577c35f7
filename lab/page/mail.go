package page

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/lab/mailbox"
)

// framePolicy lets a mail look as it was designed and do nothing: no script, no
// form, nothing loaded. Links open elsewhere.
const framePolicy = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"

type boxRow struct {
	Path, Address string
	Newest        *mailView
}

type mailView struct {
	ID, From, Subject string
	Text, HTML        string
	Code              string
	CodeView          *codeView
	At                moment
	Path, Frame       string
	Links             []string
	Chosen            bool
}

type mailboxPage struct {
	frameData
	Address, Path string
	Mails         []*mailView
	Mail          *mailView
	Deliveries    []choice
}

func mailPath(address string) string { return "/lab/mail/" + url.PathEscape(address) }

func (w words) mail(address string, m mailbox.Mail, now time.Time) *mailView {
	v := &mailView{
		ID: m.ID, From: m.From, Subject: m.Subject, Text: m.Read(), HTML: m.HTML, Code: m.Code(), At: at(m.At, now),
		Path: mailPath(address) + "?mail=" + url.QueryEscape(m.ID), Frame: "/lab/frame/" + url.PathEscape(m.ID), Links: m.Links(),
	}
	v.CodeView = w.code(v.Code)
	return v
}

// openMailbox leads from the form to the mailbox.
func (p *Pages) openMailbox(w http.ResponseWriter, r *http.Request) {
	address := mailbox.Tidy(r.URL.Query().Get("address"))
	if !mailbox.IsAddress(address) {
		back(w, r, "/lab", "bad_address")
		return
	}
	http.Redirect(w, r, mailPath(address), http.StatusSeeOther)
}

func (p *Pages) address(w http.ResponseWriter, r *http.Request) (string, bool) {
	address := mailbox.Tidy(r.PathValue("address"))
	if !mailbox.IsAddress(address) {
		p.missing(w, r)
		return "", false
	}
	return address, true
}

func (p *Pages) mailbox(w http.ResponseWriter, r *http.Request) {
	address, ok := p.address(w, r)
	if !ok {
		return
	}
	d := mailboxPage{frameData: p.start(w, r, ""), Address: address, Path: mailPath(address)}
	d.Title = d.T("mailbox", "address", address)
	now := p.Agenda.Now()
	chosen := r.URL.Query().Get("mail")
	mails := p.Post.Mails(address)
	if len(mails) > maxMails {
		mails = mails[:maxMails]
	}
	for i, m := range mails {
		v := d.mail(address, m, now)
		d.Mails = append(d.Mails, v)
		if i == 0 || m.ID == chosen {
			d.Mail = v
		}
	}
	if d.Mail != nil {
		d.Mail.Chosen = true
	}
	d.Deliveries = choices(d.words, "delivery", mailbox.Deliveries, p.Post.Behavior(address).Delivery)
	p.show(w, r, http.StatusOK, "mailbox", d.Version, d)
}

func (p *Pages) setMailbox(w http.ResponseWriter, r *http.Request) {
	address, ok := p.address(w, r)
	if !ok {
		return
	}
	b := p.Post.Behavior(address)
	b.Delivery = mailbox.Delivery(r.PostFormValue("delivery"))
	if b.Check() != nil || p.Post.Set(address, b) != nil {
		back(w, r, mailPath(address), "bad_input")
		return
	}
	back(w, r, mailPath(address), "saved")
}

// frame is a mail's HTML for the sandboxed frame.
func (p *Pages) frame(w http.ResponseWriter, r *http.Request) {
	m, ok := p.Post.Mail(r.PathValue("id"))
	if !ok || m.HTML == "" {
		p.missing(w, r)
		return
	}
	w.Header().Set("Content-Security-Policy", framePolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// The base makes links open outside the frame, where they can be used.
	_, _ = strings.NewReader(`<!doctype html><base target="_blank">` + m.HTML).WriteTo(w) // an error is the reader's leaving
}
