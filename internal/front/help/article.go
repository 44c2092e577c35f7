package help

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"regexp"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/selfsame-id/selfsame/internal/kit/locale"
)

// article is one topic in one language, filled in and rendered.
type article struct {
	topic     topic
	lang      locale.Tag
	title     string
	excerpt   string // the first paragraph without markup
	keywords  string // other words that people search by
	headings  string
	body      string // without markup, for the search
	html      template.HTML
	byCountry func(iso string) template.HTML // set if the text depends on the reader's country
}

// markdown is CommonMark without raw HTML: goldmark drops it and dangerous
// addresses unless told otherwise. The extension keeps line breaks between
// Chinese characters from becoming spaces; tables are for what is compared.
var markdown = goldmark.New(goldmark.WithExtensions(extension.Table, extension.NewCJK(extension.WithEastAsianLineBreaks())))

// read makes an article of its text: an optional first line "keywords: ...",
// then "# The question", then the answer. Places are filled in by text/template;
// "topic:V05" as a link's address leads to that article.
func (c *Center) read(t topic, lang locale.Tag, source string) (*article, error) {
	a := &article{topic: t, lang: lang}
	if rest, is := strings.CutPrefix(source, "keywords: "); is {
		a.keywords, source, _ = strings.Cut(rest, "\n")
	}
	source = strings.TrimLeft(source, "\n")
	head, body, _ := strings.Cut(source, "\n")
	title, is := strings.CutPrefix(head, "# ")
	if !is {
		return nil, fmt.Errorf("the first line is not \"# The question\"")
	}
	tmpl, err := texttemplate.New(t.id).Option("missingkey=error").Funcs(c.funcs(lang)).Parse(body)
	if err != nil {
		return nil, err
	}
	filledTitle, err := c.fill(texttemplate.Must(texttemplate.New("").Parse("{{.Brand}}")), "", lang)
	if err != nil {
		return nil, err
	}
	a.title = strings.ReplaceAll(title, "{{.Brand}}", unescape(filledTitle))
	md, err := c.fill(tmpl, c.options.Facts.Home, lang)
	if err != nil {
		return nil, err
	}
	if a.html, err = c.render(md, a); err != nil {
		return nil, err
	}
	if strings.Contains(body, ".Country") {
		err = a.splitByCountry(c, tmpl)
	}
	return a, err
}

// splitByCountry renders the article once for every country with ranges and
// once for a country without.
func (a *article) splitByCountry(c *Center, tmpl *texttemplate.Template) error {
	pages := map[string]template.HTML{}
	for _, iso := range append(slices.Collect(maps.Keys(c.options.Facts.Ranges)), "") {
		md, err := c.fill(tmpl, iso, a.lang)
		if err != nil {
			return err
		}
		if pages[iso], err = c.render(md, &article{}); err != nil {
			return err
		}
	}
	a.byCountry = func(iso string) template.HTML {
		if page, known := pages[iso]; known {
			return page
		}
		return pages[""]
	}
	return nil
}

// view is what an article's places see.
type view struct {
	Facts
	Country   string // the reader's, "" if nothing is known of its ranges
	Here      []Range
	Nowhere   []Range  // of networks without a country
	Countries []string // others with known ranges
}

// ByEmail tells whether an account can be created with an e-mail address in
// some region.
func (v view) ByEmail() bool {
	return slices.ContainsFunc(v.Regions, func(r RegionFacts) bool { return r.Email })
}

// Elsewhere tells whether some region offers third-party accounts.
func (v view) Elsewhere() bool {
	return slices.ContainsFunc(v.Regions, func(r RegionFacts) bool { return len(r.Providers) > 0 })
}

// BeginsElsewhere tells whether an account can be created with one in some region.
func (v view) BeginsElsewhere() bool {
	return slices.ContainsFunc(v.Regions, func(r RegionFacts) bool { return r.Elsewhere && len(r.Providers) > 0 })
}

func (c *Center) fill(tmpl *texttemplate.Template, iso string, lang locale.Tag) (string, error) {
	v := view{Facts: c.options.Facts, Country: iso, Nowhere: c.options.Facts.Ranges[""]}
	if iso != "" {
		v.Here = v.Ranges[iso]
	}
	v.Brand = escape(v.Brand)
	v.Services = nil
	for _, s := range c.options.Facts.Services {
		v.Services = append(v.Services, escape(s))
	}
	names := map[string]string{}
	for other := range v.Ranges {
		if other != iso && other != "" {
			v.Countries = append(v.Countries, other)
			names[other] = c.options.Words.Country(lang, other)
		}
	}
	slices.SortFunc(v.Countries, func(x, y string) int { return strings.Compare(names[x], names[y]) })
	var b bytes.Buffer
	err := tmpl.Execute(&b, v)
	return b.String(), err
}

// funcs are the words of the articles' places: {{for .Code.Life}} a length of
// time, {{times .Code.Resend}} a list of them, {{list .Services}} a list,
// {{providers .Providers}} the names of third-party providers, {{count .Code.Tries "try" "tries"}} a number with its noun (one and more, for
// languages that tell them apart), {{country .Country}} and {{region .}} names.
func (c *Center) funcs(l locale.Tag) texttemplate.FuncMap {
	w := c.options.Words
	return texttemplate.FuncMap{
		"for":  func(d time.Duration) string { return w.For(l, d) },
		"list": func(items []string) string { return w.List(l, items...) },
		"times": func(all []time.Duration) string {
			var said []string
			for _, d := range all {
				said = append(said, w.For(l, d))
			}
			return w.List(l, said...)
		},
		"count": func(n int, one, more string) string {
			if n == 1 {
				more = one
			}
			return w.Number(l, int64(n)) + " " + more
		},
		"country": func(iso string) string { return w.Country(l, iso) },
		"providers": func(names []string) string {
			var said []string
			for _, name := range names {
				said = append(said, c.provider(l, name))
			}
			return w.List(l, said...)
		},
		"region": func(r RegionFacts) string {
			if key := "region." + r.ID; w.Has(l, key) {
				return w.T(l, key)
			}
			return escape(r.ID)
		},
	}
}

// provider is what people call a third-party provider.
func (c *Center) provider(l locale.Tag, name string) string {
	if key := "provider." + name; c.options.Words.Has(l, key) {
		return c.options.Words.T(l, key)
	}
	return escape(cmp.Or(c.options.Facts.Titles[name], name))
}

// signs are the characters that Markdown reads; a name from the configuration
// may hold them.
var signs = regexp.MustCompile("[!-/:-@\\[-`{-~]")

func escape(s string) string { return signs.ReplaceAllString(s, `\$0`) }

var escaped = regexp.MustCompile("\\\\([!-/:-@\\[-`{-~])")

func unescape(s string) string { return escaped.ReplaceAllString(s, "$1") }

// render makes HTML of Markdown and notes the plain texts in a.
func (c *Center) render(md string, a *article) (template.HTML, error) {
	source := []byte(md)
	doc := markdown.Parser().Parse(text.NewReader(source))
	var faults []error
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			if id, is := strings.CutPrefix(string(n.Destination), "topic:"); is {
				path, err := c.pathOf(id)
				faults = append(faults, err)
				n.Destination = []byte(path)
			}
		case *ast.Heading:
			if n.Level == 1 {
				faults = append(faults, errors.New("a second # heading; parts of an answer have ##"))
			}
			a.headings += plain(n, source) + "\n"
		case *ast.Paragraph, *ast.TextBlock:
			p := plain(n, source)
			if a.excerpt == "" {
				a.excerpt = p
			}
			a.body += p + "\n"
		case *ast.HTMLBlock, *ast.RawHTML:
			faults = append(faults, errors.New("raw HTML is not shown"))
		}
		return ast.WalkContinue, nil
	})
	if err := errors.Join(append(faults, err)...); err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := markdown.Renderer().Render(&b, source, doc); err != nil {
		return "", err
	}
	return template.HTML(b.String()), nil // goldmark leaves out raw HTML and dangerous addresses
}

func (c *Center) pathOf(id string) (string, error) {
	for _, t := range c.topics {
		if t.id == id && c.written[id] {
			return "/help/" + t.path(), nil
		}
	}
	return "", fmt.Errorf("a link leads to the topic %s, which is not written", id)
}

// plain is the text of a node without its markup.
func plain(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, is := n.(*ast.Text); is && entering {
			b.WriteString(unescape(string(t.Segment.Value(source))))
			if t.SoftLineBreak() || t.HardLineBreak() {
				b.WriteByte(' ')
			}
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}
