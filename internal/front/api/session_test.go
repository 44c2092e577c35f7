package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func cookies(lines ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header["Cookie"] = lines }
}

func headers(pairs ...string) func(*http.Request) {
	return func(r *http.Request) {
		for i := 0; i < len(pairs); i += 2 {
			r.Header[pairs[i]] = append(r.Header[pairs[i]], pairs[i+1])
		}
	}
}

func TestSession_ComesOneWayOrAnother(t *testing.T) {
	each(t, func(h *house) {
		p, q := h.signIn("+8613800138000"), h.signIn("+8613900139000")
		const cookie = "__Host-session="
		for name, tt := range map[string]struct {
			change func(*http.Request)
			who    string
		}{
			"bearer":                    {headers("Authorization", "Bearer "+p.token), p.id},
			"scheme in another case":    {headers("Authorization", "bEARER "+p.token), p.id},
			"cookie":                    {cookies(cookie + p.token), p.id},
			"cookie among others":       {cookies("a=b; " + cookie + p.token + "; c=d"), p.id},
			"both":                      {headers("Authorization", "Bearer "+p.token, "Cookie", cookie+q.token), p.id},
			"a dead bearer, a cookie":   {headers("Authorization", "Bearer x", "Cookie", cookie+q.token), ""},
			"an empty bearer, a cookie": {headers("Authorization", "", "Cookie", cookie+q.token), ""},
			"another scheme, a cookie":  {headers("Authorization", "Basic "+p.token, "Cookie", cookie+q.token), ""},
			"bearer twice":              {headers("Authorization", "Bearer "+p.token, "Authorization", "Bearer "+p.token), ""},
			"bearers joined":            {headers("Authorization", "Bearer "+p.token+", Bearer "+p.token), ""},
			"no scheme":                 {headers("Authorization", p.token), ""},
			"two blanks":                {headers("Authorization", "Bearer  "+p.token), ""},
			"cookie twice":              {cookies(cookie + p.token + "; " + cookie + p.token), ""},
			"cookie on two lines":       {cookies(cookie+p.token, cookie+q.token), ""},
			"cookie without its prefix": {cookies("session=" + p.token), ""},
			"cookie in quotes":          {cookies(cookie + `"` + p.token + `"`), ""},
			"shortened":                 {headers("Authorization", "Bearer "+p.token[:len(p.token)-1]), ""},
			"lengthened":                {headers("Authorization", "Bearer "+p.token+"A"), ""},
			"other case":                {headers("Authorization", "Bearer "+swapCase(p.token)), ""},
			"another's account in it":   {headers("Authorization", "Bearer "+q.token[:12]+p.token[12:]), ""},
			"without the prefix":        {headers("Authorization", "Bearer "+strings.TrimPrefix(p.token, "sst_")), ""},
			"not UTF-8":                 {headers("Authorization", "Bearer \xff\xfe"), ""},
			"long":                      {headers("Authorization", "Bearer "+strings.Repeat("A", 8000)), ""},
			"none":                      {nil, ""},
		} {
			r := h.send(call{method: "GET", path: "/api/v1/session", change: tt.change})
			if tt.who == "" && (r.status != 401 || r.str("code") != "session_required") || tt.who != "" && r.str("account.id") != tt.who {
				t.Errorf("%s: %d %s", name, r.status, r.text)
			}
		}
		for _, path := range []string{"/api/v1/session?access_token=" + p.token, "/api/v1/session?token=" + p.token} {
			h.send(call{method: "GET", path: path}).want(401, "session_required")
		}
	})
}

func TestSession_EndsByItself(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		h.clock.Advance(14*24*time.Hour - time.Minute)
		p.do("GET", "/api/v1/session", "").want(200, "")
		h.clock.Advance(14*24*time.Hour - time.Minute)
		p.do("GET", "/api/v1/session", "").want(200, "")
		h.clock.Advance(3 * 24 * time.Hour)
		p.do("GET", "/api/v1/session", "").want(401, "session_required")
	})
}

// A browser's session acts for its own origin only (S-118); an app, which
// brings a header that no other site can make a browser send, from anywhere.
func TestS118_OtherSitesCannotAct(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		const own, other = "https://" + host, "https://evil.example"
		try := func(change func(*http.Request)) reply {
			return h.send(call{method: "POST", path: "/api/v1/devices/sign-out-others", change: change})
		}
		cookie := "__Host-session=" + p.token
		for name, tt := range map[string]struct {
			change func(*http.Request)
			status int
		}{
			"own origin":                 {headers("Cookie", cookie, "Origin", own, "Sec-Fetch-Site", "same-origin"), 200},
			"own origin, old browser":    {headers("Cookie", cookie, "Origin", own), 200},
			"same origin by fetch data":  {headers("Cookie", cookie, "Sec-Fetch-Site", "same-origin"), 200},
			"another origin":             {headers("Cookie", cookie, "Origin", other), 403},
			"another site":               {headers("Cookie", cookie, "Sec-Fetch-Site", "cross-site"), 403},
			"another site, own origin":   {headers("Cookie", cookie, "Origin", other, "Sec-Fetch-Site", "cross-site"), 403},
			"a sibling":                  {headers("Cookie", cookie, "Origin", "https://evil."+host, "Sec-Fetch-Site", "same-site"), 403},
			"a longer host":              {headers("Cookie", cookie, "Origin", own+".evil.example"), 403},
			"another scheme":             {headers("Cookie", cookie, "Origin", "http://"+host), 403},
			"another port":               {headers("Cookie", cookie, "Origin", own+":8443"), 403},
			"null":                       {headers("Cookie", cookie, "Origin", "null"), 403},
			"origin twice":               {headers("Cookie", cookie, "Origin", own, "Origin", other), 403},
			"cookie alone":               {headers("Cookie", cookie), 403},
			"cookie, empty bearer":       {headers("Cookie", cookie, "Authorization", ""), 403},
			"bearer":                     {headers("Authorization", "Bearer "+p.token), 200},
			"bearer from another origin": {headers("Authorization", "Bearer "+p.token, "Origin", other), 403},
		} {
			r := try(tt.change)
			if r.status != tt.status {
				t.Errorf("%s: %d %s, want %d", name, r.status, r.text, tt.status)
			}
			if r.header.Get("Access-Control-Allow-Origin") != "" || r.header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s: another origin may read the answer (S-132)", name)
			}
		}
		before := h.dump()
		for path, item := range h.doc.paths {
			for method := range item {
				if method == "get" {
					continue
				}
				for _, change := range []func(*http.Request){headers("Cookie", cookie, "Origin", other), headers("Cookie", cookie), headers("Cookie", cookie, "Sec-Fetch-Site", "cross-site")} {
					h.send(call{method: strings.ToUpper(method), path: filled(path), body: "{}", change: change}).want(403, "forbidden_origin")
				}
			}
		}
		h.unchanged(before, "another site")
		for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"} {
			r := h.send(call{method: "POST", path: "/api/v1/journeys", body: beginApp, change: func(r *http.Request) {
				r.Header.Set("Content-Type", kind)
			}})
			if r.status != 415 {
				t.Errorf("a body of type %s, as a form of any site can send: %d", kind, r.status)
			}
		}
	})
}

func TestS117_EveryAnswerCarriesItsHeaders(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		for _, c := range []call{
			{method: "GET", path: "/api/v1/session", token: p.token}, {method: "GET", path: "/api/v1/session"}, {method: "POST", path: "/api/v1/journeys", body: "x"},
			{method: "GET", path: "/api/openapi.json"}, {method: "GET", path: "/api/nothing"}, {method: "PUT", path: "/api/v1/session"}, {method: "DELETE", path: "/api/v1/session", token: p.token},
		} {
			r := h.send(c)
			for name, want := range map[string]string{
				"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
				"Strict-Transport-Security": "max-age=31536000; includeSubDomains",
			} {
				if got := r.header.Get(name); got != want {
					t.Errorf("%s %s: %s is %q", c.method, c.path, name, got)
				}
			}
			if !strings.HasPrefix(r.header.Get("Content-Security-Policy"), "default-src 'none'") || r.header.Get("Request-Id") == "" {
				t.Errorf("%s %s: headers are %v", c.method, c.path, r.header)
			}
		}
	})
}
