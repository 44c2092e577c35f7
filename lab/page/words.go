package page

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/text/language"
)

//go:embed words
var wordFiles embed.FS

// spoken are the lab's languages; the first is the default.
var spoken = []struct {
	tag, name string
	table     map[string]string
}{
	{tag: "en", name: "English", table: load("en")},
	{tag: "zh-Hans", name: "简体中文", table: load("zh-Hans")},
}

var matcher = language.NewMatcher([]language.Tag{language.English, language.SimplifiedChinese})

const cookie = "lab_lang"

func load(tag string) map[string]string {
	body, err := wordFiles.ReadFile("words/" + tag + ".json")
	if err != nil {
		panic(err) // the binary was built without its words
	}
	table := map[string]string{}
	if err := json.Unmarshal(body, &table); err != nil {
		panic(err)
	}
	return table
}

// words speaks one language.
type words struct{ index int }

// Lang is the language's tag.
func (w words) Lang() string { return spoken[w.index].tag }

// T is the text of key with its {places} filled from args: name, value, name,
// value. A key without text shows itself.
func (w words) T(key string, args ...any) string {
	text, ok := spoken[w.index].table[key]
	if !ok {
		return key
	}
	for i := 0; i+1 < len(args); i += 2 {
		text = strings.ReplaceAll(text, "{"+fmt.Sprint(args[i])+"}", fmt.Sprint(args[i+1]))
	}
	return text
}

// speak picks the reader's language: what the address says, which is remembered;
// else what was remembered; else what the browser prefers.
func speak(w http.ResponseWriter, r *http.Request) words {
	if asked := r.URL.Query().Get("lang"); asked != "" {
		if tag, err := language.Parse(asked); err == nil {
			_, index, _ := matcher.Match(tag)
			http.SetCookie(w, &http.Cookie{Name: cookie, Value: spoken[index].tag, Path: "/lab", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode})
			return words{index}
		}
	}
	if c, err := r.Cookie(cookie); err == nil {
		for i, l := range spoken {
			if l.tag == c.Value {
				return words{i}
			}
		}
	}
	tags, _, _ := language.ParseAcceptLanguage(r.Header.Get("Accept-Language")) // unreadable: the default
	_, index, _ := matcher.Match(tags...)
	return words{index}
}
