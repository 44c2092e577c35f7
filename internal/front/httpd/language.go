package httpd

import (
	"net/http"
	"sync"

	"github.com/selfsame-id/selfsame/internal/kit/locale"
)

const (
	maxAcceptLanguage = 256
	maxKnownLanguages = 512
)

// languages remembers what was matched: browsers send few different headers, and
// matching one costs more than the rest of the frame.
type languages struct {
	book  *locale.Book
	mu    sync.RWMutex
	known map[string]locale.Tag
}

func (l *languages) match(accept string) locale.Tag {
	if len(accept) > maxAcceptLanguage {
		accept = ""
	}
	l.mu.RLock()
	tag, ok := l.known[accept]
	l.mu.RUnlock()
	if ok {
		return tag
	}
	tag = l.book.Match(accept)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.known) >= maxKnownLanguages {
		clear(l.known) // strangers choose the keys
	}
	l.known[accept] = tag
	return tag
}

func (l *languages) fallback() locale.Tag { return l.match("") }

// language is the person's choice, else the browser's.
func (rt *Router) language(x *exchange, r *http.Request) locale.Tag {
	if r.Header["Cookie"] != nil {
		if chosen, ok := x.info.Cookie(LangCookie); ok {
			for _, tag := range rt.cfg.Words.Tags() {
				if string(tag) == chosen {
					return tag
				}
			}
		}
	}
	return rt.langs.match(r.Header.Get("Accept-Language"))
}
