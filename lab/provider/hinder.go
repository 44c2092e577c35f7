package provider

import (
	"bytes"
	"io"
	"net/http"
	"time"
)

// Failures are all that a vendor knows, in the order in which a page offers them.
func Failures() []Failure {
	return []Failure{None, Denied, CodeReused, CodeExpired, Slow, ServerErr, Malformed, Oversized, HTML, Busy, Limited,
		WrongSecret, WrongAudience, WrongNonce, WrongIssuer, BadSignature, UnknownKey, AlgNone, AlgHMAC, Stale}
}

// Hinder answers a request of a server in the way of a failure that is the same at
// every vendor: slow, 5xx, malformed, oversized, html. It answers whether it did; a
// slow answer that was waited for still has to be given. Each vendor calls it first
// at each address for servers, never at pages.
func (d *Desk) Hinder(w http.ResponseWriter, r *http.Request) bool {
	switch d.Failure() {
	case Slow:
		wait := time.NewTimer(SlowFor)
		defer wait.Stop()
		select {
		case <-wait.C:
			return false
		case <-r.Context().Done():
			return true
		}
	case ServerErr:
		reply(w, http.StatusBadGateway, "text/html", "<html><body><h1>502 Bad Gateway</h1></body></html>\n")
	case Malformed:
		reply(w, http.StatusOK, "application/json", `{"access_token":"half of`)
	case HTML:
		reply(w, http.StatusOK, "text/html; charset=utf-8", "<!doctype html><title>Maintenance</title><p>Please try again later.</p>\n")
	case Oversized:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"padding":"`)) // an error is the caller's leaving, here and below
		for range 2 << 10 {
			if _, err := w.Write(kibibyte); err != nil {
				return true
			}
		}
		_, _ = w.Write([]byte(`"}`))
	default:
		return false
	}
	return true
}

var kibibyte = bytes.Repeat([]byte("x"), 1<<10)

func reply(w http.ResponseWriter, status int, kind, body string) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // an error is the caller's leaving
}
