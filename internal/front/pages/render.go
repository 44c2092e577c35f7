package pages

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed templates/*.html
var templateFiles embed.FS

// view is one page: a struct of its own that embeds *Frame.
type view interface {
	Base() *Frame
	file() string // of its template, without .html
}

// templates holds one parsed set a page, by the page's file.
type templates map[string]*template.Template

// shared are the files that every page is parsed with.
var shared = []string{"layout.html", "parts.html", "account_parts.html", "help_parts.html"}

func parseTemplates(a *assets, overrides fs.FS) (templates, error) {
	ours, err := fs.Sub(templateFiles, "templates")
	if err != nil {
		return nil, err
	}
	base := template.New("").Option("missingkey=error").Funcs(template.FuncMap{"asset": a.address, "icon": a.icon})
	for _, name := range shared {
		if err := parseInto(base, name, ours, overrides); err != nil {
			return nil, err
		}
	}
	names, err := fs.Glob(ours, "*.html")
	if err != nil {
		return nil, err
	}
	sets := templates{}
	for _, name := range names {
		t, err := base.Clone()
		if err != nil {
			return nil, err
		}
		if err := parseInto(t, name, ours, overrides); err != nil {
			return nil, err
		}
		sets[strings.TrimSuffix(name, ".html")] = t
	}
	return sets, nil
}

// parseInto parses a file, the operator's if there is one.
func parseInto(t *template.Template, name string, ours, overrides fs.FS) error {
	text, err := readOver(name, path.Join("templates", name), ours, overrides)
	if err != nil {
		return err
	}
	if _, err = t.New(name).Parse(string(text)); err != nil {
		return fmt.Errorf("pages: template %s: %w", name, err)
	}
	return nil
}

// readOver reads over's file if there is one, else ours.
func readOver(name, over string, ours, overrides fs.FS) ([]byte, error) {
	if overrides != nil {
		text, err := fs.ReadFile(overrides, over)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return text, err
		}
	}
	return fs.ReadFile(ours, name)
}

// render makes the whole page before a byte of it leaves.
func (p *Pages) render(v view) (*bytes.Buffer, error) {
	set, ok := p.templates[v.file()]
	if !ok {
		return nil, errors.New("pages: there is no template " + v.file())
	}
	var b bytes.Buffer
	b.Grow(16 << 10)
	if err := set.ExecuteTemplate(&b, "layout", v); err != nil {
		return nil, fmt.Errorf("pages: %s: %w", v.file(), err)
	}
	return &b, nil
}

// write answers with a page.
func (p *Pages) write(w http.ResponseWriter, status int, v view) error {
	b, err := p.render(v)
	if err != nil {
		return err
	}
	w.Header()["Content-Type"] = []string{"text/html; charset=utf-8"}
	w.WriteHeader(status)
	_, err = w.Write(b.Bytes())
	return err
}
