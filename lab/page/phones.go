package page

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/selfsame-id/selfsame/lab/carrier"
	"github.com/selfsame-id/selfsame/lab/lines"
)

// How much a page shows.
const (
	maxPhones  = 24
	maxBoxes   = 24
	maxTexts   = 50
	maxMails   = 50
	maxCompose = 480 // characters, as the form says
	maxDelay   = 24 * time.Hour
)

type homePage struct {
	frameData
	Phones    []phoneCard
	Boxes     []boxRow
	Elsewhere []vendorCard
}

type phoneCard struct {
	Address, Pretty string
	Newest          *textView
}

// textView is a text as the page shows it.
type textView struct {
	From, To, Text string
	Code           string
	At             moment
	Here           bool   // it is on the phone, or came from it
	Mine           bool   // the phone's holder wrote it
	Refused        bool   // the holder's text was not taken
	State, Why     string // of one that is not here
	CodeView       *codeView
}

type codeView struct{ Label, Digits, Copy, Done string }

func (w words) code(digits string) *codeView {
	if digits == "" {
		return nil
	}
	return &codeView{Label: w.T("text.code"), Digits: digits, Copy: w.T("copy"), Done: w.T("copied")}
}

func (w words) text(t carrier.Text, number string, now time.Time) textView {
	v := textView{From: t.From, To: t.To, At: at(t.At, now), State: string(t.Status), Mine: t.From == number && t.To != number}
	if v.Here = t.Arrived() || v.Mine; v.Here {
		v.Text, v.Code = t.Text, t.Code()
		v.CodeView = w.code(v.Code)
		v.Refused = t.Status == carrier.Failed
		return v
	}
	reason := w.T("reason." + t.Reason)
	if strings.HasPrefix(reason, "reason.") {
		reason = t.Reason // one that only a test made up
	}
	v.Why = w.T("text."+string(t.Status), "reason", reason)
	return v
}

func phonePath(number string) string { return "/lab/phones/" + url.PathEscape(number) }

func (p *Pages) home(w http.ResponseWriter, r *http.Request) {
	h := homePage{frameData: p.start(w, r, "")}
	h.Title = h.T("lab")
	h.Elsewhere = p.vendorCards(h.words)
	now := p.Agenda.Now()
	seen := map[string]bool{}
	for _, number := range append(p.Carrier.Phones(maxPhones), p.Lines.Numbers(maxPhones)...) {
		if seen[number] || len(h.Phones) >= maxPhones {
			continue
		}
		seen[number] = true
		card := phoneCard{Address: phonePath(number), Pretty: pretty(number)}
		for _, t := range p.Carrier.Texts(number) {
			// The newest that came, for its code; the holder's own only if none came.
			if v := h.text(t, number, now); v.Here && (card.Newest == nil || !v.Mine) {
				card.Newest = &v
				if !v.Mine {
					break
				}
			}
		}
		h.Phones = append(h.Phones, card)
	}
	for _, address := range p.Post.Boxes(maxBoxes) {
		row := boxRow{Path: mailPath(address), Address: address}
		if mails := p.Post.Mails(address); len(mails) > 0 {
			row.Newest = h.mail(address, mails[0], now)
		}
		h.Boxes = append(h.Boxes, row)
	}
	p.show(w, r, http.StatusOK, "home", h.Version, h)
}

type phonePage struct {
	frameData
	Pretty, Path, Service      string
	Texts                      []textView
	Earlier                    int
	Delay                      int // seconds
	Deliveries, Reasons, Lines []choice
}

// openPhone leads from the form to the phone.
func (p *Pages) openPhone(w http.ResponseWriter, r *http.Request) {
	number := lines.Tidy(r.URL.Query().Get("number"))
	if !lines.IsE164(number) {
		back(w, r, "/lab", "bad_number")
		return
	}
	http.Redirect(w, r, phonePath(number), http.StatusSeeOther)
}

// number reads the number in the path.
func (p *Pages) number(w http.ResponseWriter, r *http.Request) (string, bool) {
	number := lines.Tidy(r.PathValue("number"))
	if !lines.IsE164(number) {
		p.missing(w, r)
		return "", false
	}
	return number, true
}

func (p *Pages) phone(w http.ResponseWriter, r *http.Request) {
	number, ok := p.number(w, r)
	if !ok {
		return
	}
	d := phonePage{frameData: p.start(w, r, ""), Pretty: pretty(number), Path: phonePath(number), Service: p.Carrier.Service()}
	d.Title = d.T("phone", "number", d.Pretty)
	now := p.Agenda.Now()
	texts := p.Carrier.Texts(number)
	if len(texts) > maxTexts {
		d.Earlier = len(texts) - maxTexts
		texts = texts[:maxTexts]
	}
	for _, t := range texts {
		d.Texts = append(d.Texts, d.text(t, number, now))
	}
	record := p.Lines.Get(number)
	d.Delay = int(record.DelayFor / time.Second)
	d.Deliveries = choices(d.words, "delivery", lines.Deliveries, record.Delivery)
	d.Reasons = choices(d.words, "reason", lines.Reasons, record.FailReason)
	d.Lines = choices(d.words, "line", lines.Kinds, record.Line)
	p.show(w, r, http.StatusOK, "phone", d.Version, d)
}

func (p *Pages) sendText(w http.ResponseWriter, r *http.Request) {
	number, ok := p.number(w, r)
	if !ok {
		return
	}
	to, text := strings.TrimSpace(r.PostFormValue("to")), strings.TrimSpace(r.PostFormValue("text"))
	if to == "" || len(to) > 32 || text == "" || utf8.RuneCountInString(text) > maxCompose || !utf8.ValidString(text) {
		back(w, r, phonePath(number), "bad_input")
		return
	}
	switch _, err := p.Carrier.Send(r.Context(), number, to, text); err {
	case nil:
		back(w, r, phonePath(number), "sent")
	case carrier.ErrNoCallback:
		back(w, r, phonePath(number), "no_callback")
	default:
		back(w, r, phonePath(number), "not_taken")
	}
}

func (p *Pages) setNumber(w http.ResponseWriter, r *http.Request) {
	number, ok := p.number(w, r)
	if !ok {
		return
	}
	seconds, err := strconv.Atoi(r.PostFormValue("delay"))
	delay := time.Duration(seconds) * time.Second
	change := lines.Record{
		Delivery: lines.Delivery(r.PostFormValue("delivery")), DelayFor: delay,
		FailReason: r.PostFormValue("reason"), Line: r.PostFormValue("line"),
	}
	if err != nil || seconds < 1 || seconds > int(maxDelay/time.Second) || change.Check() != nil {
		back(w, r, phonePath(number), "bad_input")
		return
	}
	if _, err := p.Lines.Update(number, func(l *lines.Record) {
		l.Delivery, l.DelayFor, l.FailReason, l.Line = change.Delivery, change.DelayFor, change.FailReason, change.Line
	}); err != nil {
		back(w, r, phonePath(number), "bad_input")
		return
	}
	back(w, r, phonePath(number), "saved")
}

// pretty writes a number in groups for the eye. It knows the shape of two
// countries' mobile numbers only: the lab does not borrow the product's number plan.
func pretty(number string) string {
	groups := func(s string, sizes ...int) string {
		for _, n := range sizes {
			s, number = s+" "+number[:n], number[n:]
		}
		return s + strings.TrimSuffix(" "+number, " ")
	}
	switch {
	case strings.HasPrefix(number, "+861") && len(number) == 14:
		number = number[3:]
		return groups("+86", 3, 4)
	case strings.HasPrefix(number, "+1") && len(number) == 12:
		number = number[2:]
		return groups("+1", 3, 3)
	case len(number) > 10:
		head := number[:3]
		number = number[3:]
		return groups(head, 3, 3)
	}
	return number
}
