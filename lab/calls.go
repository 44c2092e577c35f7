package lab

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/lab/agenda"
	"github.com/selfsame-id/selfsame/lab/carrier"
	"github.com/selfsame-id/selfsame/lab/lines"
	"github.com/selfsame-id/selfsame/lab/mailbox"
)

const maxBody = 64 << 10

type call = func(http.ResponseWriter, *http.Request) error

// calls are the JSON calls of the lab, but for those of the vendors.
func (l *Lab) calls(mux *http.ServeMux) {
	handle(mux, map[string]call{
		"GET /lab/api/sms":                 l.getTexts,
		"POST /lab/api/sms":                l.postText,
		"GET /lab/api/numbers/{number}":    l.getNumber,
		"PUT /lab/api/numbers/{number}":    l.putNumber,
		"DELETE /lab/api/numbers/{number}": l.deleteNumber,
		"GET /lab/api/mail":                l.getMails,
		"GET /lab/api/mailboxes/{address}": l.getMailbox,
		"PUT /lab/api/mailboxes/{address}": l.putMailbox,
		"GET /lab/api/clock":               l.getClock,
		"POST /lab/api/clock":              l.postClock,
		"/lab/api/":                        func(http.ResponseWriter, *http.Request) error { return errNoCall },
	})
}

func handle(mux *http.ServeMux, calls map[string]call) {
	for pattern, serve := range calls {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			if err := serve(w, r); err != nil {
				refuse(w, err)
			}
		})
	}
}

// problem is a refusal in the shape of RFC 9457.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail,omitempty"`
}

func (p problem) Error() string { return p.Title }

var (
	errNoCall   = problem{Status: http.StatusNotFound, Code: "not_found", Title: "No such call"}
	errNumber   = problem{Status: http.StatusUnprocessableEntity, Code: "phone_invalid", Title: "Not a phone number", Detail: "Write it as +8613800138000."}
	errAddress  = problem{Status: http.StatusUnprocessableEntity, Code: "email_invalid", Title: "Not an e-mail address"}
	errNobody   = problem{Status: http.StatusServiceUnavailable, Code: "unavailable", Title: "There is nobody to bring it to yet"}
	errNotTaken = problem{Status: http.StatusBadGateway, Code: "not_taken", Title: "The product did not take the text"}
)

// invalid is a refusal of input for the reason that err says.
func invalid(err error) problem {
	return problem{Status: http.StatusUnprocessableEntity, Code: "invalid_input", Title: "Invalid input", Detail: err.Error()}
}

func refuse(w http.ResponseWriter, err error) {
	p := problem{Status: http.StatusInternalServerError, Code: "internal", Title: "Internal error"}
	errors.As(err, &p)
	p.Type = "about:blank"
	write(w, "application/problem+json", p.Status, p)
}

func answer(w http.ResponseWriter, status int, v any) error {
	write(w, "application/json", status, v)
	return nil
}

func write(w http.ResponseWriter, kind string, status int, v any) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	_ = out.Encode(v) // an error is the caller's leaving
}

// input reads the body into v; unknown members are refused, for in a test they
// are typing errors.
func input(w http.ResponseWriter, r *http.Request, v any) error {
	in := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	in.DisallowUnknownFields()
	if err := in.Decode(v); err != nil {
		return invalid(err)
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return invalid(errors.New("want one JSON object"))
	}
	return nil
}

type textJSON struct {
	ID     string    `json:"id"`
	From   string    `json:"from"`
	To     string    `json:"to"`
	Text   string    `json:"text"`
	Code   string    `json:"code"`
	At     time.Time `json:"at"`
	Status string    `json:"status"`
	Reason string    `json:"reason,omitempty"`
}

// showText is a text as the calls show it. What has not arrived has no text and
// no code: nobody can read it on the phone.
func showText(t carrier.Text) textJSON {
	shown := textJSON{ID: t.ID, From: t.From, To: t.To, Code: t.Code(), At: t.At, Status: string(t.Status), Reason: t.Reason}
	if t.Arrived() {
		shown.Text = t.Text
	}
	return shown
}

func (l *Lab) getTexts(w http.ResponseWriter, r *http.Request) error {
	to := r.URL.Query().Get("to")
	number := lines.Tidy(to)
	texts := l.carrier.To(number)
	if len(texts) == 0 {
		texts = l.carrier.To(strings.TrimSpace(to)) // one of ours, which may be a name
	}
	out := make([]textJSON, len(texts))
	for i, t := range texts {
		out[i] = showText(t)
	}
	return answer(w, http.StatusOK, map[string]any{"messages": out})
}

func (l *Lab) postText(w http.ResponseWriter, r *http.Request) error {
	var in struct{ From, To, Text string }
	if err := input(w, r, &in); err != nil {
		return err
	}
	from := lines.Tidy(in.From)
	if !lines.IsE164(from) {
		// Alphanumeric and short senders exist, and the product must refuse them itself.
		from = strings.TrimSpace(in.From)
	}
	if from == "" || in.To == "" || in.Text == "" || len(from) > 32 || len(in.To) > 32 {
		return invalid(errors.New("want from, to and text, numbers of at most 32 characters"))
	}
	t, err := l.carrier.Send(r.Context(), from, strings.TrimSpace(in.To), in.Text)
	switch {
	case errors.Is(err, carrier.ErrNoCallback):
		return errNobody
	case err != nil:
		return errNotTaken
	}
	return answer(w, http.StatusCreated, showText(t))
}

type numberJSON struct {
	Delivery     *string    `json:"delivery,omitempty"`
	DelayFor     *string    `json:"delay_for,omitempty"`
	FailReason   *string    `json:"fail_reason,omitempty"`
	Line         *string    `json:"line,omitempty"`
	RecycledAt   *time.Time `json:"recycled_at,omitempty"`
	SIMSwappedAt *time.Time `json:"sim_swapped_at,omitempty"`
}

func showNumber(r lines.Record) numberJSON {
	delivery, delay := string(r.Delivery), r.DelayFor.String()
	n := numberJSON{Delivery: &delivery, DelayFor: &delay, FailReason: &r.FailReason, Line: &r.Line}
	if !r.RecycledAt.IsZero() {
		n.RecycledAt = &r.RecycledAt
	}
	if !r.SIMSwappedAt.IsZero() {
		n.SIMSwappedAt = &r.SIMSwappedAt
	}
	return n
}

// number reads the number in the path.
func number(r *http.Request) (string, error) {
	n := lines.Tidy(r.PathValue("number"))
	if !lines.IsE164(n) {
		return "", errNumber
	}
	return n, nil
}

func (l *Lab) getNumber(w http.ResponseWriter, r *http.Request) error {
	n, err := number(r)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, showNumber(l.lines.Get(n)))
}

// putNumber changes what is given and leaves the rest, so that a test can say
// one thing at a time. DELETE makes the number an ordinary one again.
func (l *Lab) putNumber(w http.ResponseWriter, r *http.Request) error {
	n, err := number(r)
	if err != nil {
		return err
	}
	var in numberJSON
	if err := input(w, r, &in); err != nil {
		return err
	}
	changed := l.lines.Get(n)
	if err := in.change(&changed); err != nil {
		return err
	}
	changed, err = l.lines.Update(n, func(to *lines.Record) { _ = in.change(to) }) // checked above
	if err != nil {
		return invalid(err)
	}
	return answer(w, http.StatusOK, showNumber(changed))
}

func (in numberJSON) change(to *lines.Record) error {
	if in.Delivery != nil {
		to.Delivery = lines.Delivery(*in.Delivery)
	}
	if in.DelayFor != nil {
		d, err := agenda.ParseDuration(*in.DelayFor)
		if err != nil {
			return invalid(err)
		}
		to.DelayFor = d
	}
	if in.FailReason != nil {
		to.FailReason = *in.FailReason
	}
	if in.Line != nil {
		to.Line = *in.Line
	}
	if in.RecycledAt != nil {
		to.RecycledAt = *in.RecycledAt
	}
	if in.SIMSwappedAt != nil {
		to.SIMSwappedAt = *in.SIMSwappedAt
	}
	if err := to.Check(); err != nil {
		return invalid(err)
	}
	return nil
}

func (l *Lab) deleteNumber(w http.ResponseWriter, r *http.Request) error {
	n, err := number(r)
	if err != nil {
		return err
	}
	l.lines.Reset(n)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

type mailJSON struct {
	ID      string    `json:"id"`
	From    string    `json:"from"`
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
	Code    string    `json:"code"`
	Links   []string  `json:"links"`
	At      time.Time `json:"at"`
}

func (l *Lab) getMails(w http.ResponseWriter, r *http.Request) error {
	mails := l.post.Mails(r.URL.Query().Get("to"))
	out := make([]mailJSON, len(mails))
	for i, m := range mails {
		out[i] = mailJSON{ID: m.ID, From: m.From, To: m.To, Subject: m.Subject, Text: m.Text, HTML: m.HTML, Code: m.Code(), Links: m.Links(), At: m.At}
	}
	return answer(w, http.StatusOK, map[string]any{"messages": out})
}

type mailboxJSON struct {
	Delivery *string `json:"delivery,omitempty"`
	DelayFor *string `json:"delay_for,omitempty"`
}

func (l *Lab) getMailbox(w http.ResponseWriter, r *http.Request) error {
	address := r.PathValue("address")
	if !mailbox.IsAddress(address) {
		return errAddress
	}
	b := l.post.Behavior(address)
	delivery, delay := string(b.Delivery), b.DelayFor.String()
	return answer(w, http.StatusOK, mailboxJSON{&delivery, &delay})
}

// putMailbox changes what is given and leaves the rest.
func (l *Lab) putMailbox(w http.ResponseWriter, r *http.Request) error {
	address := r.PathValue("address")
	if !mailbox.IsAddress(address) {
		return errAddress
	}
	var in mailboxJSON
	if err := input(w, r, &in); err != nil {
		return err
	}
	b := l.post.Behavior(address)
	if in.Delivery != nil {
		b.Delivery = mailbox.Delivery(*in.Delivery)
	}
	if in.DelayFor != nil {
		d, err := agenda.ParseDuration(*in.DelayFor)
		if err != nil {
			return invalid(err)
		}
		b.DelayFor = d
	}
	if err := b.Check(); err != nil {
		return invalid(err)
	}
	if err := l.post.Set(address, b); err != nil {
		return invalid(err)
	}
	return l.getMailbox(w, r)
}

func (l *Lab) getClock(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, http.StatusOK, map[string]time.Time{"now": l.agenda.Now()})
}

func (l *Lab) postClock(w http.ResponseWriter, r *http.Request) error {
	var in struct{ Advance string }
	if err := input(w, r, &in); err != nil {
		return err
	}
	d, err := agenda.ParseDuration(in.Advance)
	if err != nil {
		return invalid(err)
	}
	l.agenda.Advance(d)
	return l.getClock(w, r)
}
