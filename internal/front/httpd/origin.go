package httpd

import (
	"net/http"
	"net/url"
	"strings"
)

// originGuard refuses writes that another site started (S-118). The rules of
// net/http.CrossOriginProtection come first; on top of them the Origin, when
// there is one, must be on the exact list, and a page's form must bring either
// Sec-Fetch-Site or Origin, which every browser since 2023 sends with a POST.
type originGuard struct {
	std   *http.CrossOriginProtection
	exact map[string]bool
	local bool
}

func newOriginGuard(public *url.URL, local bool) originGuard {
	g := originGuard{std: http.NewCrossOriginProtection(), exact: map[string]bool{}, local: local}
	for host := range hostsOf(public, local) {
		origin := public.Scheme + "://" + host
		g.exact[origin] = true
		if err := g.std.AddTrustedOrigin(origin); err != nil {
			panic(err) // the settings checked the public URL
		}
	}
	return g
}

func (g originGuard) check(x *exchange, r *http.Request) error {
	origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
	if len(r.Header["Origin"]) > 1 || len(r.Header["Sec-Fetch-Site"]) > 1 {
		return ForbiddenOrigin
	}
	if origin == "null" && site == "" && g.local && x.face.page {
		// A browser that does not trust plain http sends no Sec-Fetch-Site, and our
		// no-referrer policy makes its Origin "null" (Fetch, "append a request Origin
		// header"). The form token still guards; production is https and never here.
		return nil
	}
	if err := g.std.Check(r); err != nil {
		return ForbiddenOrigin.Because(err)
	}
	if origin != "" && origin != "null" && !g.exact[strings.ToLower(origin)] {
		return ForbiddenOrigin
	}
	if origin == "" && site == "" && (x.face.page || x.info.bringsCookie(r)) {
		return ForbiddenOrigin
	}
	return nil
}

// bringsCookie says that the caller acts with a browser's session: such a call
// proves its origin, while an app's (Authorization or Journey-Key) needs none.
func (i *Info) bringsCookie(r *http.Request) bool {
	if r.Header.Get("Authorization") != "" || r.Header.Get("Journey-Key") != "" {
		return false
	}
	_, session := i.Cookie(SessionCookie)
	_, journey := i.Cookie(JourneyCookie)
	return session || journey
}
