package help

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed topics.tsv
var topicsText string

//go:embed articles
var articlesFS embed.FS

func house() fs.FS {
	sub, err := fs.Sub(articlesFS, "articles")
	if err != nil {
		panic(err)
	}
	return sub
}

// topic is one question of the registry. Its title is that of its article.
type topic struct {
	id      string
	section string
	slug    string
	related []string
}

func (t topic) path() string { return t.section + "/" + t.slug }

// registry reads topics.tsv, which is part of the binary and checked by tests.
func registry() []topic {
	var topics []topic
	for line := range strings.Lines(topicsText) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) < 3 || strings.HasPrefix(line, "#") {
			continue
		}
		t := topic{id: f[0], section: f[1], slug: f[2]}
		if len(f) > 3 {
			t.related = strings.Fields(f[3])
		}
		topics = append(topics, t)
	}
	return topics
}
