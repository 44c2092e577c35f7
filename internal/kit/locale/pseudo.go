package locale

import (
	"maps"
	"strings"

	"golang.org/x/text/language"
)

// accents maps letters to look-alikes, so that a pseudo text stays readable.
var accents = strings.NewReplacer(
	"a", "á", "c", "ç", "e", "é", "i", "í", "n", "ñ", "o", "ó", "s", "š", "u", "ú", "y", "ý", "z", "ž",
	"A", "Á", "C", "Ç", "E", "É", "I", "Í", "N", "Ñ", "O", "Ó", "S", "Š", "U", "Ú", "Y", "Ý", "Z", "Ž",
)

// WithPseudo is the same book with the language Pseudo, made from English:
// every sentence accented, a third longer, and in brackets. For tests and the
// storybook of pages only; Match gives it to who asks for exactly it.
func (b *Book) WithPseudo() *Book {
	english := b.catalogs[fallback]
	c := &catalog{tag: english.tag, messages: make(map[string]*message, len(english.messages)), forms: english.forms}
	for key, m := range english.messages {
		c.messages[key] = m.pseudo()
	}
	c.forms.name = "[" + accents.Replace(c.forms.name) + "]"
	p := &Book{OnMissing: b.OnMissing, tags: append(b.Tags(), Pseudo), catalogs: maps.Clone(b.catalogs), matcher: b.matcher}
	p.catalogs[Pseudo] = c
	return p
}

func parsed(tags []Tag) []language.Tag {
	list := make([]language.Tag, len(tags))
	for i, l := range tags {
		list[i] = language.MustParse(string(l))
	}
	return list
}

func (m *message) pseudo() *message {
	c := *m
	if m.forms != nil {
		c.forms = new([6]*message)
		for i, f := range m.forms {
			if f != nil {
				c.forms[i] = f.pseudo()
			}
		}
		return &c
	}
	c.parts = []part{{text: "["}}
	size := 0
	for _, p := range m.parts {
		size += len(p.text)
		c.parts = append(c.parts, part{text: accents.Replace(p.text), name: p.name})
	}
	c.parts = append(c.parts, part{text: strings.Repeat("·", size/3) + "]"})
	if len(c.parts) == 3 && c.parts[1].name == "" { // T returns a single literal without building it
		c.parts = []part{{text: c.parts[0].text + c.parts[1].text + c.parts[2].text}}
	}
	return &c
}
