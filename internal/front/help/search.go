package help

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/selfsame-id/selfsame/internal/kit/locale"
)

// Bounds of a search: what is read of a query and how much is answered.
const (
	mostTokens  = 24
	mostResults = 10
)

// document is what is searched of an article.
type document struct {
	id                              string
	title, keywords, headings, body string
}

func (c *Center) documents(l locale.Tag) []document {
	var docs []document
	for _, t := range c.topics {
		if a := c.articles[articleKey{l, t.id}]; a != nil {
			docs = append(docs, document{t.id, a.title, a.keywords, a.headings, a.body})
		}
	}
	return docs
}

// searchIndex is an inverted index with a weight for each token of a document:
// a title counts for more than the text below it.
type searchIndex struct {
	weights map[string]map[string]float64 // token, then topic ID
	size    float64
}

func newSearchIndex(docs []document) *searchIndex {
	x := &searchIndex{weights: map[string]map[string]float64{}, size: float64(len(docs))}
	for _, d := range docs {
		for _, field := range []struct {
			text   string
			weight float64
		}{{d.title, 8}, {d.keywords, 8}, {d.headings, 3}, {d.body, 1}} {
			for _, token := range tokens(field.text, math.MaxInt) {
				if x.weights[token] == nil {
					x.weights[token] = map[string]float64{}
				}
				x.weights[token][d.id] += field.weight
			}
		}
	}
	return x
}

// tokens cuts a text into lower-case words and, where no spaces stand between
// words (Chinese), into pairs of characters; a single one stands for itself.
func tokens(text string, most int) []string {
	var out []string
	var word, han []rune
	flush := func() {
		if len(word) > 0 {
			out = append(out, string(word))
		}
		if len(han) == 1 {
			out = append(out, string(han))
		}
		for i := 0; i+1 < len(han); i++ {
			out = append(out, string(han[i:i+2]))
		}
		word, han = word[:0], han[:0]
	}
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
			if len(word) > 0 {
				flush()
			}
			han = append(han, r)
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if len(han) > 0 {
				flush()
			}
			word = append(word, unicode.ToLower(r))
		case r == '\'' || r == '’': // can't is cant
		default:
			flush()
		}
		if len(out) >= most {
			return out[:most]
		}
	}
	flush()
	return out[:min(len(out), most)]
}

// score adds up, for each article, the tokens of a query by how seldom they are.
func (x *searchIndex) score(query string) map[string]float64 {
	scores := map[string]float64{}
	asked := tokens(query, mostTokens)
	slices.Sort(asked)
	for _, token := range slices.Compact(asked) {
		found := map[string]float64{}
		for indexed, weights := range x.weights {
			likeness := like(token, indexed)
			if likeness == 0 {
				continue
			}
			for id, weight := range weights {
				found[id] = max(found[id], likeness*weight)
			}
		}
		// A word that every article holds says little, but it is not nothing:
		// who asks only for "phone" wants the articles titled so.
		rarity := 0.05 + math.Log(x.size/float64(max(1, len(found))))
		for id, weight := range found {
			scores[id] += rarity * weight / (weight + 4) // the tenth mention says little more than the third
		}
	}
	return scores
}

// like tells how near an indexed word is to one that was asked for: the same,
// or the same stem with another ending (code, codes; signing, sign).
func like(asked, indexed string) float64 {
	if asked == indexed {
		return 1
	}
	shorter, longer := asked, indexed
	if len(shorter) > len(longer) {
		shorter, longer = longer, shorter
	}
	if len(shorter) >= 4 && shorter[0] < 0x80 && len(longer)-len(shorter) <= 3 && strings.HasPrefix(longer, shorter) {
		return 0.7
	}
	return 0
}

// find ranks the articles for a query, first in the reader's language; if that
// finds nothing, in every other, for who asks in the one and reads in the other.
func (c *Center) find(l locale.Tag, query string, most int) []Link {
	scores := c.search[l].score(query)
	for _, other := range c.options.Words.Tags() {
		if len(scores) > 0 {
			break
		}
		scores = c.search[other].score(query)
	}
	best := 0.0
	for _, s := range scores {
		best = max(best, s)
	}
	var ids []string
	for _, t := range c.topics { // in the registry's order, so that equals do not dance
		if s := scores[t.id]; s > 0 && s >= best/5 {
			ids = append(ids, t.id)
		}
	}
	slices.SortStableFunc(ids, func(a, b string) int { return cmp.Compare(scores[b], scores[a]) })
	var links []Link
	for _, id := range ids[:min(len(ids), most)] {
		links = append(links, c.link(l, id, true))
	}
	return links
}
