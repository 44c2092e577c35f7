package providertest

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// visit is a person in a browser: it opens what the adapter authorizes, says who it
// is and what it decides, and answers what came back to the callback, by GET or by
// POST. Nil: the browser stayed at the vendor.
func (w *world) visit(c Case, a provider.Attempt, person, decision string) url.Values {
	w.t.Helper()
	address, err := w.made.Authorize(a)
	if err != nil {
		w.t.Fatalf("Authorize: %v", err)
	}
	page := w.open(c, http.MethodGet, address, nil)
	form, action := page.form(w)
	if form == nil {
		return nil // a page that says what is wrong
	}
	form.Set("person", person)
	form.Set("decision", decision)
	page = w.open(c, http.MethodPost, action, form)
	back := page.back(w, a.Callback)
	if back != nil && back.Get("state") != a.State {
		w.t.Errorf("S-45: the state came back as %q", back.Get("state"))
	}
	for _, name := range codeNames {
		if v := back.Get(name); v != "" {
			w.hidden = append(w.hidden, v)
		}
	}
	return back
}

// page is what a browser got.
type page struct {
	at       *url.URL
	location string
	body     []byte
}

func (w *world) open(c Case, method, address string, form url.Values) page {
	w.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, address, body)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("User-Agent", c.Agent)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := browser.RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		w.t.Fatal(err)
	}
	return page{at: r.URL, location: resp.Header.Get("Location"), body: read}
}

var browser = &http.Transport{DisableKeepAlives: true}

// back is what a page brings to the callback: by its address, or by a form that is
// sent there.
func (p page) back(w *world, callback string) url.Values {
	w.t.Helper()
	if p.location != "" {
		sent, _, _ := strings.Cut(p.location, "#") // a fragment stays in the browser
		to, query, _ := strings.Cut(sent, "?")
		if to != callback {
			w.t.Errorf("S-46: the browser was sent to %q, not to %q", to, callback)
			return nil
		}
		values, err := url.ParseQuery(query)
		if err != nil {
			w.t.Fatal(err)
		}
		return values
	}
	if form, action := p.form(w); action == callback {
		return form
	}
	return nil
}

// form is the first form of a page, as it would be sent; nil: there is none.
func (p page) form(w *world) (fields url.Values, action string) {
	w.t.Helper()
	doc, err := html.Parse(bytes.NewReader(p.body))
	if err != nil {
		w.t.Fatal(err)
	}
	attr := func(n *html.Node, name string) string {
		for _, a := range n.Attr {
			if a.Key == name {
				return a.Val
			}
		}
		return ""
	}
	for n := range doc.Descendants() {
		switch {
		case n.Type != html.ElementNode:
		case n.Data == "form" && fields == nil:
			to, err := p.at.Parse(attr(n, "action"))
			if err != nil {
				w.t.Fatal(err)
			}
			fields, action = url.Values{}, to.String()
		case n.Data == "input" && fields != nil && attr(n, "type") == "hidden":
			fields.Add(attr(n, "name"), attr(n, "value"))
		}
	}
	return fields, action
}
