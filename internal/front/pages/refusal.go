package pages

import (
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
)

// Refusal is what a page says of a fault: what happened, why, until when, and
// what can be done now. Nothing in it echoes what was sent (S-122).
type Refusal struct {
	Code   string
	Title  string
	Detail template.HTML
	Until  template.HTML // empty if the detail tells the time already
	Waits  bool          // it ends by itself; a script says when it has
	Field  string        // the input that it is about, or ""
	Ways   []Way
}

// Way is a way on: a link of ours with its words.
type Way struct {
	Href, Text string
	Icon       string
}

// refusal makes the words of a failure for a page, with ways on that fit its code.
func (f *Frame) refusal(fail httpd.Failure, ways ...Way) *Refusal {
	r := &Refusal{Code: fail.Code, Title: fail.Title, Field: fail.Field, Ways: ways}
	r.Detail, r.Waits = f.timed(fail), !fail.RetryAt.IsZero()
	if !fail.RetryAt.IsZero() && !strings.Contains(string(r.Detail), "<time") {
		r.Until = f.H("page.refusal_until", "time", f.From(fail.RetryAt))
	}
	if fail.Topic != "" && f.Article(fail.Topic) {
		r.Ways = append(r.Ways, Way{Href: fail.Topic, Text: f.T("page.refusal_article"), Icon: "circle-help"})
	}
	return r
}

// timed puts <time> elements where the sentence tells times and waits, so that
// a script can tell them in the reader's own zone and count down.
func (f *Frame) timed(fail httpd.Failure) template.HTML {
	text := template.HTMLEscapeString(fail.Detail)
	put := func(said string, markup template.HTML) {
		if said = template.HTMLEscapeString(said); said != "" {
			text = strings.Replace(text, said, string(markup), 1)
		}
	}
	if at := fail.RetryAt; !at.IsZero() {
		put(f.voice.At(at), f.from(at))
		left := at.Sub(f.now)
		put(f.book.For(f.Lang, left), template.HTML(`<span data-left="`+at.UTC().Format(time.RFC3339)+`" data-plain>`+template.HTMLEscapeString(f.book.For(f.Lang, left))+`</span>`))
	}
	for _, v := range fail.Args {
		if at, ok := v.(time.Time); ok {
			put(f.voice.At(at), f.At(at))
		}
	}
	return template.HTML(text)
}

// errorPage is a refusal that has no form to stand in.
type errorPage struct {
	*Frame
	Heading string
	Steps   []string
	Primary Way
	Rows    []Way
}

func (errorPage) file() string { return "error" }

// Fail renders a failure as a page; the router's face of people (httpd.Pages).
func (p *Pages) Fail(w http.ResponseWriter, r *http.Request, fail httpd.Failure) error {
	f := p.frame(r, nil)
	if fail.Code == "misdirected_request" || fail.Status >= 500 {
		f.Path = "/"
	}
	back := "/"
	if r.Method == http.MethodGet {
		back = f.Path
	}
	return p.write(w, fail.Status, p.errorView(f, fail, back))
}

// errorView chooses the main way on by the code.
func (p *Pages) errorView(f *Frame, fail httpd.Failure, back string) view {
	f.Fault = f.refusal(fail)
	rows := f.Fault.Ways
	f.Fault.Ways = nil
	v := errorPage{Frame: f, Heading: fail.Title, Rows: rows, Primary: Way{Href: "/", Text: f.T("page.home")}}
	home := Way{Href: "/", Text: f.T("page.home"), Icon: "house"}
	switch fail.Code {
	case "session_required":
		v.Primary = Way{Href: "/signin?return=" + template.URLQueryEscaper(back), Text: f.T("page.front.signin")}
		v.Rows = append(v.Rows, home)
	case "cookies_off":
		v.Steps = []string{f.T("page.cookies.step_allow"), f.T("page.cookies.step_private"), f.T("page.cookies.step_again")}
		v.Primary = Way{Href: "/signin", Text: f.T("page.try_again")}
		v.Rows = append(v.Rows, home)
	case "form_expired", "journey_expired", "forbidden_origin":
		v.Primary = Way{Href: "/signin", Text: f.T("page.start_again")}
		v.Rows = append(v.Rows, home)
	case "misdirected_request":
		f.Languages, f.OtherRegions = nil, nil // a form here would go to the wrong name again
		if p.cfg.PublicURL != nil {
			v.Primary = Way{Href: p.cfg.PublicURL.String(), Text: f.T("page.misdirected_go", "address", p.cfg.PublicURL.Host)}
			v.Rows = nil
		}
	case "provider_denied", "provider_failed", "provider_not_offered":
		v.Primary = Way{Href: "/signin", Text: f.T("page.start_again")}
		v.Rows = append(v.Rows, home)
	case "internal", "unavailable", "rate_limited":
		v.Primary = Way{Href: back, Text: f.T("page.try_again")}
		v.Rows = append(v.Rows, home)
	}
	v.Rows = append(v.Rows, Way{Href: "/help", Text: f.T("page.help.name"), Icon: "book-open"})
	if fail.Code == "misdirected_request" && p.cfg.PublicURL != nil {
		v.Rows = nil
	}
	f.titled(fail.Title)
	return v
}
