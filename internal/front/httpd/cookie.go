package httpd

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The names of our cookies, without the prefix that https adds.
const (
	SessionCookie = "session" // the session token
	DeviceCookie  = "device"  // the device secret
	JourneyCookie = "journey" // id and key of the journey under way
	LangCookie    = "lang"    // the language that the person chose
	CountryCookie = "country" // the country that the person picked for phone numbers
	// FederationCookie is the secret of a browser that went to a third-party provider.
	FederationCookie = "federation"
)

const maxCookieValue = 512

var ourCookies = [...]string{SessionCookie, DeviceCookie, JourneyCookie, LangCookie, CountryCookie, FederationCookie}

type cookieNames struct {
	https bool
	full  [len(ourCookies)]string
}

// newCookieNames puts "__Host-" before the names under https: such a cookie is
// bound to this very host, Secure, and cannot be set by a sibling or for a path (S-55, S-65).
func newCookieNames(https bool) cookieNames {
	n := cookieNames{https: https}
	for i, name := range ourCookies {
		n.full[i] = name
		if https {
			n.full[i] = "__Host-" + name
		}
	}
	return n
}

// jar holds our cookies of one request, read once.
type jar struct {
	read   bool
	twice  bool // one of ours arrived more than once
	values [len(ourCookies)]string
	has    [len(ourCookies)]bool
}

// fill reads the header. A cookie that came twice counts as none, because one of
// the two may have been planted (S-65); so does a value that we would never set.
func (j *jar) fill(lines []string, names *cookieNames) {
	j.read = true
	var seen [len(ourCookies)]int
	for _, line := range lines {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			name, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
			if !ok {
				continue
			}
			i := names.index(name)
			if i < 0 {
				continue
			}
			seen[i]++
			if j.has[i] = cookieValue(value); j.has[i] {
				j.values[i] = value
			}
		}
	}
	for i, n := range seen {
		if n > 1 {
			j.values[i], j.has[i], j.twice = "", false, true
		}
	}
	if j.twice { // signed out, whichever of ours it was
		for i, name := range ourCookies {
			if name == SessionCookie || name == JourneyCookie {
				j.values[i], j.has[i] = "", false
			}
		}
	}
}

func (n *cookieNames) index(full string) int {
	for i := range n.full {
		if n.full[i] == full {
			return i
		}
	}
	return -1
}

// cookieValue accepts what we set: letters, digits and -._~ up to 512 bytes.
func cookieValue(v string) bool {
	if v == "" || len(v) > maxCookieValue {
		return false
	}
	for i := range len(v) {
		c := v[i]
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~'
		if !ok {
			return false
		}
	}
	return true
}

func ourIndex(name string) int {
	for i := range ourCookies {
		if ourCookies[i] == name {
			return i
		}
	}
	panic("httpd: " + name + " is not one of our cookies")
}

// Cookie answers one of our cookies by its name without prefix. A cookie that
// arrived twice, or with a value that we never set, is absent.
func Cookie(r *http.Request, name string) (string, bool) { return From(r.Context()).Cookie(name) }

// Cookie is the same for those who only have the context.
func (i *Info) Cookie(name string) (string, bool) {
	k := ourIndex(name)
	if i.x == nil {
		return "", false
	}
	if !i.x.jar.read {
		i.x.jar.fill(i.x.req.Header["Cookie"], &i.x.rt.names)
	}
	return i.x.jar.values[k], i.x.jar.has[k]
}

// SetCookie sets one of our cookies for life; 0 keeps it until the browser closes.
func SetCookie(r *http.Request, name, value string, life time.Duration) {
	From(r.Context()).SetCookie(name, value, life)
}

// SetCookie is the same for those who only have the context. A value outside
// letters, digits and -._~ is a mistake of ours and panics.
func (i *Info) SetCookie(name, value string, life time.Duration) {
	if !cookieValue(value) {
		panic("httpd: a value that would not be read back for the cookie " + name)
	}
	age := ""
	if life > 0 {
		age = "; Max-Age=" + strconv.FormatInt(int64(life/time.Second), 10)
	}
	i.putCookie(name, value, age)
}

// ClearCookie removes one of our cookies from the browser.
func ClearCookie(r *http.Request, name string) { From(r.Context()).ClearCookie(name) }

// ClearCookie is the same for those who only have the context.
func (i *Info) ClearCookie(name string) { i.putCookie(name, "", "; Max-Age=0") }

func (i *Info) putCookie(name, value, age string) {
	k := ourIndex(name)
	if i.x == nil {
		return
	}
	_, _ = i.Cookie(name)
	i.x.jar.values[k], i.x.jar.has[k] = value, value != ""
	full := i.x.rt.names.full[k]
	line := full + "=" + value + "; Path=/" + age + "; HttpOnly; SameSite=Lax"
	if i.x.rt.names.https {
		line += "; Secure"
	}
	var keep []string // one Set-Cookie a name (RFC 6265 section 4.1.1)
	for _, old := range i.x.Header()["Set-Cookie"] {
		if !strings.HasPrefix(old, full+"=") {
			keep = append(keep, old)
		}
	}
	i.x.Header()["Set-Cookie"] = append(keep, line)
}

// SignOut clears the session and the journey from the browser with what it
// stored of us (S-63). The device cookie stays: it is no proof, and a known
// device keeps its own lane.
func SignOut(r *http.Request) {
	i := From(r.Context())
	i.ClearCookie(SessionCookie)
	i.ClearCookie(JourneyCookie)
	if i.x != nil {
		i.x.Header()["Clear-Site-Data"] = []string{`"cache", "storage"`}
	}
}
