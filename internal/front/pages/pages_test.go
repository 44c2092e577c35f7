package pages

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/words"
)

var testNow = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// testConfig is a site with two regions and no backend.
func testConfig(t testing.TB) Config {
	t.Helper()
	public, _ := url.Parse("http://localhost:8080")
	shanghai := time.FixedZone("Asia/Shanghai", 8*3600)
	book := words.Book().WithPseudo()
	book.OnMissing = func(l locale.Tag, key, argument string) { t.Errorf("%s: %s is missing %s", l, key, argument) }
	return Config{
		PublicURL: public, Words: book, Clock: clock.At(testNow), Brand: Brand{Name: "Selfsame"},
		Regions:   region.New(region.Region{Name: "intl", Country: "US", SignUp: []string{"phone", "email"}}, region.Region{Name: "cn", Country: "CN", Zone: shanghai, SignUp: []string{"phone"}}),
		Countries: everyCountry(book),
		Opening: func(kind, region, _ string) step.Step {
			inputs := []string{"phone", "username"}
			if region == "intl" {
				inputs = bothInputs
			}
			return step.Identify{Head: step.Head{Type: step.TypeIdentify, Inputs: inputs}, Country: map[string]string{"intl": "US", "cn": "CN"}[region]}
		},
		Phones:      Phones{Mask: func(string) string { return "+86 138 **** 8000" }, Format: func(string) string { return "+86 138 0013 8000" }},
		Visitor:     func(*http.Request) flow.Visitor { return flow.Visitor{} },
		Session:     func(*http.Request) (*session.Live, error) { return nil, nil },
		DemoAddress: "/lab", Storybook: true,
	}
}

func everyCountry(book *locale.Book) []Country {
	codes := map[string]int{"CN": 86, "US": 1, "CA": 1, "GB": 44, "HK": 852, "JP": 81}
	var list []Country
	keys := book.Keys("en")
	slices.Sort(keys)
	for i, key := range keys {
		if iso, is := strings.CutPrefix(key, "country."); is {
			if codes[iso] == 0 {
				codes[iso] = 2000 + i
			}
			list = append(list, Country{ISO: iso, Code: codes[iso]})
		}
	}
	return list
}

// site serves pages behind the router, as production does.
func site(t testing.TB, cfg Config) (*Pages, *httpd.Router) {
	t.Helper()
	var rt *httpd.Router
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	rt = httpd.New(httpd.Config{PublicURL: cfg.PublicURL, Local: true, Key: make([]byte, 32), Words: cfg.Words, Clock: cfg.Clock}, httpd.Pages(p.Fail))
	p.cfg.Explain = rt.Fail
	p.Mount(rt)
	return p, rt
}

func get(rt http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://localhost:8080"+path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	rt.ServeHTTP(w, r)
	return w
}

// TestEveryPageInEveryLanguage renders every story and looks at what came out:
// whole sentences, no keys, no empty names, everything labeled, light enough.
func TestEveryPageInEveryLanguage(t *testing.T) {
	cfg := testConfig(t)
	_, rt := site(t, cfg)
	for _, l := range cfg.Words.Tags() {
		for _, s := range stories() {
			t.Run(string(l)+"/"+s.name, func(t *testing.T) {
				w := get(rt, "/storybook/"+s.name+"?language="+string(l))
				if w.Code != http.StatusOK {
					t.Fatalf("status %d: %s", w.Code, w.Body)
				}
				checkPage(t, w.Body.String(), string(l))
			})
		}
	}
}

func checkPage(t *testing.T, body, lang string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	p := pageSeen{t: t, ids: map[string]int{}, labeled: map[string]bool{}}
	p.walk(doc)
	if p.lang != lang {
		t.Errorf("lang is %q, want %q", p.lang, lang)
	}
	if p.title == "" || p.headings != 1 {
		t.Errorf("title %q, %d first headings", p.title, p.headings)
	}
	for id, n := range p.ids {
		if n > 1 {
			t.Errorf("the id %q stands %d times", id, n)
		}
	}
	for _, id := range p.refers {
		if p.ids[id] == 0 {
			t.Errorf("something refers to the id %q, which is not there", id)
		}
	}
	for _, id := range p.fields {
		if !p.labeled[id] {
			t.Errorf("the field %q has no label", id)
		}
	}
	if len(body) > 30<<10 {
		t.Errorf("%d bytes of HTML; all of a page has to fit in 60 kB", len(body))
	}
}

// samples are texts that are data, names of languages and zones, and the forms of
// times and lists, which the made-up language does not change.
var samples = regexp.MustCompile(`Lin Yue|Selfsame|Firefox on Windows|Chrome on macOS|Pixel 9|Shanghai, China|Hangzhou, China|UTC|English|l\*\*\*@\S+|lin.yue@example.com|localhost:8080|AZqfK\w+|\bcode\b|\band\b|(January|August|September|October|November)( 20\d\d)?|\d+ (minutes|hours)`)

// pageSeen is what walking a page finds.
type pageSeen struct {
	t              *testing.T
	lang, title    string
	headings       int
	ids            map[string]int
	labeled        map[string]bool
	refers, fields []string
}

func (p *pageSeen) walk(n *html.Node) {
	attr := map[string]string{}
	for _, a := range n.Attr {
		attr[a.Key] = a.Val
	}
	if n.Type == html.ElementNode {
		p.element(n, attr)
	}
	if n.Type == html.TextNode {
		if leaked := samples.ReplaceAllString(n.Data, ""); p.lang == string(locale.Pseudo) && n.Parent.Data != "title" && n.Parent.Data != "noscript" && strings.ContainsAny(leaked, "aceinosuyz") {
			p.t.Errorf("%q has escaped the catalogs", n.Data)
		}
		for _, family := range []string{"page.", "step.", "audit.", "fault."} {
			if strings.Contains(n.Data, family) && strings.Contains(n.Data, "_") {
				p.t.Errorf("a key shows: %q", n.Data)
			}
		}
		if strings.ContainsAny(n.Data, "{}") {
			p.t.Errorf("a place shows: %q", n.Data)
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		p.walk(c)
	}
}

func (p *pageSeen) element(n *html.Node, attr map[string]string) {
	switch n.Data {
	case "html":
		p.lang = attr["lang"]
	case "title":
		p.title = strings.TrimSpace(n.FirstChild.Data)
	case "h1":
		p.headings++
	case "meta":
		if attr["http-equiv"] == "refresh" && n.Parent.Data != "noscript" {
			p.t.Errorf("the page goes to %q by itself", attr["content"])
		}
	case "label":
		p.labeled[attr["for"]] = true
	case "input", "select", "textarea":
		if kind := attr["type"]; kind != "hidden" && attr["aria-hidden"] != "true" && attr["aria-label"] == "" && kind != "checkbox" {
			p.fields = append(p.fields, attr["id"])
		}
	case "form":
		if attr["method"] == "post" && !strings.Contains(render(n), `name="`+httpd.FormField+`"`) {
			p.t.Errorf("a form to %s has no token", attr["action"])
		}
	}
	if id := attr["id"]; id != "" {
		p.ids[id]++
	}
	for _, name := range []string{"aria-describedby", "aria-labelledby"} {
		p.refers = append(p.refers, strings.Fields(attr[name])...)
	}
	for name, value := range attr {
		if strings.HasPrefix(name, "on") || name == "style" {
			p.t.Errorf("<%s %s=%q> would break the content security policy (S-117)", n.Data, name, value)
		}
		if (name == "src" || name == "href") && (strings.Contains(value, "//") && !strings.HasPrefix(value, "http://localhost:8080")) {
			p.t.Errorf("<%s %s=%q> leaves our origin (S-123)", n.Data, name, value)
		}
	}
}

func render(n *html.Node) string {
	var b strings.Builder
	_ = html.Render(&b, n)
	return b.String()
}

// declared finds a fault that another package declared, or makes one like it.
func declared(code string) *fault.Fault {
	for _, f := range fault.All() {
		if f.Code == code {
			return f
		}
	}
	return &fault.Fault{Code: code, Status: http.StatusUnprocessableEntity, Topic: "signing-in/why-cant-i-sign-in"}
}

// TestBrowserCountry: the default of the country picker for a browser that was
// never here.
func TestBrowserCountry(t *testing.T) {
	for accept, want := range map[string]string{
		"": "", "*": "", "en": "", "zh-CN,zh;q=0.9,en-US;q=0.8": "CN", "en-GB;q=0.9": "GB", "zh-Hant-HK, en-US": "HK", "es-419": "", " de-ch": "CH", "-": "", "x-yz": "YZ",
	} {
		if got := browserCountry(accept); got != want {
			t.Errorf("%q is of %q, want %q", accept, got, want)
		}
	}
}
