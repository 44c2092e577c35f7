package provider

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

//go:embed templates
var files embed.FS

var (
	style = mustRead("vendor.css")
	// chooserPolicy allows the one style that is in the page, and its empty icon. It says nothing of form
	// targets: the answer to the form is a redirect to another origin, the product.
	chooserPolicy = "default-src 'none'; style-src 'sha256-" + sum(style) + "'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
	pages         = parse("frame.html", "choose.html", "plain.html", "post.html")
)

// submit is the one script, of post.html: it is in that page's policy by its hash.
const submit = "document.forms[0].submit()"

// parse puts the style into the pages before they are parsed, so that it is part of
// the template and nothing that is filled in.
func parse(names ...string) *template.Template {
	t := template.New("vendor")
	for _, name := range names {
		text := strings.NewReplacer("STYLE", style, "SCRIPT", submit).Replace(mustRead(name))
		template.Must(t.New(name).Parse(text))
	}
	return t
}

func mustRead(name string) string {
	body, err := files.ReadFile("templates/" + name)
	if err != nil {
		panic(err) // at the start: the binary was built without it
	}
	return string(body)
}

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(s[:])
}

// Chooser is what a sign-in page says.
type Chooser struct {
	App   string   // who asks to know the person: the app's name
	Asks  []string // what it wants to know, in words
	Note  string   // anything else, such as the kind of page that it stands for
	Extra []Button // besides "allow" and "deny"
}

// Button is one more answer: it is sent as decision=Value.
type Button struct{ Value, Text string }

// Decision reads what the person said on the page of Choose: who it is and "allow",
// "deny" or a button's own value. ok is false when nobody has answered yet, or with a
// name that nobody has here: show the page. The failure Denied makes every answer "deny".
func (d *Desk) Decision(r *http.Request) (p Person, decision string, ok bool) {
	if r.Method != http.MethodPost || !r.PostForm.Has("person") {
		return Person{}, "", false
	}
	p, ok = d.Person(r.PostForm.Get("person"))
	if !ok {
		return Person{}, "", false
	}
	decision = r.PostForm.Get("decision")
	switch {
	case d.Failure() == Denied:
		decision = "deny"
	case decision == "":
		decision = "allow" // Enter in the form, and a test that says only who
	}
	return p, decision, true
}

// Choose shows the sign-in page: who are you, and may this app know it? Its form
// comes back by POST to the same path with the fields of r, `person` and `decision`.
// It works without script.
func (d *Desk) Choose(w http.ResponseWriter, r *http.Request, c Chooser) {
	view := chooserView{Chooser: c, Frame: d.frame(r), People: d.People(), Action: path.Base(r.URL.Path)}
	for name, values := range r.Form {
		if name == "person" || name == "decision" {
			continue
		}
		for _, v := range values {
			view.Fields = append(view.Fields, field{name, v})
		}
	}
	slices.SortStableFunc(view.Fields, func(a, b field) int { return strings.Compare(a.Name, b.Name) })
	d.page(w, http.StatusOK, "choose.html", view)
}

// Page shows a page of the vendor with a heading and a few lines: the word of an
// error that the vendor tells the person and not the app.
func (d *Desk) Page(w http.ResponseWriter, r *http.Request, status int, heading string, lines ...string) {
	d.page(w, status, "plain.html", plainView{Frame: d.frame(r), Heading: heading, Lines: lines})
}

// PostTo sends the browser to address by a POST with fields, as OAuth 2.0 Form Post
// Response Mode has it: a form that sends itself, with a button where there is no script.
func (d *Desk) PostTo(w http.ResponseWriter, r *http.Request, address string, fields url.Values) {
	view := postView{Frame: d.frame(r), Address: address}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		for _, v := range fields[name] {
			view.Fields = append(view.Fields, field{name, v})
		}
	}
	d.page(w, http.StatusOK, "post.html", view)
}

type field struct{ Name, Value string }

// frame is what every page of a vendor has.
type frame struct {
	Lang, Title string
}

type chooserView struct {
	Chooser
	Frame  frame
	People []Person
	Fields []field
	Action string // this page without its query, wherever it is mounted
}

type plainView struct {
	Frame   frame
	Heading string
	Lines   []string
}

type postView struct {
	Frame   frame
	Address string
	Fields  []field
}

func (d *Desk) frame(r *http.Request) frame {
	return frame{Lang: Say(r, "en", "zh-Hans"), Title: d.Title}
}

// Say picks the words for the reader of a page.
func Say(r *http.Request, en, zh string) string {
	if strings.HasPrefix(strings.ToLower(strings.TrimSpace(r.Header.Get("Accept-Language"))), "zh") {
		return zh
	}
	return en
}

// Zh says whether the reader wants Chinese.
func (f frame) Zh() bool { return f.Lang != "en" }

func (d *Desk) page(w http.ResponseWriter, status int, name string, view any) {
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, name, view); err != nil {
		d.Log.Error("lab: a vendor's page", "page", name, "error", err.Error())
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	policy := chooserPolicy
	if name == "post.html" {
		policy += "; script-src 'sha256-" + sum(submit) + "'"
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = out.WriteTo(w) // an error is the reader's leaving
}
