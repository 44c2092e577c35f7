package locale

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

var errSyntax = errors.New("not TOML")

// fallback is the language that stands in for keys that another lacks.
const fallback Tag = "en"

// Load reads the catalogs: every *.toml in the root of files, named by its
// language up to the first dot ("en.toml", "en.countries.toml"). Later file
// systems lie over earlier ones (an operator's own texts over ours): they may
// only replace sentences that are there, with no other places. All faults are
// reported together, each with file, line and key.
func Load(files ...fs.FS) (*Book, error) {
	raw := map[Tag]map[string]entry{}
	var faults []error
	for layer, f := range files {
		names, err := fs.Glob(f, "*.toml")
		if err != nil {
			return nil, err
		}
		slices.Sort(names)
		for _, name := range names {
			faults = append(faults, readFile(f, name, layer, raw)...)
		}
	}
	if errors.Is(errors.Join(faults...), errSyntax) {
		return nil, errors.Join(faults...) // what follows would only be missing because of it
	}
	if len(raw[fallback]) == 0 {
		return nil, errors.Join(append(faults, fmt.Errorf("locale: there is no %s.toml", fallback))...)
	}
	b := &Book{catalogs: map[Tag]*catalog{}}
	for l, entries := range raw {
		tag, err := language.Parse(string(l))
		if err != nil {
			faults = append(faults, fmt.Errorf("locale: %s.toml: %q is not a language tag", l, l))
			continue
		}
		c, errs := compile(tag, entries)
		faults = append(faults, errs...)
		b.catalogs[l] = c
		if l != fallback {
			b.tags = append(b.tags, l)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	slices.Sort(b.tags)
	b.tags = append([]Tag{fallback}, b.tags...)
	b.matcher = language.NewMatcher(parsed(b.tags))
	return b, nil
}

// entry is one value of a catalog as it was read.
type entry struct {
	file  string
	line  int
	layer int
	text  string
	list  []string
}

func (e entry) fault(key, format string, args ...any) error {
	return fmt.Errorf("locale: %s:%d: %s: %s", e.file, e.line, key, fmt.Sprintf(format, args...))
}

func readFile(f fs.FS, name string, layer int, raw map[Tag]map[string]entry) []error {
	data, err := fs.ReadFile(f, name)
	if err != nil {
		return []error{err}
	}
	base := path.Base(name)
	l := Tag(base[:strings.IndexByte(base, '.')])
	if raw[l] == nil {
		raw[l] = map[string]entry{}
	}
	entries, faults := parse(data, name)
	for key, e := range entries {
		e.layer = layer
		old, there := raw[l][key]
		switch {
		case there && old.layer == layer:
			faults = append(faults, e.fault(key, "stands also in %s:%d", old.file, old.line))
		case !there && layer > 0 && raw[l]["language.name"].file != "":
			faults = append(faults, e.fault(key, "there is no such sentence to replace"))
		case there && !subset(placesOf(e.text), placesOf(old.text)):
			faults = append(faults, e.fault(key, "uses a place that the sentence of %s:%d does not have", old.file, old.line))
		default:
			raw[l][key] = e
		}
	}
	return faults
}

func placesOf(text string) []string {
	parts, _ := split(text)
	return (&message{parts: parts}).places()
}

func subset(a, b []string) bool {
	for _, s := range a {
		if !slices.Contains(b, s) {
			return false
		}
	}
	return true
}

// parse walks the TOML expressions itself because only the syntax tree knows
// the line of each key.
func parse(data []byte, file string) (map[string]entry, []error) {
	entries := map[string]entry{}
	var faults []error
	var p unstable.Parser
	p.Reset(data)
	table := ""
	for p.NextExpression() {
		node := p.Expression()
		key, line := dotted(&p, node)
		switch node.Kind {
		case unstable.Table:
			table = key + "."
		case unstable.KeyValue:
			e := entry{file: file, line: line}
			if problem := e.read(node.Value()); problem != "" {
				faults = append(faults, e.fault(table+key, "%s", problem))
				continue
			}
			if old, twice := entries[table+key]; twice {
				faults = append(faults, e.fault(table+key, "stands already in line %d", old.line))
				continue
			}
			entries[table+key] = e
		default:
			faults = append(faults, fmt.Errorf("locale: %s:%d: %s: only tables, texts and lists of texts are used here", file, line, key))
		}
	}
	if err := p.Error(); err != nil {
		faults = append(faults, fmt.Errorf("locale: %s:%d: after %q: %w: %w", file, errorLine(data, err), strings.TrimSuffix(table, "."), errSyntax, err))
	}
	return entries, faults
}

func dotted(p *unstable.Parser, node *unstable.Node) (key string, line int) {
	var names []string
	for it := node.Key(); it.Next(); {
		n := it.Node()
		if line == 0 {
			line = p.Shape(n.Raw).Start.Line
		}
		names = append(names, string(n.Data))
	}
	return strings.Join(names, "."), line
}

func (e *entry) read(value *unstable.Node) (problem string) {
	switch value.Kind {
	case unstable.String:
		e.text = string(value.Data)
		if strings.TrimSpace(e.text) == "" {
			return "the text is empty"
		}
		return ""
	case unstable.Array:
		for it := value.Children(); it.Next(); {
			if it.Node().Kind != unstable.String {
				return "the list holds something that is not a text"
			}
			e.list = append(e.list, string(it.Node().Data))
		}
		return ""
	}
	return "the value is not a text; put it into quotation marks"
}

// errorLine finds the line of a syntax error: the parser points into data.
func errorLine(data []byte, err error) int {
	var at *unstable.ParserError
	if !errors.As(err, &at) || len(at.Highlight) == 0 {
		return 1 + bytes.Count(data, []byte("\n"))
	}
	offset := cap(data) - cap(at.Highlight)
	if offset < 0 || offset > len(data) {
		return 1
	}
	return 1 + bytes.Count(data[:offset], []byte("\n"))
}

func compile(tag language.Tag, entries map[string]entry) (*catalog, []error) {
	c := &catalog{tag: tag, messages: make(map[string]*message, len(entries))}
	var faults []error
	plurals := map[string]bool{} // keys that have a form "other" which tells a number
	for key, e := range entries {
		if k, found := strings.CutSuffix(key, ".other"); found && len(placesOf(e.text)) > 0 {
			plurals[k] = true
		}
	}
	for key, e := range entries {
		if strings.HasPrefix(key, "format.") || strings.HasPrefix(key, "language.") {
			continue
		}
		if e.list != nil {
			faults = append(faults, e.fault(key, "a sentence is one text, not a list"))
			continue
		}
		owner, last := cutLast(key)
		if plurals[owner] && last == "by" {
			c.plural(owner, e).by = e.text
			continue
		}
		m, problem := newMessage(e)
		if problem != "" {
			faults = append(faults, e.fault(key, "%s", problem))
			continue
		}
		if form := slices.Index(formNames[:], last); plurals[owner] && form >= 0 {
			c.plural(owner, e).forms[form] = m
			continue
		}
		if plurals[key] {
			faults = append(faults, e.fault(key, "is a sentence and a plural at once"))
			continue
		}
		c.messages[key] = m
	}
	for key := range plurals {
		if owner := c.messages[key]; owner != nil && owner.forms != nil && owner.forms[plural.Other] != nil && !slices.Contains(owner.places(), owner.by) {
			e := entries[key+".other"]
			faults = append(faults, e.fault(key, "no form uses {%s}, which chooses among them (name another with %s.by)", owner.by, key))
		}
	}
	faults = append(faults, c.forms.read(entries)...)
	return c, faults
}

// plural finds or makes the plural message of a key. Unless "by" names another,
// the argument n chooses the form.
func (c *catalog) plural(key string, e entry) *message {
	m := c.messages[key]
	if m == nil {
		m = &message{by: "n", forms: new([6]*message), file: e.file, line: e.line}
		c.messages[key] = m
	}
	return m
}

func cutLast(key string) (owner, last string) {
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		return key[:i], key[i+1:]
	}
	return "", key
}

func newMessage(e entry) (*message, string) {
	parts, problem := split(e.text)
	m := &message{parts: parts, file: e.file, line: e.line}
	for _, p := range parts {
		m.size += len(p.text)
	}
	return m, problem
}

// split cuts a text at its places. Braces have no other use in texts.
func split(text string) (parts []part, problem string) {
	for text != "" {
		open := strings.IndexAny(text, "{}")
		if open < 0 {
			return append(parts, part{text: text}), ""
		}
		if text[open] == '}' {
			return parts, "a } without its {"
		}
		if open > 0 {
			parts = append(parts, part{text: text[:open]})
		}
		end := strings.IndexByte(text[open:], '}')
		if end < 0 {
			return parts, "a { without its }"
		}
		name := text[open+1 : open+end]
		if !isName(name) {
			return parts, fmt.Sprintf("%q is not the name of a place (small letters, digits, _)", name)
		}
		parts = append(parts, part{name: name})
		text = text[open+end+1:]
	}
	return parts, ""
}

func isName(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
