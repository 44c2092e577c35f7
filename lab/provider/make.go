package provider

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Derive makes the bytes of an ID out of what it is the ID of: the same for the same
// parts at every start, and telling nothing of them. A vendor that knows a person
// under another ID at each app derives it from both.
func Derive(parts ...string) []byte {
	h := hmac.New(sha256.New, []byte("the lab's vendors"))
	for _, p := range parts {
		h.Write([]byte(url.QueryEscape(p) + "&")) // no two lists of parts read alike
	}
	return h.Sum(nil)
}

// Hex is n random hexadecimal digits, at most 64.
func Hex(n int) string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])[:n]
}

// Return sends the browser back to the app with more in the query: names and values
// in turn, in this order. An empty value is left out.
func Return(w http.ResponseWriter, r *http.Request, to string, pairs ...string) {
	at, fragment, hasFragment := strings.Cut(to, "#")
	sep := "?"
	if strings.Contains(at, "?") {
		sep = "&"
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			at += sep + pairs[i] + "=" + url.QueryEscape(pairs[i+1])
			sep = "&"
		}
	}
	if hasFragment {
		at += "#" + fragment
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, at, http.StatusFound)
}

// Tokens are what a vendor handed out and knows again until it ends. The zero value
// has none.
type Tokens[T any] struct {
	mu   sync.Mutex
	kept map[string]kept[T]
}

type kept[T any] struct {
	what T
	ends time.Time
	gone bool
}

// maxTokens is far above what a test hands out; above it the book starts anew.
const maxTokens = 100_000

// Put remembers that token stands for what until ends.
func (t *Tokens[T]) Put(token string, what T, ends time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kept == nil || len(t.kept) >= maxTokens {
		t.kept = map[string]kept[T]{}
	}
	t.kept[token] = kept[T]{what: what, ends: ends}
}

// Get reads a token. state is "ok", "expired", "revoked" or "unknown"; what is zero
// only for "unknown".
func (t *Tokens[T]) Get(token string, now time.Time) (what T, state string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.kept[token]
	switch {
	case !ok:
		return what, "unknown"
	case k.gone:
		return k.what, "revoked"
	case !now.Before(k.ends):
		return k.what, "expired"
	}
	return k.what, "ok"
}

// Revoke ends all tokens that stand for what gone picks.
func (t *Tokens[T]) Revoke(gone func(T) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for token, k := range t.kept {
		if gone(k.what) {
			k.gone = true
			t.kept[token] = k
		}
	}
}

// Grants are the access tokens and refresh tokens that a vendor handed out.
type Grants[T any] struct{ Access, Refresh Tokens[T] }

// End ends all tokens that stand for what gone picks.
func (g *Grants[T]) End(gone func(T) bool) {
	g.Access.Revoke(gone)
	g.Refresh.Revoke(gone)
}

// Find is what a good token of either kind stands for.
func (g *Grants[T]) Find(text string, now time.Time) (what T, ok bool) {
	for _, book := range []*Tokens[T]{&g.Access, &g.Refresh} {
		if found, state := book.Get(text, now); state == "ok" {
			return found, true
		}
	}
	return what, false
}
