package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// routes are all addresses of the API with the methods that the document gives them.
func (h *house) routes() map[string][]string {
	out := map[string][]string{"/api/openapi.json": {"GET"}, "/api/docs": {"GET"}}
	for path, item := range h.doc.paths {
		for method := range item {
			out[path] = append(out[path], strings.ToUpper(method))
		}
	}
	return out
}

// filled puts a name into the places of a path.
func filled(path string) string {
	r := strings.NewReplacer("{id}", strings.Repeat("A", 22), "{journey}", strings.Repeat("A", 22), "{file}", "a.png", "{provider}", "google")
	return r.Replace(path)
}

// couldBe tells whether the last word of a path could be a name in another:
// .../devices/sign-out-others could be a device's id.
func couldBe(path, other string) bool {
	at := strings.LastIndex(path, "/")
	return path != other && other == path[:at]+"/{id}"
}

// Every address knows its methods and refuses the others with 405 and Allow; no
// method that is not of the document does anything (S-131).
func TestS131_OtherMethodsAreRefused(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		before := h.dump()
		for path, methods := range h.routes() {
			allow := slices.Clone(methods)
			for other, more := range h.routes() {
				if couldBe(path, other) {
					allow = append(allow, more...)
				}
			}
			if slices.Contains(allow, "GET") {
				allow = append(allow, "HEAD")
			}
			slices.Sort(allow)
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "QUERY"} {
				if slices.Contains(allow, method) {
					continue
				}
				r := h.send(call{method: method, path: filled(path), token: p.token})
				got := strings.Split(r.header.Get("Allow"), ", ")
				slices.Sort(got)
				if r.status != 405 || !slices.Equal(got, allow) {
					t.Errorf("%s %s: %d, Allow %q, want %q", method, path, r.status, got, allow)
				}
				if r.header.Get("Access-Control-Allow-Methods") != "" {
					t.Errorf("%s %s answers other origins (S-132)", method, path)
				}
			}
		}
		h.unchanged(before, "a method that is not allowed")
	})
}

// GET and HEAD change nothing but the trace that looking at the contacts in
// full leaves for their owner (S-131).
func TestS131_ReadingChangesNothing(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		j, _ := h.begin(beginApp)
		j.input("phone", "phone", "+8613900139000").want(200, "")
		before := h.dump()
		for path, methods := range h.routes() {
			if !slices.Contains(methods, "GET") || path == "/api/v1/prompts/events" { // it goes on: see prompts_test.go
				continue
			}
			for _, method := range []string{"GET", "HEAD"} {
				for _, token := range []string{"", p.token} {
					at := strings.Replace(path, "{id}", j.id, 1)
					r := h.send(call{method: method, path: filled(at), token: token, key: j.key, body: `{"input":"back","nickname":"x"}`})
					if method == "HEAD" && r.text != "" {
						t.Errorf("HEAD %s has a body", path)
					}
					if path == "/api/v1/account/contacts" && token != "" {
						before["audit"] = h.rows("audit")
					}
				}
			}
		}
		h.unchanged(before, "reading")
	})
}

// Whoever is not signed in gets nothing of what needs a session, whatever else
// they send.
func TestS128_WithoutASessionNothingIsDone(t *testing.T) {
	each(t, func(h *house) {
		h.signIn("+8613800138000")
		before := h.dump()
		n := 0
		for path, item := range h.doc.paths {
			for method, o := range item {
				if ways, _ := o.(map[string]any)["security"].([]any); len(ways) != 2 {
					continue // needs none, or not always
				}
				n++
				for _, change := range []func(*http.Request){nil, headers("Authorization", "Bearer "+strings.Repeat("A", 55)), cookies("__Host-session=x")} {
					r := h.send(call{method: strings.ToUpper(method), path: filled(path), body: "{}", change: func(r *http.Request) {
						r.Header.Set("Sec-Fetch-Site", "same-origin")
						if change != nil {
							change(r)
						}
					}})
					if r.status != 401 || r.str("code") != "session_required" {
						t.Errorf("%s %s: %d %s", method, path, r.status, r.text)
					}
				}
			}
		}
		if n < 12 {
			t.Errorf("only %d calls need a session", n)
		}
		h.unchanged(before, "a call without a session")
	})
}

func TestAPI_WhatIsNotThere(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		for _, path := range []string{"/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/session", "/api/v1/session/", "/api/v1//session", "/api/v1/Session", "/API/v1/session",
			"/api/v1/session/..", "/api/v1/./session", "/api/v1/%2e%2e/session", "/api/v1/session%00", "/api/v1/session;a=b", "/api/v1/methods/totp", "/api/v1/linked/", "/api/v1/linked/google", "/api/v1/services", "/schemas/Problem.json", "/api/docs/", "/openapi.json"} {
			h.send(call{method: "GET", path: path, token: p.token, change: func(r *http.Request) { r.Header.Set("Accept", "text/html") }}).notFound(path)
		}
	})
}

func (r reply) notFound(path string) {
	r.t.Helper()
	if r.status != 404 && r.status != 405 {
		r.t.Errorf("%s: %d %s", path, r.status, r.text)
	}
}
