// Package page holds what a person sees of the lab: the phones with their texts,
// the mailboxes, how the outside world behaves, and the clock. It works without
// script. It must never show or take anything but the lab's own; it owns no table.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/lab/agenda"
	"github.com/selfsame-id/selfsame/lab/carrier"
	"github.com/selfsame-id/selfsame/lab/lines"
	"github.com/selfsame-id/selfsame/lab/mailbox"
	"github.com/selfsame-id/selfsame/lab/provider"
)

//go:embed templates assets
var files embed.FS

// policy is the pages' Content-Security-Policy: nothing inline, nothing from elsewhere.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Options are the rooms that the pages show.
type Options struct {
	Agenda    *agenda.Agenda
	Carrier   *carrier.Carrier
	Lines     *lines.Book
	Post      *mailbox.Post
	Vendors   []provider.Vendor
	PublicURL string // the front page
	Log       *slog.Logger
}

// Pages serves /lab and below, except the JSON calls.
type Pages struct {
	Options
	views map[string]*template.Template
	mux   *http.ServeMux
}

// New parses the templates; a broken one is a panic, for they are part of the binary.
func New(o Options) *Pages {
	p := &Pages{Options: o, views: map[string]*template.Template{}, mux: http.NewServeMux()}
	funcs := template.FuncMap{"asset": assetPath}
	for _, name := range []string{"home", "phone", "mailbox", "vendor", "missing"} {
		p.views[name] = template.Must(template.New(name).Funcs(funcs).Option("missingkey=error").
			ParseFS(files, "templates/layout.html", "templates/"+name+".html"))
	}
	p.mux.HandleFunc("GET /lab", p.home)
	p.mux.HandleFunc("GET /lab/{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/lab", http.StatusPermanentRedirect)
	})
	p.mux.HandleFunc("GET /lab/phones", p.openPhone)
	p.mux.HandleFunc("GET /lab/phones/{number}", p.phone)
	p.mux.HandleFunc("POST /lab/phones/{number}/texts", p.sendText)
	p.mux.HandleFunc("POST /lab/phones/{number}/carrier", p.setNumber)
	p.mux.HandleFunc("GET /lab/mail", p.openMailbox)
	p.mux.HandleFunc("GET /lab/mail/{address}", p.mailbox)
	p.mux.HandleFunc("POST /lab/mail/{address}/delivery", p.setMailbox)
	p.mux.HandleFunc("GET /lab/frame/{id}", p.frame)
	p.mux.HandleFunc("GET /lab/elsewhere/{provider}", p.vendor)
	p.mux.HandleFunc("POST /lab/elsewhere/{provider}/failure", p.setVendor)
	p.mux.HandleFunc("POST /lab/elsewhere/{provider}/people", p.addPerson)
	p.mux.HandleFunc("POST /lab/elsewhere/{provider}/events", p.sendEvent)
	p.mux.HandleFunc("POST /lab/clock", p.moveClock)
	p.mux.HandleFunc("GET /lab/assets/{name}", p.asset)
	p.mux.HandleFunc("/lab/", p.missing)
	return p
}

// ServeHTTP answers a page. It trusts its caller to have refused cross-origin posts.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	// A small limit for all: the largest form is one text.
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	p.mux.ServeHTTP(w, r)
}

// frameData is what every page has.
type frameData struct {
	words
	Title     string
	Front     string
	Here      string // this page's path, to come back to
	Version   string
	Now       moment
	Note      *note
	Languages []tongue
	Advances  []choice
}

type note struct{ Kind, Text string }

type tongue struct {
	Tag, Name, Address string
	Present            bool
}

type choice struct {
	Value, Name string
	Chosen      bool
}

// moment is a time for a <time> element: exact, short for lists, long for the clock.
type moment struct{ ISO, Short, Long string }

func at(t, now time.Time) moment {
	t, now = t.UTC(), now.UTC()
	short := t.Format("15:04 UTC")
	if y, m, d := t.Date(); y != now.Year() || m != now.Month() || d != now.Day() {
		short = t.Format("2006-01-02 15:04 UTC")
	}
	return moment{ISO: t.Format(time.RFC3339), Short: short, Long: t.Format("2006-01-02 15:04:05 UTC")}
}

var advances = []string{"1m", "5m", "1h", "1d", "15d"}

// start fills what every page has.
func (p *Pages) start(w http.ResponseWriter, r *http.Request, title string) frameData {
	word := speak(w, r)
	now := p.Agenda.Now()
	f := frameData{words: word, Title: title, Front: p.PublicURL, Here: r.URL.Path, Now: at(now, now)}
	if f.Front == "" {
		f.Front = "/"
	}
	// The minute is part of it so that an idle page keeps its times right.
	version := p.Carrier.Version() + p.Post.Version() + p.Lines.Version()
	for _, v := range p.Vendors {
		version += v.Desk().Changes()
	}
	f.Version = word.Lang() + "-" + strconv.FormatUint(version, 36) + "-" + strconv.FormatInt(now.Unix()/60, 36)
	if n, ok := notes[r.URL.Query().Get("note")]; ok {
		f.Note = &note{Kind: n, Text: word.T("note." + r.URL.Query().Get("note"))}
	}
	for _, l := range spoken {
		q := url.Values{"lang": {l.tag}}
		if m := r.URL.Query().Get("mail"); m != "" {
			q.Set("mail", m)
		}
		f.Languages = append(f.Languages, tongue{Tag: l.tag, Name: l.name, Address: r.URL.Path + "?" + q.Encode(), Present: l.tag == word.Lang()})
	}
	for _, d := range advances {
		f.Advances = append(f.Advances, choice{Value: d, Name: word.T("clock." + d)})
	}
	return f
}

// notes are what a redirect may bring along, and how each is shown.
var notes = map[string]string{
	"saved": "good", "sent": "good", "moved": "good", "added": "good", "told": "good",
	"not_taken": "warn", "not_told": "warn", "no_callback": "warn", "bad_number": "warn", "bad_address": "warn", "bad_input": "warn",
}

// show renders a page to the end before it sends anything; a page that the
// reader has already is only confirmed.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, view, version string, data any) {
	w.Header().Add("Vary", "Accept-Language, Cookie")
	if tag := `"` + version + `"`; status == http.StatusOK {
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	var out bytes.Buffer
	if err := p.views[view].ExecuteTemplate(&out, "layout", data); err != nil {
		p.Log.Error("lab page", "view", view, "error", err.Error())
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = out.WriteTo(w) // an error is the reader's leaving
}

func (p *Pages) missing(w http.ResponseWriter, r *http.Request) {
	f := p.start(w, r, "")
	f.Title = f.T("missing")
	f.Here = "/lab"
	p.show(w, r, http.StatusNotFound, "missing", f.Version, f)
}

// back redirects after a post, with a note.
func back(w http.ResponseWriter, r *http.Request, to, note string) {
	http.Redirect(w, r, to+"?note="+note, http.StatusSeeOther)
}

func (p *Pages) moveClock(w http.ResponseWriter, r *http.Request) {
	to := r.PostFormValue("back")
	// Only a page of the lab: a form must not send its reader elsewhere.
	if to = path.Clean(to); to != "/lab" && !strings.HasPrefix(to, "/lab/") {
		to = "/lab"
	}
	u := url.URL{Path: to}
	d, err := agenda.ParseDuration(r.PostFormValue("advance"))
	if err != nil {
		back(w, r, u.EscapedPath(), "bad_input")
		return
	}
	p.Agenda.Advance(d)
	back(w, r, u.EscapedPath(), "moved")
}

// assetPath is the address of an asset, with a part of its hash so that it can
// be kept for ever.
func assetPath(name string) string {
	body, err := files.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // a template names an asset that is not in the binary
	}
	sum := sha256.Sum256(body)
	return "/lab/assets/" + name + "?v=" + hex.EncodeToString(sum[:6])
}

var assetTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

func (p *Pages) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	body, err := files.ReadFile("assets/" + name)
	if err != nil {
		p.missing(w, r)
		return
	}
	if r.URL.Query().Has("v") {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	w.Header().Set("Content-Type", assetTypes[path.Ext(name)])
	_, _ = w.Write(body) // an error is the reader's leaving
}

// choices are the options of a select; the words are under prefix.
func choices[T ~string](w words, prefix string, values []T, chosen T) []choice {
	out := make([]choice, len(values))
	for i, v := range values {
		out[i] = choice{Value: string(v), Name: w.T(prefix + "." + string(v)), Chosen: v == chosen}
	}
	return out
}
