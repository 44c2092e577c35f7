package page

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// How much of a vendor a page shows.
const (
	maxPeople   = 50
	maxRequests = 20
	maxName     = 60 // characters, as the form says
)

// vendorCard is a vendor on the home page.
type vendorCard struct {
	ID, Path, Title string
	Failing         bool
	Failures        []choice
	People          []string
}

func vendorPath(v provider.Vendor) string { return "/lab/elsewhere/" + url.PathEscape(v.Name()) }

func (w words) vendor(v provider.Vendor) vendorCard {
	d := v.Desk()
	failure := d.Failure()
	c := vendorCard{
		ID: v.Name(), Path: vendorPath(v), Title: d.Title, Failing: failure != provider.None,
		Failures: choices(w, "failure", provider.Failures(), failure),
	}
	for _, p := range d.People() {
		c.People = append(c.People, p.Name)
	}
	if n := len(c.People); n > 6 {
		c.People = append(c.People[:6], w.T("vendor.more", "n", n-6))
	}
	return c
}

func (p *Pages) vendorCards(w words) []vendorCard {
	out := make([]vendorCard, len(p.Vendors))
	for i, v := range p.Vendors {
		out[i] = w.vendor(v)
	}
	return out
}

type vendorPage struct {
	frameData
	Vendor   vendorCard
	Persons  []personRow
	Quirks   []string
	Events   []choice
	Variants []choice
	Whom     []choice
	Requests []requestRow
}

type personRow struct{ ID, Name, Email, Quirks string }

type requestRow struct {
	Method, Path string
	Fields       []string // names only: values would only fill the page
	At           moment
}

// vendorOf finds the vendor in the path; without one it answers that nothing is here.
func (p *Pages) vendorOf(w http.ResponseWriter, r *http.Request) (provider.Vendor, bool) {
	for _, v := range p.Vendors {
		if v.Name() == r.PathValue("provider") {
			return v, true
		}
	}
	p.missing(w, r)
	return nil, false
}

func (p *Pages) vendor(w http.ResponseWriter, r *http.Request) {
	v, ok := p.vendorOf(w, r)
	if !ok {
		return
	}
	h := vendorPage{frameData: p.start(w, r, v.Desk().Title)}
	h.Vendor = h.words.vendor(v)
	people := v.Desk().People()
	slices.Reverse(people)
	for _, q := range people[:min(len(people), maxPeople)] {
		h.Persons = append(h.Persons, personRow{q.ID, q.Name, q.Email, strings.Join(q.Quirks, ", ")})
		h.Whom = append(h.Whom, choice{Value: q.ID, Name: q.Name})
	}
	if knows, ok := v.(provider.Describer); ok {
		h.Quirks = knows.Quirks()
		for _, e := range knows.Events() {
			h.Events = append(h.Events, choice{Value: e, Name: e})
		}
		h.Variants = choices(h.words, "variant", variants, "valid")
	}
	requests := v.Desk().Requests()
	slices.Reverse(requests)
	for _, q := range requests[:min(len(requests), maxRequests)] {
		row := requestRow{Method: q.Method, Path: q.Path, At: at(q.At, p.Agenda.Now())}
		for name := range q.Fields {
			row.Fields = append(row.Fields, name)
		}
		slices.Sort(row.Fields)
		h.Requests = append(h.Requests, row)
	}
	p.show(w, r, http.StatusOK, "vendor", h.Version, h)
}

// variants are the ways of sending a message that every vendor knows.
var variants = []string{"valid", "replay", "bad_signature", "wrong_audience"}

func (p *Pages) setVendor(w http.ResponseWriter, r *http.Request) {
	v, ok := p.vendorOf(w, r)
	if !ok {
		return
	}
	to := vendorPath(v)
	if r.PostFormValue("back") == "/lab" {
		to = "/lab"
	}
	f := provider.Failure(r.PostFormValue("failure"))
	if !slices.Contains(provider.Failures(), f) {
		back(w, r, to, "bad_input")
		return
	}
	v.Desk().Fail(f)
	back(w, r, to, "saved")
}

func (p *Pages) addPerson(w http.ResponseWriter, r *http.Request) {
	v, ok := p.vendorOf(w, r)
	if !ok {
		return
	}
	name, email := strings.TrimSpace(r.PostFormValue("name")), strings.TrimSpace(r.PostFormValue("email"))
	if name == "" || len([]rune(name)) > maxName || len(email) > 254 || len(r.PostForm["quirk"]) > 20 {
		back(w, r, vendorPath(v), "bad_input")
		return
	}
	v.Desk().Add(provider.Person{Name: name, Email: email, Quirks: r.PostForm["quirk"]})
	back(w, r, vendorPath(v), "added")
}

func (p *Pages) sendEvent(w http.ResponseWriter, r *http.Request) {
	v, ok := p.vendorOf(w, r)
	if !ok {
		return
	}
	status, err := v.Event(r.PostFormValue("type"), r.PostFormValue("person"), r.PostFormValue("variant"))
	switch {
	case errors.Is(err, provider.ErrNoEvent) || errors.Is(err, provider.ErrNobody):
		back(w, r, vendorPath(v), "bad_input")
	case err != nil || status/100 != 2:
		back(w, r, vendorPath(v), "not_told")
	default:
		back(w, r, vendorPath(v), "told")
	}
}
