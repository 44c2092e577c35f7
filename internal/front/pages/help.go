package pages

import (
	"html/template"
	"net/http"

	"github.com/selfsame-id/selfsame/internal/kit/locale"
)

// HelpLink leads to an article of the help center.
type HelpLink struct{ Href, Title, Excerpt string }

// HelpSection is a group of articles.
type HelpSection struct {
	Slug, Title string
	Articles    []HelpLink
}

// HelpArticle is one article. Body is made by the help center from its own
// files and holds nothing of anybody else.
type HelpArticle struct {
	Title, Section string
	Lang           locale.Tag // of the text, where it is not yet in the reader's language
	Body           template.HTML
	Related        []HelpLink
}

type helpIndexPage struct {
	*Frame
	Query    string
	Sections []HelpSection
}

func (helpIndexPage) file() string { return "help_index" }

type helpArticlePage struct {
	*Frame
	Query, Heading, Section string
	TextLang                locale.Tag // empty: the page's
	Body                    template.HTML
	Related                 []HelpLink
}

func (helpArticlePage) file() string { return "help_article" }

type helpResultsPage struct {
	*Frame
	Query   string
	Results []HelpLink
}

func (helpResultsPage) file() string { return "help_results" }

type helpMissingPage struct {
	*Frame
	Query   string
	Results []HelpLink
}

func (helpMissingPage) file() string { return "help_missing" }

func (p *Pages) helpFrame(r *http.Request) (*Frame, error) {
	me, err := p.cfg.Session(r)
	if err != nil {
		return nil, err
	}
	f := p.frame(r, me)
	f.Public = true
	return f, nil
}

// RenderHelpIndex shows all articles.
func (p *Pages) RenderHelpIndex(w http.ResponseWriter, r *http.Request, sections []HelpSection) error {
	f, err := p.helpFrame(r)
	if err != nil {
		return err
	}
	return p.write(w, http.StatusOK, helpIndexView(f, sections))
}

func helpIndexView(f *Frame, sections []HelpSection) view {
	f.Shape = "broad"
	f.titled(f.T("page.help.title"))
	return helpIndexPage{Frame: f, Sections: sections}
}

// RenderHelpArticle shows an article.
func (p *Pages) RenderHelpArticle(w http.ResponseWriter, r *http.Request, a HelpArticle) error {
	f, err := p.helpFrame(r)
	if err != nil {
		return err
	}
	return p.write(w, http.StatusOK, helpArticleView(f, a))
}

func helpArticleView(f *Frame, a HelpArticle) view {
	f.Shape = "broad"
	f.titled(a.Title)
	v := helpArticlePage{Frame: f, Heading: a.Title, Section: a.Section, Body: a.Body, Related: a.Related}
	if a.Lang != f.Lang {
		v.TextLang = a.Lang
	}
	return v
}

// RenderHelpResults shows what a search found.
func (p *Pages) RenderHelpResults(w http.ResponseWriter, r *http.Request, query string, results []HelpLink) error {
	f, err := p.helpFrame(r)
	if err != nil {
		return err
	}
	return p.write(w, http.StatusOK, helpResultsView(f, query, results))
}

func helpResultsView(f *Frame, query string, results []HelpLink) view {
	f.Shape, f.Public = "broad", false
	f.titled(f.T("page.help.search_label"))
	return helpResultsPage{Frame: f, Query: query, Results: results}
}

// RenderHelpMissing says that there is no such article, and offers the nearest.
func (p *Pages) RenderHelpMissing(w http.ResponseWriter, r *http.Request, nearest []HelpLink) error {
	f, err := p.helpFrame(r)
	if err != nil {
		return err
	}
	return p.write(w, http.StatusNotFound, helpMissingView(f, nearest))
}

func helpMissingView(f *Frame, nearest []HelpLink) view {
	f.Shape, f.Public = "broad", false
	f.titled(f.T("page.help.missing"))
	return helpMissingPage{Frame: f, Results: nearest}
}
