package pages

import (
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
)

// Frame is what every page has around its own content, and the reader's voice:
// every view embeds one, and templates say words and times with its methods.
type Frame struct {
	pages *Pages
	book  *locale.Book
	voice locale.Voice
	zone  *time.Location
	now   time.Time

	Lang         locale.Tag
	Dir          string
	Title        string // of the window
	BrandName    string
	Nonce        string // of the content security policy
	Token        string // of the forms
	Path         string // to come back to after a change of language
	Shape        string // of the column: card, broad, account
	Public       bool   // search engines may keep it
	Scripts      []string
	Styles       []string // beside our own
	DemoAddress  string
	Support      string
	Me           *session.Live
	OtherRegions []RegionChoice
	Languages    []LanguageChoice
	Notice       string
	Asked        bool   // a question waits for an answer on this device
	GoesTo       string // where the page leads by itself, at once; empty: it stays
	Refresh      int    // seconds after which the page loads itself again without a script; 0: never
	Fault        *Refusal
}

// RegionChoice is a region that the reader is not in.
type RegionChoice struct{ Title, Href string }

// LanguageChoice is a language of the switch.
type LanguageChoice struct {
	Tag     locale.Tag
	Name    string
	Current bool
}

// frame begins a page for a request; me is nil if nobody is signed in.
func (p *Pages) frame(r *http.Request, me *session.Live) *Frame {
	i := httpd.From(r.Context())
	f := p.newFrame(i.Locale, i.Zone)
	f.Nonce, f.Token, f.Me = i.Nonce, httpd.FormToken(r), me
	f.Asked = p.asked(r, me)
	f.Path = r.URL.Path
	if r.Method == http.MethodGet {
		if whole, ok := httpd.ReturnPath(r.URL.RequestURI()); ok {
			f.Path = whole
		}
	}
	return f
}

func (p *Pages) newFrame(l locale.Tag, zone *time.Location) *Frame {
	now := p.cfg.Clock.Now()
	f := &Frame{
		pages: p, book: p.cfg.Words, voice: p.cfg.Words.In(l, zone, now), zone: zone, now: now,
		Lang: l, Dir: p.cfg.Words.Dir(l), BrandName: p.cfg.Brand.name(l), Shape: "card",
		DemoAddress: p.cfg.DemoAddress, Support: p.cfg.Support, Scripts: []string{"page.js"},
	}
	for _, tag := range p.cfg.Words.Tags() {
		f.Languages = append(f.Languages, LanguageChoice{Tag: tag, Name: p.cfg.Words.Name(tag), Current: tag == l})
	}
	return f
}

// titled names the window: the refusal first, so that it is heard first.
func (f *Frame) titled(title string) *Frame {
	if f.Fault != nil && f.Fault.Title != title {
		title = f.T("page.title_refused", "fault", f.Fault.Title, "title", title)
	}
	f.Title = title
	if title != f.BrandName {
		f.Title = f.T("page.title", "title", title, "brand", f.BrandName)
	}
	return f
}

// Base answers the frame itself; it makes every view one.
func (f *Frame) Base() *Frame { return f }

// Served is the server's time, which countdowns go by.
func (f *Frame) Served() string { return f.now.UTC().Format("2006-01-02T15:04:05.000Z") }

// T says a message.
func (f *Frame) T(key string, args ...any) string { return f.voice.T(key, args...) }

// has tells whether the catalogs have a sentence for a key made of data.
func (f *Frame) has(key string) bool { return f.book.Has(f.Lang, key) || f.book.Has("en", key) }

// pieceMark begins the noncharacters that stand for pieces of markup while a
// sentence is put together and escaped.
const pieceMark = 0xFDD0

// H says a message in which some arguments are markup made by the methods
// below; everything else in it is escaped.
func (f *Frame) H(key string, args ...any) template.HTML {
	args = slices.Clone(args)
	var pieces []string
	for i := 1; i < len(args); i += 2 {
		if markup, ok := args[i].(template.HTML); ok {
			mark := string(rune(pieceMark + len(pieces)/2))
			pieces = append(pieces, mark, string(markup))
			args[i] = mark
		}
	}
	text := template.HTMLEscapeString(f.voice.T(key, args...))
	return template.HTML(strings.NewReplacer(pieces...).Replace(text))
}

// Article tells whether the help center has the article at an address.
func (f *Frame) Article(address string) bool {
	return f.pages.cfg.HasArticle == nil || f.pages.cfg.HasArticle(strings.TrimPrefix(address, "/help/"))
}

// Num shows digits or an address that must not break or turn around.
func (f *Frame) Num(s string) template.HTML {
	return template.HTML(`<bdi class="num" dir="ltr">` + template.HTMLEscapeString(s) + `</bdi>`)
}

// Strong stresses a text from data.
func (f *Frame) Strong(s string) template.HTML {
	return template.HTML(`<strong><bdi>` + template.HTMLEscapeString(s) + `</bdi></strong>`)
}

// StrongNum stresses digits or an address.
func (f *Frame) StrongNum(s string) template.HTML { return "<strong>" + f.Num(s) + "</strong>" }

// Link is a link to an address of ours, with a message as its text.
func (f *Frame) Link(href, key string) template.HTML {
	return template.HTML(`<a href="` + template.HTMLEscapeString(href) + `">` + template.HTMLEscapeString(f.T(key)) + `</a>`)
}

func timeTag(t time.Time, form, text string) template.HTML {
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339) + `" data-form="` + form + `">` + template.HTMLEscapeString(text) + `</time>`)
}

// zoned adds the name of the server's zone; a script replaces time and zone by
// the reader's own.
func (f *Frame) zoned(text string) string {
	name := "UTC"
	if f.zone != nil && f.zone != time.UTC {
		name = f.zone.String()
		if key := "page.zone." + strings.ToLower(strings.ReplaceAll(name, "/", "_")); f.has(key) {
			name = f.T(key)
		}
	}
	return f.T("page.time_zoned", "time", text, "zone", name)
}

// Clock is the time of day.
func (f *Frame) Clock(t time.Time) template.HTML {
	return timeTag(t, "clock", f.zoned(f.book.Time(f.Lang, t, f.zone)))
}

// Day is a date, with the year.
func (f *Frame) Day(t time.Time) template.HTML {
	return timeTag(t, "day", f.book.DateYear(f.Lang, t, f.zone))
}

// At is a moment: the time of day, with the date if it is not today.
func (f *Frame) At(t time.Time) template.HTML { return timeTag(t, "at", f.at(t)) }

func (f *Frame) at(t time.Time) string {
	here, now := t.In(zoneOr(f.zone)), f.now.In(zoneOr(f.zone))
	if here.Year() == now.Year() && here.YearDay() == now.YearDay() {
		return f.zoned(f.book.Time(f.Lang, t, f.zone))
	}
	return f.zoned(f.book.DateTime(f.Lang, t, f.zone))
}

func zoneOr(z *time.Location) *time.Location {
	if z == nil {
		return time.UTC
	}
	return z
}

// Until is the end of something, told to the minute that is surely before it; a
// script adds how long it still is.
func (f *Frame) Until(t time.Time) template.HTML {
	return f.At(t) + template.HTML(` <span data-left="`+t.UTC().Format(time.RFC3339)+`"></span>`)
}

// From is the beginning of something, told to the minute that is surely not
// before it: who comes at that time is not refused again.
func (f *Frame) From(t time.Time) template.HTML {
	return f.from(t) + template.HTML(` <span data-left="`+t.UTC().Format(time.RFC3339)+`"></span>`)
}

func (f *Frame) from(t time.Time) template.HTML {
	up := t.Add(time.Minute - time.Nanosecond).Truncate(time.Minute)
	return timeTag(up, "at", f.at(up))
}

// Ago is how long ago something was, in its largest unit.
func (f *Frame) Ago(t time.Time) template.HTML {
	d := f.now.Sub(t)
	if d < time.Minute {
		return timeTag(t, "ago", f.T("page.time_now"))
	}
	switch {
	case d < time.Hour:
		d = d.Truncate(time.Minute)
	case d < 24*time.Hour:
		d = d.Truncate(time.Hour)
	case d < 7*24*time.Hour:
		return timeTag(t, "ago", f.T("page.time_days", "n", int(d/(24*time.Hour))))
	default:
		return f.Day(t)
	}
	return timeTag(t, "ago", f.T("page.time_ago", "for", d))
}

// Describe writes the attributes that tie a field to its refusal and hints.
func (f *Frame) Describe(field string, hints ...string) template.HTMLAttr {
	attr := ""
	if f.Fault != nil && f.Fault.Field == field {
		hints = append([]string{"fault"}, hints...)
		attr = ` aria-invalid="true" autofocus`
	}
	if len(hints) > 0 {
		attr += ` aria-describedby="` + strings.Join(hints, " ") + `"`
	}
	return template.HTMLAttr(attr)
}
