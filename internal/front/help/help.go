// Package help holds the help center: the registry of the questions people
// ask, the articles that answer them with the numbers in force, and the search.
// It must never decide anything, read an account or dial out; how its pages
// look is the composer's (Options.Render). It owns no table.
package help

import (
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
)

// Options is what the help center needs.
type Options struct {
	Words *locale.Book
	Facts Facts
	// Country tells the reader's country (ISO 3166-1 alpha-2) where an article
	// depends on it; nil or "" is the first country of Facts.Ranges.
	Country func(r *http.Request) string
	// Render puts a page into the site's layout and answers with page.Status.
	Render func(w http.ResponseWriter, r *http.Request, page Page) error
	// Articles replaces the articles of the house, for tests; nil is those.
	Articles fs.FS
}

// Page is one of Index, Article, Results, Missing.
type Page interface{ Status() int }

// Link leads to an article.
type Link struct {
	Href    string
	Title   string
	Excerpt string // the answer in short; in results only
}

// Section is a group of articles on the index.
type Section struct {
	Slug     string
	Title    string
	Articles []Link
}

// Index lists all articles.
type Index struct{ Sections []Section }

// Article is one answer.
type Article struct {
	Topic   string // its ID, "V05"
	Title   string
	HTML    template.HTML
	Lang    locale.Tag // of the text: English where a translation is not there yet
	Section string     // the section's title
	Related []Link
}

// Results is the answer to a search; without a query it asks for one.
type Results struct {
	Query   string
	Results []Link
}

// Missing says that there is no such article and offers the nearest.
type Missing struct{ Results []Link }

// Status is 200.
func (Index) Status() int { return http.StatusOK }

// Status is 200.
func (Article) Status() int { return http.StatusOK }

// Status is 200.
func (Results) Status() int { return http.StatusOK }

// Status is 404.
func (Missing) Status() int { return http.StatusNotFound }

// Center is the help center. It does not change after New and is safe for many
// readers at once.
type Center struct {
	options  Options
	topics   []topic
	byPath   map[string]int // "section/slug" to the place in topics
	written  map[string]bool
	articles map[articleKey]*article
	index    map[locale.Tag]Index
	search   map[locale.Tag]*searchIndex
}

type articleKey struct {
	lang locale.Tag
	id   string
}

// New reads and fills in every article in every language, so that a fault in
// one is found at start; all faults are reported together.
func New(o Options) (*Center, error) {
	c := &Center{
		options: o, topics: registry(), byPath: map[string]int{}, written: map[string]bool{},
		articles: map[articleKey]*article{}, index: map[locale.Tag]Index{}, search: map[locale.Tag]*searchIndex{},
	}
	if o.Articles == nil {
		c.options.Articles = house()
	}
	for i, t := range c.topics {
		c.byPath[t.path()] = i
		if _, err := fs.Stat(c.options.Articles, "en/"+t.path()+".md"); err == nil {
			c.written[t.id] = true
		}
	}
	var faults []error
	for _, l := range o.Words.Tags() {
		faults = append(faults, c.load(l)...)
	}
	faults = append(faults, c.strays()...)
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	for _, l := range o.Words.Tags() {
		c.index[l] = c.indexOf(l)
		c.search[l] = newSearchIndex(c.documents(l))
	}
	return c, nil
}

// load reads the articles of a language; English stands in for one that is not
// translated.
func (c *Center) load(l locale.Tag) (faults []error) {
	for _, t := range c.topics {
		if !c.written[t.id] {
			continue
		}
		lang, name := l, string(l)+"/"+t.path()+".md"
		text, err := fs.ReadFile(c.options.Articles, name)
		if errors.Is(err, fs.ErrNotExist) {
			lang, name = "en", "en/"+t.path()+".md"
			text, err = fs.ReadFile(c.options.Articles, name)
		}
		if err != nil {
			faults = append(faults, err)
			continue
		}
		a, err := c.read(t, lang, string(text))
		if err != nil {
			faults = append(faults, fmt.Errorf("help: %s: %w", name, err))
			continue
		}
		c.articles[articleKey{l, t.id}] = a
	}
	return faults
}

// strays are files that belong to no topic or have no English.
func (c *Center) strays() (faults []error) {
	err := fs.WalkDir(c.options.Articles, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		_, rest, _ := strings.Cut(strings.TrimSuffix(path, ".md"), "/")
		i, known := c.byPath[rest]
		if !known || !strings.HasSuffix(path, ".md") {
			faults = append(faults, fmt.Errorf("help: %s belongs to no topic of topics.tsv", path))
		} else if !c.written[c.topics[i].id] {
			faults = append(faults, fmt.Errorf("help: %s has no English original", path))
		}
		return nil
	})
	if err != nil {
		faults = append(faults, err)
	}
	return faults
}

// Has tells whether "section/slug" is a written article; faults and pages link
// only to those.
func (c *Center) Has(path string) bool {
	i, known := c.byPath[path]
	return known && c.written[c.topics[i].id]
}

// ServeHTTP answers below /help. What goes wrong in Render goes to the frame by
// Handle; mounted as a plain http.Handler it is an empty 500.
func (c *Center) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := c.Handle(w, r); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// Handle is the httpd.Handler of /help and everything below it.
func (c *Center) Handle(w http.ResponseWriter, r *http.Request) error {
	l := c.language(r)
	path := strings.Trim(strings.TrimPrefix(r.URL.Path, "/help"), "/")
	switch path {
	case "":
		return c.options.Render(w, r, c.index[l])
	case "search":
		query := clip(r.URL.Query().Get("q"))
		return c.options.Render(w, r, Results{Query: query, Results: c.find(l, query, mostResults)})
	}
	if i, known := c.byPath[path]; known && c.written[c.topics[i].id] {
		return c.options.Render(w, r, c.show(l, c.topics[i], c.country(r)))
	}
	words := strings.NewReplacer("-", " ", "/", " ").Replace(path)
	return c.options.Render(w, r, Missing{Results: c.find(l, clip(words), 3)})
}

func (c *Center) language(r *http.Request) locale.Tag {
	l := httpd.From(r.Context()).Locale
	if _, known := c.index[l]; known {
		return l
	}
	return c.options.Words.Match(r.Header.Get("Accept-Language"))
}

// country is the one asked for by ?country=, else the reader's, else the first
// of those with known ranges.
func (c *Center) country(r *http.Request) string {
	if iso := r.URL.Query().Get("country"); iso != "" && c.options.Facts.Ranges[iso] != nil {
		return iso
	}
	if c.options.Country != nil {
		if iso := c.options.Country(r); iso != "" {
			return iso
		}
	}
	return c.options.Facts.Home
}

// mostQuery bounds what is read of a search, in runes.
const mostQuery = 100

func clip(query string) string {
	if len(query) > 4*mostQuery {
		query = query[:4*mostQuery]
	}
	query = strings.Join(strings.Fields(strings.ToValidUTF8(query, "")), " ")
	if utf8.RuneCountInString(query) > mostQuery {
		query = string([]rune(query)[:mostQuery])
	}
	return query
}

func (c *Center) show(l locale.Tag, t topic, country string) Article {
	a := c.articles[articleKey{l, t.id}]
	page := Article{Topic: t.id, Title: a.title, HTML: a.html, Lang: a.lang, Section: c.sectionTitle(l, t.section)}
	if a.byCountry != nil {
		page.HTML = a.byCountry(country)
	}
	for _, id := range t.related {
		if c.written[id] {
			page.Related = append(page.Related, c.link(l, id, false))
		}
	}
	return page
}

func (c *Center) link(l locale.Tag, id string, excerpt bool) Link {
	a := c.articles[articleKey{l, id}]
	link := Link{Href: "/help/" + a.topic.path(), Title: a.title}
	if excerpt {
		link.Excerpt = a.excerpt
	}
	return link
}

func (c *Center) sectionTitle(l locale.Tag, slug string) string {
	return c.options.Words.T(l, "help.section."+strings.ReplaceAll(slug, "-", "_"))
}

func (c *Center) indexOf(l locale.Tag) Index {
	var index Index
	for _, t := range c.topics {
		if !c.written[t.id] {
			continue
		}
		n := len(index.Sections)
		if n == 0 || index.Sections[n-1].Slug != t.section {
			index.Sections = append(index.Sections, Section{Slug: t.section, Title: c.sectionTitle(l, t.section)})
			n++
		}
		s := &index.Sections[n-1]
		s.Articles = append(s.Articles, c.link(l, t.id, false))
	}
	return index
}
