// Package httpdtest holds what tests of the doors share: the check of the
// security headers that every answer must carry. It is for tests only.
package httpdtest

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

var nonce = regexp.MustCompile(`'nonce-([A-Za-z0-9_-]{22})'`)

// CheckHeaders asserts S-117 on an answer, whatever its route and status.
// https says whether the public URL is https; page, whether people read it.
func CheckHeaders(t testing.TB, resp *http.Response, https, page bool) {
	t.Helper()
	want := map[string]string{
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
	}
	if https {
		want["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
	}
	for name, value := range want {
		if got := resp.Header.Values(name); len(got) != 1 || got[0] != value {
			t.Errorf("%s: %s is %q, want %q", resp.Status, name, got, value)
		}
	}
	if len(resp.Header.Get("Request-Id")) != 22 {
		t.Errorf("%s: no request id", resp.Status)
	}
	if cc := resp.Header.Get("Cache-Control"); cc == "" || resp.StatusCode >= 400 && cc != "no-store" {
		t.Errorf("%s: Cache-Control is %q", resp.Status, cc)
	}
	if resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%s: an origin is let in (S-132)", resp.Status)
	}
	checkPolicy(t, resp, page)
}

func checkPolicy(t testing.TB, resp *http.Response, page bool) {
	t.Helper()
	policy := resp.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("%s: the policy lacks %s: %s", resp.Status, part, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || strings.Contains(policy, "http") {
		t.Errorf("%s: the policy is wide: %s", resp.Status, policy)
	}
	if !page {
		return
	}
	if len(nonce.FindAllString(policy, -1)) != 2 || !strings.Contains(policy, "form-action 'self'") {
		t.Errorf("%s: the policy of a page: %s", resp.Status, policy)
	}
}
