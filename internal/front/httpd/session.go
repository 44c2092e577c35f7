package httpd

import (
	"net/http"
	"strings"
	"time"
)

// SessionToken is the session token of a request: of the Authorization header
// (scheme name in any case, RFC 9110 section 11.1), else of the session cookie;
// "" if there is neither, or more than one of either.
func SessionToken(r *http.Request) string {
	if values := r.Header["Authorization"]; len(values) > 0 {
		scheme, token, ok := strings.Cut(values[0], " ")
		if len(values) > 1 || !ok || !strings.EqualFold(scheme, "bearer") {
			return ""
		}
		return token
	}
	token, _ := Cookie(r, SessionCookie)
	return token
}

// Now is the present time of the router's clock.
func (rt *Router) Now() time.Time { return rt.cfg.Clock.Now() }

// DecodeBody is DecodeJSON for a body that a library has read already.
func DecodeBody(r *http.Request, body []byte, v any) error {
	if kind, ok := contentType(r); !ok || kind != "application/json" {
		return UnsupportedMedia
	}
	return UnmarshalJSON(body, v)
}
