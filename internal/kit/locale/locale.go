// Package locale holds what the house says, in each reader's language: message
// catalogs (TOML files, flat dotted keys, {name} places, plural forms by CLDR),
// the choice of a language from what a browser asks for, and the forms of
// times, lengths of time, numbers, lists and countries. It must never contain a
// sentence itself, nor decide what is said: it only says it.
package locale

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// Tag names a language as BCP 47 does: "en", "zh-Hans".
type Tag string

// Pseudo is the made-up language of tests: English with accents and brackets.
// A text on a page that is neither accented nor bracketed has escaped the catalogs.
const Pseudo Tag = "en-XA"

// Book holds the catalogs of all languages. It does not change after Load and
// is safe for many readers at once.
type Book struct {
	// OnMissing, if set before the first use, is told of a key or an argument
	// that was asked for and is not there (argument is "" when the key is missing).
	OnMissing func(l Tag, key, argument string)

	tags     []Tag // the fallback language first
	catalogs map[Tag]*catalog
	matcher  language.Matcher
}

// catalog is one language.
type catalog struct {
	tag      language.Tag
	messages map[string]*message
	forms    forms
}

// message is one compiled sentence. With forms it is a plural: the number in
// the argument named by chooses among them.
type message struct {
	parts []part
	size  int // bytes of the literal parts
	by    string
	forms *[6]*message // by plural.Form
	file  string
	line  int
}

// part is a literal text or, if name is set, a place.
type part struct {
	text string
	name string
}

// Tags lists the languages, the fallback first.
func (b *Book) Tags() []Tag { return append([]Tag(nil), b.tags...) }

// Keys lists the keys of a language in no order; plural forms appear as one key.
func (b *Book) Keys(l Tag) []string {
	c := b.catalogs[l]
	if c == nil {
		return nil
	}
	keys := make([]string, 0, len(c.messages))
	for k := range c.messages {
		keys = append(keys, k)
	}
	return keys
}

// Has tells whether the language itself (not its fallback) has the key.
func (b *Book) Has(l Tag, key string) bool {
	c := b.catalogs[l]
	return c != nil && c.messages[key] != nil
}

// Places lists the arguments that a message of the language uses, in the order
// of their first appearance, those of all its plural forms together.
func (b *Book) Places(l Tag, key string) []string {
	c := b.catalogs[l]
	if c == nil || c.messages[key] == nil {
		return nil
	}
	return c.messages[key].places()
}

// Forms lists the plural forms that a message has ("one", "other"); none if it
// is not a plural.
func (b *Book) Forms(l Tag, key string) []string {
	c := b.catalogs[l]
	if c == nil || c.messages[key] == nil || c.messages[key].forms == nil {
		return nil
	}
	var names []string
	for form, m := range c.messages[key].forms {
		if m != nil {
			names = append(names, formNames[form])
		}
	}
	return names
}

// Where tells the file and line of a message, for the messages of tests.
func (b *Book) Where(l Tag, key string) (file string, line int) {
	if c := b.catalogs[l]; c != nil && c.messages[key] != nil {
		return c.messages[key].file, c.messages[key].line
	}
	return "", 0
}

// T says the message of the key in a language. Arguments are name, value, name,
// value. Strings stand as they are; whole numbers get the language's digit
// grouping; times and durations its forms, times in UTC and named as such
// (use In for the reader's zone); a fmt.Stringer its String. A key that the
// language lacks is taken from the fallback language; a key that nobody has is
// shown itself, and an argument that was not given shows its place.
func (b *Book) T(l Tag, key string, args ...any) string {
	return b.say(Voice{book: b, tag: l}, key, args)
}

// Voice speaks one language to a reader in one time zone.
type Voice struct {
	book *Book
	tag  Tag
	zone *time.Location
	now  time.Time
}

// In is a voice for a reader whose times are those of zone (nil: UTC, and the
// times say so) and for whom it is now: times of the same day are told without
// the date.
func (b *Book) In(l Tag, zone *time.Location, now time.Time) Voice {
	return Voice{book: b, tag: l, zone: zone, now: now}
}

// Tag is the voice's language.
func (v Voice) Tag() Tag { return v.tag }

// T says a message as Book.T does, with times in the reader's zone.
func (v Voice) T(key string, args ...any) string { return v.book.say(v, key, args) }

func (b *Book) say(v Voice, key string, args []any) string {
	m := b.find(v.tag, key)
	if m == nil {
		b.missing(v.tag, key, "")
		return key
	}
	if m.forms != nil {
		m = m.pick(b.formsOf(v.tag).tag, args)
	}
	if len(m.parts) == 1 && m.parts[0].name == "" {
		return m.parts[0].text
	}
	buf := make([]byte, 0, m.size+24*len(args))
	for _, p := range m.parts {
		if p.name == "" {
			buf = append(buf, p.text...)
			continue
		}
		value, found := argument(args, p.name)
		if !found {
			b.missing(v.tag, key, p.name)
			buf = append(append(append(buf, '{'), p.name...), '}')
			continue
		}
		buf = b.appendValue(buf, v, value)
	}
	return string(buf)
}

func (b *Book) find(l Tag, key string) *message {
	if c := b.catalogs[l]; c != nil {
		if m := c.messages[key]; m != nil {
			return m
		}
	}
	return b.catalogs[b.tags[0]].messages[key]
}

func (b *Book) missing(l Tag, key, argument string) {
	if b.OnMissing != nil {
		b.OnMissing(l, key, argument)
	}
}

func argument(args []any, name string) (any, bool) {
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == name {
			return args[i+1], true
		}
	}
	return nil, false
}

var formNames = [6]string{
	plural.Other: "other", plural.Zero: "zero", plural.One: "one",
	plural.Two: "two", plural.Few: "few", plural.Many: "many",
}

// pick chooses the plural form. A number that was not given, or that is not a
// whole number, takes "other", which every plural has.
func (m *message) pick(l language.Tag, args []any) *message {
	value, _ := argument(args, m.by)
	n, whole := wholeNumber(value)
	if !whole {
		return m.forms[plural.Other]
	}
	if n < 0 {
		n = -n
	}
	if f := m.forms[plural.Cardinal.MatchPlural(l, int(n%10_000_000), 0, 0, 0, 0)]; f != nil {
		return f
	}
	return m.forms[plural.Other]
}

func (m *message) places() []string {
	var names []string
	add := func(parts []part) {
		for _, p := range parts {
			if p.name != "" && !slices.Contains(names, p.name) {
				names = append(names, p.name)
			}
		}
	}
	add(m.parts)
	if m.forms != nil {
		for _, f := range m.forms {
			if f != nil {
				add(f.parts)
			}
		}
	}
	return names
}

// maxAccept bounds what is read of an Accept-Language header (S-104: strangers' input).
const maxAccept = 256

// Match chooses a language. Each accept is a tag ("zh-CN", a cookie, a locale
// of the account) or an Accept-Language list; earlier ones win; what cannot be
// read is passed over. Without any match it is the fallback language.
func (b *Book) Match(accept ...string) Tag {
	for _, a := range accept {
		if a == "" || len(a) > maxAccept {
			continue
		}
		if _, is := b.catalogs[Tag(a)]; is {
			return Tag(a)
		}
		wanted, _, err := language.ParseAcceptLanguage(a)
		if err != nil || len(wanted) == 0 {
			continue
		}
		if _, i, confidence := b.matcher.Match(wanted...); confidence != language.No {
			return b.tags[i]
		}
	}
	return b.tags[0]
}

// Name is the language's own name for itself, for the language picker.
func (b *Book) Name(l Tag) string { return b.formsOf(l).forms.name }

// Dir is the direction of writing, "ltr" or "rtl", for the dir attribute.
func (b *Book) Dir(l Tag) string { return b.formsOf(l).forms.direction }

func (b *Book) formsOf(l Tag) *catalog {
	if c := b.catalogs[l]; c != nil {
		return c
	}
	return b.catalogs[b.tags[0]]
}

// Country is the name of a country by its ISO 3166-1 alpha-2 code; a code that
// the catalogs do not name is shown itself.
func (b *Book) Country(l Tag, iso string) string {
	m := b.find(l, "country."+strings.ToUpper(iso))
	if m == nil {
		return iso
	}
	return m.parts[0].text
}
