package api_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// endpoint is a call that takes a JSON body, with one that it takes.
type endpoint struct {
	method, path string
	good         string
	token, key   string
}

// endpoints are all calls with a JSON body, ready to be called, each with a
// body that would be taken.
func (h *house) endpoints(p person) []endpoint {
	j, _ := h.begin(beginApp)
	return []endpoint{
		{"POST", "/api/v1/journeys", beginApp, "", ""},
		{"POST", "/api/v1/journeys/" + j.id, `{"input":"username","username":"482109375564"}`, "", j.key},
		{"PATCH", "/api/v1/account", `{"nickname":"Mei"}`, p.token, ""},
		{"PUT", "/api/v1/password", `{"new_password":"correct horse battery"}`, p.token, ""},
	}
}

// others are the calls whose body does not begin with a text.
func others(p person) []endpoint {
	const none = "AAAAAAAAAAAAAAAAAAAAAA"
	var list []endpoint
	for _, call := range []string{
		"POST /methods/totp/confirm", "PUT /methods/questions", "PUT /methods/two-step", "PUT /methods/sms-protection",
		"POST /methods/passkeys", "PATCH /methods/passkeys/" + none, "PUT /devices/" + none + "/trust", "POST /prompts/" + none, "POST /objections",
	} {
		method, path, _ := strings.Cut(call, " ")
		list = append(list, endpoint{method, "/api/v1" + path, "", p.token, ""})
	}
	return list
}

// bodiless are the calls that change something and take no body.
func bodiless(p person) []endpoint {
	const none = "AAAAAAAAAAAAAAAAAAAAAA"
	var list []endpoint
	for _, call := range []string{
		"POST /methods/totp", "DELETE /methods/totp", "POST /methods/recovery-codes", "DELETE /methods/questions",
		"POST /methods/passkeys/options", "DELETE /methods/passkeys/" + none, "DELETE /account/changes/" + none,
		"POST /linked/nobody", "DELETE /linked/nobody",
	} {
		method, path, _ := strings.Cut(call, " ")
		list = append(list, endpoint{method, "/api/v1" + path, "", p.token, ""})
	}
	return append(list, []endpoint{
		{"DELETE", "/api/v1/session", "", p.token, ""},
		{"DELETE", "/api/v1/devices/" + strings.Repeat("A", 22), "", p.token, ""},
		{"POST", "/api/v1/devices/sign-out-others", "", p.token, ""},
		{"DELETE", "/api/v1/account/avatar", "", p.token, ""},
	}...)
}

const canary = "canary4711"

// badBodies are refused by every call with a body, whatever it is for.
var badBodies = []struct {
	name, kind, body string
	status           int
	code             string
}{
	{"none", "application/json", "", 400, "invalid_json"},
	{"no type", "-", `{}`, 415, "media_type"},
	{"text", "text/plain", `{}`, 415, "media_type"},
	{"form", "application/x-www-form-urlencoded", "kind=signin", 415, "media_type"},
	{"multipart", "multipart/form-data; boundary=x", "--x--", 415, "media_type"},
	{"merge patch", "application/merge-patch+json", `{}`, 415, "media_type"},
	{"other charset", "application/json; charset=utf-16", `{}`, 415, "media_type"},
	{"no media type", "json", `{}`, 415, "media_type"},
	{"type twice", "application/json|application/json", `{}`, 415, "media_type"},
	{"types joined", "application/json, text/plain", `{}`, 415, "media_type"},
	{"empty text", "application/json", " ", 400, "invalid_json"},
	{"no JSON", "application/json", canary, 400, "invalid_json"},
	{"cut off", "application/json", `{"` + canary, 400, "invalid_json"},
	{"two values", "application/json", `{} {}`, 400, "invalid_json"},
	{"trailing text", "application/json", `{}` + canary, 400, "invalid_json"},
	{"comment", "application/json", `{/*` + canary + `*/}`, 400, "invalid_json"},
	{"trailing comma", "application/json", `{"kind":"signin",}`, 400, "invalid_json"},
	{"BOM", "application/json", "\ufeff{}", 400, "invalid_json"},
	{"array", "application/json", `[]`, 422, "invalid_input"},
	{"null", "application/json", `null`, 422, "invalid_input"},
	{"text value", "application/json", `"` + canary + `"`, 422, "invalid_input"},
	{"number", "application/json", `1e999`, 422, "invalid_input"},
	{"unknown name", "application/json", `{"` + canary + `":1}`, 400, "invalid_json"},
	{"long name", "application/json", `{"` + strings.Repeat(canary, 1000) + `":1}`, 400, "invalid_json"},
	{"empty name", "application/json", `{"":1}`, 400, "invalid_json"},
	{"proto", "application/json", `{"__proto__":{"verified":true}}`, 400, "invalid_json"},
	{"deep array", "application/json", strings.Repeat("[", 5000) + strings.Repeat("]", 5000), 400, "invalid_json"},
	{"deep object", "application/json", strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), 400, "invalid_json"},
	{"open deep", "application/json", strings.Repeat("[", 60_000), 400, "invalid_json"},
	{"control character", "application/json", "{\"a\x01\":1}", 400, "invalid_json"},
	{"NUL", "application/json", "\x00", 400, "invalid_json"},
	{"UTF-16", "application/json", "{\x00}\x00", 400, "invalid_json"},
}

func (h *house) try(e endpoint, kind, body string) reply {
	h.t.Helper()
	return h.send(call{method: e.method, path: e.path, body: body, token: e.token, key: e.key, change: func(r *http.Request) {
		if r.Header["Content-Type"] = strings.Split(kind, "|"); kind == "-" {
			r.Header.Del("Content-Type")
		}
	}})
}

func TestS126_BodiesAreReadStrictly(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		list := h.endpoints(p)
		before := h.dump()
		for _, e := range list {
			for _, bad := range badBodies {
				r := h.try(e, bad.kind, bad.body)
				if r.status != bad.status || r.str("code") != bad.code {
					t.Errorf("%s %s with %s: %d %s, want %d %s", e.method, e.path, bad.name, r.status, r.str("code"), bad.status, bad.code)
				}
				if strings.Contains(r.text, canary) {
					t.Errorf("%s %s with %s repeats what was sent: %s", e.method, e.path, bad.name, r.text)
				}
			}
			h.tryMembers(e)
		}
		for _, e := range others(p) {
			for _, bad := range badBodies {
				if len(bad.body) > 50_000 && e.path == "/api/v1/methods/passkeys" {
					continue // it takes less than the others
				}
				if r := h.try(e, bad.kind, bad.body); r.status != bad.status || r.str("code") != bad.code || strings.Contains(r.text, canary) {
					t.Errorf("%s %s with %s: %d %s, want %d %s", e.method, e.path, bad.name, r.status, r.text, bad.status, bad.code)
				}
			}
		}
		for _, e := range bodiless(p) {
			for _, bad := range badBodies {
				if bad.body == "" {
					continue
				}
				if r := h.try(e, bad.kind, bad.body); r.status != bad.status || strings.Contains(r.text, canary) {
					t.Errorf("%s %s with %s: %d %s", e.method, e.path, bad.name, r.status, r.text)
				}
			}
		}
		h.unchanged(before, "a body that was refused")
	})
}

// tryMembers spoils the members of a body that would be taken.
func (h *house) tryMembers(e endpoint) {
	h.t.Helper()
	first, rest, _ := strings.Cut(strings.TrimPrefix(e.good, "{"), ":")
	name := strings.Trim(first, `"`)
	for what, bad := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"twice":            {`{"` + name + `":"` + canary + `",` + e.good[1:], 400, "invalid_json"},
		"twice by escape":  {`{"\u00` + hex(name[0]) + name[1:] + `":"` + canary + `",` + e.good[1:], 400, "invalid_json"},
		"in capitals":      {`{"` + strings.ToUpper(name) + `":` + rest, 400, "invalid_json"},
		"beside capitals":  {`{"` + strings.ToUpper(name) + `":"` + canary + `",` + e.good[1:], 400, "invalid_json"},
		"as a number":      {`{"` + name + `":1}`, 422, "invalid_input"},
		"as a boolean":     {`{"` + name + `":true}`, 422, "invalid_input"},
		"as an array":      {`{"` + name + `":["` + canary + `"]}`, 422, "invalid_input"},
		"as an object":     {`{"` + name + `":{"` + canary + `":1}}`, 422, "invalid_input"},
		"as null":          {`{"` + name + `":null}`, 422, "invalid_input"},
		"not UTF-8":        {"{\"" + name + "\":\"\xff\xfe" + canary + "\"}", 400, "invalid_json"},
		"lone surrogate":   {`{"` + name + `":"\ud800` + canary + `"}`, 400, "invalid_json"},
		"raw line break":   {"{\"" + name + "\":\"a\n" + canary + "\"}", 400, "invalid_json"},
		"with an unknown":  {`{"` + canary + `":"x",` + e.good[1:], 400, "invalid_json"},
		"followed by more": {e.good + e.good, 400, "invalid_json"},
	} {
		r := h.try(e, "application/json", bad.body)
		if r.status != bad.status || r.str("code") != bad.code || strings.Contains(r.text, canary) {
			h.t.Errorf("%s %s: %s %s: %d %s, want %d %s", e.method, e.path, name, what, r.status, r.text, bad.status, bad.code)
		}
	}
}

func hex(c byte) string { return string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]) }

// What is too large is refused before it is read, parsed or hashed (S-134).
func TestS134_LargeBodiesAreRefused(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		for _, e := range slices.Concat(h.endpoints(p), others(p), bodiless(p)) {
			size := 64<<10 + 1
			if e.path == "/api/v1/account" {
				size = 8 << 20
			}
			large := `{"a":"` + strings.Repeat("x", size) + `"}`
			h.try(e, "application/json", large).want(413, "body_too_large")
			unknown := h.send(call{method: e.method, path: e.path, token: e.token, key: e.key, change: func(r *http.Request) {
				r.Header.Set("Content-Type", "application/json")
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(large)), -1
			}})
			unknown.want(413, "body_too_large")
			h.send(call{method: e.method, path: e.path, token: e.token, key: e.key, body: "\x1f\x8b", change: func(r *http.Request) {
				r.Header.Set("Content-Encoding", "gzip")
			}}).want(415, "media_type")
			cut := h.send(call{method: e.method, path: e.path, token: e.token, key: e.key, change: func(r *http.Request) {
				r.Header.Set("Content-Type", "application/json")
				r.Body, r.ContentLength = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF)), 10
			}})
			cut.want(400, "invalid_json")
		}
	})
}

// Fields that only the house may set are refused like any unknown one, wherever
// they are sent (S-71, S-128).
func TestS71_NobodySetsWhatIsNotTheirs(t *testing.T) {
	each(t, func(h *house) {
		p, victim := h.signIn("+8613800138000"), h.signIn("+8613900139000")
		list := h.endpoints(p)
		before := h.dump()
		for _, e := range list {
			for _, field := range []string{"verified", "verified_at", "state", "region", "role", "subject", "epoch", "account", "account_id", "id", "user_id",
				"phone_verified", "is_admin", "created_at", "session", "device_id", "proved", "step", "methods"} {
				if field == "region" && e.path == "/api/v1/journeys" {
					continue // it chooses one there
				}
				for _, value := range []string{`true`, `"` + victim.id + `"`, `{"` + field + `":1}`} {
					body := `{"` + field + `":` + value + `,` + e.good[1:]
					if r := h.try(e, "application/json", body); r.status != 400 || r.str("code") != "invalid_json" {
						t.Errorf("%s %s takes %s: %d %s", e.method, e.path, field, r.status, r.text)
					}
				}
			}
		}
		h.unchanged(before, "a field that is not theirs")
		for _, name := range []string{"X-User-Id", "X-Account-Id", "X-Forwarded-User", "Account-Id", "Sub"} {
			h.send(call{method: "GET", path: "/api/v1/account", change: func(r *http.Request) { r.Header.Set(name, victim.id) }}).want(401, "session_required")
			r := h.send(call{method: "GET", path: "/api/v1/account?account=" + victim.id, token: p.token, change: func(r *http.Request) { r.Header.Set(name, victim.id) }})
			if r.want(200, "").str("id") != p.id {
				t.Errorf("%s chooses the account", name)
			}
		}
	})
}
