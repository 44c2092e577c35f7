package pages

import (
	"html/template"
	"net/http"
)

// docsPage is a page of paper for developers.
type docsPage struct {
	*Frame
	Heading string
	Body    template.HTML
}

func (docsPage) file() string { return "docs" }

// RenderDocs shows a body that a door of ours rendered from its own templates,
// in the site's layout.
func (p *Pages) RenderDocs(w http.ResponseWriter, r *http.Request, title string, body template.HTML) error {
	f, err := p.helpFrame(r)
	if err != nil {
		return err
	}
	return p.write(w, http.StatusOK, docsView(f, title, body))
}

func docsView(f *Frame, title string, body template.HTML) view {
	f.Shape = "broad"
	f.Styles = append(f.Styles, "docs.css")
	f.titled(title)
	return docsPage{f, title, body}
}
