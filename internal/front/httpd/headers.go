package httpd

import (
	"crypto/rand"
	"encoding/base64"
)

// The policies (S-117, S-123). A page may load from its own origin only, and run
// or style inline only what carries the nonce of this very answer.
const (
	pagePolicyStart = "default-src 'none'; script-src 'self' 'nonce-"
	pagePolicyMid   = "'; style-src 'self' 'nonce-"
	pagePolicyEnd   = "'; img-src 'self'; font-src 'self'; media-src 'self'; connect-src 'self'; worker-src 'self'; " +
		"manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
	machinePolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
	permissions   = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
)

// Shared header values: they are assigned, never appended to, so that a request allocates none of them.
var (
	headerNoStore     = []string{"no-store"}
	headerImmutable   = []string{"public, max-age=31536000, immutable"}
	headerNosniff     = []string{"nosniff"}
	headerNoReferrer  = []string{"no-referrer"}
	headerSameOrigin  = []string{"same-origin"}
	headerMachine     = []string{machinePolicy}
	headerPermissions = []string{permissions}
	headerHSTS        = []string{"max-age=31536000; includeSubDomains"}
)

// setHeaders puts the security headers on the answer, whatever it will be.
func (x *exchange) setHeaders() {
	h := x.Header()
	h["X-Content-Type-Options"] = headerNosniff
	h["Referrer-Policy"] = headerNoReferrer
	h["Cross-Origin-Opener-Policy"] = headerSameOrigin
	h["Cross-Origin-Resource-Policy"] = headerSameOrigin
	h["Permissions-Policy"] = headerPermissions
	h["Cache-Control"] = headerNoStore
	h["Request-Id"] = []string{x.info.ID}
	if x.rt.https {
		h["Strict-Transport-Security"] = headerHSTS
	}
	if !x.face.page {
		h["Content-Security-Policy"] = headerMachine
		return
	}
	if x.info.Nonce == "" {
		b := make([]byte, 16)
		rand.Read(b)
		x.info.Nonce = base64.RawURLEncoding.EncodeToString(b)
	}
	h["Content-Security-Policy"] = []string{pagePolicyStart + x.info.Nonce + pagePolicyMid + x.info.Nonce + pagePolicyEnd}
}
