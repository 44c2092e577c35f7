package provider

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// JSON answers v.
func JSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error is the caller's leaving
}

// Base is where the vendor is served as r's sender sees it, such as
// "http://127.0.0.1:8080/lab/providers/google": the address without the path that
// the vendor itself serves.
func Base(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || r.URL.Scheme == "https" {
		scheme = "https"
	}
	asked, _, _ := strings.Cut(r.RequestURI, "?")
	if u, err := url.Parse(r.RequestURI); err == nil {
		asked = u.Path // without the host of an absolute one
	}
	return scheme + "://" + r.Host + strings.TrimSuffix(strings.TrimSuffix(asked, r.URL.Path), "/")
}

// Twice is a field that came more than once, which RFC 6749, 3.1 and 3.2 forbid; "" if
// there is none.
func Twice(form url.Values) string {
	for name, values := range form {
		if len(values) > 1 {
			return name
		}
	}
	return ""
}

// Words are the words of a list that is written with sep.
func Words(list, sep string) []string {
	return slices.DeleteFunc(strings.Split(list, sep), func(s string) bool { return strings.TrimSpace(s) == "" })
}

// Refuse answers the error of a call of OAuth (RFC 6749, 5.2).
func Refuse(w http.ResponseWriter, status int, word, description string) {
	answer := map[string]string{"error": word}
	if description != "" {
		answer["error_description"] = description
	}
	JSON(w, status, answer)
}

// Members writes a JSON object of n members in their order; each is a name and a text
// or a number.
func Members(n int, each func(int) (name string, value any)) string {
	var b strings.Builder
	for i := range n {
		sep := ","
		if i == 0 {
			sep = "{"
		}
		name, v := each(i)
		value, _ := json.Marshal(v) // a text or a number
		fmt.Fprintf(&b, "%s%q:%s", sep, name, value)
	}
	return b.String() + "}"
}
